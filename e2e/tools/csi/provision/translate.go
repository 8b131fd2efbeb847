package provision

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const (
	// reservedPrefix starts the class parameters that are for the provisioner and not for the driver.
	reservedPrefix = "csi.storage.k8s.io/"
	fsTypeKey      = reservedPrefix + "fstype"
)

// modeOf translates the access modes of claims.
var modeOf = map[corev1.PersistentVolumeAccessMode]csi.VolumeCapability_AccessMode_Mode{
	corev1.ReadWriteOnce:    csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER,
	corev1.ReadWriteOncePod: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER,
	corev1.ReadOnlyMany:     csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY,
	corev1.ReadWriteMany:    csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER,
}

// requestFor asks the driver for what a claim and its class ask for. The topology key may be empty: then the driver
// does not care where its volumes are.
func requestFor(options controller.ProvisionOptions, topologyKey string) (*csi.CreateVolumeRequest, error) {
	capacity := options.PVC.Spec.Resources.Requests[corev1.ResourceStorage]
	request := &csi.CreateVolumeRequest{
		Name:          options.PVName,
		CapacityRange: &csi.CapacityRange{RequiredBytes: capacity.Value()},
		Parameters:    driverParameters(options.StorageClass.Parameters),
	}
	for _, accessMode := range options.PVC.Spec.AccessModes {
		mode, known := modeOf[accessMode]
		if !known {
			return nil, fmt.Errorf("access mode %q is unknown", accessMode)
		}
		request.VolumeCapabilities = append(request.VolumeCapabilities, &csi.VolumeCapability{
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{
				FsType:     options.StorageClass.Parameters[fsTypeKey],
				MountFlags: options.StorageClass.MountOptions,
			}},
		})
	}
	if topologyKey != "" && options.SelectedNodeName != "" {
		selected := []*csi.Topology{{Segments: map[string]string{topologyKey: options.SelectedNodeName}}}
		request.AccessibilityRequirements = &csi.TopologyRequirement{Requisite: selected, Preferred: selected}
	}
	return request, nil
}

// driverParameters leaves out the parameters that are not for the driver.
func driverParameters(parameters map[string]string) map[string]string {
	kept := maps.Clone(parameters)
	maps.DeleteFunc(kept, func(key, _ string) bool { return strings.HasPrefix(key, reservedPrefix) })
	return kept
}

// describe writes the object for a volume that was made. The library adds the claim, the class, the annotation that
// names the driver, and the finalizer.
func describe(driver string, options controller.ProvisionOptions, made *csi.Volume) *corev1.PersistentVolume {
	mode := corev1.PersistentVolumeFilesystem
	object := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:  slices.Clone(options.PVC.Spec.AccessModes),
			Capacity:     corev1.ResourceList{corev1.ResourceStorage: *resource.NewQuantity(made.GetCapacityBytes(), resource.BinarySI)},
			MountOptions: slices.Clone(options.StorageClass.MountOptions),
			VolumeMode:   &mode,
			NodeAffinity: affinityOf(made.GetAccessibleTopology()),
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver:           driver,
				VolumeHandle:     made.GetVolumeId(),
				FSType:           options.StorageClass.Parameters[fsTypeKey],
				VolumeAttributes: made.GetVolumeContext(),
			}},
		},
	}
	if policy := options.StorageClass.ReclaimPolicy; policy != nil {
		object.Spec.PersistentVolumeReclaimPolicy = *policy
	}
	return object
}

// affinityOf keeps pods to where a volume can be reached: any of the topologies, and of each all segments.
func affinityOf(topologies []*csi.Topology) *corev1.VolumeNodeAffinity {
	if len(topologies) == 0 {
		return nil
	}
	required := &corev1.NodeSelector{}
	for _, topology := range topologies {
		var term corev1.NodeSelectorTerm
		segments := topology.GetSegments()
		for _, key := range slices.Sorted(maps.Keys(segments)) {
			term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{
				Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{segments[key]},
			})
		}
		required.NodeSelectorTerms = append(required.NodeSelectorTerms, term)
	}
	return &corev1.VolumeNodeAffinity{Required: required}
}
