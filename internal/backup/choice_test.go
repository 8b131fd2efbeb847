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

func TestWishes(t *testing.T) {
	newest := taken("aaaaaaaa11", noon)
	middle := taken("aaaaaaaa22", noon.Add(-time.Hour))
	oldest := taken("cccccccc33", noon.Add(-2*time.Hour))
	backups := []backup.Backup{newest, middle, oldest}

	tests := map[string]struct {
		selector backup.Selector
		among    []backup.Backup
		want     backup.Backup
		none     bool
	}{
		"no wish gets the newest":                                {among: backups, want: newest},
		"no wish among no backups gets nothing":                  {none: true},
		"a time gets the newest at or before it":                 {selector: backup.Selector{AsOf: noon.Add(-time.Minute)}, among: backups, want: middle},
		"a time exactly that of a backup gets that backup":       {selector: backup.Selector{AsOf: middle.TakenAt}, among: backups, want: middle},
		"a time after all backups gets the newest":               {selector: backup.Selector{AsOf: noon.Add(time.Hour)}, among: backups, want: newest},
		"a time before all backups gets nothing, not the oldest": {selector: backup.Selector{AsOf: noon.Add(-24 * time.Hour)}, among: backups, none: true},
		"an id gets that backup":                                 {selector: backup.Selector{ID: "aaaaaaaa22"}, among: backups, want: middle},
		"the beginning of an id gets that backup":                {selector: backup.Selector{ID: "cccccccc"}, among: backups, want: oldest},
		"too short a beginning of an id gets nothing":            {selector: backup.Selector{ID: "ccccccc"}, among: backups, none: true},
		"the beginning of two ids gets nothing":                  {selector: backup.Selector{ID: "aaaaaaaa"}, among: backups, none: true},
		"an id that does not exist gets nothing, not the newest": {selector: backup.Selector{ID: "dddddddd"}, among: backups, none: true},
		"an id longer than any gets nothing":                     {selector: backup.Selector{ID: "cccccccc33x"}, among: backups, none: true},
		"a whole id wins over another that begins with it":       {selector: backup.Selector{ID: "aaaaaaaa"}, among: append([]backup.Backup{taken("aaaaaaaa", noon)}, backups...), want: taken("aaaaaaaa", noon)},
		"an id that is newer than the time gets nothing":         {selector: backup.Selector{ID: "aaaaaaaa11", AsOf: middle.TakenAt}, among: backups, none: true},
		"an id that is older than the time gets that backup":     {selector: backup.Selector{ID: "cccccccc33", AsOf: middle.TakenAt}, among: backups, want: oldest},
		"a time makes the beginning of an id mean one backup":    {selector: backup.Selector{ID: "aaaaaaaa", AsOf: middle.TakenAt}, among: backups, want: middle},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := backup.Rules{}.Choose(test.selector, test.among)
			if test.none {
				assert.Equal(t, backup.NotFound, backup.KindOf(err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got.Backup)
		})
	}
}

func TestAWishNeverFallsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		backups := rapid.SliceOfN(rapid.Custom(drawBackup), 0, 8).Draw(t, "backups")
		slices.SortFunc(backups, backup.NewestFirst)
		var selector backup.Selector
		if rapid.Bool().Draw(t, "by time") {
			selector.AsOf = noon.Add(time.Duration(rapid.IntRange(-1, 6).Draw(t, "as of")) * time.Hour)
		}
		if rapid.Bool().Draw(t, "by id") {
			selector.ID = rapid.StringMatching(`[0-9a-f]{7,12}`).Draw(t, "id")
			if len(backups) > 0 && rapid.Bool().Draw(t, "of one that exists") {
				id := rapid.SampledFrom(backups).Draw(t, "one").ID
				selector.ID = id[:rapid.IntRange(7, len(id)).Draw(t, "length")]
			}
		}
		chosen, err := backup.Rules{}.Choose(selector, backups)
		got := chosen.Backup
		if err != nil {
			if selector.IsZero() {
				assert.Empty(t, backups)
			}
			return
		}
		assert.Contains(t, backups, got)
		if !selector.AsOf.IsZero() {
			assert.False(t, got.TakenAt.After(selector.AsOf))
		}
		assert.True(t, strings.HasPrefix(got.ID, selector.ID))
		if selector.ID == "" {
			for _, b := range backups {
				better := backup.NewestFirst(b, got) < 0 && (selector.AsOf.IsZero() || !b.TakenAt.After(selector.AsOf))
				assert.False(t, better, "a newer backup was passed over")
			}
		}
	})
}

// home is a cluster with a name, at noon.
var home = backup.Rules{Clusters: backup.Clusters{Own: "home"}, Now: noon, PartialWindow: backup.DefaultPartialWindow}

func with(b backup.Backup, change func(*backup.Backup)) backup.Backup {
	b.Outcome = backup.OutcomeComplete
	change(&b)
	return b
}

func asIs(*backup.Backup)         {}
func partial(b *backup.Backup)    { b.Outcome = backup.OutcomePartial }
func void(b *backup.Backup)       { b.Outcome = backup.OutcomeVoid }
func unseen(b *backup.Backup)     { b.Outcome = backup.OutcomeUnknown }
func unreviewed(b *backup.Backup) { b.Unreviewed = true }
func ofAttic(b *backup.Backup)    { b.Cluster = "attic" }
func ofHome(b *backup.Backup)     { b.Cluster = "home" }

func TestTheRulesOfTheChoice(t *testing.T) {
	at := func(hours int) backup.Backup {
		return taken(string(rune('a'+hours+20))+"0000000", noon.Add(time.Duration(hours)*time.Hour))
	}
	old := with(at(-20), asIs)
	tests := map[string]struct {
		rules    backup.Rules
		selector backup.Selector
		among    []backup.Backup
		want     backup.Backup
		says     string
		none     bool
	}{
		"a complete newest backup is chosen and nothing is told": {rules: home, among: []backup.Backup{with(at(-1), asIs), old}, want: with(at(-1), asIs)},
		"a backup dated ahead of now is passed over, and that is told": {rules: home, among: []backup.Backup{with(at(2), asIs), old}, want: old,
			says: "not chosen by itself: dated more than 10 minutes ahead of now (2026-03-01T12:00:00Z)"},
		"a backup dated within ten minutes ahead of now is chosen": {rules: home,
			among: []backup.Backup{with(taken("ffffffff", noon.Add(10*time.Minute)), asIs), old}, want: with(taken("ffffffff", noon.Add(10*time.Minute)), asIs)},
		"only backups dated ahead of now choose nothing": {rules: home, among: []backup.Backup{with(at(2), asIs), with(at(1), asIs)}, none: true, says: "and 1 more"},
		"a clock in doubt calls no backup implausible":   {rules: backup.Rules{Now: noon, ClockDoubt: true}, among: []backup.Backup{with(at(2), asIs), old}, want: with(at(2), asIs)},
		"a time ahead of now chooses no implausible backup": {rules: home, selector: backup.Selector{AsOf: noon.Add(3 * time.Hour)},
			among: []backup.Backup{with(at(2), asIs), old}, want: old, says: "ahead of now"},
		"an implausible backup is given to who names it, and that is told": {rules: home, selector: backup.Selector{ID: at(2).ID},
			among: []backup.Backup{with(at(2), asIs), old}, want: with(at(2), asIs), says: "ahead of now"},
		"a void backup is passed over": {rules: home, among: []backup.Backup{with(at(-1), void), old}, want: old, says: "does not count"},
		"a void backup is given to who names it, and that is told": {rules: home, selector: backup.Selector{ID: at(-1).ID},
			among: []backup.Backup{with(at(-1), void), old}, want: with(at(-1), void), says: "the chosen backup is void"},
		"only void backups choose nothing":    {rules: home, among: []backup.Backup{with(at(-1), void)}, none: true, says: "soteria.dev/restore-backup"},
		"an unreviewed backup is passed over": {rules: home, among: []backup.Backup{with(at(-1), unreviewed), old}, want: old, says: "may be of an empty volume"},
		"an unreviewed backup is given to who names it, and that is told": {rules: home, selector: backup.Selector{ID: at(-1).ID},
			among: []backup.Backup{with(at(-1), unreviewed), old}, want: with(at(-1), unreviewed), says: "the chosen backup is unreviewed"},
		"a backup that nobody saw end is chosen, and that is told": {rules: home, among: []backup.Backup{with(at(-1), unseen), old}, want: with(at(-1), unseen),
			says: "nothing records whether the chosen backup is complete"},
		"a partial backup gives way to a complete one that is little older, and both are told": {rules: home, among: []backup.Backup{with(at(-1), partial), old}, want: old,
			says: at(-1).ID + ", taken 2026-03-01T11:00:00Z, is partial"},
		"a partial backup gives way across one that nobody saw end": {rules: home,
			among: []backup.Backup{with(at(-1), partial), with(at(-2), unseen), old}, want: old, says: "is partial"},
		"a partial backup gives way to no backup that nobody saw end": {rules: home, among: []backup.Backup{with(at(-1), partial), with(at(-2), unseen)}, want: with(at(-1), partial),
			says: "the chosen backup is partial"},
		"a partial backup gives way to no void one": {rules: home, among: []backup.Backup{with(at(-1), partial), with(at(-2), void)}, want: with(at(-1), partial)},
		"a partial backup gives way at the end of the window": {rules: home,
			among: []backup.Backup{with(taken("ffffffff", noon), partial), with(taken("eeeeeeee", noon.Add(-48*time.Hour)), asIs)},
			want:  with(taken("eeeeeeee", noon.Add(-48*time.Hour)), asIs)},
		"a partial backup gives way to none beyond the window": {rules: home,
			among: []backup.Backup{with(taken("ffffffff", noon), partial), with(taken("eeeeeeee", noon.Add(-48*time.Hour-time.Second)), asIs)},
			want:  with(taken("ffffffff", noon), partial), says: "the chosen backup is partial"},
		"a time chooses by the same rules": {rules: home, selector: backup.Selector{AsOf: noon.Add(-time.Minute)},
			among: []backup.Backup{with(taken("ffffffff", noon), asIs), with(at(-1), void), old}, want: old, says: "does not count"},
		"another cluster's backup is passed over":       {rules: home, among: []backup.Backup{with(at(-1), ofAttic), old}, want: old, says: "of cluster attic"},
		"only another cluster's backups choose nothing": {rules: home, among: []backup.Backup{with(at(-1), ofAttic)}, none: true, says: "SOTERIA_RESTORE_CLUSTERS"},
		"another cluster's backup is given to who asks for the cluster": {rules: home, selector: backup.Selector{Cluster: "attic"},
			among: []backup.Backup{old, with(at(-20), ofAttic)}, want: with(at(-20), ofAttic)},
		"a cluster that has no backups chooses nothing": {rules: home, selector: backup.Selector{Cluster: "cellar"},
			among: []backup.Backup{old, with(at(-20), ofAttic)}, none: true, says: "none is of cluster cellar (2 exist, the oldest taken 2026-02-28T16:00:00Z, the newest 2026-02-28T16:00:00Z)"},
		"who asks for the own cluster gets an untagged backup too": {rules: home, selector: backup.Selector{Cluster: "home"}, among: []backup.Backup{old}, want: old},
		"another cluster's backup is given to who names it, and that is told": {rules: home, selector: backup.Selector{ID: at(-1).ID},
			among: []backup.Backup{with(at(-1), ofAttic), old}, want: with(at(-1), ofAttic), says: "of cluster attic"},
		"a listed cluster's backup is chosen, and that is told": {rules: backup.Rules{Clusters: backup.Clusters{Own: "home", Restored: []string{"attic"}, Settled: true}},
			among: []backup.Backup{with(at(-1), ofAttic), old}, want: with(at(-1), ofAttic), says: "the chosen backup is of cluster attic"},
		"the own cluster's backup is chosen": {rules: home, among: []backup.Backup{with(at(-1), ofHome), old}, want: with(at(-1), ofHome)},
		"untagged backups are passed over where that is said": {rules: backup.Rules{Clusters: backup.Clusters{Own: "home", UntaggedForeign: true}},
			among: []backup.Backup{with(at(-1), asIs), with(at(-20), ofHome)}, want: with(at(-20), ofHome), says: "of a cluster that it does not name"},
		"a cluster without a name restores every cluster's": {among: []backup.Backup{with(at(-1), ofAttic), old}, want: with(at(-1), ofAttic), says: "of cluster attic"},
		"a cluster without a name that settled it restores only untagged ones": {rules: backup.Rules{Clusters: backup.Clusters{Settled: true}},
			among: []backup.Backup{with(at(-1), ofAttic), old}, want: old, says: "of cluster attic"},
		"the beginning of two ids says so": {rules: home, selector: backup.Selector{ID: "ffffffff"},
			among: []backup.Backup{taken("ffffffff1", noon), taken("ffffffff2", noon)}, none: true, says: `2 of its backups are id "ffffffff"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := test.rules.Choose(test.selector, test.among)
			if test.none {
				assert.Equal(t, backup.NotFound, backup.KindOf(err))
				assert.Contains(t, backup.Message(err), test.says)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got.Backup)
			if test.says == "" && test.want.Outcome == backup.OutcomeComplete && test.want.TakenAt.After(old.TakenAt) && !slices.ContainsFunc(test.among, func(b backup.Backup) bool { return b.Outcome != backup.OutcomeComplete }) {
				assert.Empty(t, got.Notes)
			}
			assert.Contains(t, strings.Join(got.Notes, "; "), test.says)
		})
	}
}

// drawRules draws the rules of a cluster.
func drawRules(t *rapid.T) backup.Rules {
	return backup.Rules{
		Clusters: backup.Clusters{
			Own:             rapid.SampledFrom([]string{"", "home"}).Draw(t, "own"),
			Restored:        rapid.SampledFrom([][]string{nil, {"attic"}}).Draw(t, "restored"),
			Settled:         rapid.Bool().Draw(t, "settled"),
			UntaggedForeign: rapid.Bool().Draw(t, "untagged foreign"),
		},
		Now:           noon.Add(time.Duration(rapid.IntRange(-2, 6).Draw(t, "now")) * time.Hour),
		ClockDoubt:    rapid.Bool().Draw(t, "clock doubt"),
		PartialWindow: time.Duration(rapid.IntRange(0, 3).Draw(t, "window")) * time.Hour,
	}
}

// drawSuspect draws a backup with anything that may speak against it.
func drawSuspect(t *rapid.T) backup.Backup {
	b := drawBackup(t)
	b.Cluster = rapid.SampledFrom([]string{"", "home", "attic", "cellar"}).Draw(t, "cluster")
	b.Outcome = rapid.SampledFrom([]backup.Outcome{backup.OutcomeUnknown, backup.OutcomeComplete, backup.OutcomePartial, backup.OutcomeVoid}).Draw(t, "outcome")
	b.Unreviewed = rapid.IntRange(0, 3).Draw(t, "unreviewed") == 0
	return b
}

func TestNothingIsChosenByItselfThatMustNotBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		backups := rapid.SliceOfN(rapid.Custom(drawSuspect), 0, 8).Draw(t, "backups")
		slices.SortFunc(backups, backup.NewestFirst)
		selector := backup.Selector{Cluster: rapid.SampledFrom([]string{"", "", "attic", "home"}).Draw(t, "asked for")}
		chosen, err := rules.Choose(selector, backups)
		choosable := func(b backup.Backup) bool {
			ours := rules.Clusters.Counts(b)
			if selector.Cluster != "" {
				ours = rules.Clusters.Of(selector.Cluster, b)
			}
			return ours && rules.Plausible(b) && b.Outcome != backup.OutcomeVoid && !b.Unreviewed
		}
		if err != nil {
			assert.False(t, slices.ContainsFunc(backups, choosable), "there was one to choose: %v", err)
			return
		}
		got := chosen.Backup
		assert.True(t, choosable(got))
		for _, b := range backups {
			if !choosable(b) || backup.NewestFirst(b, got) >= 0 {
				continue
			}
			assert.Equal(t, backup.OutcomeComplete, got.Outcome, "a newer one is passed over only for a complete one")
			assert.NotEqual(t, backup.OutcomeComplete, b.Outcome)
			assert.LessOrEqual(t, b.TakenAt.Sub(got.TakenAt), rules.PartialWindow)
		}
		if got.Outcome == backup.OutcomePartial {
			for _, b := range backups {
				gives := choosable(b) && b.Outcome == backup.OutcomeComplete && backup.NewestFirst(got, b) < 0 && got.TakenAt.Sub(b.TakenAt) <= rules.PartialWindow
				assert.False(t, gives, "it gives way to a complete one")
			}
		}
		if backup.NewestFirst(backups[0], got) < 0 && (selector.Cluster == "" || rules.Clusters.Of(selector.Cluster, backups[0])) {
			assert.NotEmpty(t, chosen.Notes, "what was passed over is told")
		}
	})
}

func TestWhatIsNamedByItsIDIsChosenWhateverSpeaksAgainstIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		backups := rapid.SliceOfNDistinct(rapid.Custom(drawSuspect), 1, 8, func(b backup.Backup) string { return b.ID }).Draw(t, "backups")
		slices.SortFunc(backups, backup.NewestFirst)
		wanted := rapid.SampledFrom(backups).Draw(t, "wanted")
		chosen, err := rules.Choose(backup.Selector{ID: wanted.ID}, backups)
		require.NoError(t, err)
		assert.Equal(t, wanted, chosen.Backup)
		if rules.Objection(wanted) != backup.NoObjection || wanted.Outcome != backup.OutcomeComplete {
			assert.NotEmpty(t, chosen.Notes)
		}
	})
}

func TestDueTimesAndHealthGoByOwnPlausibleBackups(t *testing.T) {
	b := with(taken("aaaaaaaa", noon), ofHome)
	assert.True(t, home.Fresh(b))
	assert.True(t, home.Fresh(with(b, unseen)))
	assert.False(t, home.Fresh(with(b, ofAttic)), "another cluster's")
	assert.False(t, home.Fresh(with(b, void)))
	assert.False(t, home.Fresh(with(taken("aaaaaaaa", noon.Add(time.Hour)), ofHome)), "ahead of now")
	restoring := home
	restoring.Clusters.Restored, restoring.Clusters.Settled = []string{"attic"}, true
	assert.False(t, restoring.Fresh(with(b, ofAttic)), "restored from, and not backed up here")
	assert.False(t, backup.Rules{Now: noon}.Fresh(with(b, ofHome)), "a cluster without a name owns what names none")
	assert.True(t, backup.Rules{Now: noon}.Fresh(taken("aaaaaaaa", noon)))
}

func TestNamesOfClusters(t *testing.T) {
	for _, good := range []string{"home", "a", "rack-2", strings.Repeat("a", 63)} {
		assert.NoError(t, backup.ValidateCluster(good))
	}
	for _, bad := range []string{"", "Home", "a.b", "a/b", "a:b", "-a", "a-", "none", "a,b", strings.Repeat("a", 64)} {
		assert.Equal(t, backup.Invalid, backup.KindOf(backup.ValidateCluster(bad)), bad)
	}
}

func TestAChosenBackupThatHoldsFarLessThanAnEarlierOneIsTold(t *testing.T) {
	day := 24 * time.Hour
	holds := func(id string, age time.Duration, files, bytes int64, change ...func(*backup.Backup)) backup.Backup {
		b := backup.Backup{Driver: "restic", ID: id + "00000000", TakenAt: noon.Add(-age), Outcome: backup.OutcomeComplete, Files: files, DataBytes: bytes}
		for _, c := range change {
			c(&b)
		}
		return b
	}
	void := func(b *backup.Backup) { b.Outcome = backup.OutcomeVoid }
	longhorn := func(b *backup.Backup) { b.Driver = "longhorn" }
	small := holds("aaaa", day, 10, 1000)
	for name, test := range map[string]struct {
		wish    backup.Selector
		backups []backup.Backup
		fuller  string
	}{
		"the newest":                             {backups: []backup.Backup{small, holds("bbbb", 2*day, 100, 100_000)}, fuller: "bbbb"},
		"one that is named by its id":            {wish: backup.Selector{ID: "aaaa0000"}, backups: []backup.Backup{holds("cccc", 0, 100, 100_000), small, holds("bbbb", 2*day, 100, 100_000)}, fuller: "bbbb"},
		"one before which was another small one": {backups: []backup.Backup{small, holds("bbbb", 2*day, 12, 1100), holds("cccc", 3*day, 100, 100_000)}, fuller: "cccc"},
		"one that shrank little":                 {backups: []backup.Backup{small, holds("bbbb", 2*day, 12, 1100)}},
		"what came later is no reason":           {wish: backup.Selector{ID: "aaaa0000"}, backups: []backup.Backup{holds("cccc", 0, 100, 100_000), small}},
		"another system counts otherwise":        {backups: []backup.Backup{small, holds("bbbb", 2*day, 100, 100_000, longhorn)}},
		"sizes that are not known say nothing":   {backups: []backup.Backup{small, holds("bbbb", 2*day, -1, -1)}},
		"one that does not count is no reason":   {backups: []backup.Backup{small, holds("bbbb", 2*day, 100, 100_000, void)}},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, err := backup.Rules{Now: noon}.Choose(test.wish, test.backups)
			require.NoError(t, err)
			notes := strings.Join(chosen.Notes, "; ")
			if test.fuller == "" {
				assert.NotContains(t, notes, "far less")
				return
			}
			assert.Contains(t, notes, "holds far less than backup "+test.fuller+"0000")
			assert.Contains(t, notes, "10 files and 1000 bytes, where that holds 100 files and 100000 bytes")
		})
	}
}

func TestABackupThatIsNamedByItsIDIsToldToBePartialOrVoid(t *testing.T) {
	for outcome, word := range map[backup.Outcome]string{backup.OutcomePartial: "is partial", backup.OutcomeVoid: "is void"} {
		chosen, err := backup.Rules{Now: noon}.Choose(backup.Selector{ID: "aaaa0000"}, []backup.Backup{{ID: "aaaa00000000", TakenAt: noon, Outcome: outcome, Files: -1, DataBytes: -1}})
		require.NoError(t, err)
		assert.Contains(t, strings.Join(chosen.Notes, "; "), word)
	}
}
