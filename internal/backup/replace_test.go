package backup_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
)

// goneBackup was chosen, and is not there any more.
func goneBackup() backup.Backup {
	b := taken("aaaaaaaa11", noon.Add(-24*time.Hour))
	b.Content, b.Outcome, b.SizeBytes, b.Files, b.DataBytes = "tree", backup.OutcomeComplete, -1, -1, -1
	return b
}

// changed is the backup that was chosen, under another id and otherwise.
func changed(id string, change func(*backup.Backup)) backup.Backup {
	b := goneBackup()
	b.ID = id
	change(&b)
	return b
}

func TestWhichBackupTakesThePlaceOfOneThatIsGone(t *testing.T) {
	newer := changed("ffffffff99", func(b *backup.Backup) { b.TakenAt, b.Content = noon, "other" })
	retagged := changed("bbbbbbbb11", func(*backup.Backup) {})
	rewritten := changed("cccccccc11", func(b *backup.Backup) { b.Content, b.Origin = "less", "aaaaaaaa11" })
	redated := changed("dddddddd11", func(b *backup.Backup) { b.TakenAt, b.Content, b.Origin = noon.Add(-time.Hour), "less", "aaaaaaaa11" })
	unchanged := changed("eeeeeeee11", func(b *backup.Backup) { b.TakenAt = noon.Add(-23 * time.Hour) })
	with := func(change func(*backup.Backup)) backup.Backup { return changed("bbbbbbbb11", change) }
	own := backup.Rules{Clusters: backup.Clusters{Own: "home", Settled: true}, Now: noon, PartialWindow: backup.DefaultPartialWindow}

	for name, test := range map[string]struct {
		there    []backup.Backup
		gone     func(*backup.Backup)
		selector backup.Selector
		want     string
		words    []string
	}{
		"one that was retagged, before a newer one":                 {there: []backup.Backup{newer, retagged}, want: retagged.ID, words: []string{"holds the same data of the same moment"}},
		"one with the same data before one of the same moment":      {there: []backup.Backup{newer, rewritten, unchanged}, want: unchanged.ID, words: []string{"holds the same data"}},
		"one that was rewritten, which is told":                     {there: []backup.Backup{newer, rewritten}, want: rewritten.ID, words: []string{"is of the same moment", "it was rewritten"}},
		"one that was rewritten to another time":                    {there: []backup.Backup{newer, redated}, want: redated.ID, words: []string{"was made of it", "it was rewritten"}},
		"one that was changed after the chosen one had been":        {there: []backup.Backup{changed("bbbbbbbb11", func(b *backup.Backup) { b.TakenAt, b.Content, b.Origin = noon, "x", "0000000011" })}, gone: func(b *backup.Backup) { b.Origin = "0000000011" }, want: retagged.ID},
		"nothing where it was forgotten":                            {there: []backup.Backup{newer}, words: []string{"no other backup holds the same data"}},
		"nothing where contents are not known and moments differ":   {there: []backup.Backup{changed("bbbbbbbb11", func(b *backup.Backup) { b.TakenAt, b.Content = noon, "" })}, gone: func(b *backup.Backup) { b.Content = "" }, words: []string{"no other"}},
		"none of another claim":                                     {there: []backup.Backup{with(func(b *backup.Backup) { b.Claim.Name = "other" })}, words: []string{"no other"}},
		"none of another system":                                    {there: []backup.Backup{with(func(b *backup.Backup) { b.Driver = "longhorn" })}, words: []string{"no other"}},
		"none of another cluster":                                   {there: []backup.Backup{with(func(b *backup.Backup) { b.Cluster = "work" })}, words: []string{"no other"}},
		"one that this cluster's name was added to":                 {there: []backup.Backup{with(func(b *backup.Backup) { b.Cluster = "home" })}, want: retagged.ID},
		"one that this cluster's name was dropped from":             {there: []backup.Backup{retagged}, gone: func(b *backup.Backup) { b.Cluster = "home" }, want: retagged.ID},
		"none that was retagged as void":                            {there: []backup.Backup{newer, with(func(b *backup.Backup) { b.Outcome = backup.OutcomeVoid })}, words: []string{"bbbbbbbb, which holds the same data of the same moment, is not taken", "does not count"}},
		"none that is unreviewed":                                   {there: []backup.Backup{newer, with(func(b *backup.Backup) { b.Unreviewed = true })}, words: []string{"may be of an empty volume"}},
		"none that is dated ahead":                                  {there: []backup.Backup{with(func(b *backup.Backup) { b.TakenAt = noon.Add(time.Hour) }), newer}, words: []string{"10 minutes ahead"}},
		"none that cannot be restored":                              {there: []backup.Backup{with(func(b *backup.Backup) { b.Unrestorable = "it is of 2 paths" })}, words: []string{"it is of 2 paths"}},
		"none that is partial where a complete one is little older": {there: []backup.Backup{with(func(b *backup.Backup) { b.Outcome = backup.OutcomePartial }), changed("9999999999", func(b *backup.Backup) { b.TakenAt, b.Content = b.TakenAt.Add(-time.Hour), "old" })}, words: []string{"is partial and is passed over"}},
		"the next alike where something speaks against the surest":  {there: []backup.Backup{with(func(b *backup.Backup) { b.Unreviewed = true }), rewritten}, want: rewritten.ID, words: []string{"is of the same moment"}},
		"a void one where a person named the backup, which is told": {there: []backup.Backup{with(func(b *backup.Backup) { b.Outcome = backup.OutcomeVoid })}, selector: backup.Selector{ID: "aaaaaaaa"}, want: retagged.ID, words: []string{"the chosen backup is void"}},
		"a partial one alone, which is told":                        {there: []backup.Backup{with(func(b *backup.Backup) { b.Outcome = backup.OutcomePartial })}, want: retagged.ID, words: []string{"the chosen backup is partial"}},
		"one that holds far less than an older one, which is told": {there: []backup.Backup{with(func(b *backup.Backup) { b.DataBytes = 10 }), changed("9999999999", func(b *backup.Backup) {
			b.TakenAt, b.DataBytes, b.Content = b.TakenAt.Add(-time.Hour), 1_000_000, "old"
		})}, want: retagged.ID, words: []string{"holds far less than backup 99999999"}},
		"none that was redated past the time that was asked for":      {there: []backup.Backup{redated}, selector: backup.Selector{AsOf: noon.Add(-2 * time.Hour)}, words: []string{"no other"}},
		"another cluster's where the claim asks for that cluster's":   {there: []backup.Backup{with(func(b *backup.Backup) { b.Cluster = "work" })}, gone: func(b *backup.Backup) { b.Cluster = "work" }, selector: backup.Selector{Cluster: "work"}, want: retagged.ID},
		"none of another cluster that is not restored here any more":  {there: []backup.Backup{with(func(b *backup.Backup) { b.Cluster = "work" })}, gone: func(b *backup.Backup) { b.Cluster = "work" }, words: []string{"of cluster work"}},
		"one whose moment the record holds to the second, as it does": {there: []backup.Backup{with(func(b *backup.Backup) { b.TakenAt, b.Content = b.TakenAt.Add(123*time.Millisecond), "" })}, want: retagged.ID},
	} {
		t.Run(name, func(t *testing.T) {
			gone := goneBackup()
			if test.gone != nil {
				test.gone(&gone)
			}
			slices.SortFunc(test.there, backup.NewestFirst)
			chosen, err := own.Replace(test.selector, gone, test.there)
			said := strings.Join(chosen.Notes, "; ") + backup.Message(err)
			for _, words := range test.words {
				assert.Contains(t, said, words)
			}
			if test.want == "" {
				assert.Equal(t, backup.NotFound, backup.KindOf(err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, chosen.Backup.ID)
		})
	}
}

func TestAReplacementIsNeverOneThatIsNotChosenByItself(t *testing.T) {
	rules := backup.Rules{Clusters: backup.Clusters{Own: "home", Settled: true}, Now: noon, PartialWindow: backup.DefaultPartialWindow}
	draw := rapid.Custom(func(t *rapid.T) backup.Backup {
		b := drawBackup(t)
		b.Content = rapid.SampledFrom([]string{"", "tree", "other"}).Draw(t, "content")
		b.Cluster = rapid.SampledFrom([]string{"", "home", "work"}).Draw(t, "cluster")
		b.Outcome = rapid.SampledFrom([]backup.Outcome{backup.OutcomeUnknown, backup.OutcomeComplete, backup.OutcomePartial, backup.OutcomeVoid}).Draw(t, "outcome")
		b.Unreviewed = rapid.Bool().Draw(t, "unreviewed")
		return b
	})
	rapid.Check(t, func(t *rapid.T) {
		gone := draw.Draw(t, "gone")
		there := rapid.SliceOfN(draw, 0, 8).Draw(t, "there")
		slices.SortFunc(there, backup.NewestFirst)
		chosen, err := rules.Replace(backup.Selector{}, gone, there)
		if err != nil {
			return
		}
		got := chosen.Backup
		require.Equal(t, backup.NoObjection, rules.Objection(got))
		require.Equal(t, gone.Driver, got.Driver)
		at := slices.IndexFunc(there, func(b backup.Backup) bool { return b.ID == got.ID && b.Driver == got.Driver })
		byItself, err := rules.Choose(backup.Selector{}, there[at:])
		require.NoError(t, err)
		require.Equal(t, got.ID, byItself.Backup.ID, "it would be chosen if it were the newest")
		if gone.Content == "" || got.Content == gone.Content {
			return
		}
		for i, b := range there {
			if b.Driver != gone.Driver || b.Content != gone.Content || b.Cluster != gone.Cluster {
				continue
			}
			if best, err := rules.Choose(backup.Selector{}, there[i:]); err == nil {
				require.NotEqual(t, b.ID, best.Backup.ID, "a backup with the same data comes before others")
			}
		}
	})
}
