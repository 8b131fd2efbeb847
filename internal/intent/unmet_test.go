package intent_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/intent"
)

func TestAChoiceThatNoBackupMeetsIsRefusedAndNamesWhatThereIs(t *testing.T) {
	tagged := oldest
	tagged.Tags, tagged.Cluster = []string{"before-upgrade"}, "attic"
	all := []backup.Backup{newest, image, tagged}
	tests := map[string]struct {
		choice intent.Choice
		want   string
		field  string
		says   string
	}{
		"as of a time between two":     {choice: intent.Choice{AsOf: noon.Add(-time.Minute)}, want: image.ID},
		"as of the very moment":        {choice: intent.Choice{AsOf: noon}, want: newest.ID},
		"as of a time before all":      {choice: intent.Choice{AsOf: noon.AddDate(0, 0, -1)}, field: "as_of", says: "3 exist, the oldest taken 2026-04-12T10:00:00Z, the newest 2026-04-12T12:00:00Z"},
		"of a driver":                  {choice: intent.Choice{Driver: "longhorn"}, want: image.ID},
		"of a driver that has none":    {choice: intent.Choice{Driver: "kopia"}, field: "driver", says: "of driver longhorn, restic"},
		"of a cluster":                 {choice: intent.Choice{Cluster: "attic"}, want: tagged.ID},
		"of a cluster that has none":   {choice: intent.Choice{Cluster: "cellar"}, field: "cluster", says: "of cluster (not named), attic"},
		"of a cluster that is no name": {choice: intent.Choice{Cluster: "Not A Name"}, field: "cluster", says: "is not the name of a cluster"},
		"with a tag":                   {choice: intent.Choice{Tags: []string{"before-upgrade"}}, want: tagged.ID},
		"with a tag that none has":     {choice: intent.Choice{Tags: []string{"before-upgrade", "after"}}, field: "tags", says: `tagged "after"`},
		"with a tag, after its time":   {choice: intent.Choice{Tags: []string{"before-upgrade"}, AsOf: noon.AddDate(0, 0, -1)}, field: "as_of", says: "taken at or before"},
		"each of which one meets and none both": {
			choice: intent.Choice{Driver: "longhorn", Cluster: "attic"}, field: "cluster", says: "of cluster attic and of driver longhorn"},
		"by an id that is newer than the time": {
			choice: intent.Choice{Snapshot: newest.ID, AsOf: noon.Add(-time.Minute)}, field: "snapshot", says: "and taken at or before"},
		"by an id that is of that time":      {choice: intent.Choice{Snapshot: tagged.ID, AsOf: noon, Driver: "restic"}, want: tagged.ID},
		"by an id, of another driver":        {choice: intent.Choice{Snapshot: image.ID, Driver: "restic"}, field: "snapshot", says: "of driver restic"},
		"the latest, as of a time":           {choice: intent.Choice{Snapshot: intent.Latest, AsOf: noon.Add(-time.Minute)}, want: image.ID},
		"the latest, as of before all":       {choice: intent.Choice{Snapshot: intent.Latest, AsOf: noon.AddDate(-1, 0, 0)}, field: "as_of", says: "3 exist"},
		"by an address that is of no backup": {choice: intent.Choice{URL: "s3://bucket@region/?backup=other"}, field: "backup_url", says: "3 exist"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(photos))
			w.answer = backup.FoundBackups(slices.Clone(all), evidence)
			for _, dryRun := range []bool{true, false} {
				made, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Choice, w.DryRun = test.choice, dryRun }))
				if test.field == "" {
					require.NoError(t, err)
					assert.Equal(t, test.want, made.Backup.ID)
					continue
				}
				assert.Equal(t, test.field, backup.FieldOf(err), err)
				assert.ErrorContains(t, err, test.says)
				if backup.KindOf(err) != backup.Invalid {
					assert.Equal(t, backup.ChoiceUnmet, backup.ReasonOf(err), err)
				}
				assert.Len(t, w.claims(t), 1, "nothing is made")
			}
		})
	}
}

// TestNoChoiceEverFallsBack: whatever is asked for, and whatever exists, a backup that
// is chosen is all that was asked for.
func TestNoChoiceEverFallsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []backup.Backup
		for i := range rapid.IntRange(0, 6).Draw(t, "backups") {
			all = append(all, backup.Backup{
				Claim: photos, ID: string(rune('a'+i)) + "0000000000", Driver: rapid.SampledFrom([]string{"restic", "longhorn"}).Draw(t, "driver"),
				Cluster: rapid.SampledFrom([]string{"", "attic"}).Draw(t, "cluster"), TakenAt: noon.Add(-time.Duration(i) * time.Hour), SizeBytes: 1,
				Tags: rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y"}), 0, 2).Draw(t, "tags"),
			})
		}
		choice := intent.Choice{
			Snapshot: rapid.SampledFrom([]string{"", intent.Latest, "a0000000000", "c0000000000", "z0000000000"}).Draw(t, "snapshot"),
			Driver:   rapid.SampledFrom([]string{"", "restic", "longhorn", "s3"}).Draw(t, "asked driver"),
			Cluster:  rapid.SampledFrom([]string{"", "attic", "cellar"}).Draw(t, "asked cluster"),
			Tags:     rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 2).Draw(t, "asked tags"),
		}
		if rapid.Bool().Draw(t, "as of") {
			choice.AsOf = noon.Add(-time.Duration(rapid.IntRange(-1, 8).Draw(t, "hours")) * time.Hour)
		}
		w := newWorld()
		w.answer = backup.ProvedNone(evidence)
		if len(all) > 0 {
			w.answer = backup.FoundBackups(slices.Clone(all), evidence)
		}
		chosen, err := w.requests().Choose(t.Context(), photos, choice)
		if err != nil {
			if chosen.ID != "" {
				t.Fatalf("a refusal comes with %v", chosen)
			}
			return
		}
		named := choice.Snapshot != "" && choice.Snapshot != intent.Latest
		switch {
		case named && chosen.ID != choice.Snapshot,
			!choice.AsOf.IsZero() && chosen.TakenAt.After(choice.AsOf),
			choice.Driver != "" && chosen.Driver != choice.Driver,
			choice.Cluster != "" && chosen.Cluster != choice.Cluster,
			slices.ContainsFunc(choice.Tags, func(tag string) bool { return !slices.Contains(chosen.Tags, tag) }):
			t.Fatalf("%+v chose %+v", choice, chosen)
		}
	})
}
