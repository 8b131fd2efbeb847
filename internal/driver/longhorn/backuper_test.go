package longhorn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/longhorntest"
)

const soon = time.Minute

// start runs a replica's driver until stop is called or the test ends.
func start(t *testing.T, d *longhorn.Driver) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Start(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			assert.NoError(t, <-ended)
		})
	}
	t.Cleanup(stop)
	return stop
}

// plexWorld has a claim bound to a volume of Longhorn's, vol-1.
func plexWorld(t *testing.T, v ...longhorntest.Volume) *world {
	t.Helper()
	w := newWorld(t, bound(plex, "vol-1")...)
	if len(v) == 0 {
		v = []longhorntest.Volume{{Name: "vol-1", Namespace: plex.Namespace, PVC: plex.Name, Attached: true}}
	}
	for _, each := range v {
		w.AddVolume(each)
	}
	return w
}

// request asks for a backup and waits until the driver takes requests.
func request(t *testing.T, d *longhorn.Driver, req driver.BackupRequest) (driver.BackupStarted, error) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		started, err := d.Backup(t.Context(), req)
		if err == nil || !strings.Contains(err.Error(), "Soteria is starting") || time.Since(began) > soon {
			return started, err
		}
	}
}

// requestNext asks for a backup after another ended. The replica that drove that
// one deletes its Lease first and forgets it a moment later.
func requestNext(t *testing.T, d *longhorn.Driver, req driver.BackupRequest) error {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		_, err := request(t, d, req)
		if err == nil || !strings.Contains(err.Error(), "was started just now") || time.Since(began) > soon {
			return err
		}
	}
}

func leases(t *testing.T, w *world) []coordinationv1.Lease {
	t.Helper()
	var all coordinationv1.LeaseList
	require.NoError(t, w.cluster.List(t.Context(), &all))
	return all.Items
}

// idle waits until no backup is running any more, and gives how those that were
// ended.
func idle(t *testing.T, w *world, n int) []outcome {
	t.Helper()
	require.Eventually(t, func() bool { return len(w.ended.told()) >= n && len(leases(t, w)) == 0 }, soon, 2*time.Millisecond)
	return w.ended.told()
}

func TestABackupIsTaken(t *testing.T) {
	for sentence, v := range map[string]longhorntest.Volume{
		"of an attached volume": {Name: "vol-1", Namespace: plex.Namespace, PVC: plex.Name, Attached: true},
		"of a detached volume":  {Name: "vol-1", Namespace: plex.Namespace, PVC: plex.Name},
		"of a volume of which Longhorn does not know whose it is": {Name: "vol-1"},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := plexWorld(t, v)
			d := w.driver(t, "a", func(c *longhorn.Config) { c.BackupMode = longhorn.Full })
			start(t, d)
			started, err := request(t, d, driver.BackupRequest{Claim: plex, Tags: []string{"before upgrade"}, RequestedBy: "somebody"})
			require.NoError(t, err)
			assert.Equal(t, driver.BackupStarted{Driver: "longhorn", Namespace: "media", Volume: "vol-1", Backup: started.Backup}, started)
			assert.Regexp(t, "^backup-", started.Backup)

			assert.Equal(t, []outcome{{claim: plex, name: started.Backup}}, idle(t, w, 1))
			taken := w.Taken("vol-1")
			require.Len(t, taken, 1)
			for snapshot, state := range taken {
				assert.Regexp(t, `^soteria-backup-media-plex-config-\d{8}-\d{6}$`, snapshot)
				assert.Equal(t, "Completed", state)
				labels := w.Labels(snapshot)
				assert.Equal(t, "media", labels[longhorn.NamespaceLabel])
				assert.Equal(t, "plex-config", labels[longhorn.PVCLabel])
				assert.Equal(t, "before+upgrade", labels[longhorn.TagsLabel])
			}

			w.Reinstall()
			listing := list(t, d)
			require.Equal(t, []string{started.Backup}, ids(listing, plex))
			assert.Contains(t, listing.Backups[0].Tags, "before upgrade")
		})
	}
}

func TestWhatABackupAsksLonghornFor(t *testing.T) {
	w := plexWorld(t)
	d := w.driver(t, "a")
	start(t, d)
	_, err := request(t, d, driver.BackupRequest{Claim: plex})
	require.NoError(t, err)
	idle(t, w, 1)
	assert.Equal(t, 1, w.Calls("action=snapshotCRCreate"))
	assert.Equal(t, 1, w.Calls("action=snapshotBackup"))
}

func TestABackupThatCannotBeTakenIsRefused(t *testing.T) {
	unbound := func(t *testing.T, w *world) {
		claim := &corev1.PersistentVolumeClaim{}
		require.NoError(t, w.cluster.Get(t.Context(), client.ObjectKey{Namespace: plex.Namespace, Name: plex.Name}, claim))
		claim.Status.Phase = corev1.ClaimPending
		require.NoError(t, w.cluster.Status().Update(t.Context(), claim))
	}
	volumeOf := func(source corev1.PersistentVolumeSource) func(t *testing.T, w *world) {
		return func(t *testing.T, w *world) {
			pv := &corev1.PersistentVolume{}
			require.NoError(t, w.cluster.Get(t.Context(), client.ObjectKey{Name: "pv-vol-1"}, pv))
			pv.Spec.PersistentVolumeSource = source
			require.NoError(t, w.cluster.Update(t.Context(), pv))
		}
	}
	answers := func(status int, body string) func(t *testing.T, w *world) {
		return func(_ *testing.T, w *world) {
			w.Change(func(f *longhorntest.Faults) { f.Answer = func(string) (int, string) { return status, body } })
		}
	}
	replaced := func(body string) func(t *testing.T, w *world) {
		return func(_ *testing.T, w *world) {
			w.Change(func(f *longhorntest.Faults) {
				f.Answer = func(call string) (int, string) {
					if call == "GET volumes/vol-1" {
						return 200, body
					}
					return 0, ""
				}
			})
		}
	}
	for sentence, c := range map[string]struct {
		spoil func(t *testing.T, w *world)
		req   driver.BackupRequest
		kind  backup.Kind
		words string
	}{
		"no such claim":              {req: driver.BackupRequest{Claim: backup.Claim{Namespace: "media", Name: "other"}}, kind: backup.NotFound, words: "there is no claim media/other"},
		"a name that is none":        {req: driver.BackupRequest{Claim: backup.Claim{Namespace: "Media", Name: "other"}}, kind: backup.Invalid, words: "namespace"},
		"a tag that cannot be kept":  {req: driver.BackupRequest{Claim: plex, Tags: []string{"pvc=other"}}, kind: backup.Invalid, words: "names another claim"},
		"a claim that is not bound":  {spoil: unbound, kind: backup.Conflict, words: "is not bound"},
		"a volume of another driver": {spoil: volumeOf(corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "nfs.csi.k8s.io", VolumeHandle: "x"}}), kind: backup.Unprocessable, words: "CSI driver nfs.csi.k8s.io"},
		"a volume of no driver":      {spoil: volumeOf(corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/x"}}), kind: backup.Unprocessable, words: "no CSI driver"},
		"a volume that is gone":      {spoil: volumeOf(corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: longhorn.Provisioner, VolumeHandle: "vol-9"}}), kind: backup.Conflict, words: "Longhorn volume vol-9 of claim media/plex-config does not exist"},
		"a faulted volume":           {spoil: replaced(`{"name":"vol-1","robustness":"faulted"}`), kind: backup.Conflict, words: "is faulted"},
		"a volume being restored":    {spoil: replaced(`{"name":"vol-1","restoreRequired":true}`), kind: backup.Conflict, words: "is being restored"},
		"a volume being deleted":     {spoil: replaced(`{"name":"vol-1","state":"deleting"}`), kind: backup.Conflict, words: "is being deleted"},
		"a standby volume":           {spoil: replaced(`{"name":"vol-1","standby":true}`), kind: backup.Conflict, words: "standby"},
		"a target that is not there": {spoil: replaced(`{"name":"vol-1","backupTargetName":"second"}`), kind: backup.RepositoryAbsent, words: "backup target second has no URL"},
		"no backup target":           {spoil: func(_ *testing.T, w *world) { w.SetTarget("default", "", "") }, kind: backup.RepositoryAbsent, words: "has no URL"},
		"a Longhorn that refuses":    {spoil: answers(500, `{"type":"error","message":"no ready node"}`), kind: backup.DriverFailed, words: "no ready node"},
		"a Longhorn that is another": {spoil: answers(200, `<html>`), kind: backup.Unavailable, words: "was not understood"},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := plexWorld(t)
			if c.req.Claim == (backup.Claim{}) {
				c.req.Claim = plex
			}
			if c.spoil != nil {
				c.spoil(t, w)
			}
			d := w.driver(t, "a")
			start(t, d)
			for _, dry := range []bool{true, false} {
				c.req.DryRun = dry
				_, err := request(t, d, c.req)
				require.Error(t, err)
				assert.Equal(t, c.kind, backup.KindOf(err), "%v", err)
				assert.ErrorContains(t, err, c.words)
			}
			assert.Empty(t, leases(t, w))
			assert.Zero(t, w.Calls("action=snapshot"))
		})
	}
}

func TestATargetThatIsNotAvailableTakesNoBackup(t *testing.T) {
	w := plexWorld(t)
	d := w.driver(t, "a")
	list(t, d)
	w.SetTarget("default", longhorntest.TargetURL, "AccessDenied: key")
	refused(t, d, time.Minute, backup.Unavailable, "AccessDenied")
	_, err := d.Backup(t.Context(), driver.BackupRequest{Claim: plex, DryRun: true})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.ErrorContains(t, err, "is not available: AccessDenied: key")
}

func TestABackupToATargetThatIsLeftOutIsRefused(t *testing.T) {
	w := plexWorld(t)
	w.SetTarget("second", "nfs://nas.lan:/export/lh", "")
	w.AddVolume(longhorntest.Volume{Name: "vol-1", Namespace: plex.Namespace, PVC: plex.Name, Attached: true, Target: "second"})
	_, err := w.driver(t, "a", func(c *longhorn.Config) { c.IgnoreTargets = []string{"second"} }).Backup(t.Context(), driver.BackupRequest{Claim: plex, DryRun: true})
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	require.ErrorContains(t, err, "backup target second, which SOTERIA_LONGHORN_IGNORE_TARGETS leaves out")
	_, err = w.driver(t, "a", func(c *longhorn.Config) { c.IgnoreTargets = []string{"third"} }).Backup(t.Context(), driver.BackupRequest{Claim: plex, DryRun: true})
	assert.NotContains(t, fmt.Sprint(err), "SOTERIA_LONGHORN_IGNORE_TARGETS")
}

func TestThatLonghornDoesNotFindItsTargetsIsNoMissingClaim(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) {
		f.Answer = func(call string) (int, string) {
			if call == "GET backuptargets" {
				return 404, ""
			}
			return 0, ""
		}
	})
	_, err := w.driver(t, "a").Backup(t.Context(), driver.BackupRequest{Claim: plex, DryRun: true})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
}

func TestADryRunChecksAndStartsNothing(t *testing.T) {
	w := plexWorld(t)
	d := w.driver(t, "a")
	started, err := d.Backup(t.Context(), driver.BackupRequest{Claim: plex, DryRun: true})
	require.NoError(t, err, "it needs no driver that runs")
	assert.Equal(t, driver.BackupStarted{Driver: "longhorn", Namespace: "media", Volume: "vol-1"}, started)
	assert.Empty(t, leases(t, w))
	assert.Empty(t, w.Snapshots("vol-1"))
}

func TestADriverThatDoesNotRunTakesNoBackups(t *testing.T) {
	w := plexWorld(t)
	_, err := w.driver(t, "a").Backup(t.Context(), driver.BackupRequest{Claim: plex})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.ErrorContains(t, err, "Soteria is starting")
	assert.Empty(t, leases(t, w))
}

func TestManyRequestsAtOnceMakeOneBackup(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = true })
	replicas := []*longhorn.Driver{w.driver(t, "a"), w.driver(t, "b")}
	for _, d := range replicas {
		start(t, d)
		_, err := request(t, d, driver.BackupRequest{Claim: backup.Claim{Namespace: "media", Name: "nobody"}})
		require.Equal(t, backup.NotFound, backup.KindOf(err), "it runs")
	}
	var mu sync.Mutex
	var requests sync.WaitGroup
	var errs []error
	names := map[string]struct{}{}
	for n := range 10 {
		requests.Go(func() {
			started, err := request(t, replicas[n%2], driver.BackupRequest{Claim: plex})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			names[started.Backup] = struct{}{}
		})
	}
	requests.Wait()
	assert.Len(t, names, 1)
	assert.Len(t, errs, 9)
	for _, err := range errs {
		assert.Equal(t, backup.Conflict, backup.KindOf(err), "%v", err)
	}
	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = false })
	assert.Len(t, idle(t, w, 1), 1)
	assert.Len(t, w.Taken("vol-1"), 1)

	err := requestNext(t, replicas[1], driver.BackupRequest{Claim: plex})
	require.NoError(t, err, "after it another one may be taken")
	idle(t, w, 2)
	assert.Len(t, w.Taken("vol-1"), 2)
}

func TestARunningBackupIsWrittenDownForPeopleAndListings(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) { f.SnapshotsNever = true })
	d := w.driver(t, "a")
	start(t, d)
	started, err := request(t, d, driver.BackupRequest{Claim: plex, RequestedBy: "somebody"})
	require.NoError(t, err)
	assert.Empty(t, started.Backup, "it has no name yet")
	running := leases(t, w)
	require.Len(t, running, 1)
	assert.Equal(t, ownNamespace, running[0].Namespace)
	assert.Equal(t, "soteria-longhorn-backup-uid-of-plex-config", running[0].Name)
	assert.Equal(t, "a", *running[0].Spec.HolderIdentity)
	assert.Equal(t, "media/plex-config", running[0].Annotations[v1alpha1.ClaimAnnotation])
	assert.Equal(t, "somebody", running[0].Annotations[v1alpha1.RequestedByAnnotation])
	assert.Equal(t, "snapshot", running[0].Annotations[longhorn.StageAnnotation])
	claim, name, ok := longhorn.Running(&running[0])
	assert.True(t, ok)
	assert.Equal(t, plex, claim)
	assert.Contains(t, name, "soteria-backup-media-plex-config-")

	assert.ErrorContains(t, list(t, d).Doubts[plex], "a backup of media/plex-config is being taken: Longhorn volume vol-1")
	_, err = d.Backup(t.Context(), driver.BackupRequest{Claim: plex})
	assert.ErrorContains(t, err, "is running already: Longhorn volume vol-1, snapshot soteria-backup-media-plex-config-")

	w.Change(func(f *longhorntest.Faults) { f.SnapshotsNever = false })
	assert.NoError(t, idle(t, w, 1)[0].err)
}

func TestWhatGoesWrongWithABackupIsToldInLonghornsWords(t *testing.T) {
	for sentence, c := range map[string]struct {
		fault func(*longhorntest.Faults)
		words string
		taken int
	}{
		"the upload fails":           {func(f *longhorntest.Faults) { f.UploadError = "proxyServer: no space left on device" }, "failed: proxyServer: no space left on device", 1},
		"requests have no effect":    {func(f *longhorntest.Faults) { f.BackupRequestsLost = 99 }, "Longhorn did not begin a backup of volume vol-1", 0},
		"requests have late effects": {func(f *longhorntest.Faults) { f.BackupRequestsLost = 2 }, "", 1},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := plexWorld(t)
			w.Change(c.fault)
			d := w.driver(t, "a")
			start(t, d)
			_, err := request(t, d, driver.BackupRequest{Claim: plex})
			ended := idle(t, w, 1)
			require.Len(t, ended, 1)
			assert.Equal(t, plex, ended[0].claim)
			if c.words == "" {
				require.NoError(t, err)
				require.NoError(t, ended[0].err)
			} else {
				assert.ErrorContains(t, ended[0].err, c.words)
				assert.Equal(t, backup.DriverFailed, backup.KindOf(ended[0].err))
			}
			assert.Len(t, w.Taken("vol-1"), c.taken)
		})
	}
}

func TestABackupThatDoesNotBeginIsGivenUp(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) { f.SnapshotError = "cannot attach volume" })
	a := w.driver(t, "a")
	stop := start(t, a)
	_, err := request(t, a, driver.BackupRequest{Claim: plex})
	require.NoError(t, err)
	stop()
	lease := leases(t, w)[0]
	lease.Annotations["soteria.dev/started-at"] = w.Clock().Now().Add(-600 * time.Second).Format(time.RFC3339Nano)
	require.NoError(t, w.cluster.Update(t.Context(), &lease))

	start(t, w.driver(t, "b"))
	ended := idle(t, w, 1)
	assert.Equal(t, backup.DriverFailed, backup.KindOf(ended[0].err))
	assert.ErrorContains(t, ended[0].err, "Longhorn did not begin a backup of volume vol-1: Longhorn snapshot")
	assert.ErrorContains(t, ended[0].err, "cannot attach volume")
}

func TestARequestWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) { f.BackupRequestsUnanswered = 1 })
	d := w.driver(t, "a")
	start(t, d)
	started, err := request(t, d, driver.BackupRequest{Claim: plex})
	require.NoError(t, err)
	assert.NotEmpty(t, started.Backup)
	assert.NoError(t, idle(t, w, 1)[0].err)
	assert.Len(t, w.Taken("vol-1"), 1)
	assert.Equal(t, 1, w.Calls("action=snapshotBackup"))
}

func TestABackupGoesOnWhileLonghornDoesNotAnswer(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) {
		left := 3
		f.Answer = func(call string) (int, string) {
			if strings.Contains(call, "snapshotCR") && left > 0 {
				left--
				return 503, ""
			}
			return 0, ""
		}
	})
	d := w.driver(t, "a")
	start(t, d)
	for began := time.Now(); ; {
		_, err := request(t, d, driver.BackupRequest{Claim: plex})
		if err == nil {
			break
		}
		require.Less(t, time.Since(began), soon, "%v", err)
	}
	assert.NoError(t, idle(t, w, 1)[0].err)
}

func TestAnotherReplicaGoesOnWithABackup(t *testing.T) {
	for sentence, c := range map[string]struct {
		pause, goOn func(*longhorntest.Faults)
	}{
		"whose snapshot is made": {func(f *longhorntest.Faults) { f.SnapshotsNever = true }, func(f *longhorntest.Faults) { f.SnapshotsNever = false }},
		"that is being uploaded": {func(f *longhorntest.Faults) { f.UploadsPause = true }, func(f *longhorntest.Faults) { f.UploadsPause = false }},
	} {
		t.Run("that stops, of a backup "+sentence, func(t *testing.T) {
			w := plexWorld(t)
			w.Change(c.pause)
			a := w.driver(t, "a")
			stop := start(t, a)
			_, err := request(t, a, driver.BackupRequest{Claim: plex})
			require.NoError(t, err)
			stop()
			require.Len(t, leases(t, w), 1)
			assert.Empty(t, *leases(t, w)[0].Spec.HolderIdentity, "it was given back")

			start(t, w.driver(t, "b"))
			w.Change(c.goOn)
			assert.NoError(t, idle(t, w, 1)[0].err)
			assert.Len(t, w.Taken("vol-1"), 1)
			assert.Equal(t, 1, w.Calls("action=snapshotCRCreate"))
			assert.Equal(t, 1, w.Calls("action=snapshotBackup"))
		})
	}
}

// A replica that dies gives nothing back, nor does one that the API server does
// not hear.
func TestABackupWhoseReplicaIsDeadIsTakenOver(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = true })
	a := w.driver(t, "a")
	stop := start(t, a)
	_, err := request(t, a, driver.BackupRequest{Claim: plex})
	require.NoError(t, err)
	w.hooks.set(func(h *hooks) { h.update = func(client.Object) error { return errors.New("the node is gone") } })
	stop()
	w.hooks.set(func(h *hooks) { h.update = nil })
	held := leases(t, w)[0]
	assert.Equal(t, "a", *held.Spec.HolderIdentity)

	start(t, w.driver(t, "b"))
	began := w.Clock().Now()
	require.Eventually(t, func() bool { return *leases(t, w)[0].Spec.HolderIdentity == "b" }, soon, time.Millisecond)
	assert.GreaterOrEqual(t, w.Clock().Since(began), 29*time.Second, "it might have been alive")
	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = false })
	assert.NoError(t, idle(t, w, 1)[0].err)
	assert.Len(t, w.Taken("vol-1"), 1)
}

func TestAReplicaThatCannotRenewLetsGo(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = true })
	a := w.driver(t, "a")
	start(t, a)
	_, err := request(t, a, driver.BackupRequest{Claim: plex})
	require.NoError(t, err)
	start(t, w.driver(t, "b"))
	w.hooks.set(func(h *hooks) {
		h.update = func(object client.Object) error {
			if lease, ok := object.(*coordinationv1.Lease); ok && ptr.Deref(lease.Spec.HolderIdentity, "") == "a" {
				return errors.New("connection refused")
			}
			return nil
		}
	})
	require.Eventually(t, func() bool { return *leases(t, w)[0].Spec.HolderIdentity == "b" }, soon, time.Millisecond)
	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = false })
	assert.Len(t, idle(t, w, 1), 1, "it is told by one of them")
}

func TestABackupThatIsDeletedWhileItIsTakenHasFailed(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) { f.UploadsPause = true })
	d := w.driver(t, "a")
	start(t, d)
	started, err := request(t, d, driver.BackupRequest{Claim: plex})
	require.NoError(t, err)
	w.Delete(started.Backup)
	ended := idle(t, w, 1)
	assert.ErrorContains(t, ended[0].err, "it is being deleted")
	assert.Equal(t, started.Backup, ended[0].name)
}

func TestARecordThatMakesNoSenseIsGivenUp(t *testing.T) {
	w := plexWorld(t)
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Namespace: ownNamespace, Name: "soteria-longhorn-backup-x",
		Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup},
	}}
	require.NoError(t, w.cluster.Create(t.Context(), lease))
	d := w.driver(t, "a")
	assert.Error(t, list(t, d).Doubts[backup.Claim{}], "it may be of any claim")
	start(t, d)
	require.Eventually(t, func() bool { return len(leases(t, w)) == 0 }, soon, time.Millisecond)
	assert.Empty(t, w.ended.told())
}

func TestOldSnapshotsAreDeletedAfterABackup(t *testing.T) {
	w := plexWorld(t)
	other := backup.Claim{Namespace: "media-plex", Name: "config"} // reads the same
	names := []string{"soteria-backup-media-plex-config-20260101-000000", "soteria-backup-media-plex-config-20260102-000000"}
	for _, name := range names {
		w.AddSnapshot("vol-1", name, ours(plex))
		w.AddTaken(name)
	}
	kept := []string{"nightly-1", "soteria-backup-media-plex-config-20260103-000000"}
	w.AddSnapshot("vol-1", kept[0], nil)
	w.AddSnapshot("vol-1", kept[1], ours(other))
	d := w.driver(t, "a")
	start(t, d)

	w.Change(func(f *longhorntest.Faults) { f.UploadError = "no" })
	_, err := request(t, d, driver.BackupRequest{Claim: plex})
	idle(t, w, 1)
	if err != nil {
		assert.Equal(t, backup.DriverFailed, backup.KindOf(err))
	}
	assert.Subset(t, w.Snapshots("vol-1"), names, "after a failed backup all stay")
	assert.Len(t, w.Snapshots("vol-1"), 5)

	w.Change(func(f *longhorntest.Faults) { f.UploadError = "" })
	require.NoError(t, requestNext(t, d, driver.BackupRequest{Claim: plex}))
	idle(t, w, 2)
	left := w.Snapshots("vol-1")
	assert.Subset(t, left, kept)
	assert.NotContains(t, left, names[0])
	assert.NotContains(t, left, names[1])
	assert.Len(t, left, 3, "the new one stays for the next incremental backup")
}

func TestABackupEndsAlthoughItsOldSnapshotsStay(t *testing.T) {
	w := plexWorld(t)
	w.Change(func(f *longhorntest.Faults) {
		f.Answer = func(call string) (int, string) {
			if strings.Contains(call, "snapshotCRList") {
				return 500, "no"
			}
			return 0, ""
		}
	})
	d := w.driver(t, "a")
	start(t, d)
	_, err := request(t, d, driver.BackupRequest{Claim: plex})
	require.NoError(t, err)
	assert.NoError(t, idle(t, w, 1)[0].err)
}

func TestALeaseThatCannotBeDeletedIsTriedAgain(t *testing.T) {
	w := plexWorld(t)
	left := 2
	w.hooks.set(func(h *hooks) {
		h.delete = func(client.Object) error {
			if left == 0 {
				return nil
			}
			left--
			return errors.New("the server is busy")
		}
	})
	d := w.driver(t, "a")
	start(t, d)
	_, err := request(t, d, driver.BackupRequest{Claim: plex})
	require.NoError(t, err)
	assert.Len(t, idle(t, w, 1), 1, "it is told once")
}
