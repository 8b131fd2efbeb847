package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/decision"
)

func TestABackupThatCannotBeReadMayBeTheNewest(t *testing.T) {
	why := backup.Errorf(backup.Unavailable, "backup x cannot be read")
	for name, test := range map[string]struct {
		about   backup.Claim
		doubt   func() error
		chooses bool
	}{
		"at an unknown age":            {about: photos, doubt: func() error { return why }},
		"taken after the newest":       {about: photos, doubt: func() error { return backup.TakenBy(why, time.Now()) }},
		"not one taken before it":      {about: photos, doubt: func() error { return backup.TakenBy(why, time.Now().Add(-2*day)) }, chooses: true},
		"not one that is being taken":  {about: photos, doubt: func() error { return backup.UnderWay(why) }, chooses: true},
		"not one of another claim":     {about: music, doubt: func() error { return why }, chooses: true},
		"not one that may be of every": {doubt: func() error { return why }, chooses: true},
	} {
		inBubbles(t, map[string]func(*testing.T){name: func(t *testing.T) {
			r := holding(taken(photos, day, "", "old"))
			r.doubts = map[backup.Claim]error{test.about: test.doubt()}
			c := start(t, nil, r)
			a := c.Prove(within(t, budget), photos)
			v := verdictOn(photos, a, backup.Clusters{}, backup.Selector{})
			assert.Equal(t, test.chooses, v.Kind == decision.Restore, v.Message)
			assert.Equal(t, test.chooses, c.Overviews()[0].Newest(photos) == nil)
			if !test.chooses {
				assert.ErrorIs(t, a.Doubt(), why)
				named := verdictOn(photos, a, backup.Clusters{}, backup.Selector{ID: "old"})
				assert.Equal(t, decision.Restore, named.Kind, "a person may choose the older one")
			}
		}})
	}
}

func TestANewerBackupOfAnotherClusterMayBeThisOnesUnderAnotherName(t *testing.T) {
	old := func() backup.Backup { return taken(photos, 90*day, "", "old") }
	for name, test := range map[string]struct {
		clusters backup.Clusters
		// known is the newest backup that is remembered as this cluster's own, so long ago.
		known time.Duration
		there func() []backup.Backup
		wish  backup.Selector
		// chosen is the backup that is restored; "" where the claim waits, for the words.
		chosen, words string
	}{
		"where the name was never seen": {
			clusters: backup.Clusters{Own: "hmoe"},
			there:    func() []backup.Backup { return []backup.Backup{old(), taken(photos, time.Hour, "home", "new")} },
			words:    "none of this one, hmoe (SOTERIA_CLUSTER)",
		},
		"where the newest is remembered as its own": {
			clusters: backup.Clusters{Own: "hmoe", Settled: true}, known: time.Hour,
			there: func() []backup.Backup { return []backup.Backup{old(), taken(photos, time.Hour, "home", "new")} },
			words: "was this cluster's own and is another's now",
		},
		"not where a newer one of its own is there": {
			clusters: backup.Clusters{Own: "hmoe", Settled: true}, known: 2 * time.Hour,
			there: func() []backup.Backup {
				return []backup.Backup{old(), taken(photos, 2*time.Hour, "home", "theirs"), taken(photos, time.Hour, "hmoe", "new"), taken(photos, time.Minute, "home", "newer")}
			},
			chosen: "new",
		},
		"not where none of another cluster is newer": {
			clusters: backup.Clusters{Own: "hmoe"},
			there: func() []backup.Backup {
				return []backup.Backup{old(), taken(photos, 91*day, "home", "older"), taken(music, time.Hour, "home", "m")}
			},
			chosen: "old",
		},
		"not where it is settled and nothing else is remembered": {
			clusters: backup.Clusters{Own: "home", Settled: true},
			there:    func() []backup.Backup { return []backup.Backup{old(), taken(photos, time.Hour, "attic", "theirs")} },
			chosen:   "old",
		},
		"not to a wish that names the other cluster": {
			clusters: backup.Clusters{Own: "hmoe"}, wish: backup.Selector{Cluster: "home"},
			there:  func() []backup.Backup { return []backup.Backup{old(), taken(photos, time.Hour, "home", "new")} },
			chosen: "new",
		},
	} {
		inBubbles(t, map[string]func(*testing.T){name: func(t *testing.T) {
			memory := &remembered{}
			if test.known > 0 {
				memory.claims = expects(taken(photos, test.known, "", "new"))
			}
			c := start(t, func(cfg *catalog.Config) { cfg.Clusters, cfg.Memory = test.clusters, memory }, holding(test.there()...))
			v := verdictOn(photos, c.Prove(within(t, budget), photos), test.clusters, test.wish)
			assert.Equal(t, test.chosen, v.Backup.ID, v.Message)
			assert.Contains(t, v.Message, test.words)
		}})
	}
}

func TestAStrayThatDoesNotSayWhenItWasTakenMayBeTheNewest(t *testing.T) {
	dated := func(id string, ago time.Duration) attribution.Stray {
		return attribution.Stray{ID: id, TakenAt: time.Now().Add(-ago), Facts: attribution.Facts{"host": {id}}, Claims: []backup.Claim{photos}}
	}
	undated := attribution.Stray{ID: "undated", Facts: attribution.Facts{"host": {"undated"}}, Claims: []backup.Claim{photos}}
	for name, test := range map[string]struct {
		strays func() []attribution.Stray
		held   bool
	}{
		"alone":                    {strays: func() []attribution.Stray { return []attribution.Stray{undated} }, held: true},
		"before one that is older": {strays: func() []attribution.Stray { return []attribution.Stray{undated, dated("older", 2*day)} }, held: true},
		"after one that is older":  {strays: func() []attribution.Stray { return []attribution.Stray{dated("older", 2*day), undated} }, held: true},
		"not one that is older":    {strays: func() []attribution.Stray { return []attribution.Stray{dated("older", 2*day)} }},
	} {
		inBubbles(t, map[string]func(*testing.T){name: func(t *testing.T) {
			r := holding(taken(photos, day, "", "known"))
			r.strays = test.strays()
			c := start(t, nil, r)
			v := verdictOn(photos, c.Prove(within(t, budget), photos), backup.Clusters{}, backup.Selector{})
			assert.Equal(t, test.held, v.Kind == decision.Hold, v.Message)
		}})
	}
}

func TestAWishForAnotherClustersBackupGoesOnWithoutASystemThatIsLost(t *testing.T) {
	clusters := backup.Clusters{Own: "home", Settled: true}
	asks := backup.Selector{Cluster: "attic"}
	for name, test := range map[string]struct {
		without []string
		wish    backup.Selector
		want    decision.Kind
	}{
		"that the configuration names":               {without: []string{"longhorn"}, wish: asks, want: decision.Restore},
		"but waits for one that it does not name":    {wish: asks, want: decision.Hold},
		"and the claim starts empty by itself never": {without: []string{"longhorn"}, want: decision.Hold},
	} {
		inBubbles(t, map[string]func(*testing.T){name: func(t *testing.T) {
			longhorn := newRepository("longhorn")
			longhorn.failure = backup.Errorf(backup.Unavailable, "gone for good")
			c := start(t, func(cfg *catalog.Config) { cfg.Clusters, cfg.Without = clusters, test.without },
				holding(taken(photos, time.Hour, "attic", "new")), longhorn)
			v := verdictOn(photos, c.Prove(within(t, budget), photos), clusters, test.wish)
			assert.Equal(t, test.want, v.Kind, v.Message)
		}})
	}
}
