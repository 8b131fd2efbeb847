package harness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Longhorn's stand-in in the cluster.
const (
	longhornNamespace = "longhorn-system"
	longhornManager   = "longhorn-manager"
	// longhornFaults is the ConfigMap that says what shall misbehave.
	longhornFaults    = "longhorn-standin"
	longhornFaultsKey = "faults.yaml"
	// longhornApplied is the annotation that tells which faults hold, and
	// longhornMistake what is wrong with them.
	longhornApplied = "longhorn-standin/applied"
	longhornMistake = "longhorn-standin/error"
)

var longhornVersion = schema.GroupVersion{Group: "longhorn.io", Version: "v1beta2"}

// SetLonghornFaults has the Longhorn misbehave from now on as the list says (see
// e2e/tools/longhorn), and in no other way.
func (c *Cluster) SetLonghornFaults(ctx context.Context, list string) error {
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: longhornNamespace, Name: longhornFaults}}
	if err := c.Create(ctx, config); client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("making Longhorn's faults: %w", err)
	}
	patch, err := json.Marshal(map[string]any{"data": map[string]string{longhornFaultsKey: list}})
	if err != nil {
		return fmt.Errorf("encoding Longhorn's faults: %w", err)
	}
	if err := c.Patch(ctx, config, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("setting Longhorn's faults: %w", err)
	}
	sum := sha256.Sum256([]byte(list))
	return WaitFor(ctx, "Longhorn's faults to hold", func(ctx context.Context) (bool, string, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(config), config); err != nil {
			return false, "", err
		}
		return config.Annotations[longhornApplied] == hex.EncodeToString(sum[:]) && config.Annotations[longhornMistake] == "", config.Annotations[longhornMistake], nil
	})
}

// ClearLonghornFaults has the Longhorn behave again.
func (c *Cluster) ClearLonghornFaults(ctx context.Context) error {
	return c.SetLonghornFaults(ctx, "")
}

// LonghornVolumes names all volumes that Longhorn has.
func (c *Cluster) LonghornVolumes(ctx context.Context) ([]string, error) {
	list, err := c.longhornObjects(ctx, "Volume")
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(list))
	for _, volume := range list {
		names = append(names, volume.GetName())
	}
	slices.Sort(names)
	return names, nil
}

func (c *Cluster) longhornObjects(ctx context.Context, kind string) ([]unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(longhornVersion.WithKind(kind + "List"))
	if err := c.List(ctx, list, client.InNamespace(longhornNamespace)); err != nil {
		return nil, fmt.Errorf("listing Longhorn's %s: %w", kind, err)
	}
	return list.Items, nil
}

// LonghornVolumeLabels returns the labels that Longhorn keeps on a volume.
func (c *Cluster) LonghornVolumeLabels(ctx context.Context, name string) (map[string]string, error) {
	volume := &unstructured.Unstructured{}
	volume.SetGroupVersionKind(longhornVersion.WithKind("Volume"))
	if err := c.Get(ctx, client.ObjectKey{Namespace: longhornNamespace, Name: name}, volume); err != nil {
		return nil, fmt.Errorf("reading Longhorn's volume %s: %w", name, err)
	}
	return volume.GetLabels(), nil
}

// LoseLonghorn loses what Longhorn knows, but not its backup store: as a cluster
// that burned down, in which Longhorn is installed anew with the same backup
// target. Volumes that are in use must be gone before.
func (c *Cluster) LoseLonghorn(ctx context.Context) error {
	if err := c.Scale(ctx, longhornNamespace, longhornManager, 0); err != nil {
		return err
	}
	if err := c.deleteLonghornWebhooks(ctx); err != nil {
		return err
	}
	for _, kind := range []string{"Backup", "BackupVolume", "BackupTarget", "Snapshot", "VolumeAttachment", "Engine", "Replica", "Volume"} {
		if err := c.loseLonghornObjects(ctx, kind); err != nil {
			return err
		}
	}
	return c.Scale(ctx, longhornNamespace, longhornManager, 1)
}

// deleteLonghornWebhooks removes the webhooks of a Longhorn that is down, which
// makes them again when it starts.
func (c *Cluster) deleteLonghornWebhooks(ctx context.Context) error {
	var validating admissionregistrationv1.ValidatingWebhookConfigurationList
	var mutating admissionregistrationv1.MutatingWebhookConfigurationList
	for _, list := range []client.ObjectList{&validating, &mutating} {
		if err := c.List(ctx, list); err != nil {
			return fmt.Errorf("listing webhooks: %w", err)
		}
	}
	var theirs []client.Object
	for i := range validating.Items {
		theirs = append(theirs, &validating.Items[i])
	}
	for i := range mutating.Items {
		theirs = append(theirs, &mutating.Items[i])
	}
	for _, hook := range theirs {
		if !strings.HasPrefix(hook.GetName(), "longhorn-webhook-") {
			continue
		}
		if err := c.Delete(ctx, hook); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("deleting webhook %s: %w", hook.GetName(), err)
		}
	}
	return nil
}

// loseLonghornObjects deletes objects without anybody noticing: their finalizers
// are for the Longhorn that is down.
func (c *Cluster) loseLonghornObjects(ctx context.Context, kind string) error {
	objects, err := c.longhornObjects(ctx, kind)
	if err != nil {
		return err
	}
	for i := range objects {
		object := &objects[i]
		if err := c.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("losing Longhorn's %s %s: %w", kind, object.GetName(), err)
		}
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		if err := c.Patch(ctx, object, patch); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("losing Longhorn's %s %s: %w", kind, object.GetName(), err)
		}
	}
	return nil
}

// SystemBackUp backs a Longhorn volume up as Longhorn's own system backup does:
// by a Backup object without labels, of a snapshot of that moment. It waits until
// it is complete.
func (c *Cluster) SystemBackUp(ctx context.Context, volume string) error {
	snapshot := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"volume": volume, "createSnapshot": true}}}
	snapshot.SetGroupVersionKind(longhornVersion.WithKind("Snapshot"))
	snapshot.SetNamespace(longhornNamespace)
	snapshot.SetName("system-" + volume)
	if err := c.Create(ctx, snapshot); err != nil {
		return fmt.Errorf("taking snapshot %s: %w", snapshot.GetName(), err)
	}
	if err := c.awaitLonghorn(ctx, snapshot, "readyToUse", "true"); err != nil {
		return err
	}
	backup := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"snapshotName": snapshot.GetName()}}}
	backup.SetGroupVersionKind(longhornVersion.WithKind("Backup"))
	backup.SetNamespace(longhornNamespace)
	backup.SetName("backup-system-" + volume)
	backup.SetLabels(map[string]string{"backup-volume": volume, "backup-target": "default"})
	if err := c.Create(ctx, backup); err != nil {
		return fmt.Errorf("making backup %s: %w", backup.GetName(), err)
	}
	return c.awaitLonghornBackup(ctx, backup)
}

// awaitLonghorn waits until a field of an object's status has a value.
func (c *Cluster) awaitLonghorn(ctx context.Context, object *unstructured.Unstructured, field, want string) error {
	return WaitFor(ctx, fmt.Sprintf("%s of %s %s to be %s", field, object.GetKind(), object.GetName(), want), func(ctx context.Context) (bool, string, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return false, "", err
		}
		value, _, err := unstructured.NestedFieldNoCopy(object.Object, "status", field)
		return fmt.Sprint(value) == want, fmt.Sprint(value), err
	})
}
