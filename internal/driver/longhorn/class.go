package longhorn

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// Provisioner is the name of Longhorn's CSI driver.
const Provisioner = "driver.longhorn.io"

// What holds where a class does not say otherwise: Longhorn's CSI plugin starts
// from these.
const (
	defaultStaleReplicaTimeout = 2880 // minutes
	defaultDataEngine          = "v1"
	defaultFSType              = "ext4"
	defaultFrontend            = "blockdev"
)

// csiPrefix begins the parameters of a class that are for Kubernetes' sidecars
// and not for the driver.
const csiPrefix = "csi.storage.k8s.io/"

// settings are what a class's parameters say of the volumes that are made of it,
// by the names of Longhorn's API.
type settings struct {
	// Replicas is 0 where Longhorn's own setting decides.
	Replicas            int
	StaleReplicaTimeout int // minutes
	DataEngine          string
	DataLocality        string
	ReplicaAutoBalance  string
	DiskSelector        []string
	NodeSelector        []string
	Encrypted           bool
	// Migratable holds only for volumes that are shared.
	Migratable bool
	// Share makes every volume of the class shared, Exclusive one for a single
	// pod, whatever the claim asks for.
	Share, Exclusive bool
	// RevisionCounterDisabled is the opposite of what the field's name says in
	// words: true is Longhorn's default for volumes that its CSI plugin makes.
	RevisionCounterDisabled     bool
	UnmapMarkSnapChainRemoved   string
	ReplicaSoftAntiAffinity     string
	ReplicaZoneSoftAntiAffinity string
	ReplicaDiskSoftAntiAffinity string
	FreezeFilesystemForSnapshot string
	// Frontend is empty for Longhorn's default.
	Frontend          string
	UblkQueueDepth    int
	UblkNumberOfQueue int
	NVMeTCPQueues     int
	RecurringJobs     []api.RecurringJob
	// BackupTarget is where backups of the volume go, "" for Longhorn's default.
	BackupTarget string
	// BackupBlockSize is in bytes, 0 where the class does not say.
	BackupBlockSize int64
	DataLayout      api.DataLayout
	// VolumeTopology is empty, any, zonal or regional.
	VolumeTopology string
}

// settingsOf reads a class's parameters as Longhorn's CSI plugin does when it
// makes a volume, see [parameters]. Errors are of kind Invalid and name the class
// and the parameter.
func settingsOf(class *storagev1.StorageClass) (settings, error) {
	s := settings{
		StaleReplicaTimeout: defaultStaleReplicaTimeout, DataEngine: defaultDataEngine, RevisionCounterDisabled: true,
		DiskSelector: []string{}, NodeSelector: []string{},
	}
	for _, p := range parameters {
		value := class.Parameters[p.name]
		if value == "" || p.read == nil {
			continue
		}
		if wanted := p.read(&s, value); wanted != "" {
			return s, backup.Errorf(backup.Invalid, "storage class %s: parameter %s is %q, which is not %s", class.Name, p.name, value, wanted)
		}
	}
	if s.StaleReplicaTimeout == 0 {
		s.StaleReplicaTimeout = defaultStaleReplicaTimeout
	}
	if s.VolumeTopology == topologyZonal && s.ReplicaZoneSoftAntiAffinity == "disabled" {
		return s, backup.Errorf(backup.Invalid,
			"storage class %s: volumeTopology is zonal and replicaZoneSoftAntiAffinity is disabled, which Longhorn refuses: all replicas of a zonal volume are in one zone", class.Name)
	}
	return s, nil
}

// access returns Longhorn's word for the access mode of a volume of the class,
// for a claim with these modes. The error is of kind Invalid.
func (s settings) access(class *storagev1.StorageClass, modes []corev1.PersistentVolumeAccessMode) (string, error) {
	word := accessMode(modes)
	shared, exclusive := s.Share || word == accessShared, s.Exclusive || word == accessExclusive
	switch {
	case shared && exclusive:
		return "", backup.Errorf(backup.Invalid, "storage class %s and the access modes of the claim ask for a volume that is shared and for one pod alone, which Longhorn refuses: "+
			"correct the parameters share and exclusive, or the claim's access modes", class.Name)
	case shared:
		return accessShared, nil
	case exclusive:
		return accessExclusive, nil
	}
	return word, nil
}

// Longhorn's words for access modes.
const (
	accessOnce      = "rwo"
	accessShared    = "rwx"
	accessExclusive = "rwop" // from version 1.11 on
)

// accessMode gives Longhorn's word for a claim's access modes.
func accessMode(modes []corev1.PersistentVolumeAccessMode) string {
	word := accessOnce
	for _, mode := range modes {
		switch mode {
		case corev1.ReadWriteMany, corev1.ReadOnlyMany:
			return accessShared
		case corev1.ReadWriteOncePod:
			word = accessExclusive
		case corev1.ReadWriteOnce:
		}
	}
	return word
}

// volumeAttributes are what a volume's object tells the CSI plugin at mount: the
// class's parameters, as the external provisioner passes them on and with what the
// plugin makes of them.
func volumeAttributes(class *storagev1.StorageClass, access string) map[string]string {
	attributes := make(map[string]string, len(class.Parameters)+1)
	maps.Copy(attributes, class.Parameters)
	maps.DeleteFunc(attributes, func(key, _ string) bool { return strings.HasPrefix(key, csiPrefix) })
	switch access {
	case accessShared:
		attributes["share"] = "true"
	case accessExclusive:
		attributes["exclusive"] = "true"
	}
	if _, set := attributes["migratable"]; set && access != accessShared {
		attributes["migratable"] = "false"
	}
	return attributes
}

// fsType is the file system that the plugin makes and mounts.
func fsType(class *storagev1.StorageClass) string {
	found := class.Parameters[csiPrefix+"fstype"]
	for key, value := range class.Parameters {
		if found == "" && strings.EqualFold(key, "fstype") {
			found = value
		}
	}
	return cmp.Or(found, defaultFSType)
}

// secrets are the Secrets that a class names for the steps of a volume's life,
// nil where it names none.
type secrets struct {
	Provisioner, ControllerPublish, NodeStage, NodePublish, ControllerExpand, NodeExpand *corev1.SecretReference
}

// secretsOf resolves the names of a class's Secrets for a claim and its volume,
// whose names they may hold: ${pv.name}, ${pvc.namespace}, ${pvc.name} and
// ${pvc.annotations['<key>']}, as the external provisioner resolves them.
// Errors are of kind Invalid.
func secretsOf(class *storagev1.StorageClass, claim *corev1.PersistentVolumeClaim) (secrets, error) {
	var s secrets
	for role, into := range map[string]**corev1.SecretReference{
		"provisioner": &s.Provisioner, "controller-publish": &s.ControllerPublish,
		"node-stage": &s.NodeStage, "node-publish": &s.NodePublish,
		"controller-expand": &s.ControllerExpand, "node-expand": &s.NodeExpand,
	} {
		name, namespace := class.Parameters[csiPrefix+role+"-secret-name"], class.Parameters[csiPrefix+role+"-secret-namespace"]
		if name == "" && namespace == "" {
			continue
		}
		reference, err := resolveSecret(name, namespace, claim)
		if err != nil {
			return secrets{}, backup.Errorf(backup.Invalid, "storage class %s: the %s secret: %w", class.Name, role, err)
		}
		*into = reference
	}
	return s, nil
}

func resolveSecret(name, namespace string, claim *corev1.PersistentVolumeClaim) (*corev1.SecretReference, error) {
	resolvedName, err := expand(name, claim)
	if err != nil {
		return nil, err
	}
	resolvedNamespace, err := expand(namespace, claim)
	if err != nil {
		return nil, err
	}
	if len(validation.IsDNS1123Subdomain(resolvedName)) > 0 || len(validation.IsDNS1123Label(resolvedNamespace)) > 0 {
		return nil, fmt.Errorf("%q in namespace %q is not the name of a Secret", resolvedName, resolvedNamespace)
	}
	return &corev1.SecretReference{Namespace: resolvedNamespace, Name: resolvedName}, nil
}

var placeholderPattern = regexp.MustCompile(`\$\{[^}]*\}`)

// expand puts names in the place of a template's placeholders.
func expand(template string, claim *corev1.PersistentVolumeClaim) (string, error) {
	var unknown error
	expanded := placeholderPattern.ReplaceAllStringFunc(template, func(placeholder string) string {
		inner := placeholder[len("${") : len(placeholder)-len("}")]
		switch inner {
		case "pv.name":
			return claim.Spec.VolumeName
		case "pvc.name":
			return claim.Name
		case "pvc.namespace":
			return claim.Namespace
		}
		if key, ok := strings.CutPrefix(inner, "pvc.annotations['"); ok {
			if value, found := claim.Annotations[strings.TrimSuffix(key, "']")]; found {
				return value
			}
		}
		unknown = fmt.Errorf("%s in %q cannot be resolved for claim %s/%s", placeholder, template, claim.Namespace, claim.Name)
		return ""
	})
	return expanded, unknown
}
