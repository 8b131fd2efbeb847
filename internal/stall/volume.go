package stall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/kube"
)

// storageProvisionerAnnotation on a claim names who is to make its volume, from the
// volume controller.
const storageProvisionerAnnotation = "volume.kubernetes.io/storage-provisioner"

// provisioningFailed finds a claim whose volume cannot be made. It goes before what
// the scheduler says, whose pod waits for that volume.
func provisioningFailed(w World) (Stall, bool) {
	for i := range w.Claims {
		claim := &w.Claims[i]
		if claim.Spec.VolumeName != "" {
			continue
		}
		if e := newestWarning(w, string(claim.UID), "ProvisioningFailed"); e != nil {
			return Stall{
				Cause: Provisioner, Remedy: provisionerRemedy(claim),
				Message: fmt.Sprintf("no volume is made for claim %s/%s: %s", claim.Namespace, claim.Name, quote(e.Message)),
			}, true
		}
	}
	return Stall{}, false
}

// unprovisioned finds a claim that a provisioner was asked about and is silent. The
// volume controller names the provisioner when it asks; of a class that waits for a pod,
// once the pod has a node.
func unprovisioned(w World) (Stall, bool) {
	claim := withoutVolume(w)
	if claim == nil {
		return Stall{}, false
	}
	return Stall{
		Cause: Provisioner, Remedy: provisionerRemedy(claim),
		Message: fmt.Sprintf("%s has made no volume for claim %s/%s, and does not say why",
			orElse(claim.Annotations[storageProvisionerAnnotation], "the provisioner"), claim.Namespace, claim.Name),
	}, true
}

// withoutVolume returns a claim that a provisioner was asked to make a volume for, and
// that has none; nil where there is none.
func withoutVolume(w World) *corev1.PersistentVolumeClaim {
	for i := range w.Claims {
		claim := &w.Claims[i]
		asked := claim.Annotations[storageProvisionerAnnotation] != "" || claim.Annotations[SelectedNodeAnnotation] != ""
		if claim.Spec.VolumeName == "" && claim.DeletionTimestamp == nil && ptr.Deref(claim.Spec.StorageClassName, "") != "" && asked {
			return claim
		}
	}
	return nil
}

func provisionerRemedy(claim *corev1.PersistentVolumeClaim) string {
	of := "the provisioner of storage class " + ptr.Deref(claim.Spec.StorageClassName, "")
	if name := claim.Annotations[storageProvisionerAnnotation]; name != "" {
		of += " (" + name + ")"
	}
	return fmt.Sprintf("see that %s works and has room: its pods and their logs, and kubectl -n %s describe pvc %s", of, claim.Namespace, claim.Name)
}

// attachError finds a volume that the attacher fails on. The volume of a pod that
// runs is attached; that it is not to another node holds nothing up.
func attachError(w World) (Stall, bool) {
	if w.Shared && slices.ContainsFunc(w.Pods, works) {
		return Stall{}, false
	}
	for i := range w.Attachments {
		a := &w.Attachments[i]
		failure, what := a.Status.AttachError, "attached to"
		if a.DeletionTimestamp != nil && a.Status.DetachError != nil {
			failure, what = a.Status.DetachError, "detached from"
		}
		if failure == nil {
			continue
		}
		return Stall{
			Cause: Attacher,
			Message: fmt.Sprintf("volume %s cannot be %s node %s: %s",
				ptr.Deref(a.Spec.Source.PersistentVolumeName, ""), what, a.Spec.NodeName, quote(failure.Message)),
			Remedy: fmt.Sprintf("see what %s says of it: its pods and their logs, and kubectl describe volumeattachment %s", a.Spec.Attacher, a.Name),
		}, true
	}
	return Stall{}, false
}

// attached finds a volume that stays attached although no pod uses it.
func attached(w World) (Stall, bool) {
	if w.Shared {
		return Stall{}, false
	}
	for i := range w.Pods {
		if !Ended(&w.Pods[i]) {
			return Stall{}, false
		}
	}
	for i := range w.Attachments {
		a := &w.Attachments[i]
		return Stall{
			Cause:   Attacher,
			Message: fmt.Sprintf("volume %s is still attached to node %s, and no pod uses it", ptr.Deref(a.Spec.Source.PersistentVolumeName, ""), a.Spec.NodeName),
			Remedy:  fmt.Sprintf("see that %s and the kubelet of node %s work: kubectl describe volumeattachment %s", orElse(a.Spec.Attacher, "the attacher"), a.Spec.NodeName, a.Name),
		}, true
	}
	return Stall{}, false
}

// deleting finds a claim or a volume that should be gone.
func deleting(w World) (Stall, bool) {
	for i := range w.Volumes {
		volume := &w.Volumes[i]
		e := newestWarning(w, string(volume.UID), "VolumeFailedDelete")
		if e != nil && volume.Status.Phase != corev1.VolumeBound {
			return Stall{
				Cause: Provisioner, Message: fmt.Sprintf("volume %s cannot be deleted: %s", volume.Name, quote(e.Message)),
				Remedy: fmt.Sprintf("see what %s says of it: its pods and their logs, and kubectl describe pv %s", driverOf(volume), volume.Name),
			}, true
		}
	}
	for i := range w.Claims {
		claim := &w.Claims[i]
		if w.Shared || claim.DeletionTimestamp == nil || len(claim.Finalizers) == 0 {
			continue
		}
		return Stall{
			Cause: Unknown,
			Message: fmt.Sprintf("claim %s/%s is being deleted since %s and is kept by its finalizers %s", claim.Namespace, claim.Name,
				claim.DeletionTimestamp.UTC().Format(time.RFC3339), strings.Join(claim.Finalizers, ", ")),
			Remedy: fmt.Sprintf("see that what put them there works; kubernetes.io/pvc-protection stays while a pod uses the claim: kubectl -n %s get pods", claim.Namespace),
		}, true
	}
	return Stall{}, false
}

func driverOf(volume *corev1.PersistentVolume) string {
	if csi := volume.Spec.CSI; csi != nil {
		return csi.Driver
	}
	return "its provisioner"
}

// newestWarning returns the newest warning about an object, of one reason unless
// that is "".
func newestWarning(w World, uid, reason string) *corev1.Event {
	var newest *corev1.Event
	for i := range w.Events {
		e := &w.Events[i]
		if e.Type != corev1.EventTypeWarning || uid == "" || string(e.InvolvedObject.UID) != uid || reason != "" && e.Reason != reason {
			continue
		}
		if newest == nil || kube.ToldAt(e).After(kube.ToldAt(newest)) {
			newest = e
		}
	}
	return newest
}
