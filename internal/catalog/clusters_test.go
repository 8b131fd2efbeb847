package catalog_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/decision"
)

// of has every backup of the repository be a cluster's.
func of(cluster string, r *repository) *repository {
	r.set(func(r *repository) {
		for i := range r.backups {
			r.backups[i].Cluster = cluster
		}
	})
	return r
}

func named(clusters backup.Clusters) func(*catalog.Config) {
	return func(c *catalog.Config) { c.Clusters = clusters }
}

func TestARepositoryThatSeveralClustersUse(t *testing.T) {
	home := backup.Clusters{Own: "home"}
	settled := backup.Clusters{Own: "home", Settled: true}
	inBubbles(t, map[string]func(*testing.T){
		"proves nothing to a cluster whose name it has never seen, and says how to settle it": func(t *testing.T) {
			c := start(t, named(home), of("attic", newRepository("restic", photos)))
			answer := c.Prove(t.Context(), music)
			assert.Equal(t, backup.Unknown, answer.Certainty())
			assert.ErrorContains(t, answer.Err(), "holds backups of other clusters (attic) and none of this one, home (SOTERIA_CLUSTER)")
			assert.ErrorContains(t, answer.Err(), "SOTERIA_RESTORE_CLUSTERS")
			assert.ErrorContains(t, c.Overviews()[0].Doubt(music), "may be mistyped")
			assert.Len(t, c.Overviews()[0].Doubts(), 1)
			assert.ErrorContains(t, errors.Join(c.Overviews()[0].Doubts()...), "may be mistyped")
		},
		"proves absence to a cluster whose name it has seen": func(t *testing.T) {
			r := of("attic", newRepository("restic", photos))
			own := r.add(backup.Claim{Namespace: "docs", Name: "wiki"})
			r.set(func(r *repository) {
				for i := range r.backups {
					if r.backups[i].ID == own.ID {
						r.backups[i].Cluster = "home"
					}
				}
			})
			assert.Equal(t, backup.None, start(t, named(home), r).Prove(t.Context(), music).Certainty())
		},
		"proves absence where none of the backups names a cluster": func(t *testing.T) {
			assert.Equal(t, backup.None, start(t, named(home), newRepository("restic", photos)).Prove(t.Context(), music).Certainty())
		},
		"proves absence to a cluster without a name": func(t *testing.T) {
			assert.Equal(t, backup.None, start(t, nil, of("attic", newRepository("restic", photos))).Prove(t.Context(), music).Certainty())
		},
		"proves absence once it is settled which clusters are restored": func(t *testing.T) {
			assert.Equal(t, backup.None, start(t, named(settled), of("attic", newRepository("restic", photos))).Prove(t.Context(), music).Certainty())
		},
		"finds another cluster's backups as long as it is not settled that they say nothing": func(t *testing.T) {
			c := start(t, named(home), of("attic", newRepository("restic", photos)))
			assert.Equal(t, backup.Found, c.Known(t.Context(), photos).Certainty())
			assert.Equal(t, backup.Found, c.Prove(t.Context(), photos).Certainty())
		},
		"proves absence by a new listing where it is settled, and shows the others' all the same": func(t *testing.T) {
			r := of("attic", newRepository("restic", photos))
			c := start(t, named(settled), r)
			pass(time.Minute)
			before := r.listed()
			answer := c.Known(t.Context(), photos)
			assert.Equal(t, backup.None, answer.Certainty())
			assert.Len(t, answer.Others(), 1)
			assert.Greater(t, r.listed(), before, "what was known before proves nothing")
		},
		"does not prove absence while a backup of the claim is running": func(t *testing.T) {
			c := start(t, named(settled), of("attic", newRepository("restic", photos)))
			c.BackupStarted(photos, "job")
			assert.Equal(t, backup.Unknown, c.Prove(t.Context(), photos).Certainty())
		},
		"finds those of a cluster that is restored": func(t *testing.T) {
			clusters := backup.Clusters{Own: "home", Restored: []string{"attic"}, Settled: true}
			c := start(t, named(clusters), of("attic", newRepository("restic", photos)))
			assert.Equal(t, backup.Found, c.Prove(t.Context(), photos).Certainty())
		},
		"finds the claim's own beside another repository's that says nothing": func(t *testing.T) {
			c := start(t, named(settled), of("attic", newRepository("restic", photos)), newRepository("longhorn", photos))
			answer := c.Prove(t.Context(), photos)
			assert.Equal(t, backup.Found, answer.Certainty())
			assert.Len(t, answer.Backups(), 2)
		},
	})
}

func TestAListOfRestoredClustersThatIsMistypedStartsNoClaimEmptyThatTheyBackedUp(t *testing.T) {
	listing := func(names ...string) backup.Clusters {
		return backup.Clusters{Own: "prod2", Restored: names, Settled: true}
	}
	of := func(names ...string) (there []backup.Backup) {
		for _, name := range names {
			there = append(there, taken(photos, time.Hour, name, "of-"+name))
		}
		return there
	}
	for name, test := range map[string]struct {
		clusters backup.Clusters
		there    []string
		// elsewhere is a cluster that has backups in another repository.
		elsewhere string
		held      bool
	}{
		"a name that was never seen":                   {clusters: listing("prdo"), there: []string{"prod"}, held: true},
		"one of two names that was never seen":         {clusters: listing("attic", "prdo"), there: []string{"prod"}, elsewhere: "attic", held: true},
		"a name that was seen in another repository":   {clusters: listing("attic"), there: []string{"prod"}, elsewhere: "attic"},
		"no name at all, since none is to be restored": {clusters: listing(), there: []string{"prod"}},
	} {
		inBubbles(t, map[string]func(*testing.T){name: func(t *testing.T) {
			longhorn := newRepository("longhorn")
			if test.elsewhere != "" {
				longhorn.backups = []backup.Backup{taken(music, day, test.elsewhere, "music")}
			}
			c := start(t, named(test.clusters), holding(of(test.there...)...), longhorn)
			a := c.Prove(within(t, budget), photos)
			v := verdictOn(photos, a, test.clusters, backup.Selector{})
			assert.Equal(t, test.held, v.Kind == decision.Hold, v.Message)
			assert.Equal(t, test.held, c.Overviews()[0].Doubt(photos) != nil, "the plan goes by it")
			if test.held {
				assert.ErrorContains(t, a.Err(), "other clusters (prod) have backups of it, and SOTERIA_RESTORE_CLUSTERS lists prdo instead")
				assert.Len(t, a.Others(), 1, "they can be chosen by their ids")
			}
			unnamed := backup.Claim{Namespace: "media", Name: "new"}
			assert.Equal(t, backup.None, c.Prove(within(t, budget), unnamed).Certainty(), "a claim that no one backed up is not held for it")
		}})
	}
}
