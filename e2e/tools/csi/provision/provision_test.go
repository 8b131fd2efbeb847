package provision_test

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/soteria-dr/soteria/e2e/tools/csi/controller"
	"github.com/soteria-dr/soteria/e2e/tools/csi/provision"
	"github.com/soteria-dr/soteria/e2e/tools/csi/volume"
)

const (
	driver    = "local.csi.example"
	nodeName  = "node-a"
	namespace = "default"

	annotationProvisioner   = "volume.kubernetes.io/storage-provisioner"
	annotationSelectedNode  = "volume.kubernetes.io/selected-node"
	annotationProvisionedBy = "pv.kubernetes.io/provisioned-by"
	finalizer               = "external-provisioner.volume.kubernetes.io/finalizer"
)

// cluster is a provisioner at work against an API that has no other controllers.
type cluster struct {
	kubernetes.Interface
	t   *testing.T
	dir string
}

func newCluster(t *testing.T) *cluster { return newClusterWith(t, nil) }

// newClusterWith is a cluster whose provisioner serves a share.
func newClusterWith(t *testing.T, share *provision.Share) *cluster {
	t.Helper()
	client := fake.NewClientset(class("immediate"), lateClass())
	c := &cluster{Interface: client, t: t, dir: t.TempDir()}
	store, err := volume.Open(c.dir, func(string) ([]string, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		provision.Run(ctx, provision.Config{
			Driver:      driver,
			TopologyKey: controller.TopologyKey,
			Share:       share,
			Volumes:     controller.New(nodeName, store, logger),
			Client:      c.Interface,
			Logger:      logger,
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	// The fake API loses what is created between the list and the watch of an informer.
	for _, kind := range []string{"persistentvolumeclaims", "persistentvolumes", "storageclasses"} {
		c.eventually("a watch of "+kind, func(context.Context) (bool, error) {
			return slices.ContainsFunc(client.Actions(), func(action clienttesting.Action) bool {
				return action.Matches("watch", kind)
			}), nil
		})
	}
	return c
}

func class(name string) *storagev1.StorageClass {
	policy := corev1.PersistentVolumeReclaimDelete
	return &storagev1.StorageClass{
		ObjectMeta:    metav1.ObjectMeta{Name: name, UID: types.UID(name)},
		Provisioner:   driver,
		ReclaimPolicy: &policy,
		MountOptions:  []string{"noatime"},
		Parameters:    map[string]string{"lostAndFound": "true", "csi.storage.k8s.io/fstype": "ext4"},
	}
}

func lateClass() *storagev1.StorageClass {
	late := class("late")
	mode := storagev1.VolumeBindingWaitForFirstConsumer
	late.VolumeBindingMode = &mode
	return late
}

// claim is one as the volume controller of Kubernetes hands it to a provisioner.
func claim(name string, changes ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	className := "immediate"
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   namespace,
			Name:        name,
			UID:         types.UID("uid-" + name),
			Annotations: map[string]string{annotationProvisioner: driver},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &className,
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce, corev1.ReadOnlyMany},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("64Mi")},
			},
		},
	}
	for _, change := range changes {
		change(claim)
	}
	return claim
}

func late(selectedNode string) func(*corev1.PersistentVolumeClaim) {
	return func(claim *corev1.PersistentVolumeClaim) {
		className := "late"
		claim.Spec.StorageClassName = &className
		if selectedNode != "" {
			claim.Annotations[annotationSelectedNode] = selectedNode
		}
	}
}

func source(group, kind string) func(*corev1.PersistentVolumeClaim) {
	return func(claim *corev1.PersistentVolumeClaim) {
		claim.Spec.DataSourceRef = &corev1.TypedObjectReference{Kind: kind, Name: "source"}
		if group != "" {
			claim.Spec.DataSourceRef.APIGroup = &group
		}
	}
}

func (c *cluster) create(claim *corev1.PersistentVolumeClaim) {
	c.t.Helper()
	if _, err := c.CoreV1().PersistentVolumeClaims(claim.Namespace).Create(c.t.Context(), claim, metav1.CreateOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

// eventually waits until met returns true.
func (c *cluster) eventually(what string, met func(ctx context.Context) (bool, error)) {
	c.t.Helper()
	if err := wait.PollUntilContextTimeout(c.t.Context(), 5*time.Millisecond, 20*time.Second, true, met); err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
}

// volumeOf waits for the volume of a claim.
func (c *cluster) volumeOf(claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	c.t.Helper()
	var found *corev1.PersistentVolume
	c.eventually("a volume for claim "+claim.Name, func(ctx context.Context) (bool, error) {
		object, err := c.CoreV1().PersistentVolumes().Get(ctx, "pvc-"+string(claim.UID), metav1.GetOptions{})
		found = object
		return err == nil, ignoreNotFound(err)
	})
	return found
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// eventOn waits for an event whose message contains the text.
func (c *cluster) eventOn(claim *corev1.PersistentVolumeClaim, text string) {
	c.t.Helper()
	c.eventually("an event on claim "+claim.Name+" that says "+text, func(ctx context.Context) (bool, error) {
		events, err := c.CoreV1().Events(claim.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		return slices.ContainsFunc(events.Items, func(event corev1.Event) bool {
			return event.InvolvedObject.Name == claim.Name && strings.Contains(event.Message, text)
		}), nil
	})
}

// folders lists the backend.
func (c *cluster) folders() []string {
	c.t.Helper()
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		c.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

// change updates a volume and its status, as other controllers do.
func (c *cluster) change(name string, change func(*corev1.PersistentVolume)) {
	c.t.Helper()
	c.eventually("an update of volume "+name, func(ctx context.Context) (bool, error) {
		object, err := c.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		change(object)
		_, err = c.CoreV1().PersistentVolumes().Update(ctx, object, metav1.UpdateOptions{})
		return err == nil, err
	})
}

func (c *cluster) finalizers(name string, want ...string) {
	c.t.Helper()
	c.eventually("finalizers of volume "+name, func(ctx context.Context) (bool, error) {
		object, err := c.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{})
		return err == nil && slices.Equal(object.Finalizers, want), err
	})
}

func TestAClaimGetsTheVolumeItAsksFor(t *testing.T) {
	for name, change := range map[string]func(*corev1.PersistentVolumeClaim){
		"at once": func(*corev1.PersistentVolumeClaim) {},
		"late":    late(nodeName),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			asked := claim("a", change)
			c.create(asked)
			made := c.volumeOf(asked)

			spec := made.Spec
			if spec.CSI == nil || spec.CSI.Driver != driver || spec.CSI.VolumeHandle != "vol-"+made.Name || spec.CSI.FSType != "ext4" {
				t.Errorf("CSI source is %+v", spec.CSI)
			}
			if capacity := spec.Capacity[corev1.ResourceStorage]; capacity.String() != "64Mi" {
				t.Errorf("capacity is %s, want 64Mi", capacity.String())
			}
			if !slices.Equal(spec.AccessModes, asked.Spec.AccessModes) {
				t.Errorf("access modes are %q", spec.AccessModes)
			}
			if spec.VolumeMode == nil || *spec.VolumeMode != corev1.PersistentVolumeFilesystem {
				t.Errorf("volume mode is %v", spec.VolumeMode)
			}
			if spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
				t.Errorf("reclaim policy is %q", spec.PersistentVolumeReclaimPolicy)
			}
			if spec.StorageClassName != *asked.Spec.StorageClassName {
				t.Errorf("class is %q", spec.StorageClassName)
			}
			if !slices.Equal(spec.MountOptions, []string{"noatime"}) {
				t.Errorf("mount options are %q", spec.MountOptions)
			}
			if spec.ClaimRef == nil || spec.ClaimRef.UID != asked.UID {
				t.Errorf("claim reference is %+v", spec.ClaimRef)
			}
			terms := spec.NodeAffinity.Required.NodeSelectorTerms
			if len(terms) != 1 || len(terms[0].MatchExpressions) != 1 {
				t.Fatalf("node affinity is %+v", terms)
			}
			if key := terms[0].MatchExpressions[0]; key.Key != "kubernetes.io/hostname" || !slices.Equal(key.Values, []string{nodeName}) {
				t.Errorf("node affinity is %+v", key)
			}
			if !maps.Equal(made.Annotations, map[string]string{annotationProvisionedBy: driver}) {
				t.Errorf("annotations are %v", made.Annotations)
			}
			if !slices.Equal(made.Finalizers, []string{finalizer}) {
				t.Errorf("finalizers are %q", made.Finalizers)
			}
			if _, err := os.Stat(filepath.Join(c.dir, "vol-"+made.Name, "lost+found")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAClaimThatCannotBeServedIsToldWhy(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*corev1.PersistentVolumeClaim)
		event  string
	}{
		"foreign data source": {source("soteria.dev", "Restore"), "Assuming an external populator"},
		"core data source":    {source("", "ConfigMap"), "Assuming an external populator"},
		"snapshot":            {source("snapshot.storage.k8s.io", "VolumeSnapshot"), "cannot be made from snapshots"},
		"other claim":         {source("", "PersistentVolumeClaim"), "cannot be made from snapshots"},
		"selector": {func(claim *corev1.PersistentVolumeClaim) {
			claim.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
		}, "selector"},
		"block device": {func(claim *corev1.PersistentVolumeClaim) {
			block := corev1.PersistentVolumeBlock
			claim.Spec.VolumeMode = &block
		}, "does not support block volume"},
		"other node": {late("node-b"), `on node "node-a" only`},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			refused := claim("refused", test.change)
			c.create(refused)
			c.eventOn(refused, test.event)
			if folders := c.folders(); len(folders) > 0 {
				t.Errorf("the backend holds %q, want nothing", folders)
			}
		})
	}
}

func TestTheSchedulerIsAskedForAnotherNode(t *testing.T) {
	c := newCluster(t)
	misplaced := claim("misplaced", late("node-b"))
	c.create(misplaced)
	c.eventually("the selected node is taken back", func(ctx context.Context) (bool, error) {
		current, err := c.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, misplaced.Name, metav1.GetOptions{})
		return err == nil && current.Annotations[annotationSelectedNode] == "", err
	})
}

func TestClaimsThatAreNotForUsAreLeftAlone(t *testing.T) {
	c := newCluster(t)
	c.create(claim("locked", func(claim *corev1.PersistentVolumeClaim) { claim.Spec.VolumeName = "soteria-lock" }))
	c.create(claim("late", late("")))
	c.create(claim("other", func(claim *corev1.PersistentVolumeClaim) {
		claim.Annotations[annotationProvisioner] = "other.csi.example"
	}))
	// Claims are taken up in the order of their creation: once this one is served, so would the others be.
	last := claim("last")
	c.create(last)
	made := c.volumeOf(last)
	if folders := c.folders(); !slices.Equal(folders, []string{"vol-" + made.Name}) {
		t.Errorf("the backend holds %q, want only the volume of the last claim", folders)
	}
}

func TestOneOfSeveralServesItsOwnNodeOnly(t *testing.T) {
	for name, test := range map[string]struct {
		unplaced bool
		served   []string
	}{
		"the one for claims without a node": {true, []string{"here", "nowhere"}},
		"another":                           {false, []string{"here"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClusterWith(t, &provision.Share{Node: nodeName, Unplaced: test.unplaced})
			claims := map[string]*corev1.PersistentVolumeClaim{
				"elsewhere": claim("elsewhere", late("node-b")), "nowhere": claim("nowhere"), "here": claim("here", late(nodeName)),
			}
			for _, name := range []string{"elsewhere", "nowhere", "here"} {
				c.create(claims[name])
			}
			var folders []string
			for _, name := range test.served {
				folders = append(folders, "vol-"+c.volumeOf(claims[name]).Name)
			}
			slices.Sort(folders)
			if there := c.folders(); !slices.Equal(there, folders) {
				t.Errorf("the backend holds %q, want %q", there, folders)
			}
		})
	}
}

func TestAVolumeOnAnotherNodeIsLeftToTheProvisionerThere(t *testing.T) {
	c := newClusterWith(t, &provision.Share{Node: nodeName, Unplaced: true})
	asked := []*corev1.PersistentVolumeClaim{claim("moved"), claim("stays")}
	for _, claim := range asked {
		c.create(claim)
	}
	moved, stays := c.volumeOf(asked[0]), c.volumeOf(asked[1])
	c.change(moved.Name, func(object *corev1.PersistentVolume) {
		object.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values = []string{"node-b"}
		object.Status.Phase = corev1.VolumeReleased
	})
	// Volumes are taken up in the order of their changes.
	c.change(stays.Name, func(object *corev1.PersistentVolume) { object.Status.Phase = corev1.VolumeReleased })
	c.gone(stays.Name)
	if _, err := c.CoreV1().PersistentVolumes().Get(t.Context(), moved.Name, metav1.GetOptions{}); err != nil {
		t.Errorf("the volume on the other node: %v", err)
	}
}

func TestAReleasedVolumeIsDeleted(t *testing.T) {
	c := newCluster(t)
	asked := claim("a")
	c.create(asked)
	made := c.volumeOf(asked)

	c.change(made.Name, func(object *corev1.PersistentVolume) { object.Status.Phase = corev1.VolumeReleased })
	c.gone(made.Name)
	if folders := c.folders(); len(folders) > 0 {
		t.Errorf("the backend holds %q, want nothing", folders)
	}
}

// gone waits until a volume's object is deleted.
func (c *cluster) gone(name string) {
	c.t.Helper()
	c.eventually("volume "+name+" is gone", func(ctx context.Context) (bool, error) {
		_, err := c.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), ignoreNotFound(err)
	})
}

// TestAHandoverKeepsTheData walks a volume from the claim it was made for to another one, by a second object of the
// same handle, and deletes it with that one.
func TestAHandoverKeepsTheData(t *testing.T) {
	c := newCluster(t)
	prime := claim("prime")
	c.create(prime)
	old := c.volumeOf(prime)
	folder := "vol-" + old.Name

	c.change(old.Name, func(object *corev1.PersistentVolume) {
		object.Status.Phase = corev1.VolumeBound
		object.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	})
	c.finalizers(old.Name)

	adopted := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "lock", Annotations: map[string]string{annotationProvisionedBy: driver}},
		Spec:       *old.Spec.DeepCopy(),
		Status:     corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound},
	}
	adopted.Spec.ClaimRef = &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: namespace, Name: "user", UID: "uid-user"}
	if _, err := c.CoreV1().PersistentVolumes().Create(t.Context(), adopted, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.finalizers(adopted.Name, finalizer)

	c.change(old.Name, func(object *corev1.PersistentVolume) { object.Status.Phase = corev1.VolumeReleased })
	if err := c.CoreV1().PersistentVolumes().Delete(t.Context(), old.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.gone(old.Name)
	if folders := c.folders(); !slices.Equal(folders, []string{folder}) {
		t.Fatalf("the backend holds %q, want the volume that was handed over", folders)
	}

	c.change(adopted.Name, func(object *corev1.PersistentVolume) { object.Status.Phase = corev1.VolumeReleased })
	c.gone(adopted.Name)
	if folders := c.folders(); len(folders) > 0 {
		t.Errorf("the backend holds %q, want nothing", folders)
	}
}
