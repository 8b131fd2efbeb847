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
	"k8s.io/utils/ptr"
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

func newMaking(t *testing.T, change ...func(*longhorntest.Stored)) making {
	t.Helper()
	lh := longhorntest.New(t)
	lh.SetTarget("default", storeURL, "")
	stored := longhorntest.Stored{
		Target: "default", Volume: volumeOne, Name: "backup-a1", SnapshotCreated: time.Date(2026, 4, 12, 3, 0, 0, 0, time.UTC),
		Labels: map[string]string{longhorn.NamespaceLabel: "media", longhorn.PVCLabel: "photos"}, VolumeSize: gibibyte,
	}
	for _, f := range change {
		f(&stored)
	}
	lh.Store(stored)
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

// requestOf is a request for a volume of a class with these parameters.
func (m making) requestOf(parameters map[string]string, change ...func(*driver.VolumeRequest)) driver.VolumeRequest {
	req := m.request(1, "1Gi")
	req.Class.Parameters = parameters
	for _, f := range change {
		f(&req)
	}
	return req
}

func asking(mode corev1.PersistentVolumeAccessMode) func(*driver.VolumeRequest) {
	return func(req *driver.VolumeRequest) {
		req.Target.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{mode}
	}
}

// asked is what Longhorn was asked for the volume.
func (m making) asked() map[string]any { return m.lh.Asked(longhorn.VolumeName(claimUID, 1)) }

func TestAMigratableClassRestoresForOneNode(t *testing.T) {
	m := newMaking(t)
	done, _ := m.until(driver.FillDone, m.requestOf(map[string]string{"migratable": "true"}))
	assert.Equal(t, "false", done.Volume.Spec.CSI.VolumeAttributes["migratable"])
	assert.Empty(t, done.Warnings, "Longhorn's plugin does the same")
}

func TestAVolumeForOnePodIsRwoBeforeLonghornKnewMore(t *testing.T) {
	for minor, want := range map[int]string{10: "rwo", 11: "rwop"} {
		m := newMaking(t)
		m.lh.Release(minor)
		done, _ := m.until(driver.FillDone, m.requestOf(nil, asking(corev1.ReadWriteOncePod)))
		assert.Equal(t, want, m.asked()["accessMode"])
		assert.Equal(t, want == "rwop", done.Volume.Spec.CSI.VolumeAttributes["exclusive"] == "true")
		assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}, done.Volume.Spec.AccessModes)
	}
}

func TestTheRecurringJobsOfTheClassGoOn(t *testing.T) {
	m := newMaking(t)
	m.until(driver.FillDone, m.requestOf(map[string]string{"recurringJobSelector": `[{"name":"nightly","isGroup":true}]`}))
	assert.Equal(t, []any{map[string]any{"name": "nightly", "isGroup": true}}, m.asked()["recurringJobSelector"])
}

func TestABackupRestoresWhateverLonghornsOwnBlockSizeIs(t *testing.T) {
	odd := func(s *longhorntest.Stored) { s.VolumeSize = 66 << 20 }
	m := newMaking(t, odd)
	m.lh.Set("default-backup-block-size", "16")
	done, _ := m.until(driver.FillDone, m.requestOf(nil, func(req *driver.VolumeRequest) { *req = m.request(1, "66Mi") }))
	assert.Equal(t, "66Mi", done.Volume.Spec.Capacity.Storage().String())
	assert.Equal(t, "2097152", m.asked()["backupBlockSize"], "the backup's own")

	m = newMaking(t, odd)
	m.lh.Set("default-backup-block-size", "16")
	done, _ = m.until(driver.FillDone, m.requestOf(map[string]string{"backupBlockSize": "16Mi"}))
	assert.Equal(t, "2097152", m.asked()["backupBlockSize"], "that of the class does not fit")
	assert.Contains(t, done.Warnings, "its backup block size is 2097152 bytes, and not the 16777216 of the class, which does not fit its size")

	m = newMaking(t)
	m.until(driver.FillDone, m.requestOf(map[string]string{"backupBlockSize": "16Mi"}))
	assert.Equal(t, "16777216", m.asked()["backupBlockSize"], "that of the class fits")

	m = newMaking(t, odd)
	m.lh.Release(9)
	m.until(driver.FillDone, m.requestOf(nil))
	assert.NotContains(t, m.asked(), "backupBlockSize", "this version has one alone")
}

func TestABlockSizeThatLonghornRefusesGivesWayToTheOneThatAlwaysFits(t *testing.T) {
	m := newMaking(t, func(s *longhorntest.Stored) { s.BlockSize = 16 << 20 })
	m.lh.Change(func(f *longhorntest.Faults) {
		refused := false
		f.Answer = func(call string) (int, string) {
			if call != "POST volumes" || refused {
				return 0, ""
			}
			refused = true // as where the backup volume tells of another size than the backup
			return 500, `{"type":"error","status":500,"message":"volume size 1 must be an integer multiple of the backup block size 16777216"}`
		}
	})
	m.until(driver.FillDone, m.requestOf(nil))
	assert.Equal(t, "2097152", m.asked()["backupBlockSize"])
}

func TestAVolumeGrowsByWholeBlocks(t *testing.T) {
	m := newMaking(t, func(s *longhorntest.Stored) { s.BlockSize = 16 << 20 })
	done, _ := m.until(driver.FillDone, m.request(1, "1026Mi"))
	assert.Equal(t, "1040Mi", done.Volume.Spec.Capacity.Storage().String())
}

func TestAVolumeIsOnTheBackingImageOfItsBackup(t *testing.T) {
	on := func(image string) func(*longhorntest.Stored) {
		return func(s *longhorntest.Stored) { s.BackingImage = image }
	}
	t.Run("by name, so that Longhorn restores the image where it must", func(t *testing.T) {
		m := newMaking(t, on("golden"))
		m.lh.AddBackingImage("golden")
		done, _ := m.until(driver.FillDone, m.requestOf(map[string]string{"backingImage": "golden", "backingImageDataSourceType": "download"}))
		assert.Equal(t, "golden", m.asked()["backingImage"])
		assert.Equal(t, "default", m.asked()["backupTargetName"], "where the image's backup is looked for")
		assert.Empty(t, done.Warnings)
	})
	t.Run("and never on the class's, which would show through", func(t *testing.T) {
		m := newMaking(t)
		m.lh.AddBackingImage("golden")
		done, _ := m.until(driver.FillDone, m.requestOf(map[string]string{"backingImage": "golden"}))
		assert.NotContains(t, m.asked(), "backingImage")
		assert.Equal(t, []string{`its backing image is "", on which its backup was taken, and not the class's "golden"`}, done.Warnings)
	})
	t.Run("and is not made while that is missing", func(t *testing.T) {
		m := newMaking(t, on("golden"))
		_, err := m.d.MakeVolume(t.Context(), m.requestOf(nil))
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
		require.ErrorContains(t, err, "backup backup-a1 was taken of a volume on backing image golden")
		assert.ErrorContains(t, err, "make it in Longhorn under that name")
	})
}

func TestAnEncryptedBackupIsNotRestoredToAClassThatDoesNotEncrypt(t *testing.T) {
	m := newMaking(t, func(s *longhorntest.Stored) { s.Labels["volume-encrypted"] = "enabled" })
	_, err := m.d.MakeVolume(t.Context(), m.requestOf(nil))
	assert.Equal(t, backup.Invalid, backup.KindOf(err))
	require.ErrorContains(t, err, "backup backup-a1 is of an encrypted volume, and storage class longhorn does not encrypt")
	_, err = m.d.MakeVolume(t.Context(), m.requestOf(nil, func(req *driver.VolumeRequest) { req.Class.Name = "" }))
	require.ErrorContains(t, err, "the volume that Soteria copies from to other provisioners' volumes does not encrypt")
	assert.Zero(t, m.lh.Calls("POST volumes"))
	m.until(driver.FillDone, m.requestOf(map[string]string{"encrypted": "true"}))
}

func TestLaterBackupsGoWhereTheClassSays(t *testing.T) {
	t.Run("to a target of its own", func(t *testing.T) {
		m := newMaking(t)
		m.lh.SetTarget("offsite", "nfs://nas.lan:/lh", "")
		m.until(driver.FillDone, m.requestOf(map[string]string{"backupTargetName": "offsite"}))
		assert.Equal(t, "offsite", m.lh.BackupTargetOf(longhorn.VolumeName(claimUID, 1)))
	})
	t.Run("where the backup was, if it does not say", func(t *testing.T) {
		m := newMaking(t)
		m.until(driver.FillDone, m.requestOf(nil))
		assert.Zero(t, m.lh.Calls("updateBackupTargetName"))
	})
	t.Run("nowhere else before Longhorn had several", func(t *testing.T) {
		m := newMaking(t)
		m.lh.Release(7)
		m.until(driver.FillDone, m.requestOf(map[string]string{"backupTargetName": "offsite"}))
		assert.Zero(t, m.lh.Calls("updateBackupTargetName"))
	})
	t.Run("and not without it being there", func(t *testing.T) {
		m := newMaking(t)
		req := m.requestOf(map[string]string{"backupTargetName": "offsite"})
		var err error
		for range 2000 {
			if _, err = m.d.MakeVolume(t.Context(), req); err != nil {
				break
			}
			m.pass()
		}
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
		require.ErrorContains(t, err, "failed to get backup target offsite")
		assert.ErrorContains(t, err, "make that target in Longhorn, or the class again without it")
	})
}

func inZones(zones ...string) func(*driver.VolumeRequest) {
	return func(req *driver.VolumeRequest) {
		req.Class.AllowedTopologies = []corev1.TopologySelectorTerm{{
			MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyZone, Values: zones}},
		}}
	}
}

func TestAVolumeIsKeptToWhereTheClassAllows(t *testing.T) {
	t.Run("by the labels that Longhorn's setting names", func(t *testing.T) {
		m := newMaking(t)
		m.lh.Set("csi-allowed-topology-keys", corev1.LabelTopologyZone)
		done, _ := m.until(driver.FillDone, m.requestOf(nil, inZones("a", "b")))
		require.NotNil(t, done.Volume.Spec.NodeAffinity)
		assert.Len(t, done.Volume.Spec.NodeAffinity.Required.NodeSelectorTerms, 2)
		assert.NotContains(t, m.asked(), "topologyRequirement")
	})
	t.Run("and anywhere else", func(t *testing.T) {
		for name, c := range map[string]struct {
			minor      int
			keys       string
			parameters map[string]string
		}{
			"where the setting names none":     {12, "", nil},
			"where Longhorn has no setting":    {10, corev1.LabelTopologyZone, nil},
			"where Longhorn itself sees to it": {12, corev1.LabelTopologyZone, map[string]string{"dataLocality": "strict-local", "numberOfReplicas": "1"}},
		} {
			t.Run(name, func(t *testing.T) {
				m := newMaking(t)
				m.lh.Release(c.minor)
				m.lh.Set("csi-allowed-topology-keys", c.keys)
				done, _ := m.until(driver.FillDone, m.requestOf(c.parameters, inZones("a")))
				assert.Nil(t, done.Volume.Spec.NodeAffinity)
			})
		}
	})
	t.Run("with its data, where that is asked", func(t *testing.T) {
		m := newMaking(t)
		m.lh.Set("csi-allowed-topology-keys", corev1.LabelTopologyZone)
		done, _ := m.until(driver.FillDone, m.requestOf(map[string]string{"volumeTopology": "zonal"}, inZones("a")))
		assert.Equal(t, []any{map[string]any{"zone": "a"}}, m.asked()["topologyRequirement"])
		assert.Equal(t, "enabled", m.asked()["replicaZoneSoftAntiAffinity"])
		require.NotNil(t, done.Volume.Spec.NodeAffinity)
		assert.Empty(t, done.Warnings)
	})
	t.Run("but its data only where one place is known", func(t *testing.T) {
		m := newMaking(t)
		m.lh.Set("csi-allowed-topology-keys", corev1.LabelTopologyZone)
		done, _ := m.until(driver.FillDone, m.requestOf(map[string]string{"volumeTopology": "zonal"}, inZones("a", "b")))
		assert.NotContains(t, m.asked(), "topologyRequirement")
		require.Len(t, done.Warnings, 1)
		assert.Contains(t, done.Warnings[0], "volumeTopology is zonal")
	})
	t.Run("and says that no node was chosen for it", func(t *testing.T) {
		late := func(req *driver.VolumeRequest) {
			req.Class.VolumeBindingMode = ptr.To(storagev1.VolumeBindingWaitForFirstConsumer)
		}
		strict := map[string]string{"strictTopology": "true"}
		m := newMaking(t)
		m.lh.Set("csi-allowed-topology-keys", corev1.LabelTopologyZone)
		done, _ := m.until(driver.FillDone, m.requestOf(strict, inZones("a", "b"), late))
		require.Len(t, done.Warnings, 1)
		assert.Contains(t, done.Warnings[0], "as strictTopology asks")
		for _, req := range []driver.VolumeRequest{m.requestOf(strict, inZones("a"), late), m.requestOf(strict, inZones("a", "b"))} {
			done, err := m.d.MakeVolume(t.Context(), req)
			require.NoError(t, err)
			assert.Empty(t, done.Warnings, "one place is where every node is, and without waiting no node would be chosen")
		}
	})
	t.Run("and is not made while the setting cannot be read", func(t *testing.T) {
		m := newMaking(t)
		m.lh.Change(func(f *longhorntest.Faults) {
			f.Answer = func(call string) (int, string) {
				if call == "GET settings/csi-allowed-topology-keys" {
					return 503, "upstream connect error"
				}
				return 0, ""
			}
		})
		_, err := m.d.MakeVolume(t.Context(), m.requestOf(nil, inZones("a")))
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
		assert.Zero(t, m.lh.Calls("POST volumes"))
	})
}

func TestAParameterThatNobodyKnowsIsToldWhenTheVolumeIsMadeAndWhenItIsDone(t *testing.T) {
	m := newMaking(t)
	req := m.requestOf(map[string]string{"numberOfReplicas": "2", "replicaColour": "blue"})
	state, err := m.d.MakeVolume(t.Context(), req)
	require.NoError(t, err)
	require.Len(t, state.Warnings, 1)
	assert.Contains(t, state.Warnings[0], "replicaColour")
	done, _ := m.until(driver.FillDone, req)
	assert.Equal(t, state.Warnings, done.Warnings)
	assert.Equal(t, "blue", done.Volume.Spec.CSI.VolumeAttributes["replicaColour"], "the plugin gets it at mount")
}

func TestThatSomethingIsNotThereIsNoAnswerAboutTheVolume(t *testing.T) {
	m := newMaking(t)
	m.lh.Change(func(f *longhorntest.Faults) {
		f.Answer = func(call string) (int, string) {
			if call == "POST backupvolumes/"+volumeOne+"?action=backupGet" {
				return 404, `{"type":"error","status":404,"message":"backup.longhorn.io \"backup-a1\" not found"}`
			}
			return 0, ""
		}
	})
	_, err := m.d.MakeVolume(t.Context(), m.request(1, "1Gi"))
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "it may pass by itself")
}
