package intent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/intent"
)

// TestAChoiceForOneClaimMeetsTheChoiceForAll goes through each pair of what may be asked
// for all claims of a namespace and for one of them.
func TestAChoiceForOneClaimMeetsTheChoiceForAll(t *testing.T) {
	before := noon.Add(-90 * time.Minute) // the oldest alone is
	tagged := oldest
	tagged.Tags, tagged.Cluster = []string{"keep"}, "attic"
	const overrides = "overrides what is asked for all claims: "
	for name, test := range map[string]struct {
		all  intent.Choice
		own  string
		want backup.Backup
		says string // of what is overridden
		err  string
	}{
		"nothing and nothing":                  {want: newest},
		"nothing and latest":                   {own: intent.Latest, want: newest},
		"nothing and a backup":                 {own: image.ID, want: image},
		"latest and nothing":                   {all: intent.Choice{Snapshot: intent.Latest}, want: newest},
		"latest and latest":                    {all: intent.Choice{Snapshot: intent.Latest}, own: intent.Latest, want: newest},
		"latest and a backup":                  {all: intent.Choice{Snapshot: intent.Latest}, own: image.ID, want: image},
		"a backup and nothing":                 {all: intent.Choice{Snapshot: image.ID}, want: image},
		"a backup and latest":                  {all: intent.Choice{Snapshot: image.ID}, own: intent.Latest, want: newest, says: overrides + `snapshot "` + image.ID},
		"a backup and the same":                {all: intent.Choice{Snapshot: image.ID}, own: image.ID, want: image},
		"a backup and another":                 {all: intent.Choice{Snapshot: image.ID}, own: newest.ID[:8], want: newest, says: overrides + `snapshot "` + image.ID},
		"a time and nothing":                   {all: intent.Choice{AsOf: before}, want: tagged},
		"a time and latest":                    {all: intent.Choice{AsOf: before}, own: intent.Latest, want: tagged},
		"a time and a backup of before":        {all: intent.Choice{AsOf: before}, own: tagged.ID, want: tagged},
		"a time and a backup of after":         {all: intent.Choice{AsOf: before}, own: newest.ID, want: newest, says: overrides + "taken at or before 2026-04-12T10:30:00Z"},
		"a time that nothing meets and latest": {all: intent.Choice{AsOf: noon.Add(-24 * time.Hour)}, own: intent.Latest, err: "taken at or before"},
		"a driver and latest":                  {all: intent.Choice{Driver: "longhorn"}, own: intent.Latest, want: image},
		"a driver and another's backup":        {all: intent.Choice{Driver: "longhorn"}, own: newest.ID, want: newest, says: overrides + "of driver longhorn"},
		"a tag and latest":                     {all: intent.Choice{Tags: []string{"keep"}}, own: intent.Latest, want: tagged},
		"a tag and a backup without it":        {all: intent.Choice{Tags: []string{"keep"}}, own: newest.ID, want: newest, says: overrides + `tagged "keep"`},
		"a cluster and latest":                 {all: intent.Choice{Cluster: "attic"}, own: intent.Latest, want: tagged},
		"a cluster and another's backup":       {all: intent.Choice{Cluster: "attic"}, own: newest.ID, want: newest, says: overrides + "of cluster attic"},
		"much of which a part holds": {all: intent.Choice{AsOf: noon, Driver: "longhorn", Tags: []string{"keep"}}, own: newest.ID, want: newest,
			says: overrides + `of driver longhorn and tagged "keep"`},
		"a backup at a time and latest": {all: intent.Choice{Snapshot: newest.ID, AsOf: before}, own: intent.Latest, want: tagged, says: overrides + `snapshot "aaaaaaaa`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(photos))
			w.answer = backup.FoundBackups([]backup.Backup{newest, image, tagged}, evidence)
			asked := batch(func(a *intent.NamespaceWish) {
				a.Choice, a.Claims, a.DryRun = test.all, []intent.ClaimWish{{Name: photos.Name, Snapshot: test.own}}, true
			})
			plan, err := w.requests().Plan(t.Context(), asked)
			require.NoError(t, err)
			require.Len(t, plan.Wishes, 1)
			made, err := w.requests().Restore(t.Context(), plan.Wishes[0])
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				assert.Equal(t, backup.ChoiceUnmet, backup.ReasonOf(err), "what is asked for all claims is never dropped")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want.ID, made.Backup.ID)
			notes := strings.Join(made.Notes, "; ")
			assert.Equal(t, test.says != "", strings.Contains(notes, overrides), notes)
			assert.Contains(t, notes, test.says)
		})
	}
}
