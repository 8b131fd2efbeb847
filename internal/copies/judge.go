package copies

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

// What else a record may turn out to be of. Neither is shown: the record goes.
const (
	// gone: the claim is no more, or is another one of that name.
	gone State = "gone"
	// kept: a person took the mark off.
	kept State = "kept"
)

// patience is how long a claim may take to be seen that was written down and not made:
// longer than any request may.
const patience = 10 * time.Minute

// sighting is a claim as it was read: nil where there is none, and the error where that
// is not known.
type sighting struct {
	claim *corev1.PersistentVolumeClaim
	err   error
}

// judge returns how the copy of a record stands.
func judge(r Record, seen sighting) State {
	claim := seen.claim
	proved := r.UID != "" || r.SeenUID != ""
	switch {
	case seen.err != nil:
		return Unknown
	case claim == nil && proved:
		return gone
	case claim == nil, !proved && claim.Spec.VolumeName != r.Lock:
		return Starting // what has the name now is not what was written down
	case proved && claim.UID != r.UID && claim.UID != r.SeenUID:
		return gone
	case !kube.IsTest(claim):
		return kept
	case claim.DeletionTimestamp != nil:
		return Removing
	case r.UID == "":
		return Unproved
	case claim.Status.Phase == corev1.ClaimBound:
		return Ready
	}
	return Restoring
}

// over reports whether a record has had its use.
func over(r Record, state State, now time.Time) bool {
	switch state {
	case gone, kept:
		return true
	case Starting:
		return now.Sub(r.MadeAt) >= patience
	case Restoring, Ready, Removing, Unproved, Unknown:
	}
	return false
}

// removable reports whether the claim of a record may be deleted, but for what uses it.
func removable(r Record, state State) bool {
	return r.UID != "" && (state == Ready || state == Restoring)
}

// explain is the state in a sentence.
func explain(r Record, seen sighting, state State, pods users, now time.Time) string {
	switch state {
	case Starting:
		return "the claim was not seen yet; where it does not come, this record goes by itself"
	case Unproved:
		return unproved(r)
	case Unknown:
		return "the claim could not be read: " + backup.Message(seen.err)
	case Removing:
		return "the claim is being deleted" + pods.clause("; it goes once these have ended: ")
	case Restoring, Ready, gone, kept:
	}
	text := "the claim has its data"
	if state == Restoring {
		text = "the claim waits for its data"
	}
	switch {
	case pods.err != nil:
		text += "; whether a pod uses it could not be told: " + backup.Message(pods.err)
	case r.expired(now) && len(pods.names) > 0:
		text += "; it has expired, and is removed once these have ended: " + strings.Join(pods.names, ", ")
	case r.expired(now):
		text += "; it has expired and is about to be removed"
	default:
		text += pods.clause("; it is used by ")
	}
	return text
}

// unproved says why a claim is never removed, and how a person does.
func unproved(r Record) string {
	why := "Soteria was stopped while it made it, or did not hear the answer"
	if r.SeenUID != "" {
		why = "it was marked before Soteria kept records of copies"
	}
	return fmt.Sprintf("it is not proved that Soteria made this very claim as a copy (%s), so it is not backed up and not removed: look at what it holds, then remove it with: %s",
		why, removeCommand(r.Claim))
}

// keepCommand takes the mark off, and removeCommand removes the claim. The names are
// those of Kubernetes objects, which need no quotes.
func keepCommand(claim backup.Claim) string {
	return fmt.Sprintf("kubectl -n %s annotate pvc %s %s-", claim.Namespace, claim.Name, v1alpha1.TestAnnotation)
}

func removeCommand(claim backup.Claim) string {
	return fmt.Sprintf("kubectl -n %s delete pvc %s", claim.Namespace, claim.Name)
}
