package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/decision"
)

// Longhorn's recurring jobs alone back a claim up, which got past the gate two days ago.
func TestTheCatalogHeedsWhatIsRememberedOfReviews(t *testing.T) {
	verdict := func(a backup.Answer) decision.Verdict {
		return decision.Decide(decision.Facts{Claim: photos, Source: photos, Mode: decision.Auto, Answer: a, Rules: backup.Rules{Now: time.Now()}})
	}
	longhorn := func(own bool) *repository {
		r := newRepository("longhorn")
		pass(100 * 24 * time.Hour)
		r.backups = []backup.Backup{
			{Claim: photos, Driver: "longhorn", ID: "good", TakenAt: time.Now().Add(-72 * time.Hour), Own: own},
			{Claim: photos, Driver: "longhorn", ID: "empty", TakenAt: time.Now().Add(-24 * time.Hour), Own: own},
		}
		return r
	}
	inBubbles(t, map[string]func(*testing.T){
		"what others took while the claim was unreviewed is not chosen": func(t *testing.T) {
			r := longhorn(false)
			spans := []backup.Span{{Since: time.Now().Add(-48 * time.Hour)}}
			c := start(t, func(cfg *catalog.Config) {
				cfg.Reviews = func(backup.Claim) ([]backup.Span, error) { return spans, nil }
			}, r, newRepository("restic", music))
			pass(time.Minute)
			for _, answer := range []backup.Answer{
				c.Prove(within(t, budget), photos), c.Known(within(t, budget), photos), c.Glance(photos), c.LastOf(photos, "longhorn"),
			} {
				v := verdict(answer)
				assert.Equal(t, decision.Restore, v.Kind, v.Message)
				assert.Equal(t, "good", v.Backup.ID)
			}
		},
		"where it cannot be told, the claim is held": func(t *testing.T) {
			r := longhorn(false)
			c := start(t, func(cfg *catalog.Config) {
				cfg.Reviews = func(backup.Claim) ([]backup.Span, error) {
					return nil, backup.Errorf(backup.Unavailable, "not read yet")
				}
			}, r)
			pass(time.Minute)
			v := verdict(c.Prove(within(t, budget), photos))
			assert.Equal(t, decision.Hold, v.Kind)
			assert.Contains(t, v.Message, "not read yet")
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty(), "a claim without backups does not wait for it")
		},
		"Soteria's own backups tell it themselves": func(t *testing.T) {
			r := longhorn(true)
			c := start(t, func(cfg *catalog.Config) {
				cfg.Reviews = func(backup.Claim) ([]backup.Span, error) {
					return nil, backup.Errorf(backup.Unavailable, "not read yet")
				}
			}, r)
			pass(time.Minute)
			assert.Equal(t, "empty", verdict(c.Prove(within(t, budget), photos)).Backup.ID)
		},
	})
}
