package inventory

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/decision"
)

const (
	// firstLook is how long the first look for a claim's backups takes at most while
	// nothing is wrong.
	firstLook = 30 * time.Second
	// looking is why a claim is held whose first look takes longer. The restore
	// controller's events call it the same.
	looking = "LookingForBackups"
)

// holdReason returns why a claim is held whose health is [Held], in one CamelCase
// word: the reason of its Restore's last look or, before that has ended, the one
// with which admission held it. Before the first look a claim is being checked,
// whatever admission decided, unless that look takes too long.
func (s *subject) holdReason(now time.Time) string {
	if r := s.ownRestore(); r != nil {
		if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionSelected); c != nil && c.Status == metav1.ConditionFalse {
			return c.Reason
		}
	}
	if reason := admittedFor(s.claim.Annotations[v1alpha1.VerdictAnnotation]); reason != "" && reason != string(decision.ReasonChecking) {
		return reason
	}
	if now.Sub(s.claim.CreationTimestamp.Time) > firstLook {
		return looking
	}
	return string(decision.ReasonChecking)
}

// admittedFor returns the reason of a verdict of Hold as admission stamps it on claims,
// such as "Hold (BackupsUnknown)"; "" for any other.
func admittedFor(stamp string) string {
	reason, held := strings.CutPrefix(stamp, decision.Hold.String()+" (")
	if !held {
		return ""
	}
	return strings.TrimSuffix(reason, ")")
}

// ownRestore returns the Restore that tells of this life of the claim; nil while there
// is none. A claim that was locked a moment ago has none yet.
func (s *subject) ownRestore() *v1alpha1.Restore {
	r := s.restore
	if r == nil || r.Status.Claim == nil || r.Status.Claim.UID != s.claim.UID || r.Status.Phase == "" {
		return nil
	}
	return r
}
