package policies_test

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// existsURL is where the policies ask.
const existsURL = "http://soteria.soteria-system.svc:8080/exists/"

// lock is the one that Soteria's answers hold.
const lock = "soteria-abcdefghij234567"

// outcome is what becomes of a claim.
type outcome int

const (
	// untouched claims are let through as they are, since the policy says so.
	untouched outcome = iota
	// unmatched claims are none of the policy's.
	unmatched
	// restored claims wait for their data.
	restored
	// lockedOnly claims wait too, and keep the data source they have.
	lockedOnly
	// refused claims are refused for what Soteria answers, mislabelled ones for
	// what they say themselves.
	refused
	mislabelled
)

// trialClaim is a claim, Soteria's answer about it, and what must become of it.
type trialClaim struct {
	name        string
	namespace   string // "app", unless it is set
	labels      map[string]string
	annotations map[string]string
	spec        corev1.PersistentVolumeClaimSpec
	// answer is what Soteria says; nil where it is not to be asked.
	answer *mockedResponse
	want   outcome
}

func (c trialClaim) claim() *corev1.PersistentVolumeClaim {
	namespace := c.namespace
	if namespace == "" {
		namespace = "app"
	}
	return &corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: c.name, Labels: c.labels, Annotations: c.annotations},
		Spec:       c.spec,
	}
}

// answered gives Soteria's answer with some fields set, or left out where the
// value is nil.
func answered(status int, fields map[string]any) *mockedResponse {
	body := map[string]any{"exists": false, "decision": "fresh", "authoritative": true, "error": "", "lock": lock}
	maps.Copy(body, fields)
	return &mockedResponse{StatusCode: status, Body: body}
}

func without(answer *mockedResponse, field string) *mockedResponse {
	delete(answer.Body, field)
	return answer
}

var (
	found = answered(200, map[string]any{"exists": true, "decision": "restore"})
	none  = answered(200, nil)

	auto = map[string]string{v1alpha1.RestoreLabel: "auto"}
)

// dubious are the answers that prove nothing, under the name of the claim that
// gets them.
var dubious = map[string]*mockedResponse{
	"unavailable":     answered(503, map[string]any{"decision": "unknown", "authoritative": false, "error": "the repository is locked"}),
	"broken":          answered(500, nil),
	"missing":         answered(404, nil),
	"redirected":      answered(302, nil),
	"empty":           {StatusCode: 200, Body: map[string]any{}},
	"null":            answered(200, map[string]any{"exists": nil}),
	"a-string":        answered(200, map[string]any{"exists": "false"}),
	"a-number":        answered(200, map[string]any{"exists": 0}),
	"with-error":      answered(200, map[string]any{"error": "the repository is locked"}),
	"with-odd-error":  answered(200, map[string]any{"error": map[string]any{"code": "locked"}}),
	"found-and-error": answered(200, map[string]any{"exists": true, "error": "the repository is locked"}),
	"unproved":        answered(200, map[string]any{"decision": "unknown", "authoritative": false}),
	"unauthoritative": without(answered(200, nil), "authoritative"),
	"oddly-proved":    answered(200, map[string]any{"authoritative": "true"}),
	"lockless":        without(answered(200, map[string]any{"exists": true}), "lock"),
	"a-foreign-lock":  answered(200, map[string]any{"exists": true, "lock": "pv-7"}),
	"an-odd-lock":     answered(200, map[string]any{"exists": true, "lock": nil}),
}

func restoreRef(name string) *corev1.TypedObjectReference {
	return &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: name}
}

// byOwnLabel are claims that opt in by a label of their own.
var byOwnLabel = []trialClaim{
	{name: "photos", labels: auto, answer: found, want: restored},
	{name: "new", labels: auto, answer: none, want: untouched},
	{name: "daily", labels: map[string]string{"backup": "daily"}, answer: found, want: restored},
	{name: "weekly", labels: map[string]string{"backup": "weekly"}, answer: none, want: untouched},
	{name: "required-by-namespace", namespace: "strict", labels: map[string]string{"backup": "weekly"}, answer: none, want: restored},
	{name: "auto-in-strict", namespace: "strict", labels: auto, answer: none, want: untouched},
	{name: "required", labels: map[string]string{v1alpha1.RestoreLabel: "required"}, answer: none, want: restored},
	{name: "in-a-recovery", labels: auto, answer: answered(200, map[string]any{"decision": "hold"}), want: restored},
	{name: "as-of", labels: auto, annotations: map[string]string{v1alpha1.RestoreAsOfAnnotation: "2026-01-01T00:00:00Z"}, answer: none, want: restored},
	{name: "by-id", labels: auto, annotations: map[string]string{v1alpha1.RestoreBackupAnnotation: "0123456789"}, answer: none, want: restored},
	{name: "copy", labels: auto, annotations: map[string]string{v1alpha1.RestoreFromAnnotation: "other/source"}, answer: none, want: restored},
	{name: "in-git", labels: auto, spec: corev1.PersistentVolumeClaimSpec{DataSourceRef: restoreRef("mine")}, answer: none, want: lockedOnly},
	{
		name: "in-git-by-source", labels: auto, answer: found, want: lockedOnly,
		spec: corev1.PersistentVolumeClaimSpec{DataSource: &corev1.TypedLocalObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: "mine"}},
	},
	{name: "skipped", labels: map[string]string{v1alpha1.RestoreLabel: "skip"}, annotations: map[string]string{v1alpha1.SkipReasonAnnotation: "scratch"}, want: untouched},
	{name: "skipped-silently", labels: map[string]string{v1alpha1.RestoreLabel: "skip"}, want: mislabelled},
	{name: "skipped-blankly", labels: map[string]string{v1alpha1.RestoreLabel: "skip"}, annotations: map[string]string{v1alpha1.SkipReasonAnnotation: " "}, want: mislabelled},
	{name: "mislabelled", labels: map[string]string{v1alpha1.RestoreLabel: "yes"}, answer: none, want: mislabelled},
	{name: "in-a-mislabelled-namespace", namespace: "odd", labels: map[string]string{"backup": "daily"}, answer: none, want: mislabelled},
	{name: "in-a-skipped-namespace", namespace: "skipped", labels: map[string]string{"backup": "daily"}, answer: none, want: mislabelled},
	{name: "chosen", labels: auto, spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv-7"}, answer: found, want: unmatched},
	{
		name: "from-snapshot", labels: auto, answer: found, want: unmatched,
		spec: corev1.PersistentVolumeClaimSpec{DataSourceRef: &corev1.TypedObjectReference{APIGroup: ptr.To("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: "friday"}},
	},
	{
		name: "from-clone", labels: auto, answer: found, want: unmatched,
		spec: corev1.PersistentVolumeClaimSpec{DataSource: &corev1.TypedLocalObjectReference{Kind: "PersistentVolumeClaim", Name: "other"}},
	},
	{name: "unlabelled", answer: found, want: unmatched},
	{name: "monthly", labels: map[string]string{"backup": "monthly"}, answer: found, want: unmatched},
}

// byNamespace are claims that opt in through their namespace.
var byNamespace = []trialClaim{
	{name: "ns-photos", namespace: "labelled", answer: found, want: restored},
	{name: "ns-new", namespace: "labelled", answer: none, want: untouched},
	{name: "ns-monthly", namespace: "labelled", labels: map[string]string{"backup": "monthly"}, answer: found, want: restored},
	{name: "ns-required", namespace: "strict", answer: none, want: restored},
	{name: "ns-odd", namespace: "odd", answer: none, want: mislabelled},
	{name: "ns-skipped", namespace: "skipped", answer: none, want: mislabelled},
	{name: "ns-unavailable", namespace: "labelled", answer: dubious["unavailable"], want: refused},
}

var namespaces = map[string]map[string]string{
	"app":      {"kubernetes.io/metadata.name": "app"},
	"labelled": {"kubernetes.io/metadata.name": "labelled", v1alpha1.RestoreLabel: "auto"},
	"strict":   {"kubernetes.io/metadata.name": "strict", v1alpha1.RestoreLabel: "required"},
	"odd":      {"kubernetes.io/metadata.name": "odd", v1alpha1.RestoreLabel: "yes"},
	"skipped":  {"kubernetes.io/metadata.name": "skipped", v1alpha1.RestoreLabel: "skip"},
}

// withDoubts adds a claim for each of the dubious answers.
func withDoubts(claims []trialClaim) []trialClaim {
	for name, answer := range dubious {
		claims = append(claims, trialClaim{name: name, labels: auto, answer: answer, want: refused})
	}
	return claims
}

// become gives the claim as the policy is to make it.
func (c trialClaim) become() *corev1.PersistentVolumeClaim {
	claim := c.claim()
	switch c.want {
	case restored:
		claim.Spec.VolumeName, claim.Spec.DataSourceRef = lock, restoreRef(lock)
	case lockedOnly:
		claim.Spec.VolumeName = lock
	case untouched, unmatched, refused, mislabelled:
	}
	return claim
}

// add has the trial try a policy on claims. What the command line calls a claim
// that a policy lets through differs between the kinds of policies.
func (trial *trial) add(claims []trialClaim, expect func(trialClaim) expected) {
	for _, c := range claims {
		claim := c.claim()
		trial.objects = append(trial.objects, claim)
		trial.patched = append(trial.patched, c.become())
		if c.answer != nil {
			trial.calls = append(trial.calls, mockedCall{URL: existsURL + keyOf(claim), Method: "GET", Response: *c.answer})
		}
		e := expect(c)
		e.Kind, e.Resources = "PersistentVolumeClaim", []string{keyOf(claim)}
		if c.want == restored || c.want == lockedOnly {
			e.PatchedResources = "patched.yaml"
		}
		trial.results = append(trial.results, e)
	}
}

// mutating is what the command line calls the outcomes of a MutatingPolicy.
func mutating(policy string) func(trialClaim) expected {
	words := map[outcome]string{untouched: "pass", unmatched: "skip", restored: "pass", lockedOnly: "pass", refused: "error", mislabelled: "error"}
	return func(c trialClaim) expected {
		return expected{Policy: policy, IsMutatingPolicy: true, Result: words[c.want]}
	}
}

func celTrial(policy string) trial {
	trial := trial{policy: policy, namespaces: namespaces}
	trial.add(withDoubts(byOwnLabel), mutating("soteria-restore"))
	trial.add(byNamespace, mutating("soteria-restore-namespace"))
	return trial
}

func TestTheCELPolicyLetsOnlyProvedAnswersThrough(t *testing.T) {
	celTrial(read(t, "kyverno", "cel", "restore.yaml")).requireAsExpected(t)
}

// signedInTrial is [celTrial] where the policy reads a token.
func signedInTrial(t *testing.T, policy string) trial {
	t.Helper()
	trial := celTrial(policy)
	trial.secrets = []corev1.Secret{{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "kyverno", Name: "soteria-token"},
		Data:       map[string][]byte{"token": []byte("0123456789abcdef")},
	}}
	return trial
}

func TestTheTrialFindsHolesInTheCELPolicy(t *testing.T) {
	requireHolesFound(t, read(t, "kyverno", "cel", "restore.yaml"), celTrial, map[string]hole{
		"the status is not looked at":           {"app/broken", []string{"variables.answer.statusCode != 200 ?", "false ?"}},
		"any value of exists passes":            {"app/null", []string{"!('exists' in variables.body) || type(variables.body.exists) != bool ?", "false ?", "variables.body.exists ||", "variables.body.exists == true ||"}},
		"an error is not looked at":             {"app/with-error", []string{"'error' in variables.body && variables.body.error != '' ?", "false ?"}},
		"what is not authoritative is believed": {"app/unproved", []string{"!('authoritative' in variables.body) || variables.body.authoritative != true ?", "false ?"}},
		"any lock is taken":                     {"app/a-foreign-lock", []string{"'lock' in variables.body && variables.lock.matches('^soteria-[a-z0-9]{16}$')", "true"}},
		"a required restore may be missing":     {"app/required", []string{"variables.mode == 'required' ||", ""}},
		"a wish is not looked at":               {"app/as-of", []string{"variables.wish ||", ""}},
		"skip needs no reason":                  {"app/skipped-silently", []string{"variables.annotations[?'soteria.dev/skip-reason'].orValue('').trim() == ''", "false"}},
		"the claim's own data source is lost":   {"app/in-git", []string{"variables.refersToRestore ? []", "false ? []"}},
		"an error is lost beside a truth":       {"app/broken", []string{"!variables.admitted ? [] :\n          variables.never", "!variables.admitted || variables.never"}},
		"claims with a volume are locked too":   {"app/chosen", []string{"!has(object.spec.volumeName) || object.spec.volumeName == ''", "true"}},
		"other data sources are overwritten":    {"app/from-snapshot", []string{"object.spec.dataSourceRef.kind == 'Restore' &&", "true ||"}},
	})
}
