//go:build e2e

package scenarios_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/history"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// farFleet is what a large repository far away holds backups of.
const (
	farNamespace = "e2e-far"
	farClaims    = 200
	farSnapshots = 20_000
	// farChanged is how many backups of all claims one change lasts for.
	farChanged = 1000
	// farAway is how much longer a round trip to the store takes than on this machine.
	farAway = 30 * time.Millisecond
)

// TestAFleetComesBackFromALargeRepositoryFarAway runs with Longhorn configured beside
// restic.
func TestAFleetComesBackFromALargeRepositoryFarAway(t *testing.T) {
	s := begin(t, 25*time.Minute, farNamespace)
	far := s.useFarRepository()
	s.run("a new replica answers without reading every snapshot", far.newReplica)
	s.run("both systems prove that a claim has no backup", provedByBoth)
	s.run("what restic has is said while Longhorn is busy", saidWhileLonghornIsBusy)
	s.run("all claims at once take a handful of listings", stormOfClaims)
}

// useFarRepository points Soteria at a repository of many snapshots that is far away,
// until the scenario ends.
func (s *scenario) useFarRepository() farStore {
	s.Helper()
	near := harness.S3Repository(repositoryName + "-far")
	s.after(func(ctx context.Context) error {
		if err := cluster.Configure(ctx, map[string]string{longhornURL: "", expectBackups: ""}); err != nil {
			return err
		}
		if err := cluster.ForgetDriver(ctx, longhorn.Name); err != nil {
			return err
		}
		_, err := cluster.UseRepository(ctx, repository)
		return err
	})
	id, err := cluster.UseRepository(s.ctx, near)
	require.NoError(s, err)
	require.NoError(s, cluster.LightenKey(s.ctx, near))
	backups := history.History{Backups: farSnapshots, Changed: farChanged, Newest: time.Now().Add(-time.Minute), Every: time.Minute}
	for _, app := range farFleet().apps() {
		backups.Claims = append(backups.Claims, backup.Claim{Namespace: app.Namespace, Name: app.Name})
	}
	require.NoError(s, cluster.WriteHistory(s.ctx, near, backups))
	far, err := cluster.LayLine(s.ctx, near)
	require.NoError(s, err)
	s.Cleanup(far.Close)
	far.Delay(farAway)
	require.NoError(s, cluster.Configure(s.ctx, map[string]string{
		"SOTERIA_RESTIC_REPOSITORY": far.Repository, pinnedIdentity: id, longhornURL: longhorn.DefaultURL, expectBackups: "longhorn=false",
	}))
	return farStore{far}
}

func farFleet() fleet {
	f := fleet{namespace: farNamespace, classes: map[string]string{}}
	for i := range farClaims {
		f.classes[fmt.Sprintf("claim-%03d", i)] = []string{"local", "local-wffc"}[i%2]
	}
	return f
}

type farStore struct{ *harness.FarRepository }

// newReplica replaces one of the replicas.
func (f farStore) newReplica(s *scenario) {
	const fewRequests = farSnapshots / 20
	last := fmt.Sprintf("claim-%03d", farClaims-1)
	require.NoError(s, cluster.AwaitRestorable(s.ctx, farNamespace, last))
	s.await("what was read to be handed over", func(ctx context.Context) (bool, string, error) {
		var handed corev1.ConfigMap
		err := cluster.Get(ctx, client.ObjectKey{Namespace: harness.SoteriaNamespace, Name: "soteria-restic-reading-15"}, &handed)
		size := len(handed.BinaryData["snapshots.json.gz"])
		return size > farSnapshots, fmt.Sprintf("%d bytes in the last of 16 parts", size), err
	})
	old, err := cluster.Replicas(s.ctx)
	require.NoError(s, err)
	var addresses []string
	for _, pod := range old {
		addresses = append(addresses, pod.Status.PodIP)
	}
	before := f.Requests(addresses...)
	require.NoError(s, cluster.Delete(s.ctx, &old[0]))
	began := time.Now()
	s.await("another replica to be ready", func(ctx context.Context) (bool, string, error) {
		now, err := cluster.Replicas(ctx)
		gone := !slices.ContainsFunc(now, func(pod corev1.Pod) bool { return pod.UID == old[0].UID })
		return gone && len(now) == len(old) && !slices.ContainsFunc(now, notReady), fmt.Sprintf("%d replicas", len(now)), err
	})
	ready := time.Since(began)
	require.NoError(s, cluster.AwaitRestorable(s.ctx, farNamespace, "claim-000", last))
	requests := f.Requests(addresses...) - before
	s.Logf("the new replica was ready after %s, knew all of %d snapshots after %s, and sent %d requests", ready.Round(time.Second), farSnapshots, time.Since(began).Round(time.Second), requests)
	assert.Positive(s, requests, "requests of the new replica are counted")
	assert.LessOrEqual(s, requests, int64(fewRequests), "requests of the new replica to the store")
}

func notReady(pod corev1.Pod) bool {
	return !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// provedByBoth asks about a claim that no system has a backup of, again and again for
// as long as the first question's proof is due. A question that was asked in that time
// has its answer waited for.
func provedByBoth(s *scenario) {
	const due = 15 * time.Second
	began, questions, proved, last := time.Now(), 0, false, ""
	s.await("a proof by both systems", func(ctx context.Context) (bool, string, error) {
		if time.Since(began) > due {
			return true, last, nil
		}
		questions++
		_, answer, err := cluster.Exists(ctx, farNamespace, "never-there")
		proved, last = answer.Authoritative && !answer.Exists, answer.Error
		return proved, last, err
	})
	require.True(s, proved, "of %d questions within %s none was answered: %s", questions, due, last)
	s.Logf("question %d was answered, after %s", questions, time.Since(began).Round(time.Millisecond))
}

// saidWhileLonghornIsBusy has Longhorn never end a sync: only what it alone could tell
// is unknown.
func saidWhileLonghornIsBusy(s *scenario) {
	require.NoError(s, cluster.SetLonghornFaults(s.ctx, "- {fault: syncNever}"))
	s.after(cluster.ClearLonghornFaults)
	s.await("a proof to need what Longhorn does not say", func(ctx context.Context) (bool, string, error) {
		_, answer, err := cluster.Exists(ctx, farNamespace, "never-there")
		return !answer.Authoritative, answer.Error, err
	})
	began := time.Now()
	_, answer, err := cluster.Exists(s.ctx, farNamespace, "claim-000")
	require.NoError(s, err)
	require.True(s, answer.Exists, answer.Error)
	require.Equal(s, wire.DecisionRestore, answer.Decision)
	backups, err := cluster.Backups(s.ctx, farNamespace, "claim-000")
	require.NoError(s, err)
	require.Len(s, backups, farSnapshots/farClaims)
	s.Logf("both answers took %s", time.Since(began).Round(time.Millisecond))
}

// stormOfClaims creates all claims at once, and waits until so many of them have their
// data that the rest would tell no more.
func stormOfClaims(s *scenario) {
	const (
		fewListings     = 5
		enough          = 40
		looked          = 20 // claims whose content is looked at
		listings, calls = "soteria_listings_total", "rest_client_requests_total"
	)
	s.destroy(farNamespace)
	before, err := cluster.Scrape(s.ctx)
	require.NoError(s, err)
	began := time.Now()
	s.createAtOnce(farFleet())
	created := time.Since(began)
	bound, err := cluster.AwaitBoundAmong(s.ctx, farNamespace, enough)
	require.NoError(s, err)
	took := time.Since(began)
	after, err := cluster.Scrape(s.ctx)
	require.NoError(s, err)
	more := func(metric string, labels ...string) float64 {
		return harness.Sum(after, metric, labels...) - harness.Sum(before, metric, labels...)
	}
	s.Logf("%d claims were created in %s, %d of them bound after %s: %.0f listings by restic and %.0f by Longhorn, %.0f API calls, %.0f of them answered 409", farClaims, created.Round(time.Second),
		len(bound), took.Round(time.Second), more(listings, `driver="restic"`), more(listings, `driver="longhorn"`), more(calls), more(calls, `code="409"`))
	assert.LessOrEqual(s, more(listings, `driver="restic"`), float64(fewListings), "listings of the repository by both replicas")

	sample := fleet{namespace: farNamespace, classes: map[string]string{}}
	want := map[string]string{}
	for i, app := range farFleet().apps() {
		if len(want) < looked && slices.Contains(bound, app.Name) {
			sample.classes[app.Name] = app.Class
			change := farSnapshots - farClaims + i
			want[app.Name] = fmt.Sprintf("change %d of a history", change-change%farChanged)
		}
	}
	s.take(sample)
	require.Equal(s, want, s.stories(sample))
}

// createAtOnce makes the claims of a namespace that is gone all at the same time: those
// that come one after the other, as a busy machine makes them, ask one after the
// other, too.
func (s *scenario) createAtOnce(f fleet) {
	s.Helper()
	s.apply(namespaceManifest(f.namespace, ""))
	var creations errgroup.Group
	for _, app := range f.apps() {
		creations.Go(func() error {
			var claim corev1.PersistentVolumeClaim
			if err := yaml.Unmarshal([]byte(app.Workload()), &claim); err != nil {
				return err
			}
			var made error
			return errors.Join(harness.WaitFor(s.ctx, "admission to answer in time", func(ctx context.Context) (bool, string, error) {
				made = cluster.Create(ctx, &claim)
				return !isOutOfTime(made), fmt.Sprint(made), nil
			}), made)
		})
	}
	require.NoError(s, creations.Wait())
}
