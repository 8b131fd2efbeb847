package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

// MutatePath and ValidatePath are where the API server sends claims.
const (
	MutatePath   = "/admit/claims"
	ValidatePath = "/validate/claims"
)

// Catalog answers what is known of a claim's backups. Found may come from what
// is already known; None must be proved. It gives up with Unknown when ctx ends,
// and may be asked again at will.
type Catalog interface {
	Known(ctx context.Context, claim backup.Claim) backup.Answer
}

// Observer counts verdicts.
type Observer interface {
	Verdict(kind decision.Kind, reason decision.Reason, took time.Duration)
}

// Claims judges claims that are being created. It implements
// [admission.Handler].
type Claims struct {
	// Reader reads namespaces and Restores from the API server itself, not from
	// a cache: they are often applied in one manifest with the claim, a moment
	// before it, and the namespace's label decides whether it is protected.
	Reader  client.Reader
	Catalog Catalog
	Policy  kube.Policy
	// Budget bounds the whole judgement of a claim. It must be below the
	// timeoutSeconds of the webhook configuration, so that a slow repository
	// means Hold and not a refusal by the API server.
	Budget   time.Duration
	Observer Observer
	// Lock draws a new lock; [kube.NewLock] except in tests.
	Lock func() string
	// Now is the clock.
	Now func() time.Time
}

// Handle gives the verdict for one claim, as a patch or a refusal. A claim that
// cannot be judged at all (its namespace cannot be read) is refused, in words.
func (c *Claims) Handle(ctx context.Context, req admission.Request) admission.Response {
	if !created(req) {
		return admission.Allowed("only creation is judged")
	}
	began := c.Now()
	ctx, cancel := context.WithTimeout(ctx, c.Budget)
	defer cancel()

	claim, err := decode(req)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	facts, err := c.facts(ctx, claim)
	if err != nil {
		return admission.Errored(http.StatusServiceUnavailable, err)
	}
	facts.Provisional = true
	answered := decision.NeedsAnswer(facts)
	if answered {
		facts.Answer = c.Catalog.Known(ctx, facts.Source)
	}
	if decision.NeedsOwn(facts) {
		facts.Own = c.own(ctx, facts.Claim)
	}
	verdict := decision.Decide(facts)

	log.FromContext(ctx).Info("judged a claim", "claim", facts.Claim.String(), "verdict", verdict.Kind.String(),
		"reason", string(verdict.Reason), "message", verdict.Message, "dryRun", isDryRun(req))
	if !isDryRun(req) {
		c.Observer.Verdict(verdict.Kind, verdict.Reason, c.Now().Sub(began))
	}
	return c.respond(claim, facts, verdict, answered)
}

// own asks what the claim has itself, beside the backups of another claim that it
// asks for. The verdict does not hang on it, so what is not known at once is not
// waited for: the controller asks again.
func (c *Claims) own(ctx context.Context, claim backup.Claim) backup.Answer {
	const patience = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.Catalog.Known(ctx, claim)
}

func (c *Claims) facts(ctx context.Context, claim *corev1.PersistentVolumeClaim) (decision.Facts, error) {
	restore, err := c.restore(ctx, claim)
	if err != nil {
		return decision.Facts{}, err
	}
	return kube.ReadFacts(ctx, c.Reader, claim, restore, c.Policy)
}

// restore reads the Restore that the claim's manifest refers to; nil when it
// refers to none or to one that is yet to be applied.
func (c *Claims) restore(ctx context.Context, claim *corev1.PersistentVolumeClaim) (*v1alpha1.Restore, error) {
	name, refers := kube.RestoreRef(claim)
	if !refers {
		return nil, nil //nolint:nilnil // no reference and no Restore yet are the same to a claim
	}
	restore := &v1alpha1.Restore{}
	err := c.Reader.Get(ctx, types.NamespacedName{Namespace: claim.Namespace, Name: name}, restore)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // see above
	case err != nil:
		return nil, fmt.Errorf("soteria could not read Restore %s/%s that claim %s refers to: %w", claim.Namespace, name, claim.Name, err)
	}
	return restore, nil
}

func (c *Claims) respond(claim *corev1.PersistentVolumeClaim, facts decision.Facts, verdict decision.Verdict, answered bool) admission.Response {
	switch verdict.Kind {
	case decision.Ignore:
		return admission.Allowed(verdict.Message)
	case decision.Deny:
		return admission.Denied("soteria: " + verdict.Message)
	case decision.Hold, decision.Restore, decision.Fresh, decision.Refer:
	}
	stamped := claim.DeepCopy()
	kube.Stamp(stamped, verdict, facts.Answer, answered, c.Lock())
	stamped.Annotations[v1alpha1.JudgedAtAnnotation] = c.Now().UTC().Format(time.RFC3339)
	patches, err := diff(claim, stamped)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.Patched(verdict.Message, patches...).WithWarnings(warning(verdict))
}

func warning(verdict decision.Verdict) string {
	return fmt.Sprintf("soteria: %s: %s", verdict.Kind, verdict.Message)
}

// decode reads the claim out of a request. A namespaced object may leave its
// namespace to the request.
func decode(req admission.Request) (*corev1.PersistentVolumeClaim, error) {
	claim := &corev1.PersistentVolumeClaim{}
	if err := json.Unmarshal(req.Object.Raw, claim); err != nil {
		return nil, fmt.Errorf("decoding the claim: %w", err)
	}
	claim.Namespace = req.Namespace
	return claim, nil
}

// diff compares two typed objects, so that the patch holds what Soteria changed
// and nothing that decoding left out. Its operations are independent of each
// other and come sorted by path, so that the same claim gets the same patch.
func diff(before, after *corev1.PersistentVolumeClaim) ([]jsonpatch.JsonPatchOperation, error) {
	was, err := json.Marshal(before)
	if err != nil {
		return nil, fmt.Errorf("encoding claim %s: %w", before.Name, err)
	}
	is, err := json.Marshal(after)
	if err != nil {
		return nil, fmt.Errorf("encoding claim %s: %w", after.Name, err)
	}
	patches, err := jsonpatch.CreatePatch(was, is)
	if err != nil {
		return nil, fmt.Errorf("comparing claim %s before and after: %w", before.Name, err)
	}
	slices.SortFunc(patches, func(a, b jsonpatch.Operation) int { return strings.Compare(a.Path, b.Path) })
	return patches, nil
}

func isDryRun(req admission.Request) bool { return req.DryRun != nil && *req.DryRun }

// created reports whether a request creates an object; the only operation that
// the webhook configuration lets through.
func created(req admission.Request) bool { return req.Operation == admissionv1.Create }
