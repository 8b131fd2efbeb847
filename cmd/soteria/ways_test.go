package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/mem"
	"github.com/soteria-dr/soteria/internal/waiting"
)

// unusedTargets is what Longhorn's targets are called that were configured and never
// used.
const unusedTargets = "default=s3://longhorn-backups-of-the-cluster@eu-central-1/home"

// rebuiltBesideUnused is a rebuilt cluster with this configuration: what it knows of a
// claim that has a backup with restic, and of one that has none. Longhorn is empty.
func rebuiltBesideUnused(t *testing.T, d *desk, env map[string]string) (known *catalog.Catalog, found, none backup.Answer) {
	t.Helper()
	c, err := readConfig(valid(env))
	require.NoError(t, err)
	restic := mem.NewLister("restic", "5e1f")
	restic.Add(cacheOfAI, time.Now().Add(-time.Hour))
	settings := c.catalog()
	settings.Memory, settings.Unaccepted = d.memory, d.unaccepted
	known = catalog.New(settings, []driver.Lister{restic, d.longhorn}, d.expectations, clock.RealClock{}, noObserver{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- known.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
	})
	return known, known.Prove(ctx, cacheOfAI), known.Prove(ctx, backup.Claim{Namespace: "ai", Name: "models"})
}

func TestAnUnusedBackupSystemBesideARestoredOneNamesTheWaysOutAndEachWorks(t *testing.T) {
	ways := []string{
		"soteria repository accept longhorn " + unusedTargets,
		"set SOTERIA_EXPECT_BACKUPS=longhorn=false",
		"SOTERIA_RESTORE_WITHOUT=longhorn restores what others hold",
	}
	accepted := func(t *testing.T) *desk {
		t.Helper()
		d := newDesk(t)
		d.longhorn = mem.NewLister("longhorn", unusedTargets)
		d.listers["longhorn"] = d.longhorn
		require.NoError(t, d.expectations.Accept(t.Context(), "restic", "5e1f"))
		return d
	}
	decided := func(answer backup.Answer) decision.Verdict {
		return decision.Decide(decision.Facts{Mode: decision.Auto, Claim: cacheOfAI, Source: cacheOfAI, Answer: answer})
	}

	t.Run("which the event, the status and the plan name", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := accepted(t)
			known, found, none := rebuiltBesideUnused(t, d, nil)
			verdict := decided(found)
			assert.Equal(t, decision.ReasonNewestInDoubt, verdict.Reason)
			event := backup.Clip("The claim waits and is not started empty: "+verdict.Message, backup.MaxNote)
			counter := &waiting.Counter{Reader: d.cluster, Policy: d.policy, Glance: known.Glance, Clock: clock.RealClock{}}
			status := listingsWaitedFor(t.Context(), listingsOf(known), counter)()
			require.Len(t, status, 2)
			for _, way := range ways {
				assert.Contains(t, event, way, "the event of a claim that has a backup")
				assert.Contains(t, backup.Message(none.Err()), way, "the event of one that has none")
				assert.Contains(t, backup.Message(status[1].Failure), way, "/v1/status, and what the plan warns of")
			}
			assert.Equal(t, "soteria repository accept longhorn "+unusedTargets, backup.SettleOf(found.Doubt()))
		})
	})
	for name, test := range map[string]struct {
		env    map[string]string
		accept bool
		// empty is what becomes of a claim that has no backup.
		empty backup.Certainty
	}{
		"accept":                  {accept: true, empty: backup.None},
		"SOTERIA_EXPECT_BACKUPS":  {env: map[string]string{"SOTERIA_EXPECT_BACKUPS": "longhorn=false"}, empty: backup.None},
		"SOTERIA_RESTORE_WITHOUT": {env: map[string]string{"SOTERIA_RESTORE_WITHOUT": "longhorn"}, empty: backup.Unknown},
	} {
		t.Run("by "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := accepted(t)
				if test.accept {
					_, err := d.run(t, "accept", "longhorn", unusedTargets)
					require.NoError(t, err)
				}
				_, found, none := rebuiltBesideUnused(t, d, test.env)
				assert.Equal(t, decision.Restore, decided(found).Kind, decided(found).Message)
				assert.Equal(t, test.empty, none.Certainty(), "%v", none.Err())
			})
		})
	}
}
