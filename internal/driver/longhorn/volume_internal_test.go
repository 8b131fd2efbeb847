package longhorn

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

func claimOf(size string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "photos", UID: "7f0e"},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName: "soteria-lock", AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}},
		},
	}
}

func aRequest() driver.VolumeRequest {
	return driver.VolumeRequest{
		Target: claimOf("1Gi"), Class: aClass(map[string]string{"numberOfReplicas": "2"}), Attempt: 1,
		Backup: backup.Backup{Driver: "longhorn", ID: "backup-1", Locator: "s3://b@r/?backup=backup-1&volume=pvc-1", SizeBytes: 1 << 30},
	}
}

func TestNamesOfVolumesFitAndDifferByClaimAndAttempt(t *testing.T) {
	a := VolumeName("11111111-1111-4111-8111-111111111111", 1)
	assert.Equal(t, a, VolumeName("11111111-1111-4111-8111-111111111111", 1), "always the same")
	assert.NotEqual(t, a, VolumeName("11111111-1111-4111-8111-111111111111", 2))
	assert.NotEqual(t, a, VolumeName("11111111-1111-4111-8111-111111111112", 1))
	assert.LessOrEqual(t, len(VolumeName("x", 999_999)), api.MaxVolumeName)
}

// The states that a restore was seen to go through (recording 102), and what is
// made of each.
func TestARestoreIsDoneOnlyWhenAllSignsAgree(t *testing.T) {
	done := api.Volume{RestoreInitiated: true, State: "detached", Ready: true, Robustness: "unknown"}
	assert.True(t, restored(done))
	for name, spoil := range map[string]func(*api.Volume){
		"both flags are false right after creation": func(v *api.Volume) { v.RestoreInitiated = false },
		"the restore is still required":             func(v *api.Volume) { v.RestoreRequired = true },
		"it is attached for the restore":            func(v *api.Volume) { v.State = "attached" },
		"it is being detached":                      func(v *api.Volume) { v.State = "detaching" },
		"it has no state yet":                       func(v *api.Volume) { v.State = "" },
		"it is not ready":                           func(v *api.Volume) { v.Ready = false },
	} {
		t.Run("not while "+name, func(t *testing.T) {
			v := done
			spoil(&v)
			assert.False(t, restored(v))
		})
	}
}

func TestAFailureIsToldInLonghornsWords(t *testing.T) {
	assert.Empty(t, failure(api.Volume{Robustness: "unknown", Conditions: map[string]api.Condition{"Restore": {Status: "True", Reason: "RestoreInProgress"}}}))
	assert.Equal(t, "All replica restore failed and the volume became Faulted; replica tcp://10.42.0.9:10000: disk full", failure(api.Volume{
		Robustness:    "faulted",
		Conditions:    map[string]api.Condition{"Restore": {Status: "False", Reason: "RestoreFailure", Message: "All replica restore failed and the volume became Faulted"}},
		RestoreStatus: []api.RestoreStatus{{Replica: "tcp://10.42.0.9:10000", Error: "disk full"}},
	}))
	assert.Equal(t, "the volume is faulted", failure(api.Volume{Robustness: "faulted"}))
}

func TestProgressIsTheMeanOfTheReplicas(t *testing.T) {
	state := restoring(api.Volume{Size: 1000, RestoreStatus: []api.RestoreStatus{{Progress: 100}, {Progress: 50}, {Progress: 0}}})
	assert.Equal(t, driver.FillRunning, state.Phase)
	assert.Equal(t, driver.Progress{BytesDone: 500, BytesTotal: 1000}, state.Progress)
}

func TestARestoreThatDoesNotBeginSaysWhatLonghornWaitsFor(t *testing.T) {
	state := restoring(api.Volume{Name: "v", Conditions: map[string]api.Condition{"Scheduled": {Status: "False", Reason: "ReplicaSchedulingFailure", Message: "insufficient storage"}}})
	assert.Equal(t, driver.FillPending, state.Phase)
	assert.Equal(t, "Longhorn: ReplicaSchedulingFailure: insufficient storage", state.Message)
	assert.Equal(t, "volume v is creating", restoring(api.Volume{Name: "v", State: "creating"}).Message)
}

func TestAVolumeHasGrownOnceItsEngineHas(t *testing.T) {
	grown := api.Volume{Size: 20, Controllers: []api.Controller{{Size: 20}}}
	_, done := expanded(grown)
	assert.True(t, done)
	_, done = expanded(api.Volume{Size: 20, Controllers: []api.Controller{{Size: 10}}})
	assert.False(t, done)
	words, done := expanded(api.Volume{Size: 20, Controllers: []api.Controller{{Size: 20, IsExpanding: true, LastExpansionError: "no space"}}})
	assert.False(t, done)
	assert.Equal(t, ": no space", words)
}

func TestTheObjectIsWhatTheProvisionerWouldHaveMade(t *testing.T) {
	req := aRequest()
	req.Class.Parameters["csi.storage.k8s.io/provisioner-secret-name"] = "crypto"
	req.Class.Parameters["csi.storage.k8s.io/provisioner-secret-namespace"] = "longhorn-system"
	req.Class.MountOptions = []string{"noatime"}
	made, err := object(req, api.Volume{Name: "soteria-x-1", Size: 3 << 30})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"pv.kubernetes.io/provisioned-by":                            "driver.longhorn.io",
		"volume.kubernetes.io/provisioner-deletion-secret-name":      "crypto",
		"volume.kubernetes.io/provisioner-deletion-secret-namespace": "longhorn-system",
	}, made.Annotations)
	assert.Equal(t, "3Gi", made.Spec.Capacity.Storage().String(), "the real size")
	assert.Equal(t, corev1.PersistentVolumeFilesystem, *made.Spec.VolumeMode)
	assert.Equal(t, []string{"noatime"}, made.Spec.MountOptions)
	assert.Equal(t, &corev1.CSIPersistentVolumeSource{
		Driver: "driver.longhorn.io", VolumeHandle: "soteria-x-1", FSType: "ext4", VolumeAttributes: map[string]string{"numberOfReplicas": "2"},
	}, made.Spec.CSI)

	req.Target.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock)
	made, err = object(req, api.Volume{Name: "soteria-x-1", Size: 3 << 30})
	require.NoError(t, err)
	assert.Empty(t, made.Spec.CSI.FSType, "a raw device has no file system")
}
