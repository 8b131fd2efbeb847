package longhorn_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/longhorntest"
)

// status is the label KubernetesStatus of a volume that a claim has.
func status(claim backup.Claim) map[string]string {
	return map[string]string{"KubernetesStatus": fmt.Sprintf(
		`{"pvName":"pv","pvStatus":"Bound","namespace":%q,"pvcName":%q,"lastPVCRefAt":"","workloadsStatus":null,"lastPodRefAt":""}`, claim.Namespace, claim.Name)}
}

// ours are the labels that Soteria puts on backups.
func ours(claim backup.Claim) map[string]string {
	return map[string]string{longhorn.NamespaceLabel: claim.Namespace, longhorn.PVCLabel: claim.Name}
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func hour(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }

// stored is a backup in the default backup store.
func stored(volume, name string, at time.Time, labels map[string]string) longhorntest.Stored {
	return longhorntest.Stored{Volume: volume, Name: name, SnapshotCreated: at, Labels: labels}
}

func TestConformance(t *testing.T) {
	drivertest.ListerSuite{
		New: func(t *testing.T) drivertest.Repository {
			w, n := newWorld(t), 0
			return drivertest.Repository{
				Lister: w.driver(t, "a"), ID: "default=s3://backups@us-east-1/lh",
				Add: func(_ *testing.T, claim backup.Claim, takenAt time.Time) string {
					n++
					name := fmt.Sprintf("backup-%016d", n)
					w.Store(stored(fmt.Sprintf("pvc-%d", n), name, takenAt, ours(claim)))
					return name
				},
			}
		},
		Absent: func(t *testing.T) driver.Lister {
			w := newWorld(t)
			w.SetTarget("default", "", "")
			return w.driver(t, "a")
		},
		Broken: map[string]func(t *testing.T) driver.Lister{
			"a backup target that cannot be reached": func(t *testing.T) driver.Lister {
				w := newWorld(t)
				w.SetTarget("default", longhorntest.TargetURL, "AccessDenied")
				return w.driver(t, "a")
			},
			"a version that cannot be asked to sync": func(t *testing.T) driver.Lister {
				w := newWorld(t)
				w.Change(func(f *longhorntest.Faults) { f.NoSyncAction = true })
				return w.driver(t, "a")
			},
			"a REST API that refuses": func(t *testing.T) driver.Lister {
				w := newWorld(t)
				w.Change(func(f *longhorntest.Faults) {
					f.Answer = func(string) (int, string) { return 500, `{"type":"error","message":"no ready node"}` }
				})
				return w.driver(t, "a")
			},
			"no Longhorn in the cluster": func(t *testing.T) driver.Lister {
				w := newWorld(t)
				return w.driver(t, "a", func(c *longhorn.Config) { c.Namespace = "storage" })
			},
			"another backup target than the configuration expects": func(t *testing.T) driver.Lister {
				return newWorld(t).driver(t, "a", func(c *longhorn.Config) { c.BackupTarget = "s3://others@us-east-1/lh" })
			},
			"half an answer of the REST API": func(t *testing.T) driver.Lister {
				w := newWorld(t)
				w.Change(func(f *longhorntest.Faults) { f.Answer = func(string) (int, string) { return 500, `{"type":"err` } })
				return w.driver(t, "a")
			},
		},
		Hangs: func(t *testing.T) driver.Lister {
			w := newWorld(t)
			w.Change(func(f *longhorntest.Faults) { f.TargetsNever = true })
			return w.driver(t, "a")
		},
	}.Run(t)
}

func TestALonghornThatDoesNotAnswerIsGivenUp(t *testing.T) {
	w := newWorld(t)
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	d := w.driver(t, "a", func(c *longhorn.Config) { c.URL = server.URL })
	refused(t, d, 300*time.Millisecond, backup.Unavailable, "Longhorn is not ready to tell which backups there are: it was not asked yet")
}

func TestABackupIsToldAsItIs(t *testing.T) {
	w := newWorld(t)
	labels := ours(plex)
	labels[longhorn.TagsLabel] = "before+upgrade,a%3Db"
	labels["RecurringJob"] = "nightly"
	labels["KubernetesStatus"] = status(plex)["KubernetesStatus"]
	w.Store(longhorntest.Stored{Volume: "pvc-1", Name: "backup-1", Snapshot: "soteria-backup-media-plex-20261120-120000", SnapshotCreated: noon, Labels: labels, VolumeSize: 5 << 30})
	listing := &drivertest.Listing{}
	repository, err := w.driver(t, "a").List(t.Context(), listing)
	require.NoError(t, err)
	assert.Equal(t, "default=s3://backups@us-east-1/lh", repository)
	assert.Empty(t, listing.Doubts)
	assert.Equal(t, []backup.Backup{{
		Claim: plex, Driver: "longhorn", ID: "backup-1", TakenAt: noon, SizeBytes: 5 << 30, Files: -1,
		Outcome: backup.OutcomeComplete, Tool: "longhorn", Snapshot: "soteria-backup-media-plex-20261120-120000",
		Locator: "s3://backups@us-east-1/lh/?backup=backup-1&volume=pvc-1", Tags: []string{"before upgrade", "a=b", "RecurringJob=nightly"},
	}}, listing.Backups)
}

func TestAllThatARebuiltClusterFindsIsListed(t *testing.T) {
	for _, naming := range []longhorntest.Naming{longhorntest.Naming16, longhorntest.Naming18, longhorntest.Naming19} {
		t.Run("named as in version "+string(naming), func(t *testing.T) {
			w := newWorld(t)
			w.Name(naming)
			w.Store(
				stored("pvc-1", "first-life", hour(0), status(plex)),
				stored("pvc-2", "second-life", hour(1), ours(plex)),
				stored("pvc-3", "third-life", hour(2), status(plex)),
				stored("pvc-3", "by-system-backup", hour(3), nil),
			)
			d := w.driver(t, "a")
			for range 2 {
				w.Reinstall()
				listing := list(t, d)
				assert.Empty(t, listing.Doubts)
				assert.ElementsMatch(t, []string{"first-life", "second-life", "third-life", "by-system-backup"}, ids(listing, plex))
			}
		})
	}
}

func TestDuplicateBackupVolumesDoNotDoubleBackups(t *testing.T) {
	w := newWorld(t)
	w.Change(func(f *longhorntest.Faults) { f.DuplicateVolumes = true })
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	assert.Equal(t, []string{"backup-1"}, ids(list(t, w.driver(t, "a")), plex))
}

func TestSeveralBackupTargetsAreOneRepository(t *testing.T) {
	w := newWorld(t)
	w.SetTarget("second", "nfs://nas.lan:/export/lh", "")
	w.SetTarget("unused", "", "")
	inSecond := stored("pvc-1", "backup-2", hour(1), ours(plex))
	inSecond.Target = "second"
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)), inSecond)
	listing := &drivertest.Listing{}
	d := w.driver(t, "a", func(c *longhorn.Config) { c.BackupTarget = longhorntest.TargetURL })
	repository, err := d.List(t.Context(), listing)
	require.NoError(t, err)
	assert.Equal(t, "default=s3://backups@us-east-1/lh,second=nfs://nas.lan:/export/lh", repository)
	assert.ElementsMatch(t, []string{"backup-1", "backup-2"}, ids(listing, plex))

	w.SetTarget("second", "nfs://nas.lan:/export/lh", "mount.nfs: Connection timed out")
	listing = &drivertest.Listing{}
	again, err := d.List(t.Context(), listing)
	require.NoError(t, err)
	assert.Equal(t, repository, again, "it is the same repository still")
	assert.ErrorContains(t, listing.Missed, "Longhorn cannot reach backup target second (nfs://nas.lan:/export/lh): mount.nfs: Connection timed out")
}

// TestATargetThatCannotBeReadDoesNotHideTheOthers: what the others hold is told,
// and which target is missing, with the setting that leaves it out.
func TestATargetThatCannotBeReadDoesNotHideTheOthers(t *testing.T) {
	const url = "nfs://nas.lan:/export/lh"
	for sentence, c := range map[string]struct {
		fault func(*world)
		words string
	}{
		"it cannot be reached": {func(w *world) { w.SetTarget("second", url, "mount.nfs: Connection timed out") }, "cannot reach backup target second (nfs://nas.lan:/export/lh): mount.nfs"},
		"its sync never ends": {func(w *world) { w.Change(func(f *longhorntest.Faults) { f.StuckTarget = "second" }) },
			"has not read backup target second within the time for a listing"},
		"the syncs of its backup volumes never end": {func(w *world) { w.Change(func(f *longhorntest.Faults) { f.StuckVolumesOf = "second" }) },
			"has not read backup target second within the time for a listing"},
		"Longhorn refuses to sync it": {func(w *world) {
			w.Change(func(f *longhorntest.Faults) {
				f.Answer = func(call string) (int, string) {
					if call == "POST backuptargets/second?action=backupTargetSync" {
						return 500, `{"type":"error","status":500,"message":"secret nas not found"}`
					}
					return 0, ""
				}
			})
		}, "secret nas not found"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.SetTarget("second", url, "")
			known, unseen := stored("pvc-2", "backup-2", hour(1), ours(plex)), stored("pvc-3", "backup-3", hour(2), ours(plex))
			known.Target, unseen.Target = "second", "second"
			w.Store(stored("pvc-1", "backup-1", noon, ours(plex)), known)
			d := w.driver(t, "a", func(c *longhorn.Config) { c.IgnoreTargets = []string{"old"} })
			require.NoError(t, list(t, d).Missed)

			c.fault(w)
			w.Store(unseen)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			listing := &drivertest.Listing{}
			repository, err := d.List(ctx, listing)
			require.NoError(t, err)
			assert.Contains(t, repository, "second="+url, "another repository would be RepositoryChanged")
			assert.Contains(t, ids(listing, plex), "backup-1")
			assert.Contains(t, ids(listing, plex), "backup-2", "it is known to exist")
			assert.Equal(t, backup.Unavailable, backup.KindOf(listing.Missed))
			assert.ErrorContains(t, listing.Missed, c.words)
			assert.ErrorContains(t, listing.Missed, "or leave it and its backups out with SOTERIA_LONGHORN_IGNORE_TARGETS=old,second")

			w.SetTarget("second", url, "")
			w.Change(func(f *longhorntest.Faults) { *f = longhorntest.Faults{} })
			listing = list(t, d)
			require.NoError(t, listing.Missed)
			assert.Contains(t, ids(listing, plex), "backup-3")
		})
	}
}

func TestNoTargetThatCanBeReadIsNoListing(t *testing.T) {
	w := newWorld(t)
	w.SetTarget("second", "nfs://nas.lan:/export/lh", "mount.nfs: Connection timed out")
	w.SetTarget("default", longhorntest.TargetURL, "SlowDown")
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	refused(t, w.driver(t, "a"), time.Minute, backup.Unavailable, "SlowDown; see to the target and its credentials in Longhorn's settings (the same goes for second)")
}

func TestATargetThatIsLeftOutHoldsNobody(t *testing.T) {
	w := newWorld(t)
	w.SetTarget("second", "nfs://nas.lan:/export/lh", "")
	inSecond := stored("pvc-2", "backup-2", hour(1), ours(plex))
	inSecond.Target = "second"
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)), inSecond)
	both := &drivertest.Listing{}
	before, err := w.driver(t, "a").List(t.Context(), both)
	require.NoError(t, err)
	assert.Len(t, both.Backups, 2)

	w.SetTarget("second", "nfs://nas.lan:/export/lh", "mount.nfs: Connection timed out")
	require.ErrorContains(t, list(t, w.driver(t, "a")).Missed, "or leave it and its backups out with SOTERIA_LONGHORN_IGNORE_TARGETS=second")
	leaving := func(targets ...string) *longhorn.Driver {
		return w.driver(t, "a", func(c *longhorn.Config) { c.IgnoreTargets = targets })
	}
	listing := &drivertest.Listing{}
	after, err := leaving(" second", "").List(t.Context(), listing)
	require.NoError(t, err)
	assert.Equal(t, []string{"backup-1"}, ids(listing, plex), "what is in the other is of nobody")
	assert.Empty(t, listing.Doubts)
	require.NoError(t, listing.Missed)
	assert.NotEqual(t, before, after, "it is another repository, which a person accepts")

	require.ErrorContains(t, list(t, leaving("third")).Missed, "Longhorn cannot reach backup target second")
}

func TestTheDefaultTargetIsNeverLeftOut(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	d := w.driver(t, "a", func(c *longhorn.Config) { c.IgnoreTargets = []string{"default"} }) // as Validate refuses
	assert.Equal(t, []string{"backup-1"}, ids(list(t, d), plex))
	w.SetTarget("default", longhorntest.TargetURL, "SlowDown")
	refused(t, d, time.Minute, backup.Unavailable, "Longhorn cannot reach backup target default")
}

func TestThatLonghornDoesNotFindSomethingIsNoListing(t *testing.T) {
	for sentence, answer := range map[string]string{
		"in its own words":           `{"type":"error","status":404,"message":"failed to get backup target default: backuptarget.longhorn.io \"default\" not found"}`,
		"or without any, as a proxy": "",
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t)
			w.Change(func(f *longhorntest.Faults) {
				f.Answer = func(call string) (int, string) {
					if call == "POST backuptargets/default?action=backupTargetSync" {
						return 404, answer
					}
					return 0, ""
				}
			})
			refused(t, w.driver(t, "a"), time.Minute, backup.Unavailable, "syncing backup target default")
		})
	}
}

func TestATargetThatComesBackIsListed(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	w.SetTarget("default", longhorntest.TargetURL, "SlowDown")
	d := w.driver(t, "a")
	refused(t, d, time.Minute, backup.Unavailable, "SlowDown")
	w.SetTarget("default", longhorntest.TargetURL, "")
	assert.Equal(t, []string{"backup-1"}, ids(list(t, d), plex))
}

func TestWhatIsNotSyncedProvesNothing(t *testing.T) {
	for sentence, c := range map[string]struct {
		fault func(*longhorntest.Faults)
		words string
	}{
		"no sync of the target":       {func(f *longhorntest.Faults) { f.TargetsNever = true }, "backup target default"},
		"no sync of a backup volume":  {func(f *longhorntest.Faults) { f.VolumesNever = true }, "it has yet to read 1 of 1 backup volumes, pvc-1-"},
		"too little time for backups": {func(f *longhorntest.Faults) { f.BackupsNever = true }, "it has yet to read 1 of 1 backups"},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t)
			w.Change(c.fault)
			w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
			d := w.driver(t, "a")
			succeeded := false
			// Longhorn's ten seconds between requests pass meanwhile, but not the
			// twenty that an unread backup is waited for. A slow machine does not get
			// so far each time; none of the listings may succeed.
			require.EventuallyWithT(t, func(t *assert.CollectT) {
				ctx, cancel := context.WithTimeout(context.Background(), 190*time.Millisecond)
				defer cancel()
				_, err := d.List(ctx, &drivertest.Listing{})
				succeeded = succeeded || err == nil
				assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
				assert.ErrorContains(t, err, c.words)
			}, time.Minute, time.Millisecond)
			assert.False(t, succeeded)
		})
	}
}

func TestAFirstSyncThatIsNotOverProvesNothing(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	w.Change(func(f *longhorntest.Faults) { f.VolumesNever = true })
	d := w.driver(t, "a")
	refused(t, d, 300*time.Millisecond, backup.Unavailable, "Longhorn is not ready")
	w.Change(func(f *longhorntest.Faults) { f.VolumesNever = false })
	assert.Equal(t, []string{"backup-1"}, ids(list(t, d), plex))
}

func TestASyncThatMissedABackupVolumeIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	d := w.driver(t, "a")
	list(t, d)
	w.Change(func(f *longhorntest.Faults) { f.MissesVolumes = 1 })
	w.Store(stored("pvc-1", "backup-2", hour(1), ours(plex)))
	assert.Len(t, ids(list(t, d), plex), 2)
}

func TestWhatLonghornKnewBeforeIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	d := w.driver(t, "a")
	assert.Empty(t, list(t, d).Backups)
	for n := range 3 {
		w.Store(stored(fmt.Sprintf("pvc-%d", n), fmt.Sprintf("backup-%d", n), hour(n), ours(plex)))
		assert.Len(t, ids(list(t, d), plex), n+1)
		w.Remove("backup-0")
		w.Store(stored("pvc-0", "backup-0", noon, ours(plex)))
	}
	w.Remove("backup-1")
	assert.ElementsMatch(t, []string{"backup-0", "backup-2"}, ids(list(t, d), plex))
}

func TestABackupThatCannotBeReadMakesItsClaimDoubtful(t *testing.T) {
	unreadable := longhorntest.Stored{Volume: "pvc-1", Name: "broken", SnapshotCreated: hour(1), Unreadable: true}
	t.Run("the claim of its siblings", func(t *testing.T) {
		w := newWorld(t)
		w.Store(stored("pvc-1", "backup-1", noon, ours(plex)), unreadable)
		listing := list(t, w.driver(t, "a"))
		assert.Equal(t, []string{"backup-1"}, ids(listing, plex))
		require.Len(t, listing.Doubts, 1)
		assert.ErrorContains(t, listing.Doubts[plex], "Longhorn has not read backup broken of volume pvc-1, which may be of media/plex-config")
		assert.True(t, backup.MayBeNewer(listing.Doubts[plex], noon), "this cluster got to know of it later than the other was taken")
		assert.False(t, backup.MayBeNewer(listing.Doubts[plex], w.Clock().Now().Add(time.Hour)), "one that is taken later still is newer")
	})
	t.Run("every claim, where nothing says whose it is, whatever the policy", func(t *testing.T) {
		w := newWorld(t)
		w.Store(unreadable)
		d := w.driver(t, "a", func(c *longhorn.Config) { c.Unlabeled = longhorn.Ignore })
		listing := list(t, d)
		assert.ErrorContains(t, listing.Doubts[backup.Claim{}], "which may be of any claim")

		began := w.Clock().Now()
		list(t, d)
		assert.Less(t, w.Clock().Since(began), 20*time.Second, "a second listing does not wait for it again")
	})
}

func TestABackupOfNobodysMakesEveryClaimDoubtful(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("vol-x", "backup-1", noon, nil), stored("vol-y", "backup-2", noon, map[string]string{"a": "b"}))
	listing := list(t, w.driver(t, "a"))
	assert.Empty(t, listing.Backups)
	doubt := listing.Doubts[backup.Claim{}]
	assert.Equal(t, backup.Unavailable, backup.KindOf(doubt))
	assert.ErrorContains(t, doubt, "nothing says which claim backup backup-1 of Longhorn volume vol-x (and of 1 more) is of")
	assert.ErrorContains(t, doubt, "SOTERIA_LONGHORN_UNLABELED=ignore")

	ignoring := w.driver(t, "b", func(c *longhorn.Config) { c.Unlabeled = longhorn.Ignore })
	assert.Empty(t, list(t, ignoring).Doubts)
}

func TestABackupIsOfTheClaimWhosePersistentVolumeStandsForItsVolume(t *testing.T) {
	w := newWorld(t, persistentVolume("pv-1", longhorn.Provisioner, "vol-x", plex), persistentVolume("pv-2", "other.csi", "vol-y", plex))
	w.Store(stored("vol-x", "backup-1", noon, nil), stored("vol-y", "backup-2", noon, nil))
	listing := list(t, w.driver(t, "a", func(c *longhorn.Config) { c.Unlabeled = longhorn.Ignore }))
	assert.Equal(t, []string{"backup-1"}, ids(listing, plex))
}

func TestABackupThatIsTakenMakesItsClaimDoubtful(t *testing.T) {
	w := newWorld(t)
	w.AddVolume(longhorntest.Volume{Name: "vol-1", Namespace: plex.Namespace, PVC: plex.Name})
	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = true })
	d := w.driver(t, "a")
	list(t, d) // the target is available from now on
	takeByHand(t, w, "vol-1", "by-hand")

	listing := list(t, d)
	assert.Empty(t, listing.Backups)
	assert.ErrorContains(t, listing.Doubts[plex], "a backup of media/plex-config is being taken")
	assert.False(t, backup.MayBeNewer(listing.Doubts[plex], noon), "restores do not wait for it")
	assert.Len(t, listing.Doubts, 1)

	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = false })
	require.Eventually(t, func() bool { return w.Taken("vol-1")["by-hand"] == "Completed" }, time.Minute, time.Millisecond)
	listing = list(t, d)
	assert.Empty(t, listing.Doubts)
	assert.Len(t, ids(listing, plex), 1)
}

// takeByHand takes a backup as a user of Longhorn's console does.
func takeByHand(t *testing.T, w *world, volume, snapshot string) {
	t.Helper()
	w.AddSnapshot(volume, snapshot, nil)
	response, err := http.Post(w.URL()+"/v1/volumes/"+volume+"?action=snapshotBackup", "application/json", jsonBody(t, map[string]string{"name": snapshot}))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	response.Body.Close()
}

func TestABackupThatLonghornLostTrackOfMakesItsClaimDoubtful(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)), stored("vol-x", "backup-2", noon, nil))
	d := w.driver(t, "a", func(c *longhorn.Config) { c.Unlabeled = longhorn.Ignore })
	require.Len(t, ids(list(t, d), plex), 1)
	w.Lose("backup-1")
	w.Lose("backup-2")
	listing := list(t, d)
	assert.Empty(t, listing.Backups)
	assert.ErrorContains(t, listing.Doubts[plex], "Longhorn does not know whether backup backup-1 of volume pvc-1, which is of media/plex-config, is whole; its state is Unknown")
	assert.True(t, backup.MayBeNewer(listing.Doubts[plex], noon))
	assert.False(t, backup.MayBeNewer(listing.Doubts[plex], w.Clock().Now().Add(time.Hour)), "of its age enough is known")
	assert.Len(t, listing.Doubts, 1, "of whom nothing says whose it is, the policy decides")

	holding := w.driver(t, "b")
	assert.ErrorContains(t, list(t, holding).Doubts[backup.Claim{}], "nothing says which claim backup backup-2 of Longhorn volume vol-x is of")
}

func TestABackupVolumeThatIsBeingDeletedMakesItsClaimDoubtful(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	d := w.driver(t, "a")
	require.Len(t, ids(list(t, d), plex), 1)
	w.DeleteVolume("pvc-1")
	doubt := list(t, d).Doubts[plex]
	assert.ErrorContains(t, doubt, "Longhorn is deleting the backups of volume pvc-1, which are of media/plex-config")
	assert.False(t, backup.MayBeNewer(doubt, noon))
}

func TestABackupThatFailedIsNothing(t *testing.T) {
	w := newWorld(t)
	w.AddVolume(longhorntest.Volume{Name: "vol-1", Namespace: plex.Namespace, PVC: plex.Name})
	w.Change(func(f *longhorntest.Faults) { f.UploadError = "no space left" })
	d := w.driver(t, "a")
	list(t, d)
	takeByHand(t, w, "vol-1", "by-hand")
	require.Eventually(t, func() bool { return w.Taken("vol-1")["by-hand"] == "Error" }, time.Minute, time.Millisecond)
	listing := list(t, d)
	assert.Empty(t, listing.Backups)
	assert.Empty(t, listing.Doubts)
}

func TestABackupThatIsDeletedMakesItsClaimDoubtfulUntilItIsGone(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	d := w.driver(t, "a")
	list(t, d)
	w.Delete("backup-1")
	listing := list(t, d)
	assert.Empty(t, listing.Backups)
	assert.ErrorContains(t, listing.Doubts[plex], "Longhorn is deleting backup backup-1")
	assert.False(t, backup.MayBeNewer(listing.Doubts[plex], noon))

	w.Remove("backup-1")
	listing = list(t, d)
	assert.Empty(t, listing.Backups)
	assert.Empty(t, listing.Doubts)
}

func TestAPinnedTargetThatIsAnotherIsRefused(t *testing.T) {
	w := newWorld(t)
	pinned := w.driver(t, "a", func(c *longhorn.Config) { c.BackupTarget = "s3://backups@us-east-1/other" })
	refused(t, pinned, time.Minute, backup.RepositoryChanged, "SOTERIA_LONGHORN_BACKUP_TARGET expects s3://backups@us-east-1/other")
	w.SetTarget("default", "", "")
	w.SetTarget("second", "s3://backups@us-east-1/other", "")
	refused(t, pinned, time.Minute, backup.RepositoryAbsent, "default backup target has no URL")
}

func TestManyBackupsAreReadPageByPage(t *testing.T) {
	w := newWorld(t)
	for n := range 1201 {
		w.Store(stored(fmt.Sprintf("pvc-%d", n%7), fmt.Sprintf("backup-%04d", n), noon.Add(time.Duration(n)*time.Second), ours(plex)))
	}
	assert.Len(t, ids(list(t, w.driver(t, "a")), plex), 1201)
}

func TestReplicasDoNotKeepEachOtherFromListing(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	var listings sync.WaitGroup
	for _, replica := range []string{"a", "b", "c"} {
		d := w.driver(t, replica)
		listings.Go(func() {
			listing := &drivertest.Listing{}
			_, err := d.List(t.Context(), listing)
			assert.NoError(t, err)
			assert.Equal(t, []string{"backup-1"}, ids(listing, plex))
		})
	}
	listings.Wait()
}

func TestListingAsksForNoMoreSyncsThanItNeeds(t *testing.T) {
	w := newWorld(t)
	d := w.driver(t, "a")
	list(t, d)
	time.Sleep(11 * time.Second / longhorntest.Speed) // what Longhorn refuses is asked again
	before := w.Calls("backupTargetSync")
	list(t, d)
	assert.Equal(t, 1, w.Calls("backupTargetSync")-before)
}

// TestReplicasThatBeginTogetherShareOneSync has one replica wait for what the other asks,
// and at last ask itself.
func TestReplicasThatBeginTogetherShareOneSync(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	w.rest(t)
	a, b := w.driver(t, "a"), w.driver(t, "b")
	listings := make(chan error, 2)
	shared := func(d *longhorn.Driver, patience time.Duration) {
		listing := &drivertest.Listing{}
		_, err := d.ListShared(t.Context(), patience, nil, listing)
		assert.Equal(t, []string{"backup-1"}, ids(listing, plex))
		listings <- err
	}
	go shared(a, time.Hour)
	require.Eventually(t, func() bool { return w.Calls("LIST backuptargets") > 2 }, 10*time.Second, time.Millisecond, "it looks for the other's request")
	assert.Zero(t, w.Calls("backupTargetSync"), "it waits for the other")
	go shared(b, 0)
	require.NoError(t, <-listings)
	require.NoError(t, <-listings)
	assert.Equal(t, 1, w.Calls("backupTargetSync"))
}

func TestAListingThatNoOtherReplicaHelpsAsksItself(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	listing := &drivertest.Listing{}
	_, err := w.driver(t, "a").ListShared(t.Context(), 5*time.Second, nil, listing)
	require.NoError(t, err)
	assert.Equal(t, []string{"backup-1"}, ids(listing, plex))
	assert.Equal(t, 1, w.Calls("backupTargetSync"))
}

func TestAListingThatIsHurriedBeforeAnyoneAskedReadsNothing(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	hurry, ended := make(chan struct{}), make(chan error)
	listing := &drivertest.Listing{}
	go func() {
		_, err := w.driver(t, "a").ListShared(t.Context(), time.Hour, hurry, listing)
		ended <- err
	}()
	require.Eventually(t, func() bool { return w.Calls("LIST backuptargets") > 2 }, 10*time.Second, time.Millisecond, "it looks for the other's request")
	close(hurry)
	require.ErrorIs(t, <-ended, driver.ErrHurried)
	assert.Zero(t, w.Calls("backupTargetSync"))
	assert.Empty(t, listing.Backups)
}

func TestHurryChangesNothingOnceAnotherReplicaHasAsked(t *testing.T) {
	w := newWorld(t)
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	w.rest(t)
	a, b := w.driver(t, "a"), w.driver(t, "b")
	hurry, ended := make(chan struct{}), make(chan error)
	first, second := &drivertest.Listing{}, &drivertest.Listing{}
	go func() {
		_, err := a.ListShared(t.Context(), time.Hour, hurry, first)
		ended <- err
	}()
	require.Eventually(t, func() bool { return w.Calls("LIST backuptargets") > 2 }, 10*time.Second, time.Millisecond, "it looks for the other's request")
	_, err := b.ListShared(t.Context(), 0, nil, second)
	require.NoError(t, err)
	close(hurry)
	require.NoError(t, <-ended)
	assert.Equal(t, []string{"backup-1"}, ids(first, plex))
	assert.Equal(t, 1, w.Calls("backupTargetSync"))
}

// TestHurryEndsThePatienceForTargetsThatTheOtherDidNotAskFor has the other ask for one of
// two.
func TestHurryEndsThePatienceForTargetsThatTheOtherDidNotAskFor(t *testing.T) {
	w := newWorld(t)
	w.SetTarget("second", "nfs://nas.lan:/export/lh", "")
	w.Store(stored("pvc-1", "backup-1", noon, ours(plex)))
	w.rest(t)
	a, b := w.driver(t, "a"), w.driver(t, "b", func(c *longhorn.Config) { c.IgnoreTargets = []string{"second"} })
	hurry, ended := make(chan struct{}), make(chan error, 1)
	first, second := &drivertest.Listing{}, &drivertest.Listing{}
	go func() {
		_, err := a.ListShared(t.Context(), time.Hour, hurry, first)
		ended <- err
	}()
	require.Eventually(t, func() bool { return w.Calls("LIST backuptargets") > 2 }, time.Minute, time.Millisecond, "it looks for the other's request")
	_, err := b.ListShared(t.Context(), 0, nil, second)
	require.NoError(t, err)
	looked := w.Calls("LIST backuptargets")
	require.Eventually(t, func() bool { return w.Calls("LIST backuptargets") > looked }, time.Minute, time.Millisecond, "it has seen that")
	close(hurry)
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(time.Minute / longhorntest.Speed):
		require.Fail(t, "it waits for the other to ask for the second target, too")
	}
	assert.Equal(t, []string{"backup-1"}, ids(first, plex))
	assert.Equal(t, 2, w.Calls("backupTargetSync"))
}
