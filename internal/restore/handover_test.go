package restore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/restore"
)

func TestTheHandoverKeepsItsOrder(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(w.completed, "completed")
	order := []string{
		"patch v1.PersistentVolumeClaim db",          // what was decided
		"patch v1.PersistentVolumeClaim prime-uid-1", // written to
		"patch v1.PersistentVolumeClaim prime-uid-1", // filled
		"release",
		"patch v1.PersistentVolume pv-1", // retained
		"create v1.PersistentVolume " + lock,
		"patch v1.PersistentVolumeClaim db", // touched
		"delete v1.PersistentVolumeClaim prime-uid-1",
		"delete v1.PersistentVolume pv-1",
	}
	seen := slices.DeleteFunc(slices.Clone(w.writes), func(what string) bool { return !slices.Contains(order, what) })
	assert.Equal(t, order, seen)
}

func TestAVolumeIsHandedOverOnlyWhenItIsAttachedNowhere(t *testing.T) {
	stuck := &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "stuck", Annotations: map[string]string{"prime": "kept"}},
		Spec:       storagev1.VolumeAttachmentSpec{NodeName: "node-9", Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: ptr.To("pv-1")}},
	}
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), stuck)
	w.jobs["keeps the attachment"] = &job{}
	w.jobs["keeps the attachment"].request.Prime = "kept"
	w.until(func() bool {
		return w.restore() != nil && strings.Contains(w.restore().Status.Message, "detached from node node-9")
	}, "waited")
	for range 5 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	assert.Nil(t, w.volume(lock))
	assert.Equal(t, corev1.PersistentVolumeReclaimDelete, w.volume("pv-1").Spec.PersistentVolumeReclaimPolicy)
	delete(w.jobs, "keeps the attachment")
	w.until(w.completed, "completed once it is detached")
}

func TestAVolumeUnderTheLocksNameThatIsNotForThisClaimStopsTheRestore(t *testing.T) {
	tests := map[string]struct {
		ref     *corev1.ObjectReference
		message string
	}{
		"it belongs to another claim":      {&corev1.ObjectReference{Namespace: "shop", Name: "db", UID: "uid-0"}, "belongs to shop/db (uid uid-0)"},
		"it is reserved for nobody":        {nil, "somebody made a volume named " + lock},
		"it names the claim without a uid": {&corev1.ObjectReference{Namespace: "shop", Name: "db"}, "somebody made a volume named " + lock},
		"it is this claim's but not ours":  {&corev1.ObjectReference{Namespace: "shop", Name: "db", UID: "uid-1"}, "which Soteria did not make"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, early := range []bool{true, false} {
				theirs := aVolume(lock, "theirs", class)
				theirs.Spec.ClaimRef = test.ref
				theirs.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
				w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
				w.backends["theirs"] = "precious"
				if early {
					require.NoError(t, w.api.Create(t.Context(), theirs))
				} else {
					w.until(func() bool { return w.prime() != nil && w.prime().Annotations[v1alpha1.FilledAnnotation] != "" }, "filled")
					if w.volume(lock) != nil {
						continue
					}
					require.NoError(t, w.api.Create(t.Context(), theirs))
				}
				w.until(func() bool { return len(w.events.about("VolumeNameTaken")) > 0 }, "said why")
				assert.Contains(t, w.restore().Status.Message, test.message)
				assert.False(t, w.completed())
				assert.Equal(t, "precious", w.backends["theirs"])
				assert.Empty(t, w.writesTo(lock))

				require.NoError(t, w.api.Delete(t.Context(), w.claim()))
				w.until(func() bool { return w.prime() == nil && len(w.jobs) == 0 && w.restore() == nil }, "removed what there was")
				assert.Equal(t, "precious", w.backends["theirs"], "what is not ours is left alone")
				assert.Len(t, w.backends, 1)
			}
		})
	}
}

func TestTheClaimsVolumeIsThePrimesUnderAnotherName(t *testing.T) {
	old := aVolume("pv-1", "handle-1", "the-default")
	old.Finalizers = []string{"external-provisioner"}
	old.ResourceVersion = "7"
	old.Annotations = map[string]string{
		"pv.kubernetes.io/provisioned-by":                            provider,
		"volume.kubernetes.io/provisioner-deletion-secret-name":      "secret",
		"volume.kubernetes.io/provisioner-deletion-secret-namespace": "storage",
		v1alpha1.ReclaimPolicyAnnotation:                             "Delete",
		"something":                                                  "else",
	}
	old.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	old.Spec.MountOptions = []string{"noatime"}
	old.Spec.ClaimRef = &corev1.ObjectReference{Namespace: own, Name: "prime-uid-1", UID: "prime", ResourceVersion: "3"}

	made := restore.VolumeFor(aClaim(), old, corev1.PersistentVolumeReclaimDelete)

	assert.Equal(t, lock, made.Name)
	assert.Empty(t, made.Finalizers)
	assert.Empty(t, made.ResourceVersion)
	assert.Equal(t, map[string]string{
		"pv.kubernetes.io/provisioned-by":                            provider,
		"volume.kubernetes.io/provisioner-deletion-secret-name":      "secret",
		"volume.kubernetes.io/provisioner-deletion-secret-namespace": "storage",
		v1alpha1.ClaimAnnotation:                                     "shop/db",
	}, made.Annotations)
	want := old.Spec.DeepCopy()
	want.StorageClassName = class
	want.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimDelete
	want.ClaimRef = &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: "shop", Name: "db", UID: "uid-1"}
	assert.Equal(t, *want, made.Spec)
	assert.Empty(t, restore.LockProblem(made, aClaim()))
}

func TestACompletedClaimWhoseVolumeIsLostIsNotFilledWithAnOldBackup(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(w.completed, "completed")
	require.NoError(t, w.api.Delete(t.Context(), w.volume(lock)))
	claim := w.claim()
	claim.Status.Phase = corev1.ClaimLost
	require.NoError(t, w.api.Status().Update(t.Context(), claim))
	clear(w.filled)
	done := len(w.writes)
	for range 5 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	assert.Len(t, w.writes, done)
}

func TestAClaimIsTouchedAgainOnlyAfterAWhile(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.idle = true
	touches := func() (n int) {
		for _, what := range w.writes {
			if what == "patch v1.PersistentVolumeClaim db" {
				n++
			}
		}
		return n
	}
	w.until(func() bool { return touches() == 1 }, "touched")
	w.clock.Step(-time.Second) // the touch itself is a change that starts a pass at once
	w.sync()
	result, err := w.rec.Reconcile(t.Context(), reconcile.Request{NamespacedName: claimKey})
	require.NoError(t, err)
	assert.Equal(t, 1, touches())
	assert.Positive(t, result.RequeueAfter)
	w.until(func() bool { return touches() == 3 }, "touched again and again")
	w.idle = false
	w.until(w.completed, "completed")
}
