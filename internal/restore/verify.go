package restore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
)

// verify compares what is on the volume with what the backup holds and, when it
// is all there, marks the prime: from then on it is filled, whatever crashes.
func (r *Reconciler) verify(ctx context.Context, o *observed) (next, error) {
	if o.handingOver() {
		return proceed, nil
	}
	o.status().Phase = v1alpha1.PhaseVerifying
	if o.primeVolume == nil && o.made == nil && !r.provedFor(o) {
		return waitFor(soon), nil // the cache has not seen yet what the volume is
	}
	if isFilled(o.prime) {
		settleFilled(o)
		return proceed, nil
	}
	if lack := mismatch(o.fill.Restored, o.fill.Expected); lack != "" {
		if _, err := r.heedPrime(ctx, o.prime, o.fill.Finding); err != nil {
			return next{}, err
		}
		return r.attemptFailed(o, v1alpha1.ConditionVerified, reasonVerifyFailed, ResultPartial, lack), nil
	}
	if err := r.markFilled(ctx, o); err != nil {
		return next{}, err
	}
	settleFilled(o)
	r.observer.Attempted(driverName(o.status()), ResultFilled)
	r.killPoint(ctx, o.claim, KillFilled)
	return proceed, nil
}

// mismatch says what is missing from, or too much in, a restored volume; "" when
// it holds what the backup holds.
func mismatch(restored, expected driver.Counts) string {
	var parts []string
	compare := func(noun string, restored, expected int64, print func(int64) string) {
		switch {
		case restored < expected:
			parts = append(parts, fmt.Sprintf("%s of %s %s are missing", print(expected-restored), print(expected), noun))
		case restored > expected:
			parts = append(parts, fmt.Sprintf("%s %s more than the %s of the backup", print(restored-expected), noun, print(expected)))
		}
	}
	compare("files", restored.Files, expected.Files, func(n int64) string { return strconv.FormatInt(n, 10) })
	compare("bytes", restored.Bytes, expected.Bytes, func(n int64) string { return strconv.FormatInt(n, 10) })
	if len(parts) == 0 {
		return ""
	}
	return "the volume does not hold what the backup holds: " + strings.Join(parts, ", ")
}

// markFilled writes the durable mark, on the very prime that was looked at.
func (r *Reconciler) markFilled(ctx context.Context, o *observed) error {
	marked := o.prime.DeepCopy()
	marked.Annotations[v1alpha1.FilledAnnotation] = o.filledAt().UTC().Format(time.RFC3339)
	if o.fill.Finding == driver.FindingOwn && !written(o.prime) {
		marked.Annotations[v1alpha1.WrittenAnnotation] = o.now.UTC().Format(time.RFC3339)
	}
	marked.Annotations[v1alpha1.AttemptAnnotation] = strconv.Itoa(int(o.status().Attempt))
	if err := r.client.Patch(ctx, marked, client.MergeFromWithOptions(o.prime, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("mark the prime %s/%s as filled: %w", marked.Namespace, marked.Name, err)
	}
	o.prime = marked
	return nil
}

// filledAt is when the fill that was found done ended: as the kubelet says or, without
// that, now. Of a node whose clock is ahead it is now, too.
func (o *observed) filledAt() time.Time {
	if ended := o.fill.EndedAt; !ended.IsZero() && ended.Before(o.now) {
		return ended
	}
	return o.now
}

// settleFilled says in the conditions that the volume holds what it should, since it was
// filled.
func settleFilled(o *observed) {
	s := o.status()
	since, err := time.Parse(time.RFC3339, o.prime.Annotations[v1alpha1.FilledAnnotation])
	if err != nil {
		since = o.now
	}
	s.RetryAt = nil
	s.Attempt = max(s.Attempt, attemptOf(o.prime))
	message := "the volume stays empty"
	if unseen(o.prime) {
		message = "the volume is new, and its provisioner makes empty ones, as SOTERIA_EMPTY_PROVISIONERS says"
	}
	if s.Backup != nil {
		message = fmt.Sprintf("attempt %s restored the backup, at %s", o.prime.Annotations[v1alpha1.AttemptAnnotation], o.prime.Annotations[v1alpha1.FilledAnnotation])
	}
	o.setConditionAt(since, v1alpha1.ConditionTransferred, metav1.ConditionTrue, reasonTransferComplete, message)
	o.setConditionAt(since, v1alpha1.ConditionVerified, metav1.ConditionTrue, reasonVerified, message)
}
