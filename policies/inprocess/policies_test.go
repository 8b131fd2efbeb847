package inprocess_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

const ownNamespace = "soteria-system"

var both = []string{"lock.yaml", "refuse.yaml"}

type labels = map[string]string

func aNamespace(name string, set labels) *corev1.Namespace {
	all := labels{corev1.LabelMetadataName: name}
	maps.Copy(all, set)
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: all}}
}

func aClaim(namespace, name string, set, annotations labels) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: set, Annotations: annotations}}
}

func aRef(group, kind, name string) *corev1.TypedObjectReference {
	return &corev1.TypedObjectReference{APIGroup: ptr.To(group), Kind: kind, Name: name}
}

func TestAProtectedClaimIsLockedUnderItsOwnName(t *testing.T) {
	g := newGate(t, both, aNamespace("shop", nil), aNamespace("bank", labels{v1alpha1.RestoreLabel: "required"}))
	for sentence, claim := range map[string]*corev1.PersistentVolumeClaim{
		"by its label":             aClaim("shop", "db", labels{v1alpha1.RestoreLabel: "auto"}, nil),
		"by the older label":       aClaim("shop", "db", labels{v1alpha1.BackupLabel: "daily"}, nil),
		"by its namespace":         aClaim("bank", "db", nil, nil),
		"whose name has dots":      aClaim("shop", "db.data.0", labels{v1alpha1.RestoreLabel: "required"}, nil),
		"that forges a verdict":    aClaim("shop", "db", labels{v1alpha1.RestoreLabel: "auto"}, labels{v1alpha1.VerdictAnnotation: "Fresh (Trust me)", "a": "b"}),
		"that forges evidence too": aClaim("shop", "db", labels{v1alpha1.RestoreLabel: "auto"}, labels{v1alpha1.VerdictAnnotation: "Fresh (Trust me)", v1alpha1.EvidenceAnnotation: "I looked"}),
	} {
		t.Run(sentence, func(t *testing.T) {
			created, err := g.create(t.Context(), claim)
			require.NoError(t, err)
			want := claim.DeepCopy()
			want.Spec.VolumeName = kube.NamedLock(claim.Namespace, claim.Name)
			want.Spec.DataSourceRef = aRef(v1alpha1.Group, v1alpha1.RestoreKind, want.Spec.VolumeName)
			delete(want.Annotations, v1alpha1.VerdictAnnotation)
			delete(want.Annotations, v1alpha1.EvidenceAnnotation)
			sameClaim(t, want, created)
			lock, restore, locked := kube.LockOf(created)
			assert.True(t, locked, "Soteria knows it for its own")
			assert.Equal(t, lock, restore)
		})
	}
}

func TestClaimsInExcludedNamespacesAreLeftAlone(t *testing.T) {
	excluded := kube.ExcludedNamespaces(ownNamespace)
	var namespaces []*corev1.Namespace
	for _, name := range excluded {
		namespaces = append(namespaces, aNamespace(name, labels{v1alpha1.RestoreLabel: "auto"}))
	}
	g := newGate(t, both, namespaces...)
	for _, name := range excluded {
		claim := aClaim(name, "db", labels{v1alpha1.RestoreLabel: "skip"}, nil)
		created, err := g.create(t.Context(), claim)
		require.NoError(t, err)
		assert.Equal(t, claim, created)
	}
}

func TestThePoliciesKeepOutOfTheSameNamespacesAsTheCode(t *testing.T) {
	for _, file := range both {
		var match *admissionregistrationv1.MatchResources
		switch policy := manifests(t, file)[0].(type) {
		case *admissionregistrationv1.MutatingAdmissionPolicy:
			match = policy.Spec.MatchConstraints
			assert.Equal(t, admissionregistrationv1.Fail, *policy.Spec.FailurePolicy)
		case *admissionregistrationv1.ValidatingAdmissionPolicy:
			match = policy.Spec.MatchConstraints
			assert.Equal(t, admissionregistrationv1.Fail, *policy.Spec.FailurePolicy)
		}
		require.NotNil(t, match)
		assert.Equal(t, []metav1.LabelSelectorRequirement{
			{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: kube.ExcludedNamespaces(ownNamespace)},
		}, match.NamespaceSelector.MatchExpressions, file)
	}
}

func TestANameThatIsTooLongForTheLockIsRefused(t *testing.T) {
	const longest = 253 - len("soteria-shop-")
	g := newGate(t, both, aNamespace("shop", nil))
	created, err := g.create(t.Context(), aClaim("shop", strings.Repeat("a", longest), labels{v1alpha1.RestoreLabel: "auto"}, nil))
	require.NoError(t, err)
	assert.Len(t, created.Spec.VolumeName, 253)
	_, err = g.create(t.Context(), aClaim("shop", strings.Repeat("a", longest+1), labels{v1alpha1.RestoreLabel: "auto"}, nil))
	assert.ErrorContains(t, err, "soteria: the claim cannot be locked: soteria-<namespace>-<name> has 254 characters, and the name of a volume at most 253; give the claim a shorter name")
}

func TestWithoutTheLockNoProtectedClaimIsCreated(t *testing.T) {
	g := newGate(t, []string{"refuse.yaml"}, aNamespace("shop", nil))
	_, err := g.create(t.Context(), aClaim("shop", "db", labels{v1alpha1.RestoreLabel: "auto"}, nil))
	assert.ErrorContains(t, err, `soteria: protected claim shop/db carries the verdict "" and no lock`)
	_, err = g.create(t.Context(), aClaim("shop", "db", nil, nil))
	assert.NoError(t, err, "others are")
	fresh := aClaim("shop", "db", labels{v1alpha1.RestoreLabel: "auto"}, labels{v1alpha1.VerdictAnnotation: "Fresh (NoBackupExists)"})
	_, err = g.create(t.Context(), fresh)
	assert.NoError(t, err, "one that Soteria's webhook judged is")
}

// TestThePoliciesDecideAsSoteriaDoes holds the policies' expressions against the
// code, for claims of all kinds.
func TestThePoliciesDecideAsSoteriaDoes(t *testing.T) {
	namespaces := []*corev1.Namespace{
		aNamespace("plain", nil), aNamespace("auto", labels{v1alpha1.RestoreLabel: "auto"}),
		aNamespace("odd", labels{v1alpha1.RestoreLabel: "skip"}), aNamespace("kube-system", labels{v1alpha1.RestoreLabel: "auto"}),
	}
	g := newGate(t, both, namespaces...)
	rapid.Check(t, func(t *rapid.T) {
		namespace := rapid.SampledFrom(namespaces).Draw(t, "namespace")
		claim := anyClaim(t, namespace.Name)
		created, err := g.create(t.Context(), claim)
		want := expected(claim, namespace.Labels)
		if want.refusal != "" {
			require.ErrorContains(t, err, want.refusal)
			return
		}
		require.NoError(t, err)
		if claim.Name == "" {
			created.Name = ""
		}
		sameClaim(t, want.claim, created)
	})
}

// sameClaim compares claims as they are stored.
func sameClaim(t require.TestingT, want, got *corev1.PersistentVolumeClaim) {
	wanted, err := json.Marshal(want)
	require.NoError(t, err)
	stored, err := json.Marshal(got)
	require.NoError(t, err)
	assert.JSONEq(t, string(wanted), string(stored))
}

// anyClaim draws a claim.
func anyClaim(t *rapid.T, namespace string) *corev1.PersistentVolumeClaim {
	some := func(name string, into labels, key string, values ...string) {
		if value := rapid.SampledFrom(append(values, "-")).Draw(t, name); value != "-" {
			into[key] = value
		}
	}
	claim := aClaim(namespace, "db", labels{}, labels{})
	if rapid.IntRange(0, 3).Draw(t, "unnamed") == 0 {
		claim.Name, claim.GenerateName = "", "db-"
	}
	some("label", claim.Labels, v1alpha1.RestoreLabel, "auto", "required", "skip", "skip", "often", "")
	some("backup", claim.Labels, v1alpha1.BackupLabel, "hourly", "daily", "weekly", "monthly")
	some("reason", claim.Annotations, v1alpha1.SkipReasonAnnotation, "scratch", " \t", "  trimmed \n", "")
	some("expires", claim.Annotations, v1alpha1.ExpiresAnnotation, "2030-01-01T00:00:00Z", "2020-01-01T00:00:00Z")
	some("from", claim.Annotations, v1alpha1.RestoreFromAnnotation, namespace+"/other", "elsewhere/db", "not a claim")
	some("as of", claim.Annotations, v1alpha1.RestoreAsOfAnnotation, "2026-04-12T15:30:00Z", "yesterday")
	some("backup id", claim.Annotations, v1alpha1.RestoreBackupAnnotation, "0123456789abcdef", "0")
	some("forged verdict", claim.Annotations, v1alpha1.VerdictAnnotation, "Fresh (Trust me)")
	some("what an earlier life found", claim.Annotations, v1alpha1.FoundAnnotation, "Restore (BackupFound): of an earlier life")
	some("forged evidence", claim.Annotations, v1alpha1.EvidenceAnnotation, "I looked")
	ref := func(name string) *corev1.TypedObjectReference {
		group := rapid.SampledFrom([]string{v1alpha1.Group, "volsync.backube"}).Draw(t, name+" group")
		kind := rapid.SampledFrom([]string{v1alpha1.RestoreKind, "Other"}).Draw(t, name+" kind")
		return aRef(group, kind, "from-git")
	}
	switch rapid.SampledFrom([]string{"", "", "", "ref", "ref", "source", "both"}).Draw(t, "sources") {
	case "ref":
		claim.Spec.DataSourceRef = ref("ref")
		if there := rapid.SampledFrom([]string{"-", "", namespace, "elsewhere"}).Draw(t, "ref namespace"); there != "-" {
			claim.Spec.DataSourceRef.Namespace = &there
		}
	case "source":
		source := ref("source")
		claim.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: source.APIGroup, Kind: source.Kind, Name: source.Name}
	case "both":
		claim.Spec.DataSourceRef = ref("ref")
		claim.Spec.DataSource = &corev1.TypedLocalObjectReference{Kind: "PersistentVolumeClaim", Name: "other"}
	}
	claim.Spec.VolumeName = rapid.SampledFrom([]string{"", "", "", "", "pv-1", "soteria-", "soteria-locked"}).Draw(t, "volume")
	return claim
}

// outcome is what becomes of a claim that is created.
type outcome struct {
	refusal string
	claim   *corev1.PersistentVolumeClaim
}

// expected is what Soteria's own code makes of a claim, as far as that needs no
// knowledge of backups; where it does, the claim is locked.
func expected(claim *corev1.PersistentVolumeClaim, namespace labels) outcome {
	facts := kube.Facts(claim, namespace, nil, kube.Policy{OwnNamespace: ownNamespace})
	verdict := decision.Decide(facts)
	switch {
	case verdict.Kind == decision.Ignore:
		return outcome{claim: claim}
	case verdict.Reason == decision.ReasonInvalidMode || verdict.Reason == decision.ReasonSkipNeedsReason:
		return outcome{refusal: "soteria: " + verdict.Message}
	case claim.Spec.VolumeName != "": // locked by hand
		return outcome{claim: claim}
	}
	_, refers := kube.RestoreRef(claim)
	fresh := verdict.Reason == decision.ReasonSkipped || verdict.Reason == decision.ReasonGeneratedName
	if waits := refers || (verdict.Reason != decision.ReasonSkipped && wishes(claim)); claim.Name == "" && waits {
		return outcome{refusal: "soteria: a claim with a generated name cannot wait for the backup that it asks for: give it a name (metadata.name)"}
	}
	created := claim.DeepCopy()
	delete(created.Annotations, v1alpha1.VerdictAnnotation)
	delete(created.Annotations, v1alpha1.EvidenceAnnotation)
	lock := kube.NamedLock(claim.Namespace, claim.Name)
	if fresh {
		kube.Stamp(created, verdict, backup.Answer{}, false, lock)
	} else {
		kube.Stamp(created, decision.Verdict{Kind: decision.Hold}, backup.Answer{}, false, lock)
		delete(created.Annotations, v1alpha1.VerdictAnnotation)
		delete(created.Annotations, v1alpha1.EvidenceAnnotation)
	}
	return outcome{claim: created}
}

func wishes(claim *corev1.PersistentVolumeClaim) bool {
	for _, wish := range []string{v1alpha1.RestoreFromAnnotation, v1alpha1.RestoreAsOfAnnotation, v1alpha1.RestoreBackupAnnotation} {
		if _, set := claim.Annotations[wish]; set {
			return true
		}
	}
	return false
}
