package unreviewed_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/unreviewed"
)

var (
	gate    = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	created = gate.Add(48 * time.Hour)
	claim   = backup.Claim{Namespace: "shop", Name: "db"}
)

func taken(after time.Duration, change ...func(*backup.Backup)) backup.Backup {
	b := backup.Backup{Claim: claim, Driver: "restic", ID: "0123456789abcdef" + after.String(), TakenAt: created.Add(after), Own: true}
	for _, c := range change {
		c(&b)
	}
	return b
}

func marked(b *backup.Backup) {
	b.Unreviewed, b.Tags = true, []string{backup.UnreviewedSince(created)}
}

func ofAttic(b *backup.Backup) { b.Cluster = "attic" }

func ofOthers(b *backup.Backup) { b.Own, b.Driver = false, "longhorn" }

// gotPast are the facts of a claim that was bound while the gate was off.
func gotPast() unreviewed.Facts {
	return unreviewed.Facts{
		Claim: claim, UID: "uid-1", Protected: true, Created: created, GateSince: gate, Listed: true,
		Rules:   backup.Rules{Now: created.Add(48 * time.Hour), Clusters: backup.Clusters{Own: "home"}},
		Backups: []backup.Backup{taken(-time.Hour)},
	}
}

func TestAClaimThatGotPastTheGateIsReviewed(t *testing.T) {
	stamp := func(verdict string, at time.Time) func(*unreviewed.Facts) {
		return func(f *unreviewed.Facts) { f.Verdict, f.JudgedAt = verdict, at.Format(time.RFC3339) }
	}
	cases := map[string]struct {
		change func(*unreviewed.Facts)
		want   unreviewed.State
	}{
		"bound without a verdict, with an older backup": {nil, unreviewed.Unreviewed},
		"its only newer backups are marked ones": {func(f *unreviewed.Facts) {
			f.Backups = append(f.Backups, taken(time.Hour, marked), taken(25*time.Hour, marked))
		}, unreviewed.Unreviewed},
		"its only newer backup is of others": {func(f *unreviewed.Facts) { f.Backups = append(f.Backups, taken(time.Hour, ofOthers)) }, unreviewed.Unreviewed},
		"a clock that is a minute ahead does not make the last backup of the claim before its own": {func(f *unreviewed.Facts) {
			f.Backups = []backup.Backup{taken(time.Minute)}
		}, unreviewed.Unreviewed},
		"a repository cannot be listed, and an older backup is known": {func(f *unreviewed.Facts) { f.Listed = false }, unreviewed.Unreviewed},
		"a repository cannot be listed, and none is known":            {func(f *unreviewed.Facts) { f.Listed, f.Backups = false, nil }, unreviewed.Unknown},
		"a stamp that was copied with the manifest":                   {stamp("Fresh (NoBackupExists)", created.Add(-24*time.Hour)), unreviewed.Unreviewed},
		"a stamp that was written later":                              {stamp("Fresh (NoBackupExists)", created.Add(time.Hour)), unreviewed.Unreviewed},
		"a stamp without a time":                                      {func(f *unreviewed.Facts) { f.Verdict = "Fresh (NoBackupExists)" }, unreviewed.Unreviewed},
		"a verdict that locks, and no lock":                           {stamp("Restore (BackupFound)", created), unreviewed.Unreviewed},
		"an acceptance without the uid":                               {func(f *unreviewed.Facts) { f.Accepted = "it is fine" }, unreviewed.Unreviewed},
		"an acceptance of an earlier claim":                           {func(f *unreviewed.Facts) { f.Accepted = "uid-0 it is fine" }, unreviewed.Unreviewed},
		"accepted":                                                    {func(f *unreviewed.Facts) { f.Accepted = "uid-1 it is fine" }, unreviewed.Settled},
		"judged when it was created":                                  {stamp("Fresh (NoBackupExists)", created.Add(-time.Second)), unreviewed.Settled},
		"left to another populator when it was created":               {stamp("Refer (BackupFound)", created), unreviewed.Settled},
		"locked, so that a Restore handed it its volume":              {func(f *unreviewed.Facts) { f.Locked = true }, unreviewed.Settled},
		"not protected":                                               {func(f *unreviewed.Facts) { f.Protected = false }, unreviewed.Settled},
		"older than the gate":                                         {func(f *unreviewed.Facts) { f.GateSince = created.Add(time.Second) }, unreviewed.Settled},
		"the gate was never closed":                                   {func(f *unreviewed.Facts) { f.GateSince = time.Time{} }, unreviewed.Settled},
		"no older backup exists":                                      {func(f *unreviewed.Facts) { f.Backups = []backup.Backup{taken(time.Hour, ofOthers)} }, unreviewed.Settled},
		"a clock that is nine minutes ahead does not either": {func(f *unreviewed.Facts) {
			f.Backups = []backup.Backup{taken(9 * time.Minute)}
		}, unreviewed.Unreviewed},
		"a backup of an earlier life that is dated a year ahead does not settle it": {func(f *unreviewed.Facts) {
			f.Backups = append(f.Backups, taken(365*24*time.Hour))
		}, unreviewed.Unreviewed},
		"such a backup is the only one": {func(f *unreviewed.Facts) { f.Backups = []backup.Backup{taken(365 * 24 * time.Hour)} }, unreviewed.Unreviewed},
		"its only newer backup is void": {func(f *unreviewed.Facts) {
			f.Backups = append(f.Backups, taken(time.Hour, func(b *backup.Backup) { b.Outcome = backup.OutcomeVoid }))
		}, unreviewed.Unreviewed},
		"its only newer backup is another cluster's": {func(f *unreviewed.Facts) { f.Backups = append(f.Backups, taken(time.Hour, ofAttic)) }, unreviewed.Unreviewed},
		"only another cluster has older backups, which say nothing here": {func(f *unreviewed.Facts) {
			f.Rules.Clusters.Settled, f.Backups = true, []backup.Backup{taken(-time.Hour, ofAttic)}
		}, unreviewed.Settled},
		"another cluster has older backups, and it is not settled whether they count": {func(f *unreviewed.Facts) {
			f.Backups = []backup.Backup{taken(-time.Hour, ofAttic)}
		}, unreviewed.Unreviewed},
		"a cluster that is restored like this one has older backups": {func(f *unreviewed.Facts) {
			f.Rules.Clusters.Settled, f.Rules.Clusters.Restored = true, []string{"attic"}
			f.Backups = []backup.Backup{taken(-time.Hour, ofAttic)}
		}, unreviewed.Unreviewed},
		"it has an ordinary backup of its own": {func(f *unreviewed.Facts) { f.Backups = append(f.Backups, taken(time.Hour)) }, unreviewed.Settled},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			facts := gotPast()
			if tc.change != nil {
				tc.change(&facts)
			}
			got := unreviewed.Judge(facts)
			assert.Equal(t, tc.want, got.State)
			assert.Equal(t, tc.want == unreviewed.Settled, got.Message == "")
		})
	}
}

func TestTheMessageNamesTheBackupAndTheCommand(t *testing.T) {
	got := unreviewed.Judge(gotPast())
	assert.Equal(t, created.Add(-time.Hour), got.Older.TakenAt)
	assert.Contains(t, got.Message, "01234567")
	assert.Contains(t, got.Message, "kubectl -n shop annotate pvc db soteria.dev/accept-data='uid-1 <reason>'")
	assert.Equal(t, "kubectl -n shop annotate pvc db soteria.dev/accept-data='uid-1 <reason>'", got.Accept)
	assert.LessOrEqual(t, len(got.Message), backup.MaxNote)
}

// What a tenant can write on a claim, but for naming its very uid, never settles
// it, and neither do backups that Soteria did not take.
func TestOnlyAVerdictAnAcceptanceOrAnOrdinaryBackupSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := gotPast()
		facts.Listed = rapid.Bool().Draw(t, "listed")
		facts.Verdict = rapid.SampledFrom([]string{"", "Fresh (NoBackupExists)", "Restore (BackupFound)", "Hold", "Fresh"}).Draw(t, "verdict")
		off := rapid.Int64Range(5*60, 1<<30).Draw(t, "seconds off")
		if rapid.Bool().Draw(t, "before") {
			off = -off
		}
		facts.JudgedAt = created.Add(time.Duration(off) * time.Second).Format(time.RFC3339)
		facts.Accepted = rapid.SampledFrom([]string{"", "yes", "uid-2 uid-1", "  "}).Draw(t, "accepted")
		for i := range rapid.IntRange(0, 6).Draw(t, "backups") {
			at := time.Duration(rapid.IntRange(-1000, 1000).Draw(t, fmt.Sprintf("hours %d", i))) * time.Hour
			mark := rapid.SampledFrom([]func(*backup.Backup){marked, ofOthers}).Draw(t, fmt.Sprintf("whose %d", i))
			facts.Backups = append(facts.Backups, taken(at, mark))
		}
		if got := unreviewed.Judge(facts); got.State != unreviewed.Unreviewed {
			t.Fatalf("settled by what settles nothing: %+v", facts)
		}
		if !unreviewed.Judge(facts).Older.TakenAt.Before(created) {
			t.Fatalf("the older backup is not older: %+v", facts)
		}
		facts.Accepted = "uid-1"
		if unreviewed.Judge(facts).State != unreviewed.Settled {
			t.Fatalf("an acceptance settles nothing: %+v", facts)
		}
	})
}
