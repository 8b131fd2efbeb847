package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
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
