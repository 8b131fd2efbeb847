package restore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/stall"
)

// repin chooses again where what was chosen does not hold any more: the claim's
// wish changed before handover began, or the backup is proved gone after an attempt
// failed or while one does not begin. A pin holds for one attempt at a time. The prime of the old attempt says
// what it was made for, so that it is removed, its Jobs first, before another is
// made; where the choice is the same again it goes on.
//
// A claim that a backup was pinned for never starts empty because none is left. It
// does so only where somebody skips the restore with a reason, or accepts the loss.
func (r *Reconciler) repin(ctx context.Context, o *observed) (next, error) {
	s := o.status()
	if s.Backup == nil && !s.Empty || o.handingOver() {
		return proceed, nil
	}
	wish := wishOf(o.claim, o.restore)
	if s.Wish == "" { // pinned by a version that kept no wish
		s.Wish = wish
	}
	switch {
	case s.Wish != wish:
		return r.heed(ctx, o, wish)
	case r.mayBeGone(o):
		return r.replace(ctx, o)
	}
	return proceed, nil
}

// wishOf sums up all that somebody can say of which backup a claim gets. It is
// compared and never read.
func wishOf(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore) string {
	words := []string{claim.Labels[v1alpha1.RestoreLabel]}
	if words[0] == "skip" {
		words = append(words, claim.Annotations[v1alpha1.SkipReasonAnnotation])
	}
	for _, key := range []string{v1alpha1.RestoreFromAnnotation, v1alpha1.RestoreAsOfAnnotation, v1alpha1.RestoreBackupAnnotation} {
		words = append(words, claim.Annotations[key])
	}
	if until := claim.Annotations[v1alpha1.ExpiresAnnotation]; until != "" { // one that has none sums up as before
		words = append(words, until)
	}
	if spec := restore.Spec; spec.Source != nil {
		words = append(words, spec.Source.Cluster, spec.Source.Namespace, spec.Source.Name)
	}
	if restore.Spec.AsOf != nil {
		words = append(words, restore.Spec.AsOf.UTC().Format(time.RFC3339))
	}
	words = append(words, restore.Spec.Backup)
	if until := restore.Annotations[v1alpha1.ExpiresAnnotation]; until != "" { // as above
		words = append(words, "Restore", until)
	}
	const length = 16
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return hex.EncodeToString(sum[:])[:length]
}

// heed chooses by a wish that changed.
func (r *Reconciler) heed(ctx context.Context, o *observed, wish string) (next, error) {
	verdict, answer, err := r.judge(ctx, o)
	if err != nil {
		return next{}, err
	}
	if verdict.Kind == decision.Ignore { // nobody wants anything else
		o.status().Wish = wish
		return proceed, r.record(ctx, o)
	}
	return r.rechoose(ctx, o, verdict, answer, wish)
}

// mayBeGone reports whether it is worth proving that the pinned backup is still
// there: the last attempt to restore it failed, and the next one is due; or an attempt
// does not begin, be it that its pod waits or that the backup system refuses.
func (r *Reconciler) mayBeGone(o *observed) bool {
	s := o.status()
	switch {
	case s.Backup == nil:
		return false
	case s.RetryAt != nil:
		return !s.RetryAt.After(o.now)
	default:
		return r.doesNotBegin(o) && r.watchdog.mayProve(o.claim.UID)
	}
}

// doesNotBegin reports whether an attempt is under way of which no byte has moved for
// long.
func (r *Reconciler) doesNotBegin(o *observed) bool {
	s := o.status()
	if s.Phase != v1alpha1.PhaseTransferring || s.Progress != nil {
		return false
	}
	c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionTransferred)
	running := c != nil && c.Reason == reasonRunning
	return !running && o.now.Sub(r.watchdog.since(o)) >= stall.Patience
}

// replace chooses another backup where a listing that is believed lacks the pinned
// one. A repository that could not be listed proves nothing.
func (r *Reconciler) replace(ctx context.Context, o *observed) (next, error) {
	s := o.status()
	pinned := unpin(s.Backup)
	answer := r.prove(ctx, o, pinned.Claim)
	there := slices.Concat(answer.Backups(), answer.Others())
	is := func(b backup.Backup) bool { return b.Driver == pinned.Driver && b.ID == pinned.ID }
	if !listed(answer, pinned.Driver) || slices.ContainsFunc(there, is) {
		return proceed, nil
	}
	gone := fmt.Sprintf("the %s backup %s, which was chosen, is no longer in the repository", pinned.Driver, backup.ShortID(pinned.ID))
	facts, err := r.facts(ctx, o.claim, o.restore)
	if err != nil {
		return next{}, fmt.Errorf("gather the facts about claim %s/%s: %w", o.claim.Namespace, o.claim.Name, err)
	}
	twin, err := facts.Rules.Replace(facts.Selector, pinned, there)
	if err == nil {
		words := strings.Join(append([]string{"will be restored from " + backup.ShortID(twin.Backup.ID), gone}, twin.Notes...), "; ")
		return r.rechoose(ctx, o, decision.Verdict{Kind: decision.Restore, Reason: decision.ReasonBackupFound, Backup: twin.Backup, Notes: twin.Notes, Message: words}, &answer, s.Wish)
	}
	gone += ", and " + backup.Message(err)
	verdict, judged, err := r.judge(ctx, o)
	if err != nil {
		return next{}, err
	}
	verdict.Message = gone + "; " + verdict.Message
	return r.rechoose(ctx, o, verdict, judged, s.Wish)
}

// listed reports whether the answer rests on a listing of all of the driver's
// repository, whatever another repository could not tell.
func listed(answer backup.Answer, driver string) bool {
	return answer.Certainty() != backup.Unknown && slices.ContainsFunc(answer.Evidence(), func(e backup.Evidence) bool { return e.Driver == driver && !e.Incomplete })
}

// rechoose puts what the verdict says in the place of what was pinned.
func (r *Reconciler) rechoose(ctx context.Context, o *observed, verdict decision.Verdict, answer *backup.Answer, wish string) (next, error) {
	s := o.status()
	switch {
	case verdict.Kind == decision.Restore:
		if s.Backup != nil && wanted(s) == wantedOf(verdict.Backup) {
			s.Wish = wish
			return proceed, r.record(ctx, o)
		}
		s.Backup, s.Empty = pin(verdict.Backup, verdict.Notes...), false
	case verdict.Kind == decision.Fresh && (s.Backup == nil || verdict.Reason == decision.ReasonSkipped || accepted(answer, o.claim)):
		if s.Empty {
			s.Wish = wish
			return proceed, r.record(ctx, o)
		}
		s.Backup, s.Empty = nil, true
	case verdict.Kind == decision.Fresh:
		return r.holdAnew(ctx, o, neverEmpty(verdict), answer)
	default:
		return r.holdAnew(ctx, o, verdict, answer)
	}
	s.Wish, s.RetryAt, s.Progress = wish, nil, nil
	s.Evidence, s.ObservedGeneration = evidence(answer), o.restore.Generation
	s.Phase, s.Message = v1alpha1.PhasePreparing, verdict.Message
	o.setConditionAt(r.knownAt(o, answer), v1alpha1.ConditionSelected, metav1.ConditionTrue, string(verdict.Reason), verdict.Message)
	if err := r.stamp(ctx, o.claim, verdict, answer); err != nil {
		return next{}, err
	}
	if err := r.record(ctx, o); err != nil {
		return next{}, err
	}
	r.events.say(o.claim, o.restore, chosenAnew(verdict))
	r.killPoint(ctx, o.claim, KillBackupPinned)
	return proceed, nil
}

// holdAnew has a claim wait for which something was chosen before, and says so on it.
func (r *Reconciler) holdAnew(ctx context.Context, o *observed, verdict decision.Verdict, answer *backup.Answer) (next, error) {
	if err := r.stamp(ctx, o.claim, verdict, answer); err != nil {
		return next{}, err
	}
	return r.hold(ctx, o, verdict, answer), nil
}

// accepted reports whether a person accepted, since the claim was made, that its
// backups are gone.
func accepted(answer *backup.Answer, claim *corev1.PersistentVolumeClaim) bool {
	return answer != nil && !answer.AcceptedAt().IsZero() && !answer.AcceptedAt().Before(claim.CreationTimestamp.Time)
}

// neverEmpty turns a verdict to start empty into one to wait, for a claim that a
// backup had been pinned for.
func neverEmpty(verdict decision.Verdict) decision.Verdict {
	verdict.Kind, verdict.Reason = decision.Hold, reasonPinGone
	verdict.Message += fmt.Sprintf("; since a backup had been chosen the claim does not start empty by itself: name another with %s or %s, or label it %s=skip and annotate %s",
		v1alpha1.RestoreFromAnnotation, v1alpha1.RestoreBackupAnnotation, v1alpha1.RestoreLabel, v1alpha1.SkipReasonAnnotation)
	return verdict
}

// reasonPinGone says that a claim waits since the backup that was chosen for it is
// gone, and no other is there.
const reasonPinGone decision.Reason = "ChosenBackupGone"

func wantedOf(b backup.Backup) string { return b.Driver + "/" + b.ID }
