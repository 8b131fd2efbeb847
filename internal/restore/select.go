package restore

import (
	"cmp"
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

// selectBackup settles what the claim gets: one backup, pinned until [Reconciler.repin]
// finds that it does not hold any more, or nothing, where that is proved or wished. Until then the
// claim waits; there is no way to start empty but a verdict of Fresh.
func (r *Reconciler) selectBackup(ctx context.Context, o *observed) (next, error) {
	s := o.status()
	if s.Backup != nil || s.Empty || o.handingOver() {
		return proceed, nil
	}
	verdict, answer, err := r.judge(ctx, o)
	if err != nil {
		return next{}, err
	}
	if err := r.stamp(ctx, o.claim, verdict, answer); err != nil {
		return next{}, err
	}
	s.ObservedGeneration = o.restore.Generation
	s.Evidence = evidence(answer)
	s.Wish = wishOf(o.claim, o.restore)
	switch verdict.Kind {
	case decision.Restore:
		s.Backup = pin(verdict.Backup, verdict.Notes...)
		r.events.say(o.claim, o.restore, pinned(verdict))
	case decision.Fresh:
		s.Empty = true
		r.events.say(o.claim, o.restore, freed(verdict))
	case decision.Hold, decision.Deny, decision.Ignore, decision.Refer: // a lock cannot be handed on
		return r.hold(ctx, o, verdict, answer), nil
	}
	s.Phase = v1alpha1.PhasePreparing
	s.Message = verdict.Message
	o.setConditionAt(r.knownAt(o, answer), v1alpha1.ConditionSelected, metav1.ConditionTrue, string(verdict.Reason), verdict.Message)
	if err := r.record(ctx, o); err != nil {
		return next{}, err
	}
	r.killPoint(ctx, o.claim, KillBackupPinned)
	return proceed, nil
}

// judge decides on a claim that is locked already: nothing can be refused any
// more, only held. The answer is nil where the verdict needed none.
func (r *Reconciler) judge(ctx context.Context, o *observed) (decision.Verdict, *backup.Answer, error) {
	facts, err := r.facts(ctx, o.claim, o.restore)
	if err != nil {
		return decision.Verdict{}, nil, fmt.Errorf("gather the facts about claim %s/%s: %w", o.claim.Namespace, o.claim.Name, err)
	}
	facts.DenyUnknown = false
	if !decision.NeedsAnswer(facts) {
		return decision.Decide(facts), nil, nil
	}
	facts.Promised, facts.PromisedAt = promise(o.claim, o.prime), o.claim.CreationTimestamp.Time
	facts.Answer = r.proveFor(ctx, o, facts)
	if decision.NeedsOwn(facts) {
		facts.Own = r.catalog.Last(facts.Claim)
	}
	return decision.Decide(facts), &facts.Answer, nil
}

// proveFor asks what a verdict needs: of a backup that is wanted by its id, the system
// that has it; else all of them.
func (r *Reconciler) proveFor(ctx context.Context, o *observed, facts decision.Facts) backup.Answer {
	return r.ask(ctx, o, facts.Source, func(ctx context.Context) backup.Answer {
		if id := facts.Selector.ID; id != "" {
			return r.catalog.ProveBackup(ctx, facts.Source, id)
		}
		return r.catalog.Prove(ctx, facts.Source)
	})
}

func (r *Reconciler) prove(ctx context.Context, o *observed, source backup.Claim) backup.Answer {
	return r.ask(ctx, o, source, func(ctx context.Context) backup.Answer { return r.catalog.Prove(ctx, source) })
}

// ask asks the catalog. Where that takes its time, the claim's people are told
// what it waits for.
func (r *Reconciler) ask(ctx context.Context, o *observed, source backup.Claim, question func(context.Context) backup.Answer) backup.Answer {
	asking, cancel := context.WithTimeout(ctx, r.listingTimeout)
	defer cancel()
	claim, restore := o.claim.DeepCopy(), o.restore.DeepCopy()
	silence := time.AfterFunc(r.silence, func() { r.events.sayFirst(claim, restore, looking(source, r.silence)) })
	defer silence.Stop()
	return question(asking)
}

func (r *Reconciler) hold(ctx context.Context, o *observed, verdict decision.Verdict, answer *backup.Answer) next {
	message := verdict.Message
	if verdict.Kind == decision.Ignore {
		message = fmt.Sprintf("the claim is locked but %s; label it %s=auto, or skip with a reason", verdict.Message, v1alpha1.RestoreLabel)
		verdict.Message = message
	}
	cause := verdict.Kind.String()
	if answer != nil {
		if why := cmp.Or(answer.Err(), answer.Doubt()); why != nil {
			cause = backup.KindOf(why).String()
		}
	}
	s := o.status()
	s.Phase, s.Message = v1alpha1.PhaseSelecting, message
	o.setConditionAt(r.knownAt(o, answer), v1alpha1.ConditionSelected, metav1.ConditionFalse, string(verdict.Reason), message)
	r.events.sayWith(o.claim, o.restore, held(verdict, cause), func() string { return r.alsoWaiting(ctx, answer) })
	return waitFor(selectDelay(o.took(), r.jitter()))
}

// knownAt returns when it was known what a decision rests on: when the last of the
// listings ended, if that was after the pass began, or now, where that is what the
// claim waits for.
func (r *Reconciler) knownAt(o *observed, answer *backup.Answer) time.Time {
	at := o.now
	if answer == nil {
		return at
	}
	if answer.Certainty() == backup.Unknown {
		return r.clock.Now()
	}
	for _, e := range answer.Evidence() {
		if e.EndedAt.After(at) {
			at = e.EndedAt
		}
	}
	return at
}

// alsoWaiting says how many claims wait for the same doubt; "" where that is not
// known.
func (r *Reconciler) alsoWaiting(ctx context.Context, answer *backup.Answer) string {
	if r.waiting == nil || answer == nil || answer.Err() == nil || backup.IsNotYet(answer.Err()) {
		return ""
	}
	return r.waiting(ctx, answer.Err())
}

func evidence(answer *backup.Answer) string {
	if answer == nil {
		return ""
	}
	return answer.EvidenceString()
}
