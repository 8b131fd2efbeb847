package backup_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
)

var (
	errDown  = errors.New("connection refused")
	noon     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	evidence = backup.Evidence{Driver: "restic", Repository: "5e1f0000aaaabbbbcccc", BeganAt: noon, EndedAt: noon.Add(time.Second)}
	photos   = backup.Claim{Namespace: "media", Name: "photos"}
)

func taken(id string, at time.Time) backup.Backup {
	return backup.Backup{Claim: photos, Driver: "restic", ID: id, TakenAt: at}
}

func TestAnswerIsUnknownUnlessProved(t *testing.T) {
	tests := map[string]struct {
		answer backup.Answer
		why    string
	}{
		"the zero value":               {backup.Answer{}, "nobody has looked"},
		"a question that failed":       {backup.UnknownBecause(errDown), "connection refused"},
		"a failure without words":      {backup.UnknownBecause(nil), "nobody has looked"},
		"none without evidence":        {backup.ProvedNone(), "no backup repository has been listed"},
		"found without a backup":       {backup.FoundBackups(nil, evidence), "without any backup"},
		"no driver":                    {backup.Combine(), "no driver is configured"},
		"a driver that could not tell": {backup.Combine(backup.ProvedNone(evidence), backup.UnknownBecause(errDown)), "connection refused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, backup.Unknown, test.answer.Certainty())
			assert.ErrorContains(t, test.answer.Err(), test.why)
			assert.Empty(t, test.answer.Backups())
			assert.Empty(t, test.answer.Evidence())
			assert.Equal(t, "unknown: "+test.answer.Err().Error(), test.answer.EvidenceString())
		})
	}
}

func TestProvedAnswersCarryTheirEvidence(t *testing.T) {
	for name, answer := range map[string]backup.Answer{
		"none":  backup.ProvedNone(evidence),
		"found": backup.FoundBackups([]backup.Backup{taken("a", noon)}, evidence),
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, name, answer.Certainty().String())
			require.NoError(t, answer.Err())
			assert.Equal(t, []backup.Evidence{evidence}, answer.Evidence())
			assert.Equal(t, "restic repository 5e1f0000aaaa listed 2026-03-01T12:00:00Z to 2026-03-01T12:00:01Z", answer.EvidenceString())
		})
	}
	both := backup.ProvedNone(evidence, backup.Evidence{Driver: "longhorn", Repository: "s3"})
	assert.Contains(t, both.EvidenceString(), "; longhorn repository s3 listed")
}

func TestFoundBackupsAreNewestFirstAndLeaveTheirInputAlone(t *testing.T) {
	given := []backup.Backup{taken("old", noon), taken("new", noon.Add(time.Hour)), taken("also new", noon.Add(time.Hour))}
	before := slices.Clone(given)
	answer := backup.FoundBackups(given, evidence)
	var order []string
	for _, b := range answer.Backups() {
		order = append(order, b.ID)
	}
	assert.Equal(t, []string{"also new", "new", "old"}, order)
	assert.Equal(t, before, given)
}

// drawAnswer draws any answer that a driver can give.
func drawAnswer(t *rapid.T) backup.Answer {
	switch rapid.SampledFrom([]string{"zero", "unknown", "none", "found"}).Draw(t, "kind") {
	case "unknown":
		return backup.UnknownBecause(errDown)
	case "none":
		return backup.ProvedNone(evidence)
	case "found":
		return backup.FoundBackups(rapid.SliceOfN(rapid.Custom(drawBackup), 1, 5).Draw(t, "backups"), evidence)
	default:
		return backup.Answer{}
	}
}

func drawBackup(t *rapid.T) backup.Backup {
	b := taken(rapid.StringMatching(`[0-9a-f]{9,12}`).Draw(t, "id"), noon.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "hour"))*time.Hour))
	b.Driver = rapid.SampledFrom([]string{"longhorn", "restic"}).Draw(t, "driver")
	return b
}

func TestCombineHidesNothingThatIsKnownAndProvesNoMoreThanTheLeastSure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		answers := rapid.SliceOfN(rapid.Custom(drawAnswer), 0, 5).Draw(t, "answers")
		whole := backup.Combine(answers...)
		has := func(c backup.Certainty) bool {
			return slices.ContainsFunc(answers, func(a backup.Answer) bool { return a.Certainty() == c })
		}
		switch {
		case has(backup.Found):
			assert.Equal(t, backup.Found, whole.Certainty())
			assert.True(t, slices.IsSortedFunc(whole.Backups(), backup.NewestFirst))
			doubted := slices.ContainsFunc(answers, func(a backup.Answer) bool { return a.Certainty() == backup.Unknown || a.Doubt() != nil })
			assert.Equal(t, doubted, whole.Doubt() != nil, "the newest is in doubt exactly where a driver could not tell, or doubts")
		case len(answers) == 0 || has(backup.Unknown):
			assert.Equal(t, backup.Unknown, whole.Certainty())
			assert.Error(t, whole.Err())
			assert.NoError(t, whole.Doubt())
		default:
			assert.Equal(t, backup.None, whole.Certainty())
			assert.Len(t, whole.Evidence(), len(answers))
		}
		total := 0
		for _, a := range answers {
			total += len(a.Backups())
		}
		if whole.Certainty() == backup.Found {
			assert.Len(t, whole.Backups(), total)
		}
	})
}

func TestWhatADriverFoundIsNotHiddenByOneThatIsDown(t *testing.T) {
	found := backup.FoundBackups([]backup.Backup{taken("a", noon)}, evidence)
	for _, whole := range []backup.Answer{backup.Combine(found, backup.UnknownBecause(errDown)), backup.Combine(backup.UnknownBecause(errDown), found)} {
		require.Equal(t, backup.Found, whole.Certainty())
		assert.Len(t, whole.Backups(), 1)
		assert.ErrorIs(t, whole.Doubt(), errDown)
	}
	assert.NoError(t, backup.Combine(found, backup.ProvedNone(evidence)).Doubt())
}

func TestADoubtTurnsNoneIntoUnknownAndLeavesUnknownAlone(t *testing.T) {
	none := backup.ProvedNone(evidence).Doubting(errDown)
	assert.Equal(t, backup.Unknown, none.Certainty())
	assert.ErrorIs(t, none.Err(), errDown)
	assert.NoError(t, none.Doubt())
	first := backup.FoundBackups([]backup.Backup{taken("a", noon)}, evidence).Doubting(nil).Doubting(errDown).Doubting(errors.New("another"))
	assert.ErrorIs(t, first.Doubt(), errDown, "the first doubt is kept")
}

func TestAnAnswerKnowsWhenAPersonLastAcceptedThatBackupsAreGone(t *testing.T) {
	accepted := evidence
	accepted.AcceptedAt = noon
	assert.Equal(t, noon, backup.ProvedNone(evidence, accepted).AcceptedAt())
	assert.Zero(t, backup.ProvedNone(evidence).AcceptedAt())
}

func TestNewestFirstIsAnOrder(t *testing.T) {
	draw := rapid.Custom(drawBackup)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := draw.Draw(t, "a"), draw.Draw(t, "b"), draw.Draw(t, "c")
		assert.Equal(t, backup.NewestFirst(a, b), -backup.NewestFirst(b, a))
		if backup.NewestFirst(a, b) <= 0 && backup.NewestFirst(b, c) <= 0 {
			assert.LessOrEqual(t, backup.NewestFirst(a, c), 0)
		}
		assert.Equal(t, backup.NewestFirst(a, b) == 0, a.TakenAt.Equal(b.TakenAt) && a.Driver == b.Driver && a.ID == b.ID)
	})
}
