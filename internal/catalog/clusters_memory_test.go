package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// verdictOn is what becomes of a claim of which the catalog says this.
func verdictOn(claim backup.Claim, a backup.Answer, clusters backup.Clusters, wish backup.Selector) decision.Verdict {
	return decision.Decide(decision.Facts{
		Claim: claim, Source: claim, Mode: decision.Auto, Answer: a, Selector: wish,
		Rules: backup.Rules{Clusters: clusters, Now: time.Now(), PartialWindow: backup.DefaultPartialWindow},
	})
}

// taken is a whole backup of a claim, so long ago.
func taken(claim backup.Claim, ago time.Duration, cluster, id string) backup.Backup {
	return backup.Backup{Claim: claim, Driver: "restic", ID: id, TakenAt: time.Now().Add(-ago), Cluster: cluster, Outcome: backup.OutcomeComplete}
}

// holding is a repository with these backups.
func holding(backups ...backup.Backup) *repository {
	r := newRepository("restic")
	r.backups = backups
	return r
}

// expects is what is remembered of claims that had these backups alone.
func expects(backups ...backup.Backup) expectation.Claims {
	claims := make(expectation.Claims)
	for _, b := range backups {
		claims[b.Claim] = expectation.Record{}.Observe([]backup.Backup{b}, b.TakenAt)
	}
	return claims
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// TestWhichCopyOfTheMemoryVouchesForARepository has a rebuilt cluster see a repository
// for the first time, in which nothing is left of the claim music.
func TestWhichCopyOfTheMemoryVouchesForARepository(t *testing.T) {
	old := func() backup.Backup { return taken(photos, year, "", "old") }
	for name, test := range map[string]struct {
		clusters backup.Clusters
		there    func() []backup.Backup
		beside   func() copies
		vouches  bool
	}{
		"an old one without a name does not, for a cluster that takes the place of another": {
			clusters: backup.Clusters{Own: "prod2", Restored: []string{"prod"}, Settled: true},
			there:    func() []backup.Backup { return []backup.Backup{old(), taken(photos, time.Hour, "prod", "new")} },
			beside:   func() copies { return copies{"": expects(old())} },
		},
		"an old one without a name does not, for a cluster whose name is mistyped": {
			clusters: backup.Clusters{Own: "hmoe", Settled: true},
			there:    func() []backup.Backup { return []backup.Backup{old(), taken(photos, time.Hour, "home", "new")} },
			beside:   func() copies { return copies{"": expects(old())} },
		},
		"an old one without a name does not, for a cluster whose name is lost": {
			there:  func() []backup.Backup { return []backup.Backup{old(), taken(photos, time.Hour, "home", "new")} },
			beside: func() copies { return copies{"": expects(old())} },
		},
		"an old one by the own name does not": {
			clusters: backup.Clusters{Own: "home"},
			there:    func() []backup.Backup { return []backup.Backup{taken(photos, time.Hour, "home", "new")} },
			beside:   func() copies { return copies{"home": expects(old())} },
		},
		"one by the own name does not, where those of a cluster that is restored are newer": {
			clusters: backup.Clusters{Own: "home", Restored: []string{"prod"}, Settled: true},
			there:    func() []backup.Backup { return []backup.Backup{old(), taken(photos, time.Hour, "prod", "new")} },
			beside:   func() copies { return copies{"home": expects(old())} },
		},
		"a current one without a name does": {
			clusters: backup.Clusters{Own: "home"},
			there:    func() []backup.Backup { return []backup.Backup{old()} },
			beside:   func() copies { return copies{"": expects(old())} },
			vouches:  true,
		},
		"a current one by the own name does, whatever clusters that are not restored have taken since": {
			clusters: backup.Clusters{Own: "home", Settled: true},
			there:    func() []backup.Backup { return []backup.Backup{old(), taken(wiki, time.Hour, "attic", "theirs")} },
			beside:   func() copies { return copies{"home": expects(old())} },
			vouches:  true,
		},
		"one does whose cluster's acceptance another's copy does not know": {
			clusters: backup.Clusters{Own: "home"},
			there:    func() []backup.Backup { return []backup.Backup{old()} },
			beside: func() copies {
				gone := taken(wiki, 2*year, "", "gone")
				return copies{"": expects(gone), "home": {
					photos: expects(old())[photos], wiki: expects(gone)[wiki].Accept(nil, time.Now().Add(-year)),
				}}
			},
			vouches: true,
		},
	} {
		inBubbles(t, map[string]func(*testing.T){name: func(t *testing.T) {
			c := start(t, func(cfg *catalog.Config) {
				cfg.Expect, cfg.Clusters, cfg.Copies = nil, test.clusters, map[string]catalog.Copy{"restic": test.beside()}
			}, holding(test.there()...))
			v := verdictOn(music, c.Prove(within(t, budget), music), test.clusters, backup.Selector{})
			assert.Equal(t, test.vouches, v.Kind == decision.Fresh, v.Message)
		}})
	}
}

func TestAnAcceptanceInACopyWithoutANameSettlesNothingOfAClusterThatHasOne(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"nothing of what its own copy expects": func(t *testing.T) {
			newest := taken(photos, time.Hour, "home", "new")
			beside := copies{"home": expects(newest), "": {photos: expectation.Record{}.Accept(nil, time.Now())}}
			c := start(t, func(cfg *catalog.Config) {
				cfg.Expect, cfg.Clusters, cfg.Copies = nil, backup.Clusters{Own: "home"}, map[string]catalog.Copy{"restic": beside}
			}, holding(taken(photos, day, "home", "old")))
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.BackupMissing, backup.KindOf(a.Doubt()))
		},
		"and one of its own holds, whatever the other copy expects still": func(t *testing.T) {
			gone, left := taken(photos, time.Hour, "", "new"), taken(photos, day, "", "old")
			memory := &remembered{claims: expectation.Claims{photos: expects(gone)[photos].Accept([]backup.Backup{left}, time.Now())}}
			c := start(t, func(cfg *catalog.Config) {
				cfg.Clusters, cfg.Memory, cfg.Copies = backup.Clusters{Own: "home"}, memory, map[string]catalog.Copy{"restic": copies{"": expects(gone)}}
			}, holding(left))
			assert.NoError(t, c.Prove(within(t, budget), photos).Doubt())
		},
	})
}

func TestACopyThatComesLaterThanTheBackupsIsRead(t *testing.T) {
	// seen is a cluster that has listed a repository in which photos are old, music is
	// missing and the copy of the memory has yet to come.
	seen := func(t *testing.T) (c bench, beside *remembered, arrive func()) {
		t.Helper()
		beside = &remembered{}
		all := expects(taken(photos, time.Hour, "", "new"), taken(music, time.Hour, "", "gone"))
		c = start(t, func(cfg *catalog.Config) {
			cfg.Expect, cfg.Copies = nil, map[string]catalog.Copy{"restic": beside}
		}, holding(taken(photos, day, "", "old")))
		assert.Equal(t, backup.RepositoryUnaccepted, backup.KindOf(c.Prove(within(t, budget), music).Err()))
		return c, beside, func() { beside.set(func(r *remembered) { r.claims = all }) }
	}
	missed := func(t *testing.T, c bench) {
		t.Helper()
		assert.Equal(t, backup.BackupMissing, backup.KindOf(c.Prove(within(t, budget), photos).Doubt()))
		assert.Equal(t, backup.BackupMissing, backup.KindOf(c.Prove(within(t, budget), music).Err()))
	}
	accept := func(c bench) {
		c.ledger.set(func(m *memory) { m.recorded["restic"] = catalog.Expectation{Repository: repositoryID} })
	}
	inBubbles(t, map[string]func(*testing.T){
		"while no one has accepted the repository": func(t *testing.T) {
			c, _, arrive := seen(t)
			arrive()
			pass(time.Minute)
			missed(t, c)
		},
		"with the listing that finds it accepted, and not again": func(t *testing.T) {
			c, beside, arrive := seen(t)
			arrive()
			accept(c)
			pass(time.Minute)
			missed(t, c)
			reads := beside.wasRead()
			pass(time.Hour)
			assert.Equal(t, reads, beside.wasRead())
		},
	})
}

func TestAClusterThatTakesThePlaceOfAnotherMissesWhatThatOneHad(t *testing.T) {
	clusters := map[string]backup.Clusters{
		"by the list":    {Own: "prod2", Restored: []string{"prod"}, Settled: true},
		"without a name": {},
	}
	for name, clusters := range clusters {
		inBubbles(t, map[string]func(*testing.T){name: func(t *testing.T) {
			kept := &remembered{}
			beside := copies{"prod": expects(taken(photos, time.Hour, "prod", "new"), taken(music, time.Hour, "prod", "gone"))}
			c := start(t, func(cfg *catalog.Config) {
				cfg.Clusters, cfg.Memory, cfg.Copies = clusters, kept, map[string]catalog.Copy{"restic": beside}
			}, holding(taken(photos, day, "prod", "old")))
			assert.Equal(t, backup.BackupMissing, backup.KindOf(c.Prove(within(t, budget), photos).Doubt()))
			assert.Equal(t, backup.BackupMissing, backup.KindOf(c.Prove(within(t, budget), music).Err()))
			assert.Equal(t, "gone", kept.of(music).ID, "it is this cluster's memory from now on")
			assert.Equal(t, backup.None, c.Prove(within(t, budget), wiki).Certainty())
		}})
	}
}
