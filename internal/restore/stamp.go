package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

// stamp keeps what a locked claim says of itself up to date until it has its volume: what
// was decided, as Soteria's webhook would have, and why. It is written before the decision
// is recorded, and only where it changed; how the restore goes is told by its Restore.
func (r *Reconciler) stamp(ctx context.Context, claim *corev1.PersistentVolumeClaim, verdict decision.Verdict, answer *backup.Answer) error {
	stamps := stampsOf(claim, verdict, answer)
	if told(claim.Annotations, stamps) {
		return nil
	}
	// What an older look at the claim does not show must not be lost: it may be a promise.
	return r.patch(ctx, claim, map[string]any{"uid": claim.UID, "resourceVersion": claim.ResourceVersion, "annotations": stamps})
}

// stampsOf are the annotations that say on a locked claim what was decided.
func stampsOf(claim *corev1.PersistentVolumeClaim, verdict decision.Verdict, answer *backup.Answer) map[string]string {
	if verdict.Kind == decision.Ignore || verdict.Kind == decision.Deny {
		verdict.Kind = decision.Hold
	}
	stamps := kube.Stamps(verdict, ptr.Deref(answer, backup.Answer{}), answer != nil)
	saysSo := verdict.Kind == decision.Restore || stamps[v1alpha1.VerdictAnnotation] == heldInDoubt
	if found := foundBefore(claim); found != "" && !saysSo {
		keepPromise(stamps, verdict, found)
	}
	return stamps
}

// keepPromise adds what was found before to the stamps of a verdict that does not say that
// backups were found. The version before this one reads that from the verdict alone: a
// claim that waits keeps one that it goes by.
func keepPromise(stamps map[string]string, verdict decision.Verdict, found string) {
	stamps[v1alpha1.FoundAnnotation] = found
	if verdict.Kind == decision.Hold {
		stamps[v1alpha1.VerdictAnnotation] = heldInDoubt
		stamps[v1alpha1.EvidenceAnnotation] = fmt.Sprintf("%s: %s", verdict.Reason, stamps[v1alpha1.EvidenceAnnotation])
	}
}

// figures are what differs between two looks that found the same: times and durations.
var figures = regexp.MustCompile(`[0-9]+`)

// told reports whether annotations say what is to be said, but for the figures in it.
func told(annotations, stamps map[string]string) bool {
	for key, value := range stamps {
		said, is := annotations[key]
		if !is || figures.ReplaceAllString(said, "0") != figures.ReplaceAllString(value, "0") {
			return false
		}
	}
	return true
}

// heldInDoubt is the stamp of a claim that waits and of which backups were found.
var heldInDoubt = fmt.Sprintf("%s (%s)", decision.Hold, decision.ReasonNewestInDoubt)

// promise is what a claim's stamps, or a prime that was made for it under a Restore
// that is gone, say was found of its backups; empty where neither says that any was.
// Users can write stamps, too: they may only make a decision stricter.
func promise(claim, prime *corev1.PersistentVolumeClaim) string {
	if prime != nil {
		if chosen := prime.Annotations[v1alpha1.BackupAnnotation]; chosen != "" && chosen != v1alpha1.EmptyBackup {
			return "its restore from " + chosen + " had begun"
		}
	}
	return foundBefore(claim)
}

// foundBefore is what a claim's stamps say was found of its backups at any time; empty
// where nothing was.
func foundBefore(claim *corev1.PersistentVolumeClaim) string {
	words := claim.Annotations[v1alpha1.FoundAnnotation]
	verdict := claim.Annotations[v1alpha1.VerdictAnnotation]
	if words == "" && (strings.HasPrefix(verdict, decision.Restore.String()+" ") || verdict == heldInDoubt) {
		words = verdict + ": " + claim.Annotations[v1alpha1.EvidenceAnnotation]
	}
	return backup.Clip(backup.Printable(words), maxWords)
}

// annotate writes annotations on this very claim; that it is gone is no error.
func (r *Reconciler) annotate(ctx context.Context, claim *corev1.PersistentVolumeClaim, annotations map[string]string) error {
	return r.patch(ctx, claim, map[string]any{"uid": claim.UID, "annotations": annotations})
}

// patch changes the metadata of a claim; that it is gone is no error.
func (r *Reconciler) patch(ctx context.Context, claim *corev1.PersistentVolumeClaim, metadata map[string]any) error {
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return fmt.Errorf("encode the annotations of claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	target := &corev1.PersistentVolumeClaim{}
	target.Namespace, target.Name = claim.Namespace, claim.Name
	if err := client.IgnoreNotFound(r.client.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch))); err != nil {
		return fmt.Errorf("annotate claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	return nil
}
