package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/mem"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/retention"
)

// blankLedger remembers nothing.
type blankLedger struct{}

func (blankLedger) Expectation(context.Context, string) (catalog.Expectation, error) {
	return catalog.Expectation{}, nil
}

func (blankLedger) Record(context.Context, string, catalog.Expectation, catalog.Expectation) error {
	return nil
}

func (blankLedger) Held(context.Context) ([]string, error) { return nil, nil }

// believingLedger remembers the repository "r".
type believingLedger struct{ blankLedger }

func (believingLedger) Expectation(context.Context, string) (catalog.Expectation, error) {
	return catalog.Expectation{Repository: "r"}, nil
}

// rivalled is a copy beside the backups of which another cluster writes one, too.
type rivalled struct{ copier }

func (rivalled) Listed() keeper.Listed { return keeper.Listed{Rival: "other", RivalAt: time.Now()} }

// shared lists a backup of the cluster home besides.
type shared struct{ *mem.Lister }

func (s shared) List(ctx context.Context, into driver.Listing) (string, error) {
	into.Backup(backup.Backup{Claim: backup.Claim{Namespace: "ai", Name: "other"}, Driver: "restic", ID: "theirs", Cluster: "home", TakenAt: time.Now()})
	return s.Lister.List(ctx, into)
}

// A second cluster is pointed at the repository of the first by a copied
// configuration, and a policy keeps one backup.
func TestRetentionRemovesNothingThatMayBeAnotherClusters(t *testing.T) {
	claim := backup.Claim{Namespace: "ai", Name: "cache"}
	for name, test := range map[string]struct {
		ledger   catalog.Ledger
		clusters backup.Clusters
		copiers  map[string]copier
		reason   retention.Reason
		says     string
	}{
		"no one accepted the repository":          {blankLedger{}, backup.Clusters{}, nil, retention.ListingDoubtful, "soteria repository accept"},
		"the cluster's name was never seen there": {believingLedger{}, backup.Clusters{Own: "hmoe"}, nil, retention.ListingDoubtful, "SOTERIA_RESTORE_CLUSTERS"},
		"a live cluster has the same name":        {believingLedger{}, backup.Clusters{}, map[string]copier{"restic": rivalled{}}, retention.NameTwice, "give each cluster a SOTERIA_CLUSTER"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := readConfig(valid(nil))
				require.NoError(t, err)
				scheme := runtime.NewScheme()
				require.NoError(t, addTypes(scheme))
				lister := mem.NewLister("restic", "r")
				lister.Add(claim, time.Now().Add(-time.Hour))
				lister.Add(claim, time.Now())
				measured := metrics.New(prometheus.NewRegistry())
				cfg := catalog.DefaultConfig()
				cfg.Clusters = test.clusters
				known := catalog.New(cfg, []driver.Lister{shared{lister}}, test.ledger, clock.RealClock{}, measured)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); _ = known.Start(ctx) }()
				synctest.Wait()

				e := newEnforcer(c, fake.NewClientBuilder().WithScheme(scheme).Build(), events.NewFakeRecorder(9), known,
					&backends{pruners: map[string]driver.Pruner{"restic": lister}, copiers: test.copiers}, nil, measured, slog.New(slog.DiscardHandler))
				outcome, err := e.Enforce(ctx, claim, retention.Keep{Last: 1})
				assert.Empty(t, outcome.Removed)
				assert.Equal(t, 1, outcome.Waiting)
				var refusal *retention.RefusalError
				require.ErrorAs(t, err, &refusal)
				assert.Equal(t, test.reason, refusal.Reason)
				assert.ErrorContains(t, err, test.says)
				cancel()
				<-ended
			})
		})
	}
}

func TestRetentionGoesByWhatTheCatalogKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := readConfig(valid(nil))
		require.NoError(t, err)
		scheme := runtime.NewScheme()
		require.NoError(t, addTypes(scheme))
		claim := backup.Claim{Namespace: "ai", Name: "cache"}
		lister := mem.NewLister("restic", "r")
		old, newest := lister.Add(claim, time.Now().Add(-time.Hour)), lister.Add(claim, time.Now())
		lister.SetDoubt(claim, backup.Errorf(backup.Unavailable, "half a backup"))
		measured := metrics.New(prometheus.NewRegistry())
		known := catalog.New(catalog.DefaultConfig(), []driver.Lister{lister}, believingLedger{}, clock.RealClock{}, measured)
		e := newEnforcer(c, fake.NewClientBuilder().WithScheme(scheme).Build(), events.NewFakeRecorder(9), known,
			&backends{pruners: map[string]driver.Pruner{"restic": lister}}, nil, measured, slog.New(slog.DiscardHandler))
		keep := retention.Keep{Last: 1}

		outcome, err := e.Enforce(t.Context(), claim, keep)
		require.NoError(t, err)
		assert.Empty(t, outcome, "before the first listing nothing is known")

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = known.Start(ctx)
		}()
		synctest.Wait()
		_, err = e.Enforce(t.Context(), claim, keep)
		assert.ErrorContains(t, err, "half a backup")

		lister.SetDoubt(claim, nil)
		time.Sleep(c.RefreshInterval)
		synctest.Wait()
		outcome, err = e.Enforce(t.Context(), claim, keep)
		require.NoError(t, err)
		require.Len(t, outcome.Removed, 1)
		assert.Equal(t, old.ID, outcome.Removed[0].ID)

		synctest.Wait()
		of := known.Overviews()[0].Of(claim)
		require.Len(t, of, 1, "it was listed again at once")
		assert.Equal(t, newest.ID, of[0].ID)
		cancel()
		<-ended
	})
}
