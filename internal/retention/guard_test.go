package retention_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sized gives backups of a day each, newest first, with these files and bytes.
func sized(counts ...[2]int64) []backup.Backup {
	var all []backup.Backup
	for i, c := range counts {
		all = append(all, backup.Backup{
			Claim: claim, Driver: "restic", ID: string(rune('a' + i)), TakenAt: now.Add(-time.Duration(i) * 24 * time.Hour),
			Files: c[0], DataBytes: c[1], Own: true,
		})
	}
	return all
}

// facts are those of a claim with three alike backups of which one may go.
func facts(change ...func(*retention.Facts)) retention.Facts {
	all := sized([2]int64{100, 1000}, [2]int64{100, 1000}, [2]int64{100, 1000})
	f := retention.Facts{
		Claim: claim, Driver: "restic", Now: now, MaxAge: time.Hour, ListedAt: now.Add(-time.Minute),
		Kept: all[:2], Removed: all[2:], ShrinkPercent: 50,
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

// whole counts what is neither partial nor void.
func whole(b backup.Backup) bool {
	return b.Outcome != backup.OutcomePartial && b.Outcome != backup.OutcomeVoid
}

func TestWhatMayGoMayGo(t *testing.T) {
	other := backup.Claim{Namespace: "ai", Name: "other"}
	for sentence, f := range map[string]retention.Facts{
		"as it is":                  facts(),
		"another claim is restored": facts(func(f *retention.Facts) { f.Open = []retention.Open{{Name: "ai/other", Target: other, Source: other}} }),
		"a backup that stays is chosen by another claim's restore": facts(func(f *retention.Facts) {
			f.Open = []retention.Open{{Name: "ai/other", Target: other, Source: other, Driver: "restic", Backup: "a"}}
		}),
		"another driver's backup has that name": facts(func(f *retention.Facts) {
			f.Open = []retention.Open{{Name: "ai/other", Target: other, Source: other, Driver: "longhorn", Backup: "c"}}
		}),
		"the listing is just young enough": facts(func(f *retention.Facts) { f.ListedAt = now.Add(-time.Hour) }),
		"exactly half is left":             facts(func(f *retention.Facts) { f.Kept = sized([2]int64{50, 500}, [2]int64{100, 1000}) }),
		"sizes are not known":              facts(func(f *retention.Facts) { f.Kept = sized([2]int64{-1, -1}, [2]int64{100, 1000}) }),
		"sizes were not known":             facts(func(f *retention.Facts) { f.Kept = sized([2]int64{1, 1}, [2]int64{-1, -1}) }),
		"there was nothing before":         facts(func(f *retention.Facts) { f.Kept = sized([2]int64{0, 0}, [2]int64{0, 0}) }),
		"it grew":                          facts(func(f *retention.Facts) { f.Kept = sized([2]int64{math.MaxInt64, math.MaxInt64}, [2]int64{1, 1}) }),
		"a person accepted the newest": facts(func(f *retention.Facts) {
			f.Kept = sized([2]int64{1, 1}, [2]int64{100, 1000})
			f.Kept[0].ID, f.Accepted = "0123456789abcdef", "01234567"
		}),
		"a person accepted the one after the loss": facts(func(f *retention.Facts) {
			f.Kept = sized([2]int64{1, 1}, [2]int64{1, 1}, [2]int64{100, 1000})
			f.Kept[1].ID, f.Accepted = "0123456789abcdef", "0123456789abcdef"
		}),
		"what does not count is not compared": facts(func(f *retention.Facts) {
			f.Kept = sized([2]int64{1, 1}, [2]int64{100, 1000}, [2]int64{100, 1000})
			f.Kept[0].Outcome, f.Counts = backup.OutcomeVoid, whole
		}),
		"the guard is off": facts(func(f *retention.Facts) { f.Kept, f.ShrinkPercent = sized([2]int64{0, 0}, [2]int64{100, 1000}), 100 }),
	} {
		t.Run(sentence, func(t *testing.T) { assert.NoError(t, retention.MayForget(f)) })
	}
}

func TestWhatKeepsBackups(t *testing.T) {
	other := backup.Claim{Namespace: "web", Name: "copy"}
	cause := backup.Errorf(backup.Credentials, "wrong password")
	cases := map[string]struct {
		change func(*retention.Facts)
		reason retention.Reason
		kind   backup.Kind
		words  string
	}{
		"the last listing failed": {func(f *retention.Facts) { f.Failure = cause }, retention.ListingFailed, backup.Unavailable,
			"the restic backups could not be listed: wrong password; retention goes on by itself"},
		"there was no listing yet": {func(f *retention.Facts) { f.ListedAt = time.Time{} }, retention.ListingFailed, backup.Unavailable, "have not been listed yet"},
		"the listing is old":       {func(f *retention.Facts) { f.ListedAt = now.Add(-time.Hour - time.Second) }, retention.ListingStale, backup.Unavailable, "2026-03-01T10:59:59Z"},
		"the clock was set back":   {func(f *retention.Facts) { f.ListedAt = now.Add(time.Second) }, retention.ListingStale, backup.Unavailable, "listed last at"},
		"a backup is being taken": {func(f *retention.Facts) { f.Doubt = errors.New("a backup of ai/cache is being taken") }, retention.ListingDoubtful, backup.Unavailable,
			"a backup of ai/cache is being taken"},
		"it is in doubt whose the backups are": {func(f *retention.Facts) {
			f.Doubt = backup.Errorf(backup.RepositoryUnaccepted, "no one accepted it: soteria repository accept restic")
		}, retention.ListingDoubtful, backup.Unavailable, "soteria repository accept restic; retention goes on by itself once that is settled"},
		"another live cluster has the same name": {func(f *retention.Facts) { f.Rival = "another live cluster uses it: give each a SOTERIA_CLUSTER" }, retention.NameTwice, backup.Conflict,
			"give each a SOTERIA_CLUSTER; retention goes on a day after the other was last seen"},
		"the claim is being restored": {func(f *retention.Facts) {
			f.Open = []retention.Open{{Name: "ai/soteria-x", Target: claim, Source: other}}
		},
			retention.RestoreOpen, backup.Conflict, "the restore ai/soteria-x of web/copy is not complete"},
		"another claim gets its backup": {func(f *retention.Facts) {
			f.Open = []retention.Open{{Name: "web/soteria-y", Target: other, Source: claim}}
		},
			retention.RestoreOpen, backup.Conflict, "the restore web/soteria-y of ai/cache is not complete"},
		"a backup is chosen by a restore that names another source": {
			func(f *retention.Facts) {
				f.Open = []retention.Open{{Name: "web/z", Target: other, Source: other, Driver: "restic", Backup: "c"}}
			},
			retention.BackupPinned, backup.Conflict, "backup c is being restored by web/z"},
		"a Restore names a backup and no driver": {
			func(f *retention.Facts) {
				f.Open = []retention.Open{{Name: "web/z", Target: other, Source: other, Backup: "c"}}
			},
			retention.BackupPinned, backup.Conflict, "backup c"},
		"a Restore names the beginning of a backup's id": {
			func(f *retention.Facts) {
				f.Removed[0].ID = "0123456789abcdef"
				f.Open = []retention.Open{{Name: "web/z", Target: other, Source: other, Backup: "01234567"}}
			},
			retention.BackupPinned, backup.Conflict, "backup 01234567 is"},
		"nothing would be left": {func(f *retention.Facts) { f.Kept, f.Removed = nil, sized([2]int64{1, 1}) }, retention.LastBackup, backup.Conflict, "no restic backup of ai/cache would be left"},
		"the newest lacks files": {func(f *retention.Facts) { f.Kept = sized([2]int64{49, 1000}, [2]int64{100, 1000}) }, retention.Shrunk, backup.Conflict,
			"holds 49 files of 1000 bytes where b, taken 2026-02-28T12:00:00Z, holds 100 files of 1000 bytes, which is down by more than 50%"},
		"the newest lacks bytes": {func(f *retention.Facts) { f.Kept = sized([2]int64{-1, 499}, [2]int64{-1, 1000}) }, retention.Shrunk, backup.Conflict,
			"holds 499 bytes where b, taken 2026-02-28T12:00:00Z, holds 1000 bytes"},
		"the newest is empty": {func(f *retention.Facts) { f.Kept = sized([2]int64{0, 0}, [2]int64{3, 3}) }, retention.Shrunk, backup.Conflict, "SOTERIA_SHRINK_GUARD_PERCENT"},
		"the one before it would be removed": {func(f *retention.Facts) {
			all := sized([2]int64{10, 1000}, [2]int64{100, 1000})
			f.Kept, f.Removed = all[:1], all[1:]
		}, retention.Shrunk, backup.Conflict, "10 files"},
		"it fell slowly from one that is kept": {func(f *retention.Facts) {
			f.Kept = sized([2]int64{25, 1000}, [2]int64{50, 1000}, [2]int64{100, 1000})
		}, retention.Shrunk, backup.Conflict, "25 files of 1000 bytes where c, taken 2026-02-27T12:00:00Z, holds 100 files"},
		"one that does not count is no newest": {func(f *retention.Facts) {
			f.Kept = sized([2]int64{100, 1000}, [2]int64{49, 1000}, [2]int64{100, 1000})
			f.Kept[0].Outcome = backup.OutcomePartial
			f.Counts = whole
		}, retention.Shrunk, backup.Conflict, "the newest restic backup, b, holds 49 files"},
		"none that counts would be left": {func(f *retention.Facts) {
			f.Kept[0].Outcome, f.Kept[1].Outcome, f.Counts = backup.OutcomePartial, backup.OutcomeVoid, whole
		}, retention.LastBackup, backup.Conflict, "of 2 restic backups of ai/cache none that counts would be left"},
		"a person has to review one": {func(f *retention.Facts) { f.Kept[1].Unreviewed = true }, retention.ReviewDue, backup.Conflict,
			"backup b was taken of a claim that had been bound without a verdict"},
		"any loss counts": {func(f *retention.Facts) { f.Kept, f.ShrinkPercent = sized([2]int64{99, 1000}, [2]int64{100, 1000}), 0 }, retention.Shrunk, backup.Conflict, "99 files"},
	}
	for sentence, tc := range cases {
		t.Run(sentence, func(t *testing.T) {
			err := retention.MayForget(facts(tc.change))
			var refusal *retention.RefusalError
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, tc.reason, refusal.Reason)
			assert.Equal(t, tc.kind, backup.KindOf(err))
			assert.ErrorContains(t, err, tc.words)
		})
	}
}
