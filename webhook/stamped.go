package webhook

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/decision"
)

// Stamped is the validating half: it sees claims after every mutation and
// refuses a protected claim that would start empty without Soteria having said
// so, because another webhook took the lock away or mutation never ran.
//
// The configuration sends it only claims without a volume name. A locked claim
// has one, so a claim that arrives here must carry the verdict Fresh.
type Stamped struct {
	// Judge is the mutating half, for the same reading of the facts.
	Judge *Claims
}

// stampLifetime is how long after the verdict its claim may be created. It allows
// for clocks that differ; stamps of an earlier life are hours old.
const stampLifetime = 5 * time.Minute

// recent reports whether a verdict was given for this creation, and not copied
// with the manifest from an earlier life of the claim.
func (s *Stamped) recent(judgedAt string) bool {
	at, err := time.Parse(time.RFC3339, judgedAt)
	return err == nil && s.Judge.Now().Sub(at).Abs() < stampLifetime
}

// Handle admits or refuses; it changes nothing and asks no catalog.
func (s *Stamped) Handle(ctx context.Context, req admission.Request) admission.Response {
	if !created(req) {
		return admission.Allowed("only creation is judged")
	}
	claim, err := decode(req)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	facts, err := s.Judge.facts(ctx, claim)
	if err != nil {
		return admission.Errored(http.StatusServiceUnavailable, err)
	}
	if !decision.NeedsAnswer(facts) && decision.Decide(facts).Kind == decision.Ignore {
		return admission.Allowed("none of Soteria's business")
	}
	stamp := claim.Annotations[v1alpha1.VerdictAnnotation]
	if strings.HasPrefix(stamp, decision.Fresh.String()+" ") && s.recent(claim.Annotations[v1alpha1.JudgedAtAnnotation]) {
		return admission.Allowed("starts empty by verdict")
	}
	return admission.Denied(fmt.Sprintf(
		"soteria: protected claim %s/%s carries the verdict %q, not of this creation, and no lock: another admission webhook or policy removed it, and the claim could start empty",
		claim.Namespace, claim.Name, stamp))
}
