package intent_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/intent"
)

// told is what a system said of a list that began then.
func told(driver string, certainty backup.Certainty, at time.Time, why error) backup.Told {
	return backup.Told{Driver: driver, Certainty: certainty, ListedAt: at, Why: why}
}

// ofLists returns the notes that are of lists.
func ofLists(notes []string) []string {
	return slices.DeleteFunc(slices.Clone(notes), func(note string) bool { return !strings.Contains(note, " were listed at ") })
}

func TestTheNewestBackupIsTheNewestByNow(t *testing.T) {
	listed := noon.Add(24 * time.Hour)
	known := backup.FoundBackups([]backup.Backup{oldest}, evidence).WithTold(told("restic", backup.Found, listed, nil))
	slow := backup.Errorf(backup.Unavailable, "the store is slow")
	confirmed := backup.FoundBackups([]backup.Backup{newest, oldest}, evidence).WithTold(told("restic", backup.Found, listed, nil))
	late := backup.UnknownBecause(slow).WithTold(told("restic", backup.Unknown, listed, slow))
	gone := backup.ProvedNone(evidence)
	locked := backup.UnknownBecause(backup.Errorf(backup.Credentials, "the password was changed"))
	for name, test := range map[string]struct {
		choice intent.Choice
		proved backup.Answer
		dryRun bool

		want  string
		notes int
		kind  backup.Kind
		asked int
	}{
		"one that came since the list":            {proved: confirmed, want: newest.ID, asked: 1},
		"by its word":                             {choice: intent.Choice{Snapshot: intent.Latest}, proved: confirmed, want: newest.ID, asked: 1},
		"of a time":                               {choice: intent.Choice{AsOf: noon.AddDate(1, 0, 0)}, proved: confirmed, want: newest.ID, asked: 1},
		"not asked for where one is named":        {choice: intent.Choice{Snapshot: oldest.ID}, proved: confirmed, want: oldest.ID},
		"not asked for where nothing is made":     {proved: confirmed, dryRun: true, want: oldest.ID},
		"by the list, where no one tells in time": {proved: late, want: oldest.ID, notes: 1, asked: 1},
		"none, where all are gone":                {proved: gone, kind: backup.NotFound, asked: 1},
		"refused, for what does not pass":         {proved: locked, kind: backup.Credentials, asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(photos))
			w.policy.Rules = func() backup.Rules { return backup.Rules{Now: listed.Add(4 * time.Minute)} }
			w.answer, w.proved = known, &test.proved
			made, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Choice, w.DryRun = test.choice, test.dryRun }))
			assert.Equal(t, test.asked, w.proofs)
			if test.want == "" {
				assert.Equal(t, test.kind, backup.KindOf(err), "%v", err)
				assert.Len(t, w.claims(t), 1, "nothing is made")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, made.Backup.ID)
			notes := ofLists(made.Notes)
			require.Len(t, notes, test.notes)
			if test.notes > 0 {
				assert.Equal(t, "the restic backups were listed at "+listed.Format(time.RFC3339)+", 4m0s ago, and a newer one may exist, "+
					"since it could not be looked in time: the store is slow; to be sure, ask again later", notes[0])
			}
		})
	}
}

func TestOnlySystemsThatDidNotTellAreSaidToBeOld(t *testing.T) {
	listed := noon.Add(24 * time.Hour)
	slow := backup.Errorf(backup.Unavailable, "Longhorn is slow")
	w := newWorld(bound(photos))
	w.answer = backup.FoundBackups([]backup.Backup{newest, oldest}, evidence).
		WithTold(told("restic", backup.Found, listed, nil), told("longhorn", backup.None, listed.Add(-time.Minute), nil))
	proved := backup.Combine(backup.FoundBackups([]backup.Backup{newest, oldest}, evidence), backup.UnknownBecause(slow)).
		WithTold(told("restic", backup.Found, listed.Add(time.Minute), nil), told("longhorn", backup.Unknown, listed.Add(-time.Minute), slow))
	w.proved = &proved
	made, err := w.requests().Restore(t.Context(), wish())
	require.NoError(t, err)
	assert.Equal(t, newest.ID, made.Backup.ID)
	notes := ofLists(made.Notes)
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], "the longhorn backups were listed at "+listed.Add(-time.Minute).Format(time.RFC3339))
}

// hanging is a catalog whose systems do not tell.
type hanging struct{ *world }

func (hanging) Prove(ctx context.Context, _ backup.Claim) backup.Answer {
	<-ctx.Done()
	return backup.UnknownBecause(backup.Errorf(backup.Unavailable, "listing takes long: %w", ctx.Err()))
}

func TestAConfirmationIsWaitedForAShortWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(bound(photos))
		requests := w.requests()
		requests.Catalog = hanging{w}
		began := time.Now()
		chosen, err := requests.Choose(t.Context(), photos, intent.Choice{})
		require.NoError(t, err)
		assert.Equal(t, newest.ID, chosen.ID)
		assert.Equal(t, 3*time.Second, time.Since(began))
	})
}

// changing is a catalog in which something happens while it is asked for a proof that it
// cannot have in time.
type changing struct {
	*world
	after backup.Answer
}

func (c *changing) Prove(ctx context.Context, claim backup.Claim) backup.Answer {
	answer := c.world.Prove(ctx, claim)
	c.answer = c.after
	return answer
}

func TestWhatDoesNotHoldAnyMoreIsNotChosenWhereOneSystemIsSlow(t *testing.T) {
	slow := backup.Errorf(backup.Unavailable, "Longhorn is slow")
	found := func(backups ...backup.Backup) backup.Answer { return backup.FoundBackups(backups, evidence) }
	for name, test := range map[string]struct {
		proved, after backup.Answer

		want  string
		asked int
		says  string
	}{
		"it has gone":                   {proved: backup.UnknownBecause(slow), after: backup.UnknownBecause(slow), asked: 1, says: "Longhorn is slow"},
		"another system fails by now":   {proved: found(newest, oldest).Unsure(slow), after: found(newest, oldest).Unsure(slow), asked: 2, says: "which backup of media/photos is the newest"},
		"a newer one came where it can": {proved: found(newest, oldest).Unsure(slow), after: found(newest, oldest), asked: 1, want: newest.ID},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(photos))
			w.answer, w.proved = found(oldest), &test.proved
			requests := w.requests()
			requests.Catalog = &changing{w, test.after}
			made, err := requests.Restore(t.Context(), wish())
			assert.Equal(t, test.asked, w.proofs)
			if test.want == "" {
				assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
				require.ErrorContains(t, err, test.says)
				assert.Len(t, w.claims(t), 1, "nothing is made")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, made.Backup.ID)
		})
	}
}
