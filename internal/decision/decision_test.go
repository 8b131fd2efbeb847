package decision_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

var (
	photos   = backup.Claim{Namespace: "media", Name: "photos"}
	music    = backup.Claim{Namespace: "media", Name: "music"}
	wiki     = backup.Claim{Namespace: "docs", Name: "wiki"}
	unnamed  = backup.Claim{Namespace: "media"}
	noon     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	evidence = backup.Evidence{Driver: "restic", Repository: "5e1f", BeganAt: noon, EndedAt: noon}

	volsync = decision.Populator{Group: "volsync.backube", Kind: "ReplicationDestination", Name: "photos-backup"}

	newest = backup.Backup{Claim: photos, Driver: "restic", ID: "aaaaaaaaaaaa", TakenAt: noon}
	oldest = backup.Backup{Claim: photos, Driver: "restic", ID: "bbbbbbbbbbbb", TakenAt: noon.Add(-time.Hour)}

	elsewhere = backup.Backup{Claim: photos, Driver: "s3", ID: "dddddddddddd", TakenAt: noon.Add(time.Hour)}

	found   = backup.FoundBackups([]backup.Backup{newest, oldest}, evidence)
	foreign = backup.FoundBackups([]backup.Backup{elsewhere, newest, oldest}, evidence)
	none    = backup.ProvedNone(evidence)
	unknown = backup.UnknownBecause(errors.New("connection refused"))

	doubted = found.Doubting(unknown.Err())
	// partly is what one of two systems found; the other could not tell.
	partly        = backup.Combine(found, unknown)
	partlyForeign = backup.Combine(foreign, unknown)
	partlyUseless = backup.Combine(unrestorable(found, 0), unknown)
	// waiting is for a listing that takes its usual time.
	waiting        = backup.UnknownBecause(backup.NotYet(errors.New("the longhorn repository has not been listed yet")))
	doubtedForeign = foreign.Doubting(unknown.Err())
	// accepted is what a person accepted after the claim was admitted.
	admitted = noon.Add(time.Hour)
	accepted = backup.ProvedNone(backup.Evidence{Driver: "restic", AcceptedAt: admitted.Add(time.Minute)})
	// None of these is chosen by itself.
	dreamt      = backup.Backup{Claim: photos, Driver: "restic", ID: "eeeeeeeeeeee", TakenAt: noon.Add(365 * 24 * time.Hour)}
	voided      = backup.Backup{Claim: photos, Driver: "restic", ID: "ffffffffffff", TakenAt: noon, Outcome: backup.OutcomeVoid}
	ofAttic     = backup.Backup{Claim: photos, Driver: "restic", ID: "999999999999", TakenAt: noon, Cluster: "attic"}
	unchoosable = backup.FoundBackups([]backup.Backup{dreamt, ofAttic, voided}, evidence)
	others      = backup.ProvedNone(evidence).WithOthers([]backup.Backup{ofAttic})

	rules = backup.Rules{Clusters: backup.Clusters{Own: "home"}, Now: noon.Add(2 * time.Hour), PartialWindow: backup.DefaultPartialWindow}

	anything    = backup.Selector{}
	theAttics   = backup.Selector{Cluster: "attic"}
	theOldest   = backup.Selector{ID: oldest.ID}
	beforeAll   = backup.Selector{AsOf: noon.Add(-24 * time.Hour)}
	noSuchThing = backup.Selector{ID: "cccccccccccc"}
)

// protected gives the facts of an ordinary protected claim, changed.
func protected(change func(*decision.Facts)) decision.Facts {
	f := decision.Facts{Claim: photos, Source: photos, Mode: decision.Auto, Answer: found, Rules: rules}
	change(&f)
	return f
}

func TestVerdicts(t *testing.T) {
	tests := map[string]struct {
		facts  func(*decision.Facts)
		want   decision.Kind
		reason decision.Reason
		says   string
	}{
		"a claim that is not opted in is ignored": {
			func(f *decision.Facts) { f.Mode = decision.NotOptedIn }, decision.Ignore, decision.ReasonNotOptedIn, "not opted in"},
		"a claim in an excluded namespace is ignored": {
			func(f *decision.Facts) { f.Excluded = true }, decision.Ignore, decision.ReasonExcluded, "keeps out of namespace media"},
		"a claim made by Soteria is ignored": {
			func(f *decision.Facts) { f.MadeBySoteria = true }, decision.Ignore, decision.ReasonMadeBySoteria, "Soteria itself"},
		"a claim that names its volume is ignored": {
			func(f *decision.Facts) { f.VolumeChosen = true }, decision.Ignore, decision.ReasonVolumeChosen, "names its volume"},
		"a claim with another's data source is ignored": {
			func(f *decision.Facts) { f.ForeignSource = true }, decision.Ignore, decision.ReasonForeignSource, "not Soteria's"},
		"a label that cannot be understood is refused": {
			func(f *decision.Facts) { f.Mode, f.ModeProblem = decision.NotOptedIn, `label "atuo"` }, decision.Deny, decision.ReasonInvalidMode, "atuo"},
		"a label that cannot be understood in an excluded namespace is ignored": {
			func(f *decision.Facts) { f.Excluded, f.ModeProblem = true, "bad" }, decision.Ignore, decision.ReasonExcluded, ""},
		"skip without a reason is refused, saying how to give one": {
			func(f *decision.Facts) { f.Mode = decision.Skip }, decision.Deny, decision.ReasonSkipNeedsReason, `soteria.dev/skip-reason: "<why>"`},
		"skip with a reason starts empty though backups exist": {
			func(f *decision.Facts) { f.Mode, f.SkipReason = decision.Skip, "scratch" }, decision.Fresh, decision.ReasonSkipped, "scratch"},
		"a claim whose Restore does not exist holds though no backup exists": {
			func(f *decision.Facts) { f.MissingRestore, f.Answer = "form-old", none }, decision.Hold, decision.ReasonRestoreMissing, "the Restore media/form-old that the claim refers to does not exist"},
		"a claim whose Restore does not exist holds though backups exist": {
			func(f *decision.Facts) { f.MissingRestore = "form-old" }, decision.Hold, decision.ReasonRestoreMissing, "apply that Restore"},
		"a claim never named before whose Restore does not exist holds": {
			func(f *decision.Facts) { f.Claim, f.Source, f.MissingRestore = unnamed, unnamed, "form-old" }, decision.Hold, decision.ReasonRestoreMissing, ""},
		"skip with a reason starts empty though its Restore does not exist": {
			func(f *decision.Facts) { f.Mode, f.SkipReason, f.MissingRestore = decision.Skip, "scratch", "form-old" }, decision.Fresh, decision.ReasonSkipped, ""},
		"a claim never named before starts empty": {
			func(f *decision.Facts) { f.Claim, f.Source = unnamed, unnamed }, decision.Fresh, decision.ReasonGeneratedName, "never had a name"},
		"a claim never named before that wants another's backup gets it": {
			func(f *decision.Facts) { f.Claim = unnamed }, decision.Restore, decision.ReasonBackupFound, ""},
		"a claim whose newest backup cannot be restored waits, and is not restored from an older one": {
			func(f *decision.Facts) { f.Answer = unrestorable(f.Answer, 0) }, decision.Hold, decision.ReasonUnrestorable,
			"the restic backup aaaaaaaa of media/photos, taken 2026-03-01T12:00:00Z, cannot be restored: it is of 2 paths; choose another with the annotation soteria.dev/restore-backup, such as bbbbbbbb"},
		"a claim is restored from the older backup that it asks for": {
			func(f *decision.Facts) { f.Answer, f.Selector = unrestorable(f.Answer, 0), theOldest }, decision.Restore, decision.ReasonBackupFound, "bbbbbbbb"},
		"a claim with backups is restored from the newest": {
			func(*decision.Facts) {}, decision.Restore, decision.ReasonBackupFound, "the restic backup aaaaaaaa of media/photos, taken 2026-03-01T12:00:00Z"},
		"a claim gets the backup it asks for": {
			func(f *decision.Facts) { f.Selector = theOldest }, decision.Restore, decision.ReasonBackupFound, "bbbbbbbb"},
		"a time before all backups holds, it does not fall back": {
			func(f *decision.Facts) { f.Selector = beforeAll }, decision.Hold, decision.ReasonSelectionNotFound, "(2 exist, the oldest taken 2026-03-01T11:00:00Z, the newest 2026-03-01T12:00:00Z)"},
		"an id that selects nothing holds, it does not fall back": {
			func(f *decision.Facts) { f.Selector = noSuchThing }, decision.Hold, decision.ReasonSelectionNotFound, `"cccccccccccc"`},
		"a claim whose backups are all of a sort that is not chosen holds, and says why": {
			func(f *decision.Facts) { f.Answer = unchoosable }, decision.Hold, decision.ReasonNoneChosen, "ahead of now"},
		"a claim whose backups are all of another cluster holds, and says how to have them": {
			func(f *decision.Facts) { f.Answer = backup.FoundBackups([]backup.Backup{ofAttic}, evidence) }, decision.Hold, decision.ReasonNoneChosen, "SOTERIA_RESTORE_CLUSTERS"},
		"a backup that is not chosen by itself is restored where its id is asked for": {
			func(f *decision.Facts) { f.Answer, f.Selector = unchoosable, backup.Selector{ID: voided.ID} }, decision.Restore, decision.ReasonBackupFound, "does not count"},
		"another cluster's backup is restored where it is asked for": {
			func(f *decision.Facts) { f.Answer, f.Selector = unchoosable, theAttics }, decision.Restore, decision.ReasonBackupFound, "99999999"},
		"another cluster's backup that says nothing of the claim is restored where it is asked for": {
			func(f *decision.Facts) { f.Answer, f.Selector = others, theAttics }, decision.Restore, decision.ReasonBackupFound, "99999999"},
		"a cluster that has no backup of the claim holds, saying what the claim has": {
			func(f *decision.Facts) { f.Selector = backup.Selector{Cluster: "cellar"} }, decision.Hold, decision.ReasonSelectionNotFound,
			"media/photos itself has 2, the newest of them the restic backup aaaaaaaa"},
		"backups of other clusters that are settled to say nothing let a claim start empty, and are told": {
			func(f *decision.Facts) { f.Answer = others }, decision.Fresh, decision.ReasonProvedNone, "1 of other clusters do"},
		"a source without a backup holds, saying what the claim itself has": {
			func(f *decision.Facts) { f.Source, f.Answer, f.Own = music, none, found }, decision.Hold, decision.ReasonSourceHasNone,
			"no backup of media/music exists, which the claim asks for; correct or remove the annotation soteria.dev/restore-from or the Restore's spec.source; " +
				"media/photos itself has 2, the newest of them the restic backup aaaaaaaa of media/photos, taken 2026-03-01T12:00:00Z"},
		"a source without a backup holds a claim that has none itself": {
			func(f *decision.Facts) { f.Source, f.Answer, f.Own = music, none, none }, decision.Hold, decision.ReasonSourceHasNone, "media/photos itself has no backup"},
		"a source without a backup holds where nobody could tell what the claim itself has": {
			func(f *decision.Facts) { f.Source, f.Answer, f.Own = music, none, unknown }, decision.Hold, decision.ReasonSourceHasNone, "connection refused"},
		"a source without a backup holds a required claim": {
			func(f *decision.Facts) { f.Source, f.Answer, f.Mode = music, none, decision.Required }, decision.Hold, decision.ReasonSourceHasNone, ""},
		"a source without a backup holds a claim never named before": {
			func(f *decision.Facts) { f.Claim, f.Source, f.Answer = unnamed, music, none }, decision.Hold, decision.ReasonSourceHasNone, ""},
		"a claim never named before that asks for a certain backup holds": {
			func(f *decision.Facts) { f.Claim, f.Source, f.Selector, f.Answer = unnamed, unnamed, theOldest, none }, decision.Hold, decision.ReasonSelectionNotFound, ""},
		"a claim whose own backups are newer than its source's is told so": {
			func(f *decision.Facts) {
				f.Source, f.Own = music, found
				f.Answer = backup.FoundBackups([]backup.Backup{{Claim: music, Driver: "restic", ID: "777777777777", TakenAt: noon.Add(-time.Hour)}}, evidence)
			}, decision.Restore, decision.ReasonBackupFound, "the claim's own newest backup is newer: the restic backup aaaaaaaa of media/photos"},
		"a populator is not trusted to pass over a backup that is newer than the one to choose": {
			func(f *decision.Facts) {
				dreamtElsewhere := elsewhere
				dreamtElsewhere.ID, dreamtElsewhere.TakenAt = "888888888888", dreamt.TakenAt
				f.Answer, f.LookedUp, f.Populator = backup.FoundBackups([]backup.Backup{dreamtElsewhere, elsewhere}, evidence), []string{"s3"}, volsync
			}, decision.Hold, decision.ReasonNobodyRestores, "would restore a newer one"},
		"a selection among no backups holds": {
			func(f *decision.Facts) { f.Selector, f.Answer = theOldest, none }, decision.Hold, decision.ReasonSelectionNotFound, "(0 exist)"},
		"a selection that cannot be understood holds": {
			func(f *decision.Facts) { f.SelectionProblem = "no RFC 3339 time" }, decision.Hold, decision.ReasonInvalidSelection, "no RFC 3339 time"},
		"another namespace's backup is refused": {
			func(f *decision.Facts) { f.Source = wiki }, decision.Deny, decision.ReasonCrossNamespace, "SOTERIA_CROSS_NAMESPACE=true"},
		"another namespace's backup is refused to a claim never named before": {
			func(f *decision.Facts) { f.Claim, f.Source = unnamed, wiki }, decision.Deny, decision.ReasonCrossNamespace, ""},
		"another namespace's backup is restored where allowed": {
			func(f *decision.Facts) { f.Source, f.CrossNamespaceAllowed = wiki, true }, decision.Restore, decision.ReasonBackupFound, ""},
		"another claim's backup in the same namespace is restored": {
			func(f *decision.Facts) { f.Source = music }, decision.Restore, decision.ReasonBackupFound, ""},
		"required with no backup holds, saying how to start empty": {
			func(f *decision.Facts) { f.Mode, f.Answer = decision.Required, none }, decision.Hold, decision.ReasonRequiredNone, "soteria.dev/restore=skip"},
		"auto with no backup starts empty": {
			func(f *decision.Facts) { f.Answer = none }, decision.Fresh, decision.ReasonProvedNone, "no backup of media/photos exists"},
		"an unknown answer holds, in the words of the failure": {
			func(f *decision.Facts) { f.Answer = unknown }, decision.Hold, decision.ReasonUnknown, "connection refused"},
		"an answer nobody gave holds": {
			func(f *decision.Facts) { f.Answer = backup.Answer{} }, decision.Hold, decision.ReasonUnknown, "nobody has looked"},
		"an unknown answer is refused where that is wanted": {
			func(f *decision.Facts) { f.Answer, f.DenyUnknown = unknown, true }, decision.Deny, decision.ReasonUnknown, "apply it again"},
		"a claim whose newest backup nobody can restore holds, and says so": {
			func(f *decision.Facts) { f.Answer, f.LookedUp = foreign, []string{"s3"} }, decision.Hold, decision.ReasonNobodyRestores,
			"nobody can restore the s3 backup dddddddd of media/photos"},
		"a claim may choose an older backup that can be restored": {
			func(f *decision.Facts) { f.Answer, f.LookedUp, f.Selector = foreign, []string{"s3"}, theOldest }, decision.Restore, decision.ReasonBackupFound, "bbbbbbbb"},
		"a claim whose newest backup a populator restores is pointed at it": {
			func(f *decision.Facts) { f.Answer, f.LookedUp, f.Populator = foreign, []string{"s3"}, volsync }, decision.Refer, decision.ReasonReferred,
			"will be restored by volsync.backube/ReplicationDestination/photos-backup"},
		"a claim whose newest backup Soteria restores is not pointed at the populator": {
			func(f *decision.Facts) { f.LookedUp, f.Populator = []string{"s3"}, volsync }, decision.Restore, decision.ReasonBackupFound, ""},
		"a populator is not trusted with a choice": {
			func(f *decision.Facts) {
				f.Answer, f.LookedUp, f.Populator, f.Selector = foreign, []string{"s3"}, volsync, backup.Selector{ID: elsewhere.ID}
			}, decision.Hold, decision.ReasonNobodyRestores, "and no other"},
		"a populator is not trusted with another claim's backup": {
			func(f *decision.Facts) {
				f.Answer, f.LookedUp, f.Populator, f.Source = foreign, []string{"s3"}, volsync, music
			}, decision.Hold, decision.ReasonNobodyRestores, "and no other"},
		"at admission what one system found locks the claim, whatever another could not tell": {
			func(f *decision.Facts) { f.Answer, f.Provisional = partly, true }, decision.Restore, decision.ReasonBackupFound,
			"whether there is a newer one is settled before it is restored: connection refused"},
		"at admission a backup that cannot be restored holds as in doubt, since another system may have a newer one": {
			func(f *decision.Facts) { f.Answer, f.Provisional = partlyUseless, true }, decision.Hold, decision.ReasonNewestInDoubt, ""},
		"after that the newest has to be known": {
			func(f *decision.Facts) { f.Answer = partly }, decision.Hold, decision.ReasonNewestInDoubt, "connection refused"},
		"at admission what speaks against the newest in a listing holds": {
			func(f *decision.Facts) { f.Answer, f.Provisional = doubted, true }, decision.Hold, decision.ReasonNewestInDoubt, ""},
		"at admission a populator gets no claim while a system could not tell": {
			func(f *decision.Facts) {
				f.Answer, f.Provisional, f.LookedUp, f.Populator = partlyForeign, true, []string{"s3"}, volsync
			}, decision.Hold, decision.ReasonNewestInDoubt, ""},
		"at admission a wish that matches nothing yet holds as in doubt, since another system may have it": {
			func(f *decision.Facts) { f.Answer, f.Provisional, f.Selector = partly, true, beforeAll }, decision.Hold, decision.ReasonNewestInDoubt, ""},
		"a look that takes its usual time holds, and asks nothing of anyone": {
			func(f *decision.Facts) { f.Answer = waiting }, decision.Hold, decision.ReasonChecking,
			"checking for backups of media/photos, starts in seconds (the longhorn repository has not been listed yet)"},
		"a look that takes its usual time is to be tried again where an unknown answer is refused": {
			func(f *decision.Facts) { f.Answer, f.DenyUnknown = waiting, true }, decision.Deny, decision.ReasonChecking, "apply it again in some seconds"},
		"an unknown answer holds though a backup was selected": {
			func(f *decision.Facts) { f.Answer, f.Selector = unknown, theOldest }, decision.Hold, decision.ReasonUnknown, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := decision.Decide(protected(test.facts))
			assert.Equal(t, test.want, v.Kind, v.Message)
			assert.Equal(t, test.reason, v.Reason)
			assert.Contains(t, v.Message, test.says)
		})
	}
}

func TestAPromiseIsSettledByWhatAPersonAcceptedSince(t *testing.T) {
	for name, test := range map[string]struct {
		acceptedAt time.Time
		want       decision.Kind
	}{
		"nobody ever accepted anything":       {time.Time{}, decision.Hold},
		"it was accepted for an earlier life": {admitted.Add(-time.Second), decision.Hold},
		"it was accepted since":               {admitted.Add(time.Second), decision.Fresh},
	} {
		t.Run(name, func(t *testing.T) {
			v := decision.Decide(decision.Facts{
				Claim: photos, Source: photos, Mode: decision.Auto, Promised: "Restore (BackupFound)", PromisedAt: admitted,
				Answer: backup.ProvedNone(backup.Evidence{Driver: "restic", AcceptedAt: test.acceptedAt}),
			})
			assert.Equal(t, test.want, v.Kind)
			if v.Kind == decision.Hold {
				assert.Contains(t, v.Message, "soteria repository accept --claim media/photos")
				assert.Contains(t, v.Message, "Restore (BackupFound)")
			}
		})
	}
}

func TestADoubtAboutTheNewestSaysWhatIsKnownAndWhatIsNot(t *testing.T) {
	v := decision.Decide(decision.Facts{Claim: photos, Source: photos, Mode: decision.Auto, Answer: doubted})
	assert.Equal(t, decision.Hold, v.Kind)
	for _, words := range []string{"backups of media/photos exist (2)", "aaaaaaaa", "connection refused", `soteria.dev/restore-backup: "aaaaaaaa"`} {
		assert.Contains(t, v.Message, words)
	}
}

func TestTheZeroValuesAreTheSafeOnes(t *testing.T) {
	assert.Equal(t, decision.Hold, decision.Verdict{}.Kind)
	assert.Equal(t, decision.NotOptedIn, decision.Facts{}.Mode)
	assert.Equal(t, decision.Ignore, decision.Decide(decision.Facts{}).Kind)
	assert.Equal(t, decision.Hold, decision.Decide(decision.Facts{Mode: decision.Mode(99), Claim: photos, Source: photos}).Kind)
	assert.Equal(t, "Hold", decision.Kind(99).String())
	assert.Equal(t, "none", decision.Mode(99).String())
}

func TestWordsOfVerdictsAndModes(t *testing.T) {
	for kind, word := range map[decision.Kind]string{
		decision.Hold: "Hold", decision.Restore: "Restore", decision.Fresh: "Fresh", decision.Ignore: "Ignore", decision.Deny: "Deny", decision.Refer: "Refer",
	} {
		assert.Equal(t, word, kind.String())
		assert.Equal(t, word == "Hold" || word == "Restore", kind.Locks(), word)
	}
	for mode, word := range map[decision.Mode]string{
		decision.NotOptedIn: "none", decision.Auto: "auto", decision.Required: "required", decision.Skip: "skip",
	} {
		assert.Equal(t, word, mode.String())
	}
}

func TestAClaimThatWaitsForALookIsForeseen(t *testing.T) {
	for _, deny := range []bool{false, true} {
		v := decision.Decide(decision.Facts{Claim: photos, Source: photos, Mode: decision.Auto, DenyUnknown: deny, Answer: waiting, Rules: rules})
		assert.Equal(t, decision.ReasonChecking, v.Reason)
		assert.Contains(t, decision.Outcomes(), decision.Verdict{Kind: v.Kind, Reason: v.Reason})
	}
}

func TestKnowingLessNeverLetsAClaimStartEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claim := rapid.SampledFrom([]backup.Claim{photos, music, wiki, unnamed})
		f := decision.Facts{
			Claim:                 claim.Draw(t, "claim"),
			Mode:                  rapid.SampledFrom([]decision.Mode{decision.NotOptedIn, decision.Auto, decision.Required, decision.Skip}).Draw(t, "mode"),
			ModeProblem:           rapid.SampledFrom([]string{"", "problem"}).Draw(t, "mode problem"),
			Excluded:              rapid.Bool().Draw(t, "excluded"),
			MadeBySoteria:         rapid.Bool().Draw(t, "made by Soteria"),
			VolumeChosen:          rapid.Bool().Draw(t, "volume chosen"),
			ForeignSource:         rapid.Bool().Draw(t, "foreign source"),
			SkipReason:            rapid.SampledFrom([]string{"", "why"}).Draw(t, "reason"),
			Source:                claim.Draw(t, "source"),
			CrossNamespaceAllowed: rapid.Bool().Draw(t, "cross"),
			Selector: backup.Selector{
				ID:   rapid.SampledFrom([]string{"", newest.ID, oldest.ID[:8], "cccccccc", "a"}).Draw(t, "id"),
				AsOf: rapid.SampledFrom([]time.Time{{}, noon, noon.Add(-time.Minute), noon.Add(-24 * time.Hour)}).Draw(t, "as of"),
			},
			SelectionProblem: rapid.SampledFrom([]string{"", "problem"}).Draw(t, "selection problem"),
			DenyUnknown:      rapid.Bool().Draw(t, "deny unknown"),
			LookedUp:         rapid.SampledFrom([][]string{nil, {"s3"}}).Draw(t, "looked up"),
			Populator:        rapid.SampledFrom([]decision.Populator{{}, volsync}).Draw(t, "populator"),
			Rules:            rules,
		}
		f.Answer = rapid.SampledFrom([]backup.Answer{found, foreign, unchoosable, others}).Draw(t, "answer")
		knowing := decision.Decide(f)
		for _, less := range []backup.Answer{unknown, {}, backup.Combine(found, unknown), backup.Combine(none, unknown)} {
			f.Answer = less
			v := decision.Decide(f)
			for _, each := range []decision.Verdict{knowing, v} {
				assert.Contains(t, decision.Outcomes(), decision.Verdict{Kind: each.Kind, Reason: each.Reason})
			}
			if v.Kind == decision.Fresh {
				assert.Equal(t, knowing, v, "only what does not depend on the answer may start empty")
			}
			if less.Certainty() != backup.Found || f.Selector.ID == "" {
				assert.NotEqual(t, decision.Restore, v.Kind, "only a backup that is known and named is restored")
			}
			assert.NotEqual(t, decision.Refer, v.Kind)
			assert.Equal(t, v, decision.Decide(f), "same facts, same verdict")
		}
	})
}

// unrestorable is the answer with a backup that cannot be restored.
func unrestorable(answer backup.Answer, at int) backup.Answer {
	backups := slices.Clone(answer.Backups())
	backups[at].Unrestorable = "it is of 2 paths"
	return backup.FoundBackups(backups, answer.Evidence()...)
}
