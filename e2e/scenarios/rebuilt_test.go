//go:build e2e

package scenarios_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
)

const (
	clusterName     = "SOTERIA_CLUSTER"
	restoreClusters = "SOTERIA_RESTORE_CLUSTERS"
	pinnedIdentity  = "SOTERIA_RESTIC_REPOSITORY_ID"
)

// rebuilt is a cluster that was built again from Git, where something is wrong with
// the store of its backups or with what Git says of it.
type rebuilt struct {
	cause string
	// variables are what Git says.
	variables map[string]string
	// lose makes the store what the new cluster finds, and returns what undoes that.
	lose func(*scenario) (undo func(context.Context) error)
	// waits says, by the claims' names, what the event of each that waits says.
	waits map[string]string
	// comes names the claims that come back.
	comes []string
}

// TestARebuiltClusterStartsNoClaimEmptyThatHadABackup shows the worst of the cases
// that the catalog's test of the same promise goes through.
func TestARebuiltClusterStartsNoClaimEmptyThatHadABackup(t *testing.T) {
	const namespace = "e2e-rebuilt"
	s := begin(t, 20*time.Minute, namespace)
	s.after(cluster.CloseStoreShell)
	name := repositoryName + "-rebuilt"
	s.after(func(ctx context.Context) error {
		if err := cluster.Rebuild(ctx, map[string]string{clusterName: "", restoreClusters: "", longhornURL: ""}); err != nil {
			return err
		}
		_, err := cluster.UseRepository(ctx, repository)
		return err
	})
	require.NoError(s, cluster.Configure(s.ctx, map[string]string{clusterName: "home"}))
	identity, err := cluster.UseRepository(s.ctx, harness.S3Repository(name))
	require.NoError(s, err)
	require.NoError(s, cluster.LightenKey(s.ctx, harness.S3Repository(name)))

	claims := fleet{namespace: namespace, classes: map[string]string{"music": "local", "photos": "local", "wiki": "local"}}
	s.seedFleet(claims)
	s.backUp(harness.App{Namespace: namespace, Name: "music"})
	lost := map[string]string{"photos": s.newestOf(namespace, "photos"), "music": s.newestOf(namespace, "music")}
	require.NoError(s, cluster.AwaitCopy(s.ctx))
	const (
		notSeen    = "is empty, and this cluster has not seen it before"
		gone       = "is not there any more" // as the copy says that the cluster wrote when it had its name
		inLonghorn = "may not be the newest there is: the longhorn repository"
		otherName  = "of cluster home, while this cluster is hmoe (SOTERIA_CLUSTER)"
	)
	snapshots := "soteria/" + name + "/snapshots"

	for _, r := range []rebuilt{
		{
			cause:     "half of the store is there, and the copy of the memory says what lacks",
			variables: map[string]string{clusterName: "home", pinnedIdentity: ""},
			lose:      without(snapshots, lost["photos"], lost["music"]),
			waits:     map[string]string{"photos": "photos", "music": "music"},
			comes:     []string{"wiki"},
		},
		{
			cause:     "the store is another one, and no identity is pinned",
			variables: map[string]string{clusterName: "home", pinnedIdentity: ""},
			lose:      swapped(name),
			waits:     map[string]string{"photos": notSeen, "music": notSeen, "wiki": notSeen},
		},
		{
			cause:     "the snapshots lack, and the identity is pinned",
			variables: map[string]string{clusterName: "home", pinnedIdentity: identity},
			lose:      moved(snapshots, "snapshots"),
			waits:     map[string]string{"photos": notSeen, "music": notSeen, "wiki": notSeen},
		},
		{
			cause:     "the store is whole, and the cluster's name is mistyped",
			variables: map[string]string{clusterName: "hmoe", pinnedIdentity: identity},
			lose:      func(*scenario) func(context.Context) error { return func(context.Context) error { return nil } },
			waits:     map[string]string{"photos": otherName, "music": otherName, "wiki": otherName},
		},
		{
			cause:     "half of the store is there, Longhorn's is empty, and Git has neither a name nor a pin",
			variables: map[string]string{clusterName: "", pinnedIdentity: "", longhornURL: longhorn.DefaultURL},
			lose:      without(snapshots, lost["photos"]),
			waits:     map[string]string{"photos": gone, "music": inLonghorn, "wiki": inLonghorn},
		},
		{
			cause:     "all is as it was",
			variables: map[string]string{clusterName: "home", pinnedIdentity: identity, longhornURL: ""},
			lose:      func(*scenario) func(context.Context) error { return func(context.Context) error { return nil } },
			comes:     []string{"music", "photos", "wiki"},
		},
	} {
		s.run(r.cause, func(s *scenario) { s.requireSafe(claims, r) })
	}
}

// requireSafe builds the cluster again, and requires that the claims wait or come back
// as r says.
func (s *scenario) requireSafe(claims fleet, r rebuilt) {
	s.Helper()
	s.destroy(claims.namespace)
	undo := r.lose(s)
	s.after(undo)
	require.NoError(s, cluster.Rebuild(s.ctx, r.variables))
	s.apply(claims.manifest())
	for _, app := range claims.apps() {
		if says, waits := r.waits[app.Name]; waits {
			s.awaitEvent(app, says)
		}
	}
	for _, name := range r.comes {
		s.awaitCompleted(harness.App{Namespace: claims.namespace, Name: name})
	}
	for _, app := range claims.apps() {
		if _, waits := r.waits[app.Name]; waits {
			s.requireWaiting(app)
		}
	}
	require.NoError(s, undo(s.ctx))
	if len(r.comes) < len(claims.classes) {
		return
	}
	s.take(claims)
	for name, story := range s.stories(claims) {
		require.Equal(s, storyOf(name), story)
	}
}

// newestOf returns the id of the newest backup of a claim.
func (s *scenario) newestOf(namespace, name string) string {
	s.Helper()
	backups := s.backups(harness.App{Namespace: namespace, Name: name})
	require.NotEmpty(s, backups)
	return backups[0].ID
}

// without moves files out of a folder of the S3 store.
func without(folder string, files ...string) func(*scenario) func(context.Context) error {
	return func(s *scenario) func(context.Context) error {
		undo := make([]func(context.Context) error, 0, len(files))
		for _, file := range files {
			undo = append(undo, moved(folder+"/"+file, file)(s))
		}
		return func(ctx context.Context) error {
			for _, back := range undo {
				if err := back(ctx); err != nil {
					return err
				}
			}
			return nil
		}
	}
}
