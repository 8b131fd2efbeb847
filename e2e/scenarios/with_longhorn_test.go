//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/restore"
)

const (
	longhornURL    = "SOTERIA_LONGHORN_URL"
	listingTimeout = "SOTERIA_LISTING_TIMEOUT"
	expectBackups  = "SOTERIA_EXPECT_BACKUPS"
)

// TestLonghorn runs with Soteria looking for Longhorn's backups beside restic's.
// What makes Longhorn misbehave, or kills the controller, runs alone.
func TestLonghorn(t *testing.T) {
	s := begin(t, 50*time.Minute)
	require.NoError(s, cluster.ClearLonghornFaults(s.ctx))
	s.after(cluster.ClearLonghornFaults)
	s.after(func(ctx context.Context) error {
		if err := cluster.Configure(ctx, map[string]string{longhornURL: "", listingTimeout: "", expectBackups: ""}); err != nil {
			return err
		}
		return cluster.ForgetDriver(ctx, longhorn.Name)
	})
	// A listing that cannot end gives up, and says why, after this.
	require.NoError(s, cluster.Configure(s.ctx, map[string]string{longhornURL: longhorn.DefaultURL, listingTimeout: "30s", expectBackups: "longhorn=false"}))

	s.together(map[string]func(*scenario){
		"a claim comes back as it was": longhornRoundTrip,
		"a volume is as large as its claim asks for and never smaller than the backup": longhornSizes,
		"a locked claim takes no volume that lies around":                              longhornLock,
		"the newest backup wins, whichever system has it":                              longhornAndRestic,
	})
	s.run("a storm of claims takes a handful of listings", longhornStorm)
	s.run("what Longhorn cannot do is told in its words", longhornFailures)
	s.run("a claim never starts empty", longhornNeverEmpty)
	s.run("only the backup target survived", longhornLost)
	s.run("a restore that is cancelled leaves nothing", longhornCancel)
	s.run("a crash loses nothing and leaves nothing", longhornCrash)
	s.awaitNoLonghornVolumes()
}

// own gives a part of a scenario namespaces of its own.
func (s *scenario) own(namespaces ...string) {
	s.Helper()
	s.destroy(namespaces...)
	s.after(func(ctx context.Context) error { return cluster.DestroyNamespaces(ctx, namespaces...) })
	for _, namespace := range namespaces {
		s.apply(namespaceManifest(namespace, ""))
	}
}

func (s *scenario) backUpWithLonghorn(app harness.App) (id string) {
	s.Helper()
	id, err := cluster.BackUpWithLonghorn(s.ctx, app.Namespace, app.Name)
	require.NoError(s, err)
	return id
}

// startNew starts an app whose claim is not protected yet: of one that is, it
// would have to be proved first that it has no backup, for which Longhorn takes
// its time.
func (s *scenario) startNew(app harness.App) {
	s.Helper()
	app.Labels = harness.Unprotected
	s.start(app)
}

// seedLonghornFleet makes the claims, not protected yet, writes a story on each
// and has Longhorn back them all up.
func (s *scenario) seedLonghornFleet(f fleet) {
	s.Helper()
	f.labels = harness.Unprotected
	s.seedFleetBy(f, cluster.BackUpWithLonghorn)
}

// seedLonghorn starts an app, has it write a story, and has Longhorn back it up.
func (s *scenario) seedLonghorn(app harness.App, story string) (id string) {
	s.Helper()
	s.startNew(app)
	s.write(app, story)
	return s.backUpWithLonghorn(app)
}

func longhornRoundTrip(s *scenario) {
	const namespace = "e2e-longhorn"
	s.own(namespace)
	apps := []harness.App{
		{Namespace: namespace, Name: "immediate", Class: "longhorn"},
		{Namespace: namespace, Name: "late", Class: "longhorn-jobs"},
		{Namespace: namespace, Name: "encrypted", Class: "longhorn-encrypted"},
		{Namespace: namespace, Name: "shared", Class: "longhorn", AccessMode: "ReadWriteMany"},
	}
	raw := harness.App{Namespace: namespace, Name: "raw", Class: "longhorn", Size: "64Mi", Block: true}
	before := map[string]string{}
	for _, app := range apps {
		s.startNew(app)
		before[app.Name] = wholeTree(s, app)
	}
	late, jobs := apps[1], []string{"recurring-job-group.longhorn.io/nightly", "recurring-job.longhorn.io/weekly"}
	require.Subset(s, s.recurringJobs(late), jobs)
	s.startNew(raw)
	s.shell(raw, `printf 'raw bytes' | dd of=/dev/data conv=notrunc && sync`)
	for _, app := range append(slices.Clone(apps), raw) {
		s.backUpWithLonghorn(app)
	}
	s.destroy(namespace)

	for _, app := range apps {
		s.apply(app.Manifest())
	}
	s.apply(raw.Manifest())
	for _, app := range apps {
		s.run("into a claim of class "+app.Class+" called "+app.Name, func(s *scenario) {
			s.awaitRunning(app)
			require.Equal(s, before[app.Name], list(s, app))
			s.awaitCompleted(app)
		})
	}
	s.run("with the recurring jobs of its class", func(s *scenario) {
		require.Subset(s, s.recurringJobs(late), jobs)
	})
	s.run("into a raw block claim", func(s *scenario) {
		s.awaitRunning(raw)
		require.Equal(s, "raw bytes", s.shell(raw, "head -c 9 /dev/data"))
	})
	s.destroy(namespace)
}

// wholeTree makes a tree with everything that a file system may hold, and lists
// it.
func wholeTree(s *scenario, app harness.App) string {
	s.Helper()
	s.shell(app, "treetool make /data && chown 1000:2000 /data && chmod 2771 /data && sync")
	return list(s, app)
}

func (s *scenario) awaitNoLonghornVolumes() {
	s.Helper()
	s.await("every Longhorn volume to be gone", func(ctx context.Context) (bool, string, error) {
		volumes, err := cluster.LonghornVolumes(ctx)
		return len(volumes) == 0, strings.Join(volumes, ", "), err
	})
}

func longhornFailures(s *scenario) {
	const namespace = "e2e-longhorn-failures"
	s.own(namespace)
	app := harness.App{Namespace: namespace, Name: "kept", Class: "longhorn", Size: "64Mi"}
	raw := harness.App{Namespace: namespace, Name: "raw", Class: "longhorn", Size: "64Mi", Block: true}
	first := s.seedLonghorn(app, "the first")
	s.startNew(raw)
	wanted := func(app harness.App, driver string) string {
		return fmt.Sprintf(`{"namespace":%q,"pvc":%q,"driver":%q}`, app.Namespace, app.Name, driver)
	}
	s.refuses([]wrong{{
		method: http.MethodPost, path: "v1/backup", body: wanted(raw, "restic"),
		status: http.StatusUnprocessableEntity, code: "unprocessable", field: "pvc", says: "raw block",
	}})
	s.run("Longhorn answers a request for a backup with an error", func(s *scenario) {
		s.after(misbehaving("- {fault: status500, message: 'the datastore is away'}")(s))
		s.refuses([]wrong{{
			method: http.MethodPost, path: "v1/backup", body: wanted(app, "longhorn"),
			status: http.StatusBadGateway, code: "driver_failed", says: "the datastore is away",
		}})
	})
	s.write(app, "the second")
	s.run("a backup ends in an error, and counts for nothing", func(s *scenario) {
		s.after(misbehaving("- {fault: backupError, message: 'cannot write to the bucket'}")(s))
		before := s.knownWith(app, first)
		status, _, text, err := cluster.RequestBackup(s.ctx, wire.BackupRequest{Namespace: namespace, PVC: app.Name, Driver: "longhorn"})
		require.NoError(s, err)
		require.Equal(s, http.StatusAccepted, status, text)
		s.awaitEvent(app, "cannot write to the bucket")
		require.Equal(s, before, s.knownWith(app, first))
	})
	s.destroy(namespace)
	s.apply(namespaceManifest(namespace, ""))
	s.start(app)
	require.Equal(s, "the first", s.story(app))
}

// knownWith gives the ids of the app's backups once one of them is known: of one
// that another replica took, a replica hears when it next looks.
func (s *scenario) knownWith(app harness.App, id string) (ids []string) {
	s.Helper()
	s.await("backup "+id+" to be known", func(ctx context.Context) (bool, string, error) {
		known, err := cluster.Backups(ctx, app.Namespace, app.Name)
		ids = nil
		for _, b := range known {
			ids = append(ids, b.ID)
		}
		return slices.Contains(ids, id), strings.Join(ids, ", "), err
	})
	return ids
}

// longhornTroubles are what Longhorn may do to a look for backups or a restore,
// and what the claim's event must say of it; nothing where the claim is restored
// all the same.
var longhornTroubles = []trouble{
	// First, while no other claim's restore can meet it.
	// Longhorn calls the volume faulted, says that all replicas failed, and says why, in any order.
	{name: "faulted", cause: "the restore fails", says: "Longhorn could not restore backup", late: true,
		bring: misbehaving("- {fault: restoreFault, message: 'no space left on device', times: 1}")},
	{name: "unavailable", cause: "the backup target cannot be reached", says: "cannot list the bucket: connection refused",
		bring: misbehaving("- {fault: targetUnavailable, message: 'cannot list the bucket: connection refused'}")},
	{name: "refused", cause: "Longhorn answers with an error", says: "the datastore is away",
		bring: misbehaving("- {fault: status500, message: 'the datastore is away'}")},
	{name: "half", cause: "Longhorn's answers end in the middle", says: "unexpected EOF", bring: misbehaving("- {fault: half}")},
	{name: "types", cause: "Longhorn's answers are of other types", bring: misbehaving("- {fault: wrongTypes}")},
	{name: "slow", cause: "Longhorn answers late", bring: misbehaving("- {fault: slow, delay: 2s}")},
	{name: "newest", cause: "Longhorn is of the newest version", bring: misbehaving("- {fault: apiMaster}")},
	{name: "unsynced", cause: "the backup target is never read again", says: "not ready to tell which backups there are", bring: misbehaving("- {fault: syncNever}")},
	{name: "halfsynced", cause: "backup volumes are never read again", says: "has yet to read", bring: misbehaving("- {fault: syncHalf}")},
	{name: "one", cause: "the other of the two systems cannot tell", says: "connection refused", bring: stopS3},
}

// misbehaving has Longhorn do something wrong.
func misbehaving(faults string) func(*scenario) func(context.Context) error {
	return func(s *scenario) func(context.Context) error {
		require.NoError(s, cluster.SetLonghornFaults(s.ctx, faults))
		return cluster.ClearLonghornFaults
	}
}

func longhornNeverEmpty(s *scenario) {
	const namespace = "e2e-longhorn-never-empty"
	s.own(namespace)
	claims := fleet{namespace: namespace, classes: map[string]string{}}
	for i, trouble := range longhornTroubles {
		claims.classes[trouble.name] = []string{"longhorn", "longhorn-wffc"}[i%2]
	}
	s.seedLonghornFleet(claims)
	s.destroy(namespace)

	restored := map[string]func(*scenario){}
	for _, trouble := range longhornTroubles {
		app := harness.App{Namespace: namespace, Name: trouble.name, Class: claims.classes[trouble.name], Size: "64Mi"}
		s.run(trouble.cause, func(s *scenario) {
			end := trouble.bring(s)
			s.after(end)
			if trouble.says != "" && !trouble.late { // what was listed last stands for half a minute
				require.NoError(s, cluster.AwaitUnknown(s.ctx, trouble.says))
			}
			s.apply(app.Manifest())
			if trouble.says == "" {
				// Longhorn's own CSI driver takes no part in this.
				s.awaitBound(app)
			} else {
				s.awaitEvent(app, trouble.says)
				s.requireWaiting(app)
			}
		})
		restored[trouble.cause+": restored when that was over"] = func(s *scenario) {
			s.awaitRunning(app)
			require.Equal(s, storyOf(app.Name), s.story(app))
		}
	}
	s.together(restored)
}

// TestALonghornThatWasJustInstalledProvesNothing loses everything but the backup
// store: until Longhorn has read that, no claim may start.
func longhornLost(s *scenario) {
	const namespace = "e2e-longhorn-lost"
	s.own(namespace)
	app := func(name string) harness.App {
		return harness.App{Namespace: namespace, Name: name, Class: "longhorn", Size: "64Mi"}
	}
	// The one that says a volume's name nowhere else, and today's. Those of 1.8 differ
	// from today's in the letters of a suffix alone: TestAllThatARebuiltClusterFindsIsListed
	// of internal/driver/longhorn has all three.
	generations := []string{"1.6", "1.9"}

	// One claim is lost and brought back twice, so that its backups are in three
	// backup volumes.
	s.seedLonghorn(app("rebuilt"), "the first")
	s.rebuild(app("rebuilt"), "the second")
	s.backUpWithLonghorn(app("rebuilt"))
	s.rebuild(app("rebuilt"), "the third")
	_, err := cluster.BackUpByHand(s.ctx, s.longhornVolume(app("rebuilt")), "by-hand", nil)
	require.NoError(s, err)
	// Another one was backed up by its volume alone, last.
	s.seedLonghorn(app("system"), "by hand")
	s.write(app("system"), "by a system backup")
	require.NoError(s, cluster.SystemBackUp(s.ctx, s.longhornVolume(app("system"))))

	for _, generation := range generations {
		s.run("backup volumes are named as by Longhorn "+generation, func(s *scenario) {
			s.destroy(namespace)
			require.NoError(s, cluster.SetLonghornFaults(s.ctx, "- {fault: syncNever}\n- {fault: naming, generation: '"+generation+"'}"))
			require.NoError(s, cluster.LoseLonghorn(s.ctx))
			for _, name := range []string{"rebuilt", "system", "never"} {
				s.apply(app(name).Manifest())
			}
			for _, name := range []string{"rebuilt", "system", "never"} {
				s.awaitEvent(app(name), "not ready to tell which backups there are")
				s.requireWaiting(app(name))
			}
			require.NoError(s, cluster.SetLonghornFaults(s.ctx, "- {fault: naming, generation: '"+generation+"'}"))
			for name, story := range map[string]string{"rebuilt": "the third", "system": "by a system backup", "never": ""} {
				s.awaitRunning(app(name))
				require.Equal(s, story, s.story(app(name)), name)
			}
		})
	}
}

// rebuild loses the app, brings it back, and has it write another story.
func (s *scenario) rebuild(app harness.App, story string) {
	s.Helper()
	s.destroy(app.Namespace)
	s.start(app)
	s.write(app, story)
}

func longhornAndRestic(s *scenario) {
	const namespace = "e2e-longhorn-both"
	s.own(namespace)
	app := func(name, class string) harness.App {
		return harness.App{Namespace: namespace, Name: name, Class: class, Size: "64Mi"}
	}
	longhornLast, resticLast, elsewhere := app("longhorn-last", "longhorn"), app("restic-last", "longhorn"), app("elsewhere", "longhorn")
	for _, each := range []harness.App{longhornLast, elsewhere} {
		s.startNew(each)
		s.write(each, "from restic")
		s.backUp(each)
		s.write(each, "from longhorn")
		s.backUpWithLonghorn(each)
	}
	older := s.seedLonghorn(resticLast, "from longhorn")
	s.write(resticLast, "from restic")
	s.backUp(resticLast)
	s.destroy(namespace)

	wished := resticLast
	wished.Name, wished.Annotations = "wished", map[string]string{
		v1alpha1.RestoreFromAnnotation: resticLast.Key().String(), v1alpha1.RestoreBackupAnnotation: older,
	}
	moved := elsewhere
	moved.Class = "local-wffc"
	s.together(map[string]func(*scenario){
		"Longhorn's is newer": func(s *scenario) {
			s.start(longhornLast)
			require.Equal(s, "from longhorn", s.story(longhornLast))
		},
		"restic's is newer, onto a Longhorn volume": func(s *scenario) {
			s.start(resticLast)
			require.Equal(s, "from restic", s.story(resticLast))
		},
		"an older one is asked for by its id": func(s *scenario) {
			s.start(wished)
			require.Equal(s, "from longhorn", s.story(wished))
		},
		"Longhorn's is newer, onto a volume of another class": func(s *scenario) {
			s.start(moved)
			require.Equal(s, "from longhorn", s.story(moved))
			s.awaitCompleted(moved)
			s.awaitNothingOf(s.claim(moved).UID, s.claim(moved).Spec.VolumeName, s.restoreName(moved))
		},
	})
	s.run("a raw block claim and a backup of files", func(s *scenario) {
		raw := harness.App{
			Namespace: namespace, Name: "raw", Class: "longhorn", Size: "64Mi", Block: true,
			Annotations: map[string]string{v1alpha1.RestoreFromAnnotation: resticLast.Key().String()},
		}
		s.apply(raw.Manifest())
		s.awaitEvent(raw, "volumeMode Block")
		s.requireWaiting(raw)
	})
}

func longhornSizes(s *scenario) {
	const namespace = "e2e-longhorn-size"
	s.own(namespace)
	source := harness.App{Namespace: namespace, Name: "source", Class: "longhorn", Size: "128Mi"}
	s.seedLonghorn(source, "of 128 MiB")
	app := func(name, size string) harness.App {
		return harness.App{Namespace: namespace, Name: name, Class: "longhorn", Size: size, Annotations: map[string]string{v1alpha1.RestoreFromAnnotation: source.Key().String()}}
	}
	s.together(map[string]func(*scenario){
		"a claim that asks for more": func(s *scenario) {
			larger := app("larger", "512Mi")
			s.start(larger)
			require.Equal(s, "of 128 MiB", s.story(larger))
			require.Equal(s, "512Mi", s.capacity(larger))
			require.Greater(s, s.fileSystemMiB(larger), 400, "the file system has grown")
		},
		"a claim that asks for less": func(s *scenario) {
			smaller := app("smaller", "64Mi")
			s.start(smaller)
			require.Equal(s, "of 128 MiB", s.story(smaller))
			require.Equal(s, "128Mi", s.capacity(smaller))
		},
	})
}

func longhornCrash(s *scenario) {
	const namespace = "e2e-longhorn-crash"
	s.own(namespace)
	source := harness.App{Namespace: namespace, Name: "source", Class: "longhorn", Size: "64Mi", Labels: harness.Unprotected}
	s.seedLonghorn(source, "crash-proof")
	// The points at which a Longhorn restore is in a state that no other restore
	// is in.
	dying := doomed{source: source, points: []string{restore.KillPrimeMade, restore.KillFillStarted, restore.KillFilled, restore.KillVolumeMade}}
	s.crash(&dying)
	for doom, app := range dying.claims {
		if doom.deleted {
			s.run("there is nothing of a claim deleted after a crash at "+doom.point, func(s *scenario) {
				s.awaitNothingOf(dying.uids[doom], "")
				s.awaitNoLonghornVolumesOf(dying.uids[doom])
			})
			continue
		}
		s.run("there is one volume and nothing else after a crash at "+doom.point, func(s *scenario) { s.requireWhole(app, dying.uids[doom]) })
	}
	survivors := dying.survivors()
	s.take(survivors)
	for name, story := range s.stories(survivors) {
		require.Equal(s, "crash-proof", story, name)
	}
	s.destroy(namespace)
	s.awaitNoLonghornVolumes()
}

func longhornCancel(s *scenario) {
	const namespace = "e2e-longhorn-cancel"
	s.own(namespace)
	source := harness.App{Namespace: namespace, Name: "source", Class: "longhorn", Size: "64Mi", Labels: harness.Unprotected}
	s.seedLonghorn(source, "wanted no more")
	s.after(cluster.ClearLonghornFaults)
	require.NoError(s, cluster.SetLonghornFaults(s.ctx, "- {fault: restorePause, percent: 40}"))
	app := harness.App{
		Namespace: namespace, Name: "cancelled", Class: "longhorn", Size: "64Mi", ClaimOnly: true,
		Annotations: map[string]string{v1alpha1.RestoreFromAnnotation: source.Key().String()},
	}
	s.apply(app.Workload())
	uid := s.claim(app).UID
	s.await("the restore to be at 40 %", func(ctx context.Context) (bool, string, error) {
		record, err := cluster.RestoreOf(ctx, app)
		if err != nil || record.Status.Progress == nil {
			return false, "no progress yet", err
		}
		return strings.HasPrefix(record.Status.Progress.Summary, "40%"), record.Status.Progress.Summary, nil
	})
	s.deleteClaim(app)
	s.awaitNothingOf(uid)
	s.awaitNoLonghornVolumesOf(uid)
	s.story(source)
}

// awaitNoLonghornVolumesOf waits until no volume is left that was made for the
// claim.
func (s *scenario) awaitNoLonghornVolumesOf(uid types.UID) {
	s.Helper()
	made := strings.TrimSuffix(longhorn.VolumeName(uid, 1), "1")
	s.await("the volume that was made for the claim to be gone", func(ctx context.Context) (bool, string, error) {
		volumes, err := cluster.LonghornVolumes(ctx)
		i := slices.IndexFunc(volumes, func(v string) bool { return strings.HasPrefix(v, made) })
		return i < 0, strings.Join(volumes, ", "), err
	})
}

func longhornStorm(s *scenario) {
	const (
		namespace   = "e2e-longhorn-storm"
		claims      = 20
		fewListings = 16 // of two systems by two replicas
	)
	s.own(namespace)
	storm := fleet{namespace: namespace, classes: map[string]string{}}
	for i := range claims {
		storm.classes[fmt.Sprintf("claim-%02d", i)] = []string{"longhorn", "longhorn-wffc"}[i%2]
	}
	s.seedLonghornFleet(storm)
	s.destroy(namespace)
	require.NoError(s, cluster.AwaitRestorable(s.ctx, namespace, slices.Collect(maps.Keys(storm.classes))...))
	before, err := cluster.Metric(s.ctx, "soteria_listings_total")
	require.NoError(s, err)
	s.apply(storm.manifest())
	s.awaitFleetBound(storm)
	after, err := cluster.Metric(s.ctx, "soteria_listings_total")
	require.NoError(s, err)
	s.Logf("%d claims took %.0f listings of both systems by both replicas", claims, after-before)
	s.take(storm)
	s.requireStories(storm)
	require.LessOrEqual(s, after-before, float64(fewListings))
}

func longhornLock(s *scenario) {
	const namespace = "e2e-longhorn-lock"
	s.own(namespace)
	lockHolds(s, namespace, "longhorn", func(s *scenario, app harness.App) { s.backUpWithLonghorn(app) })
}

// longhornVolume names the Longhorn volume behind the app's claim.
func (s *scenario) longhornVolume(app harness.App) string {
	s.Helper()
	volume := &corev1.PersistentVolume{}
	require.NoError(s, cluster.Get(s.ctx, client.ObjectKey{Name: s.claim(app).Spec.VolumeName}, volume))
	return volume.Spec.CSI.VolumeHandle
}

// recurringJobs returns the labels of the volume behind the app's claim: by one each
// Longhorn has a recurring job, or a group of them, for it.
func (s *scenario) recurringJobs(app harness.App) []string {
	s.Helper()
	labels, err := cluster.LonghornVolumeLabels(s.ctx, s.longhornVolume(app))
	require.NoError(s, err)
	return slices.Collect(maps.Keys(labels))
}

func (s *scenario) restoreName(app harness.App) string {
	s.Helper()
	record, err := cluster.RestoreOf(s.ctx, app)
	require.NoError(s, err)
	return record.Name
}

func (s *scenario) capacity(app harness.App) string {
	s.Helper()
	size := s.claim(app).Status.Capacity[corev1.ResourceStorage]
	return size.String()
}

func (s *scenario) fileSystemMiB(app harness.App) int {
	s.Helper()
	var size int
	_, err := fmt.Sscan(s.shell(app, `df -m /data | awk 'NR==2 {print $2}'`), &size)
	require.NoError(s, err)
	return size
}
