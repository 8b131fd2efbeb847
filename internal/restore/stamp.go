package restore

import (
	"context"
	"encoding/json"
	"fmt"
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

// stamp tells on a claim that was locked without a verdict, by a policy inside
// the API server or by Kyverno, what was decided on it, as Soteria's webhook
// would have. It is told once, before the decision is recorded; how the restore
// goes is told by its Restore.
func (r *Reconciler) stamp(ctx context.Context, claim *corev1.PersistentVolumeClaim, verdict decision.Verdict, answer *backup.Answer) error {
	if claim.Annotations[v1alpha1.VerdictAnnotation] != "" {
		return nil
	}
	if verdict.Kind == decision.Ignore || verdict.Kind == decision.Deny {
		verdict.Kind = decision.Hold
	}
	return r.annotate(ctx, claim, kube.Stamps(verdict, ptr.Deref(answer, backup.Answer{}), answer != nil))
}

// promise is what a claim's stamps, or a prime that was made for it under a Restore
// that is gone, say was found of its backups; empty where neither says that any was.
// Users can write stamps, too: they may only make a decision stricter.
func promise(claim, prime *corev1.PersistentVolumeClaim) string {
	if prime != nil {
		if chosen := prime.Annotations[v1alpha1.BackupAnnotation]; chosen != "" && chosen != v1alpha1.EmptyBackup {
			return "its restore from " + chosen + " had begun"
		}
	}
	verdict := claim.Annotations[v1alpha1.VerdictAnnotation]
	inDoubt := fmt.Sprintf("%s (%s)", decision.Hold, decision.ReasonNewestInDoubt)
	if !strings.HasPrefix(verdict, decision.Restore.String()+" ") && verdict != inDoubt {
		return ""
	}
	return backup.Clip(backup.Printable(verdict+": "+claim.Annotations[v1alpha1.EvidenceAnnotation]), maxWords)
}

// annotate writes annotations on this very claim; that it is gone is no error.
func (r *Reconciler) annotate(ctx context.Context, claim *corev1.PersistentVolumeClaim, annotations map[string]string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": claim.UID, "annotations": annotations}})
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
