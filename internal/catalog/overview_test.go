package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
)

func TestOverviews(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){
		"a catalog that has listed nothing knows nothing and says when nothing": func(t *testing.T) {
			o := newBench(nil, newMemory(), newRepository("restic", photos)).Overviews()[0]
			assert.Equal(t, "restic", o.Driver)
			assert.Zero(t, o.ListedAt)
			assert.Empty(t, o.Of(photos))
			assert.NoError(t, o.Doubt(photos))
			assert.Zero(t, o.Days(photos, time.Now()))
			for claim := range o.All() {
				t.Errorf("%s has been listed by nobody", claim)
			}
		},
		"each driver tells its own backups, newest first, without a listing": func(t *testing.T) {
			restic, longhorn := newRepository("restic", photos), newRepository("longhorn", music)
			c := start(t, nil, restic, longhorn)
			listings := restic.listed()
			of := c.Overviews()
			assert.Len(t, of[0].Of(photos), 1)
			assert.Empty(t, of[1].Of(photos))
			all := map[backup.Claim]int{}
			for claim, backups := range of[1].All() {
				all[claim] = len(backups)
			}
			assert.Equal(t, map[backup.Claim]int{music: 1}, all)
			assert.Equal(t, listings, restic.listed())
		},
		"a glance says what a proof said last, and lists nothing": func(t *testing.T) {
			restic, longhorn := newRepository("restic", photos), newRepository("longhorn")
			c := newBench(nil, newMemory(), restic, longhorn)
			assert.ErrorContains(t, c.Glance(music).Err(), "has not been listed yet")
			run(t, c.Catalog)
			proved := c.Prove(within(t, budget), music)
			assert.Equal(t, proved.Certainty(), c.Glance(music).Certainty())
			assert.Equal(t, backup.Found, c.Glance(photos).Certainty())
			longhorn.set(func(r *repository) { r.failure = backup.Errorf(backup.Unavailable, "connection refused") })
			pass(10 * time.Minute)
			assert.Equal(t, backup.Message(c.Prove(within(t, budget), music).Err()), backup.Message(c.Glance(music).Err()))
			listings := restic.listed()
			assert.Equal(t, backup.Unknown, c.Glance(music).Certainty())
			assert.Equal(t, listings, restic.listed())
		},
		"a failed listing is told beside what was known before it": func(t *testing.T) {
			r := newRepository("restic", photos)
			c := start(t, nil, r)
			listedAt := c.Overviews()[0].ListedAt
			assert.False(t, listedAt.IsZero())
			r.set(func(r *repository) { r.failure = backup.Errorf(backup.Unavailable, "connection refused") })
			pass(10 * time.Minute)
			o := c.Overviews()[0]
			assert.ErrorContains(t, o.Failure, "connection refused")
			assert.Equal(t, listedAt, o.ListedAt)
			assert.Len(t, o.Of(photos), 1)
		},
		"backups are counted by the day on which they were taken, as of any later day": func(t *testing.T) {
			r := newRepository("restic", photos)
			pass(24 * time.Hour)
			r.add(photos)
			r.add(photos)
			o := start(t, nil, r).Overviews()[0]
			today := time.Now()
			days := func(day time.Time) []uint16 {
				counts := o.Days(photos, day)
				return counts[backup.RecentDays-4:]
			}
			assert.Equal(t, []uint16{0, 0, 1, 2}, days(today))
			assert.Equal(t, []uint16{1, 2, 0, 0}, days(today.AddDate(0, 0, 2)))
			assert.Equal(t, []uint16{0, 0, 1, 2}, days(today.AddDate(0, 0, -1)), "a clock that was set back")
			assert.Zero(t, o.Days(photos, today.AddDate(0, 1, 0)))
			assert.Zero(t, o.Days(music, today))
		},
		"a doubt about a claim is told": func(t *testing.T) {
			r := newRepository("restic")
			r.doubts = map[backup.Claim]error{photos: backup.Errorf(backup.Unavailable, "half a backup is there")}
			o := start(t, nil, r).Overviews()[0]
			assert.ErrorContains(t, o.Doubt(photos), "half a backup")
			assert.NoError(t, o.Doubt(music))
			assert.Empty(t, o.Doubts(), "it is none of the repository")
		},
		"a repository that proves absence is in no doubt": func(t *testing.T) {
			assert.Empty(t, start(t, nil, newRepository("restic", photos)).Overviews()[0].Doubts())
		},
	})
}

func TestARebuiltClusterWouldSeeARepositoryWithoutACopyForTheFirstTime(t *testing.T) {
	for name, test := range map[string]struct {
		expected catalog.Expected
		copied   bool
		held     bool
	}{
		"where nothing is said of it":                   {held: true},
		"where it is to hold backups":                   {expected: catalog.ExpectBackups, held: true},
		"not where it may be empty":                     {expected: catalog.ExpectNothing},
		"not where it holds a copy of what it ought to": {copied: true},
	} {
		inBubbles(t, map[string]func(*testing.T){name: func(t *testing.T) {
			c := newBench(func(cfg *catalog.Config) {
				cfg.Expect["longhorn"] = test.expected
				if test.copied {
					cfg.Copies = map[string]catalog.Copy{"longhorn": &remembered{}}
				}
			}, newMemory(), newRepository("longhorn", photos))
			c.ledger.recorded["longhorn"] = catalog.Expectation{Repository: repositoryID}
			run(t, c.Catalog)
			assert.Equal(t, backup.None, c.Prove(within(t, budget), music).Certainty(), "this cluster knows it")
			why := c.Overviews()[0].IfRebuilt()
			assert.Equal(t, test.held, why != nil)
			if test.held {
				assert.ErrorContains(t, why, "soteria repository accept longhorn "+repositoryID)
			}
		}})
	}
}

func TestARebuiltClusterWouldDoubtTheNewestForAStrayThatWasAcceptedHere(t *testing.T) {
	inBubbles(t, map[string]func(*testing.T){"": func(t *testing.T) {
		r := holding(taken(photos, day, "", "old"), taken(music, time.Minute, "", "new"))
		r.strays = []attribution.Stray{{ID: "aaa", TakenAt: time.Now().Add(-time.Hour), Facts: attribution.Facts{"host": {"x"}}, Claims: []backup.Claim{photos, music}}}
		used := func(m *memory) {
			m.recorded["restic"] = catalog.Expectation{Repository: repositoryID, HeldBackups: true}
		}
		c := startWith(t, used, func(cfg *catalog.Config) { cfg.Accepted = newRegister() }, r)
		assert.NoError(t, c.Prove(within(t, budget), photos).Doubt(), "it was accepted")
		assert.Error(t, c.Overviews()[0].Newest(photos))
		assert.NoError(t, c.Overviews()[0].Newest(music), "it is older than what is known")
	}})
}
