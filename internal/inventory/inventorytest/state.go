package inventorytest

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Now is when the facts of every state were gathered.
var Now = time.Date(2026, 4, 12, 15, 30, 0, 0, time.UTC)

// OwnNamespace is where Soteria runs.
const OwnNamespace = "soteria-system"

// Claim makes a claim of 50Gi that is bound to a volume and protected as auto.
func Claim(namespace, name string, change ...func(*corev1.PersistentVolumeClaim)) corev1.PersistentVolumeClaim {
	size := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("50Gi")}
	claim := corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID("uid-" + name),
			Labels: map[string]string{v1alpha1.RestoreLabel: "auto"},
			Annotations: map[string]string{
				"pv.kubernetes.io/bound-by-controller": "yes",
				v1alpha1.VerdictAnnotation:             "Fresh (NoBackupExists)",
			},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName: "pvc-" + name, StorageClassName: ptr.To("longhorn"),
			Resources: corev1.VolumeResourceRequirements{Requests: size},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, Capacity: size},
	}
	for _, c := range change {
		c(&claim)
	}
	return claim
}

// Labelled sets the label soteria.dev/restore; empty removes it.
func Labelled(mode string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) {
		c.Labels = map[string]string{}
		if mode != "" {
			c.Labels[v1alpha1.RestoreLabel] = mode
		}
	}
}

// Locked makes a claim wait for a Restore of the lock's name, as admission does.
func Locked(lock string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) {
		c.Annotations = map[string]string{v1alpha1.VerdictAnnotation: "Restore (BackupFound)"}
		c.Spec.VolumeName = lock
		c.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: lock}
		c.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: lock}
		c.Status = corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}
	}
}

// Restore makes the Restore of a claim that [Locked] made wait.
func Restore(claim corev1.PersistentVolumeClaim, phase v1alpha1.Phase, message string) v1alpha1.Restore {
	lock := claim.Spec.VolumeName
	return v1alpha1.Restore{
		ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, Name: lock},
		Status: v1alpha1.RestoreStatus{
			Phase: phase, Message: message, Claim: &v1alpha1.ClaimReference{Name: claim.Name, UID: claim.UID, Lock: lock},
		},
	}
}

// Unsettled has a look end without a choice, for that reason.
func Unsettled(restore v1alpha1.Restore, reason decision.Reason) v1alpha1.Restore {
	restore.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionSelected, Status: metav1.ConditionFalse, Reason: string(reason), Message: restore.Status.Message,
	}}
	return restore
}

// State gives facts of an installation with the defaults, whose one repository
// is empty.
func State(claims ...corev1.PersistentVolumeClaim) inventory.Facts {
	return inventory.Facts{
		Now:    Now,
		Claims: claims,
		Settings: inventory.Settings{
			Policy: kube.Policy{OwnNamespace: OwnNamespace}, BackupDriver: "longhorn",
			MaxAge: 24 * time.Hour, Recent: 10 * time.Minute,
		},
		Listings: []inventory.Listing{Listed("longhorn", 0, nil)},
	}
}

// Example is a cluster of one claim, backed up half an hour ago.
func Example() inventory.Facts {
	cache := Claim("ai", "llm-cache", func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pvc-1234abcd" })
	f := State(cache)
	f.Listings = []inventory.Listing{
		Listed("longhorn", 14, map[backup.Claim]time.Time{{Namespace: "ai", Name: "llm-cache"}: Now.Add(-35 * time.Minute)}),
	}
	return f
}

// Assorted is a cluster of two drivers with claims of many kinds.
func Assorted() inventory.Facts {
	db := Claim("shop", "db", Locked("soteria-aaaaaaaaaaaaaaaa"))
	queue := Claim("shop", "queue", Locked("soteria-bbbbbbbbbbbbbbbb"))
	f := State(
		Claim("media", "scratch", Labelled("")),
		Claim("media", "photos"), db, queue,
		Claim("media", "music", Labelled("required")),
		Claim("media", "thumbnails", Labelled("skip"), func(c *corev1.PersistentVolumeClaim) {
			c.Annotations = map[string]string{v1alpha1.SkipReasonAnnotation: "can be computed"}
			c.Annotations["pv.kubernetes.io/bound-by-controller"] = "yes"
		}),
		Claim("media", "bad", Labelled("sometimes")),
		Claim("kube-system", "registry", Labelled("")),
		Claim(OwnNamespace, "prime", func(c *corev1.PersistentVolumeClaim) {
			c.Labels = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy}
		}),
		Claim("media", "inbox", func(c *corev1.PersistentVolumeClaim) {
			c.Spec.VolumeName, c.Status = "", corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}
		}),
		Claim("ai", "models", Labelled("")),
		Claim("shop", "static", func(c *corev1.PersistentVolumeClaim) { c.Annotations = nil }),
	)
	f.Restores = []v1alpha1.Restore{
		Restore(db, v1alpha1.PhaseTransferring, "restoring: 62% of 1.2 GiB"),
		Unsettled(Restore(queue, v1alpha1.PhaseSelecting, "no backup of shop/queue exists and one is required"), decision.ReasonRequiredNone),
	}
	f.NamespaceLabels = map[string]map[string]string{"ai": {v1alpha1.RestoreLabel: "required"}}
	ago := func(d time.Duration) time.Time { return Now.Add(-d) }
	f.Listings = []inventory.Listing{
		Listed("longhorn", 3, map[backup.Claim]time.Time{
			{Namespace: "media", Name: "photos"}: ago(50 * time.Hour), {Namespace: "ai", Name: "models"}: ago(time.Hour),
		}),
		Listed("restic", 2, map[backup.Claim]time.Time{
			{Namespace: "media", Name: "photos"}: ago(30 * time.Hour), {Namespace: "shop", Name: "db"}: ago(2 * time.Hour),
			{Namespace: "attic", Name: "wiki"}: ago(2000 * time.Hour),
		}),
	}
	return f
}
