package restore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/restore"
)

func TestAPrimeIsLikeItsClaimButForWhatWouldBindIt(t *testing.T) {
	claim := aClaim(func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeAttributesClassName = ptr.To("gold") })
	w := newWorld(t, aClass(true, corev1.PersistentVolumeReclaimDelete), claim)
	w.until(func() bool { return w.prime() != nil }, "made a prime")
	prime := w.prime()
	assert.Equal(t, "prime-uid-1", prime.Name)
	assert.Equal(t, claim.Spec.AccessModes, prime.Spec.AccessModes)
	assert.Equal(t, claim.Spec.Resources, prime.Spec.Resources)
	assert.Equal(t, claim.Spec.VolumeAttributesClassName, prime.Spec.VolumeAttributesClassName)
	assert.Nil(t, prime.Spec.DataSourceRef)
	assert.Equal(t, "shop/db", prime.Annotations[v1alpha1.ClaimAnnotation])
	assert.Equal(t, lock, prime.Annotations[v1alpha1.LockAnnotation])
	assert.Equal(t, "restic/"+backupID, prime.Annotations[v1alpha1.BackupAnnotation])

	twin := get(w, types.NamespacedName{Name: *prime.Spec.StorageClassName}, &storagev1.StorageClass{})
	require.NotNil(t, twin)
	assert.NotEqual(t, class, twin.Name)
	original := aClass(true, corev1.PersistentVolumeReclaimDelete)
	assert.Equal(t, original.Provisioner, twin.Provisioner)
	assert.Equal(t, original.Parameters, twin.Parameters)
	assert.Equal(t, original.VolumeBindingMode, twin.VolumeBindingMode)
	assert.Equal(t, original.ReclaimPolicy, twin.ReclaimPolicy)
}

func TestATwinIsNeverTheDefaultAndChangesItsNameWithWhatItDoes(t *testing.T) {
	original := aClass(false, corev1.PersistentVolumeReclaimDelete)
	original.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	first, err := restore.Twin(original)
	require.NoError(t, err)
	assert.NotContains(t, first.Annotations, "storageclass.kubernetes.io/is-default-class")
	assert.Empty(t, first.UID)

	again, err := restore.Twin(original)
	require.NoError(t, err)
	assert.Equal(t, first.Name, again.Name)

	original.Parameters = map[string]string{"tier": "hdd"}
	changed, err := restore.Twin(original)
	require.NoError(t, err)
	assert.NotEqual(t, first.Name, changed.Name)

	original.Name = strings.Repeat("a", 253)
	long, err := restore.Twin(original)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(long.Name), 253)
}

func TestAVolumeThatLiesAroundIsNeitherTakenNorChangedNorInTheWay(t *testing.T) {
	for _, s := range settings {
		t.Run(s.String(), func(t *testing.T) {
			w := s.world(t)
			require.NoError(t, w.api.Create(t.Context(), aVolume("stray", "stray-handle", class)))
			before := w.volume("stray")
			w.until(w.completed, "completed")
			assert.Equal(t, before, w.volume("stray"))
			assert.Equal(t, corev1.ClaimBound, w.claim().Status.Phase)
			assert.NotEqual(t, "stray-handle", w.volume(lock).Spec.CSI.VolumeHandle)
		})
	}
}

func TestATwinThatIsDeletedUnderwayIsMadeAgain(t *testing.T) {
	w := newWorld(t, aClass(true, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.onWrite = func(int) {
		prime := w.prime()
		if prime == nil || prime.Spec.VolumeName != "" || w.crashAt != 0 {
			return
		}
		w.crashAt = len(w.writes) // the process dies with the prime just made
	}
	w.until(func() bool { return w.prime() != nil }, "made a prime")
	name := types.NamespacedName{Name: *w.prime().Spec.StorageClassName}
	require.Empty(t, w.prime().Spec.VolumeName, "it waits for its first consumer")
	require.NoError(t, w.api.Delete(t.Context(), get(w, name, &storagev1.StorageClass{})))
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[1])
}

// trapped is a world where somebody makes a volume of the very class that primes
// have, at the moment when the prime is made.
func trapped(t *testing.T, policy corev1.PersistentVolumeReclaimPolicy) (*world, *corev1.PersistentVolume) {
	t.Helper()
	sc := aClass(false, corev1.PersistentVolumeReclaimDelete)
	twin, err := restore.Twin(sc)
	require.NoError(t, err)
	stray := aVolume("stray", "stray-handle", twin.Name)
	stray.Spec.PersistentVolumeReclaimPolicy = policy
	w := newWorld(t, sc, aClaim())
	w.backends["stray-handle"] = "precious"
	sprung := false
	w.onWrite = func(int) {
		if prime := w.prime(); prime != nil && !sprung {
			sprung = true
			require.NoError(t, w.api.Create(t.Context(), stray.DeepCopy()))
		}
	}
	return w, stray
}

func TestAVolumeMadeByHandThatThePrimeWasBoundToIsNeverWrittenToNorDestroyed(t *testing.T) {
	w, stray := trapped(t, corev1.PersistentVolumeReclaimDelete)
	w.until(func() bool { return len(w.events.about("ForeignVolume")) > 0 }, "said what is wrong")
	for range 5 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	require.NotNil(t, w.prime(), "deleting the prime would destroy the volume")
	assert.Equal(t, "precious", w.backends["stray-handle"])
	assert.Empty(t, w.requests, "nothing was written")
	assert.Contains(t, w.restore().Status.Message, "kubectl patch pv stray")

	kept := w.volume(stray.Name)
	kept.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	require.NoError(t, w.api.Update(t.Context(), kept))
	w.until(w.completed, "completed once the administrator keeps the volume")
	assert.Equal(t, "precious", w.backends["stray-handle"])
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, w.volume("stray").Spec.PersistentVolumeReclaimPolicy)
}

func TestAVolumeMadeByHandOutlivesACancelledRestoreToo(t *testing.T) {
	w, _ := trapped(t, corev1.PersistentVolumeReclaimDelete)
	w.until(func() bool { return w.prime() != nil }, "made a prime")
	require.NoError(t, w.api.Delete(t.Context(), w.claim()))
	for range 10 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	assert.Equal(t, "precious", w.backends["stray-handle"])
	assert.NotNil(t, w.volume("stray"))
	assert.NotNil(t, w.prime(), "kept until somebody keeps the volume")
}

func TestARetainedVolumeMadeByHandIsLetGo(t *testing.T) {
	w, _ := trapped(t, corev1.PersistentVolumeReclaimRetain)
	w.until(w.completed, "completed")
	assert.Equal(t, "precious", w.backends["stray-handle"])
	assert.Empty(t, w.writesTo("stray"))
}

func (w *world) writesTo(name string) (found []string) {
	for _, what := range w.writes {
		if what == "patch v1.PersistentVolume "+name || what == "delete v1.PersistentVolume "+name {
			found = append(found, what)
		}
	}
	return found
}

func TestAClaimForWhichNoVolumeCanBeMadeSaysWhy(t *testing.T) {
	block := corev1.PersistentVolumeBlock
	byHand := aClass(false, corev1.PersistentVolumeReclaimDelete)
	byHand.Provisioner = "kubernetes.io/no-provisioner"
	tests := map[string]struct {
		claim   func(*corev1.PersistentVolumeClaim)
		class   *storagev1.StorageClass
		reason  string
		message string
	}{
		"a raw block device": {
			claim: func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeMode = &block }, class: aClass(false, corev1.PersistentVolumeReclaimDelete),
			reason: "Unsupported", message: "volumeMode Block",
		},
		"a class that does not exist": {
			claim: func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = ptr.To("gone") }, class: aClass(false, corev1.PersistentVolumeReclaimDelete),
			reason: "StorageClassUnusable", message: "storage class gone does not exist",
		},
		"no class at all": {
			claim: func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = ptr.To("") }, class: aClass(false, corev1.PersistentVolumeReclaimDelete),
			reason: "StorageClassUnusable", message: "onto provisioned volumes only",
		},
		"no default class": {
			claim: func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = nil }, class: aClass(false, corev1.PersistentVolumeReclaimDelete),
			reason: "StorageClassUnusable", message: "no default one",
		},
		"a class of volumes made by hand": {
			claim: func(*corev1.PersistentVolumeClaim) {}, class: byHand,
			reason: "StorageClassUnusable", message: "made by hand",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, test.class, aClaim(test.claim))
			w.until(func() bool { return len(w.events.about(test.reason)) > 0 }, "said why")
			assert.Contains(t, w.restore().Status.Message, test.message)
			assert.Nil(t, w.prime())
		})
	}
}

func TestARawBlockClaim(t *testing.T) {
	aBlockClaim := func() *corev1.PersistentVolumeClaim {
		return aClaim(func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock) })
	}
	t.Run("without a backup starts empty, on a device that was looked at as one", func(t *testing.T) {
		w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aBlockClaim())
		w.answers = none
		w.until(w.completed, "completed")
		require.NotEmpty(t, w.requests)
		assert.True(t, w.requests[0].Block)
		assert.Equal(t, corev1.PersistentVolumeBlock, *w.volume(lock).Spec.VolumeMode)
	})
	t.Run("is restored by a backup system that makes volumes", func(t *testing.T) {
		w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aBlockClaim())
		w.answers = func() backup.Answer { return found(aMadeBackup()) }
		w.until(w.completed, "completed")
		assert.Empty(t, w.requests, "nothing was filled")
	})
	t.Run("whose newest backup is one of files holds, and is told how to go on", func(t *testing.T) {
		w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aBlockClaim())
		w.until(func() bool { return len(w.events.about("Unsupported")) > 0 }, "said why")
		for _, remedy := range []string{"soteria.dev/restore-backup", "soteria.dev/restore=skip", "volumeMode Filesystem"} {
			assert.Contains(t, w.restore().Status.Message, remedy)
		}
		assert.Nil(t, w.prime())
	})
}

func TestABackupOfVolumesGoesToTheClassesOfItsOwnProvisionerOnly(t *testing.T) {
	another := aClass(false, corev1.PersistentVolumeReclaimDelete)
	another.Provisioner = "another.example.com"
	w := newWorld(t, another, aClaim())
	w.answers = func() backup.Answer { return found(aMadeBackup()) }
	w.until(func() bool { return len(w.events.about("DriverMissing")) > 0 }, "said why")
	assert.Empty(t, w.made)
}

func TestAPrimesNameThatSomebodyElseTookIsNotTouched(t *testing.T) {
	squatter := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "prime-uid-1", UID: "squatter"},
		Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("none"), VolumeName: "somewhere"},
	}
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), squatter)
	w.until(func() bool { return len(w.events.about("PrimeNameTaken")) > 0 }, "said why")
	assert.EqualValues(t, "squatter", w.prime().UID)
	require.NoError(t, w.api.Delete(t.Context(), w.claim()))
	for range 5 {
		_, err := w.tick()
		require.NoError(t, err)
	}
	assert.EqualValues(t, "squatter", w.prime().UID)
}

func TestTheDefaultClassIsTheNewestOfThoseMarked(t *testing.T) {
	marked := func(name string, hours int) storagev1.StorageClass {
		return storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{
			Name: name, CreationTimestamp: metav1.NewTime(noon.Add(-time.Duration(hours) * time.Hour)),
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		}}
	}
	assert.Nil(t, restore.DefaultClass([]storagev1.StorageClass{*aClass(false, "Delete")}))
	assert.Equal(t, "new", restore.DefaultClass([]storagev1.StorageClass{marked("old", 9), marked("new", 1), marked("older", 10)}).Name)
	assert.Equal(t, "a", restore.DefaultClass([]storagev1.StorageClass{marked("b", 1), marked("a", 1)}).Name)
}
