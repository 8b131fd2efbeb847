package catalog_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/expectation"
)

func TestAnEmptiedRepositoryWithACopyCanBeAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &remembered{}
		beside := &remembered{claims: expectation.Claims{photos: {Newest: time.Now().Add(-time.Hour).UTC(), ID: "x", Count: 1}}}
		ledger := newMemory()
		b := newBench(func(cfg *catalog.Config) {
			cfg.Expect, cfg.Memory = nil, kept
			cfg.Copies = map[string]catalog.Copy{"restic": beside}
		}, ledger, newRepository("restic"))
		run(t, b.Catalog)
		assert.Equal(t, backup.RepositoryChanged, backup.KindOf(b.Prove(within(t, budget), photos).Err()))
		// soteria repository accept: settleAll of what the memory holds, and the ledger.
		kept.set(func(r *remembered) {
			for claim, record := range expectation.Union(r.claims, beside.claims) {
				r.claims = expectation.Union(r.claims, expectation.Claims{claim: record.Accept(nil, time.Now())})
			}
		})
		ledger.mu.Lock()
		ledger.recorded["restic"] = catalog.Expectation{Repository: repositoryID}
		ledger.mu.Unlock()
		pass(10 * time.Minute)
		a := b.Prove(within(t, budget), photos)
		assert.Equal(t, backup.None, a.Certainty())
	})
}

func TestAHalfCopiedStoreWhoseCopyCannotBeReadBringsNothingOldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRepository("restic", photos) // the older of two backups; the newer one was not copied
		beside := &remembered{failRead: backup.Errorf(backup.Unavailable, "killed")}
		b := newBench(func(cfg *catalog.Config) {
			cfg.Expect, cfg.Memory = nil, &remembered{}
			cfg.Copies = map[string]catalog.Copy{"restic": beside}
		}, newMemory(), r)
		run(t, b.Catalog)
		a := b.Prove(within(t, budget), photos)
		assert.Error(t, a.Doubt())
	})
}

func TestACopyOlderThanTheBackupsDoesNotVouch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRepository("restic", music) // taken now; photos were first backed up after the copy was written, and are not copied yet
		beside := &remembered{claims: expectation.Claims{music: {Newest: time.Now().Add(-48 * time.Hour).UTC(), ID: "music-old", Count: 1}}}
		b := newBench(func(cfg *catalog.Config) {
			cfg.Expect, cfg.Memory = nil, &remembered{}
			cfg.Copies = map[string]catalog.Copy{"restic": beside}
		}, newMemory(), r)
		run(t, b.Catalog)
		a := b.Prove(within(t, budget), photos)
		assert.Equal(t, backup.Unknown, a.Certainty())
	})
}

func TestARenamedClusterStartsNoneOfItsClaimsEmpty(t *testing.T) {
	for _, name := range []string{"prd", ""} {
		synctest.Test(t, func(t *testing.T) {
			kept, ledger := &remembered{}, newMemory()
			r := newRepository("restic", photos, music)
			r.set(func(r *repository) {
				for i := range r.backups {
					r.backups[i].Cluster = "prod"
				}
			})
			life := func(own string) backup.Answer {
				clusters := backup.Clusters{Own: own, Settled: true}
				b := newBench(func(cfg *catalog.Config) {
					cfg.Memory, cfg.Clusters = kept, clusters
					cfg.Counts = func(b backup.Backup, now time.Time) bool { return clusters.Counts(b) && catalog.Counts(b, now) }
				}, ledger, r)
				stop := run(t, b.Catalog)
				defer stop()
				return b.Prove(within(t, budget), photos)
			}
			assert.Equal(t, backup.Found, life("prod").Certainty())
			a := life(name)
			assert.NotEqual(t, backup.None, a.Certainty(), "name %q", name)
		})
	}
}
