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

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/restore"
)

const (
	earlier     = "earlier"
	earlierData = "what the earlier claim held"
	keptAs      = "soteria-retained-uid-of-" + lock
)

// anEarlierVolume was handed to an earlier claim of the claim's name, which had
// the same lock, and retains its data.
func anEarlierVolume(change ...func(*corev1.PersistentVolume)) *corev1.PersistentVolume {
	volume := aVolume(lock, earlier, class)
	volume.Labels = map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleRestored, v1alpha1.ClaimUIDLabel: "uid-0", "team": "shop",
	}
	volume.Annotations = map[string]string{v1alpha1.ClaimAnnotation: claimKey.String(), "pv.kubernetes.io/provisioned-by": provider}
	volume.Finalizers = nil
	volume.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	volume.Spec.ClaimRef = &corev1.ObjectReference{
		APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claimKey.Namespace, Name: claimKey.Name, UID: "uid-0", ResourceVersion: "12",
	}
	volume.Status.Phase = corev1.VolumeReleased
	for _, c := range change {
		c(volume)
	}
	return volume
}

// afterAnEarlierLife is a world in which the claim was made again.
func afterAnEarlierLife(t *testing.T, change ...func(*corev1.PersistentVolume)) *world {
	t.Helper()
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimRetain), aClaim(), anEarlierVolume(change...))
	w.backends[earlier] = earlierData
	return w
}

// requireKept holds at every moment: the earlier data is there, and a volume
// object retains it.
func requireKept(w *world) {
	require.Equal(w.t, earlierData, w.backends[earlier])
	require.True(w.t, slices.ContainsFunc(w.volumes(), func(v corev1.PersistentVolume) bool {
		return v.Spec.CSI.VolumeHandle == earlier && v.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain && v.Spec.ClaimRef.UID == "uid-0"
	}), "no volume object keeps the earlier data after: %v", w.writes)
}

func TestTheVolumeOfAnEarlierLifeGetsAnotherName(t *testing.T) {
	w := afterAnEarlierLife(t)
	before := w.volume(lock)
	w.onWrite = func(int) { requireKept(w) }
	w.until(w.completed, "completed")

	kept := w.volume(keptAs)
	require.NotNil(t, kept)
	want := before.Spec.DeepCopy()
	want.ClaimRef.ResourceVersion = ""
	assert.Equal(t, *want, kept.Spec, "it is the same volume, reserved for the claim that had it")
	assert.Equal(t, map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleRetained, v1alpha1.ClaimUIDLabel: "uid-0", "team": "shop",
	}, kept.Labels)
	assert.Equal(t, map[string]string{
		v1alpha1.ClaimAnnotation: "shop/db", "pv.kubernetes.io/provisioned-by": provider, v1alpha1.LockAnnotation: lock,
	}, kept.Annotations)
	assert.Equal(t, "data of "+backupID, w.backends[w.volume(lock).Spec.CSI.VolumeHandle], "the claim has its backup")
	assert.Contains(t, w.events.about("EarlierVolumeKept")[0], "is kept, as volume "+keptAs)
	order := slices.DeleteFunc(slices.Clone(w.writes), func(what string) bool { return !strings.Contains(what, "v1.PersistentVolume soteria-") })
	assert.Equal(t, []string{"create v1.PersistentVolume " + keptAs, "delete v1.PersistentVolume " + lock, "create v1.PersistentVolume " + lock}, order)
}

func TestAVolumeThatIsNotToBePutAsideKeepsItsName(t *testing.T) {
	tests := map[string]struct {
		volume  func(*corev1.PersistentVolume)
		message string
	}{
		"its policy is not to retain": {
			func(v *corev1.PersistentVolume) {
				v.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRecycle
			},
			"is not kept but goes, as its reclaim policy Recycle says",
		},
		"Soteria did not make it": {func(v *corev1.PersistentVolume) { v.Labels = nil }, "belongs to shop/db (uid uid-0)"},
		"Soteria handed it to another claim": {
			func(v *corev1.PersistentVolume) {
				v.Annotations[v1alpha1.ClaimAnnotation] = "shop-d/b"
				v.Spec.ClaimRef.Namespace, v.Spec.ClaimRef.Name = "shop-d", "b"
			},
			"belongs to shop-d/b (uid uid-0)",
		},
		"it is reserved for another claim by now": {
			func(v *corev1.PersistentVolume) { v.Spec.ClaimRef.Name = "db-old" }, "belongs to shop/db-old (uid uid-0)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := afterAnEarlierLife(t, test.volume)
			w.until(func() bool { return len(w.events.about("VolumeNameTaken")) > 0 }, "said why")
			for range 5 {
				_, err := w.tick()
				require.NoError(t, err)
			}
			assert.Contains(t, w.restore().Status.Message, test.message)
			assert.Empty(t, w.writesTo(lock))
			assert.Len(t, w.volumes(), 1)
			assert.Equal(t, earlierData, w.backends[earlier])
			assert.Equal(t, corev1.ClaimPending, w.claim().Status.Phase)
		})
	}
}

func TestAVolumeOfAnotherStorageUnderTheNewNameStopsTheRename(t *testing.T) {
	w := afterAnEarlierLife(t)
	require.NoError(t, w.api.Create(t.Context(), aVolume(keptAs, "theirs", class)))
	w.until(func() bool { return len(w.events.about("VolumeNameTaken")) > 0 }, "said why")
	assert.Contains(t, w.restore().Status.Message, "volume "+keptAs+" has the name")
	requireKept(w)
	require.NotNil(t, w.volume(lock))

	require.NoError(t, w.api.Delete(t.Context(), w.volume(keptAs)))
	w.until(w.completed, "completed")
	requireKept(w)
}

func TestAnEarlierVolumeIsRenamedOnlyOnceNothingUsesIt(t *testing.T) {
	attachment := &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "stuck", Annotations: map[string]string{"prime": "kept"}},
		Spec:       storagev1.VolumeAttachmentSpec{NodeName: "node-9", Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: ptr.To(lock)}},
	}
	w := afterAnEarlierLife(t)
	require.NoError(t, w.api.Create(t.Context(), attachment))
	w.jobs["keeps the attachment"] = &job{}
	w.jobs["keeps the attachment"].request.Prime = "kept"
	w.until(func() bool {
		return w.restore() != nil && strings.Contains(w.restore().Status.Message, "detached from node node-9")
	}, "waited")
	for range 5 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	assert.Nil(t, w.volume(keptAs))
	delete(w.jobs, "keeps the attachment")
	w.until(w.completed, "completed once it is detached")
	requireKept(w)
}

func TestTheRemedyForATakenNameFitsTheLock(t *testing.T) {
	theirs := aVolume(lock, earlier, class)
	theirs.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "shop-d", Name: "b", UID: "uid-0"}
	claim := aClaim()
	assert.Contains(t, restore.LockProblem(theirs, claim), "apply it again to get another name")
	claim.Spec.VolumeName = kube.NamedLock("shop", "db")
	assert.Contains(t, restore.LockProblem(theirs, claim), "give the claim another name")
}

func TestAWaitForTheLocksNameThatLastsIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*corev1.PersistentVolume)
		says   string
	}{
		"the volume is kept by a finalizer": {func(v *corev1.PersistentVolume) {
			v.DeletionTimestamp, v.Finalizers = &metav1.Time{Time: noon}, []string{"external-attacher/csi-example-com"}
		}, "its finalizers external-attacher/csi-example-com"},
		"the volume goes as its policy says": {func(v *corev1.PersistentVolume) {
			v.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRecycle
		}, "kubectl describe pv " + lock},
	} {
		t.Run(name, func(t *testing.T) {
			w := afterAnEarlierLife(t, c.change)
			w.pass(5 * time.Minute)
			require.True(t, w.isStalled())
			assert.Contains(t, strings.Join(w.events.all, "\n"), c.says)
		})
	}
}
