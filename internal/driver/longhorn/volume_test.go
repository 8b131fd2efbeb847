package longhorn_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/longhorntest"
)

const (
	storeURL  = "s3://backups@us-east-1/lh/"
	claimUID  = types.UID("7f0e0000-0000-4000-8000-000000000001")
	gibibyte  = int64(1) << 30
	volumeOne = "pvc-11111111-1111-4111-8111-111111111111"
)

// making is a driver that makes volumes of one backup in a Longhorn.
type making struct {
	t    *testing.T
	lh   *longhorntest.Longhorn
	d    *longhorn.Driver
	api  client.Client
	have backup.Backup
}

func newMaking(t *testing.T) making {
	t.Helper()
	lh := longhorntest.New(t)
	lh.SetTarget("default", storeURL, "")
	lh.Store(longhorntest.Stored{
		Target: "default", Volume: volumeOne, Name: "backup-a1", SnapshotCreated: time.Date(2026, 4, 12, 3, 0, 0, 0, time.UTC),
		Labels: map[string]string{longhorn.NamespaceLabel: "media", longhorn.PVCLabel: "photos"}, VolumeSize: gibibyte,
	})
	scheme := runtime.NewScheme()
	require.NoError(t, corev1.AddToScheme(scheme))
	cluster := fake.NewClientBuilder().WithScheme(scheme).Build()
	d, err := longhorn.New(longhorn.Config{URL: lh.URL(), OwnNamespace: "soteria-system"}, longhorn.Cluster{
		Client: cluster, Reader: noLeases{cluster}, REST: lh.REST(t), Identity: "test", Clock: lh.Clock(),
	})
	require.NoError(t, err)
	m := making{t: t, lh: lh, d: d, api: cluster}
	listing := &drivertest.Listing{}
	_, err = d.List(t.Context(), listing)
	require.NoError(t, err)
	require.Len(t, listing.Backups, 1)
	m.have = listing.Backups[0]
	return m
}

// noLeases is a cluster without running backups; only those are asked for that
// the scheme does not know.
type noLeases struct{ client.Client }

func (n noLeases) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if err := n.Client.List(ctx, list, opts...); !runtime.IsNotRegisteredError(err) {
		return err
	}
	return nil
}

func (m making) request(attempt int32, size string) driver.VolumeRequest {
	return driver.VolumeRequest{
		Target: &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "photos", UID: claimUID},
			Spec: corev1.PersistentVolumeClaimSpec{
				VolumeName: "soteria-lock", AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}},
			},
		},
		Class:   &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "longhorn"}, Provisioner: longhorn.Provisioner, Parameters: map[string]string{"numberOfReplicas": "2"}},
		Attempt: attempt, Backup: m.have,
	}
}

// until makes the volume until it is in that phase, and gives all that was seen.
func (m making) until(phase driver.FillPhase, req driver.VolumeRequest) (last driver.VolumeState, seen []driver.FillPhase) {
	m.t.Helper()
	for range 2000 {
		state, err := m.d.MakeVolume(m.t.Context(), req)
		require.NoError(m.t, err)
		seen = append(seen, state.Phase)
		if state.Phase == phase {
			return state, seen
		}
		m.pass()
	}
	require.Fail(m.t, "never came to that", "phase %v", phase)
	return driver.VolumeState{}, nil
}

// pass lets half a second of Longhorn's time pass.
func (m making) pass() {
	m.t.Helper()
	select {
	case <-m.lh.Clock().After(500 * time.Millisecond):
	case <-m.t.Context().Done():
	}
}

func TestABackupBecomesAVolumeThatAClaimCanBeHanded(t *testing.T) {
	m := newMaking(t)
	done, seen := m.until(driver.FillDone, m.request(1, "1Gi"))
	assert.Contains(t, seen, driver.FillRunning, "progress was told on the way")
	assert.Equal(t, longhorn.VolumeName(claimUID, 1), done.Volume.Spec.CSI.VolumeHandle)
	assert.Equal(t, "1Gi", done.Volume.Spec.Capacity.Storage().String())
	assert.Equal(t, 1, m.lh.Calls("POST volumes"), "it was made once, however often it was asked for")

	again, err := m.d.MakeVolume(t.Context(), m.request(1, "1Gi"))
	require.NoError(t, err)
	assert.Equal(t, done.Volume, again.Volume, "after a crash the same is found")
}

func TestAClaimThatAsksForMoreGetsAVolumeThatHasGrown(t *testing.T) {
	m := newMaking(t)
	done, _ := m.until(driver.FillDone, m.request(1, "3Gi"))
	assert.Equal(t, "3Gi", done.Volume.Spec.Capacity.Storage().String())
}

func TestAClaimThatAsksForLessGetsTheRealSize(t *testing.T) {
	m := newMaking(t)
	done, _ := m.until(driver.FillDone, m.request(1, "10Mi"))
	assert.Equal(t, "1Gi", done.Volume.Spec.Capacity.Storage().String())
	assert.Zero(t, m.lh.Calls("action=expand"))
}

func TestAnAttemptAfterOneThatFailedMakesAnotherVolume(t *testing.T) {
	m := newMaking(t)
	m.lh.Change(func(f *longhorntest.Faults) { f.RestoreError = "all replicas failed" })
	failed, _ := m.until(driver.FillFailed, m.request(1, "1Gi"))
	assert.Contains(t, failed.Message, "All replica restore failed and the volume became Faulted", "Longhorn's own words")
	assert.Contains(t, failed.Message, "backup-a1")

	m.lh.Change(func(f *longhorntest.Faults) { f.RestoreError = "" })
	done, _ := m.until(driver.FillDone, m.request(2, "1Gi"))
	assert.Equal(t, longhorn.VolumeName(claimUID, 2), done.Volume.Spec.CSI.VolumeHandle)
	assert.False(t, m.lh.HasVolume(longhorn.VolumeName(claimUID, 1)), "that of the first attempt is gone")
}

func TestWhatLonghornRefusesIsToldInItsWords(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(m making, req *driver.VolumeRequest)
		words string
	}{
		"the backup is gone": {
			func(m making, _ *driver.VolumeRequest) {
				m.lh.Remove("backup-a1")
				_, err := m.d.List(m.t.Context(), &drivertest.Listing{})
				require.NoError(m.t, err)
			}, `"backup-a1" not found`,
		},
		"a disk tag does not exist": {
			func(_ making, req *driver.VolumeRequest) { req.Class.Parameters["diskSelector"] = "ssd" }, "disk tag ssd does not exist",
		},
		"there are two backup volumes of the volume": {
			func(m making, _ *driver.VolumeRequest) {
				const recorded = `{"type":"error","status":500,"message":"failed to create volume: admission webhook \"mutator.longhorn.io\" denied the request: found more than one backup volume"}`
				m.lh.Change(func(f *longhorntest.Faults) {
					f.Answer = func(call string) (int, string) {
						if call != "POST volumes" {
							return 0, ""
						}
						return 500, recorded
					}
				})
			}, "found more than one backup volume",
		},
		"the API is down": {
			func(m making, _ *driver.VolumeRequest) {
				m.lh.Change(func(f *longhorntest.Faults) {
					f.Answer = func(string) (int, string) { return 503, "upstream connect error" }
				})
			}, "upstream connect error",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMaking(t)
			req := m.request(1, "1Gi")
			test.spoil(m, &req)
			_, err := m.d.MakeVolume(t.Context(), req)
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.words)
			assert.Equal(t, backup.Unavailable, backup.KindOf(err), "it may pass by itself")
		})
	}
}

func TestAVolumeOfThatNameThatIsNotMadeFromTheBackupIsLeftAlone(t *testing.T) {
	m := newMaking(t)
	m.lh.AddVolume(longhorntest.Volume{Name: longhorn.VolumeName(claimUID, 1)})
	_, err := m.d.MakeVolume(t.Context(), m.request(1, "1Gi"))
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	gone, err := m.d.DiscardVolume(t.Context(), claimUID)
	require.NoError(t, err)
	assert.True(t, gone, "nothing of Soteria's is there")
	assert.True(t, m.lh.HasVolume(longhorn.VolumeName(claimUID, 1)))
}

func TestDiscardingDeletesWhatWasMadeForTheClaimAndNothingElse(t *testing.T) {
	m := newMaking(t)
	other := m.request(1, "1Gi")
	other.Target.UID = "7f0e0000-0000-4000-8000-000000000002"
	m.until(driver.FillDone, m.request(1, "1Gi"))
	m.until(driver.FillDone, other)
	for range 2000 {
		gone, err := m.d.DiscardVolume(t.Context(), claimUID)
		require.NoError(t, err)
		if gone {
			break
		}
		m.pass()
	}
	assert.False(t, m.lh.HasVolume(longhorn.VolumeName(claimUID, 1)))
	assert.True(t, m.lh.HasVolume(longhorn.VolumeName(other.Target.UID, 1)))
}

func TestDiscardingCannotTellWhileLonghornDoesNotAnswer(t *testing.T) {
	m := newMaking(t)
	m.lh.Change(func(f *longhorntest.Faults) { f.Answer = func(string) (int, string) { return 500, "" } })
	gone, err := m.d.DiscardVolume(t.Context(), claimUID)
	require.Error(t, err)
	assert.False(t, gone)
}
