package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/webhook"
)

var update = flag.Bool("update", false, "rewrite the golden patches")

var (
	now    = time.Date(2026, 4, 12, 15, 30, 0, 0, time.UTC)
	proof  = backup.Evidence{Driver: "restic", Repository: "5ca1ab1e5ca1ab1e", BeganAt: now.Add(-time.Second), EndedAt: now}
	newest = backup.Backup{
		Claim: backup.Claim{Namespace: "ai", Name: "cache"}, Driver: "restic", ID: "1111111122222222", TakenAt: now.Add(-time.Hour),
	}
)

// catalog answers every question with one answer and remembers the questions.
type catalog struct {
	answer backup.Answer
	asked  []backup.Claim
}

func (c *catalog) Known(_ context.Context, claim backup.Claim) backup.Answer {
	c.asked = append(c.asked, claim)
	return c.answer
}

type verdicts struct{ kinds []decision.Kind }

func (v *verdicts) Verdict(kind decision.Kind, _ decision.Reason, _ time.Duration) {
	v.kinds = append(v.kinds, kind)
}

type fixture struct {
	claims   *webhook.Claims
	catalog  *catalog
	verdicts *verdicts
}

func newFixture(t testing.TB, answer backup.Answer, objects ...client.Object) fixture {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	f := fixture{catalog: &catalog{answer: answer}, verdicts: &verdicts{}}
	f.claims = &webhook.Claims{
		Reader:   fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(),
		Catalog:  f.catalog,
		Policy:   kube.Policy{OwnNamespace: "soteria-system"},
		Budget:   time.Minute,
		Observer: f.verdicts,
		Lock:     func() string { return "soteria-aaaaaaaaaaaaaaaa" },
		Now:      func() time.Time { return now },
	}
	return f
}

func namespace(labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ai", Labels: labels}}
}

// restoreMine is the Restore that the manifest own-restore refers to.
func restoreMine(labels map[string]string) *v1alpha1.Restore {
	return &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "ai", Name: "mine", Labels: labels}}
}

// request reads a claim's manifest from testdata, as a user would apply it.
func request(t testing.TB, manifest string) admission.Request {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", manifest+".yaml"))
	require.NoError(t, err)
	raw, err := yaml.YAMLToJSON(text)
	require.NoError(t, err)
	return admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		UID: "1", Operation: admissionv1.Create, Namespace: "ai", Object: runtime.RawExtension{Raw: raw},
	}}
}

func TestThePatchForEachVerdict(t *testing.T) {
	lookedUp := newest
	lookedUp.Driver = "s3"
	populators, err := kube.ParsePopulators("volsync.backube/ReplicationDestination/{pvc}-backup")
	require.NoError(t, err)
	unknown := backup.UnknownBecause(errors.New("dial tcp 10.0.0.1:9000: connection refused"))
	cases := map[string]struct {
		manifest string
		answer   backup.Answer
	}{
		"restore":                              {"auto", backup.FoundBackups([]backup.Backup{newest}, proof)},
		"fresh":                                {"auto", backup.ProvedNone(proof)},
		"hold-unknown":                         {"auto", unknown},
		"hold-required":                        {"required", backup.ProvedNone(proof)},
		"fresh-skipped":                        {"skip-with-reason", unknown},
		"fresh-generated-name":                 {"generate-name", unknown},
		"restore-stamps-overwritten":           {"forged-stamps", backup.FoundBackups([]backup.Backup{newest}, proof)},
		"restore-own-reference-kept":           {"own-restore", backup.FoundBackups([]backup.Backup{newest}, proof)},
		"fresh-own-reference-is-locked":        {"own-restore", backup.ProvedNone(proof)},
		"restore-locked-inside-the-api-server": {"locked", backup.FoundBackups([]backup.Backup{newest}, proof)},
		"hold-as-of-before-every-backup":       {"as-of", backup.FoundBackups([]backup.Backup{newest}, proof)},
		"hold-as-of-unreadable":                {"as-of-unreadable", backup.FoundBackups([]backup.Backup{newest}, proof)},
		"refer":                                {"auto", backup.FoundBackups([]backup.Backup{lookedUp}, proof)},
		"hold-own-reference-looked-up":         {"own-restore", backup.FoundBackups([]backup.Backup{lookedUp}, proof)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, tc.answer, namespace(nil), restoreMine(nil))
			f.claims.Policy.LookedUp = []string{"s3"}
			f.claims.Policy.Populators = populators
			response := f.claims.Handle(t.Context(), request(t, tc.manifest))
			require.True(t, response.Allowed)
			require.Len(t, response.Warnings, 1, "the user is told")
			golden(t, name, struct {
				Warning string `json:"warning"`
				Patch   any    `json:"patch"`
			}{response.Warnings[0], response.Patches})
			require.Len(t, f.verdicts.kinds, 1, "the verdict is counted")
		})
	}
}

func golden(t *testing.T, name string, got any) {
	t.Helper()
	text, err := yaml.Marshal(got)
	require.NoError(t, err)
	path := filepath.Join("testdata", "patches", name+".yaml")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, text, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.YAMLEq(t, string(want), string(text))
}

func TestClaimsThatAreRefused(t *testing.T) {
	cases := map[string]struct {
		manifest string
		says     string
	}{
		"skip without a reason says how to give one": {"skip", "soteria.dev/skip-reason"},
		"a mode that does not exist":                 {"mode-unreadable", "must be auto, required or skip"},
		"another namespace's backup":                 {"restore-from", "SOTERIA_CROSS_NAMESPACE"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, backup.ProvedNone(proof), namespace(nil))
			response := f.claims.Handle(t.Context(), request(t, tc.manifest))
			assert.False(t, response.Allowed)
			assert.Contains(t, response.Result.Message, tc.says)
			assert.Empty(t, f.catalog.asked, "no listing is spent on it")
		})
	}
}

func TestAClaimWhoseBackupNobodyCanRestoreIsHeldAndSaysSo(t *testing.T) {
	lookedUp := newest
	lookedUp.Driver = "s3"
	f := newFixture(t, backup.FoundBackups([]backup.Backup{lookedUp}, proof), namespace(nil))
	f.claims.Policy.LookedUp = []string{"s3"}
	response := f.claims.Handle(t.Context(), request(t, "auto"))
	require.True(t, response.Allowed)
	assert.Equal(t, []decision.Kind{decision.Hold}, f.verdicts.kinds)
	assert.Contains(t, response.Warnings[0], "nobody can restore the s3 backup")
}

func TestUnknownIsRefusedWhereTheOperatorWantsThat(t *testing.T) {
	f := newFixture(t, backup.UnknownBecause(errors.New("bucket gone")), namespace(nil))
	f.claims.Policy.DenyUnknown = true
	response := f.claims.Handle(t.Context(), request(t, "auto"))
	assert.False(t, response.Allowed)
	assert.Contains(t, response.Result.Message, "bucket gone")
}

func TestClaimsThatAreLeftAlone(t *testing.T) {
	for _, manifest := range []string{"not-opted-in", "volume-chosen", "snapshot-source"} {
		t.Run(manifest, func(t *testing.T) {
			f := newFixture(t, backup.Answer{}, namespace(nil))
			response := f.claims.Handle(t.Context(), request(t, manifest))
			assert.True(t, response.Allowed)
			assert.Empty(t, response.Patches)
			assert.Empty(t, response.Warnings)
			assert.Empty(t, f.catalog.asked)
		})
	}
}

func TestANamespaceOptsItsClaimsIn(t *testing.T) {
	f := newFixture(t, backup.ProvedNone(proof), namespace(map[string]string{v1alpha1.RestoreLabel: "required"}))
	response := f.claims.Handle(t.Context(), request(t, "not-opted-in"))
	require.True(t, response.Allowed)
	assert.Equal(t, []decision.Kind{decision.Hold}, f.verdicts.kinds)
}

func TestAnotherClaimsBackupIsLookedUpUnderItsOwnName(t *testing.T) {
	f := newFixture(t, backup.ProvedNone(proof), namespace(nil))
	f.claims.Policy.CrossNamespace = true
	response := f.claims.Handle(t.Context(), request(t, "restore-from"))
	assert.Equal(t, []backup.Claim{{Namespace: "web", Name: "data"}, {Namespace: "ai", Name: "cache"}}, f.catalog.asked, "and its own, to tell of them")
	assert.Equal(t, []decision.Kind{decision.Hold}, f.verdicts.kinds, "a source without a backup starts no claim empty")
	assert.Contains(t, response.Warnings[0], "no backup of web/data exists, which the claim asks for")
}

func TestAClaimWhoseRestoreDoesNotExistIsHeld(t *testing.T) {
	forAnotherLife := restoreMine(map[string]string{v1alpha1.RoleLabel: v1alpha1.RoleLocked, v1alpha1.ClaimUIDLabel: "uid-of-an-earlier-life"})
	for name, objects := range map[string][]client.Object{
		"it was never applied": {namespace(nil)}, "it was made for an earlier life of the claim": {namespace(nil), forAnotherLife},
	} {
		t.Run(name, func(t *testing.T) {
			for _, answer := range []backup.Answer{backup.ProvedNone(proof), backup.FoundBackups([]backup.Backup{newest}, proof)} {
				f := newFixture(t, answer, objects...)
				req := request(t, "own-restore")
				response := f.claims.Handle(t.Context(), req)
				require.True(t, response.Allowed, "it may be applied a moment later")
				require.Len(t, response.Warnings, 1)
				assert.Contains(t, response.Warnings[0], "soteria: Hold: the Restore ai/mine that the claim refers to does not exist")
				assert.Equal(t, []decision.Kind{decision.Hold}, f.verdicts.kinds)
				assert.Empty(t, f.catalog.asked, "no listing is spent on it")
				req.DryRun = ptr.To(true)
				assert.Equal(t, response, f.claims.Handle(t.Context(), req), "a dry run gets the same verdict")
				golden(t, "hold-restore-missing", struct {
					Warning string `json:"warning"`
					Patch   any    `json:"patch"`
				}{response.Warnings[0], response.Patches})
			}
		})
	}
}

func TestADryRunGetsTheSameVerdictAndIsNotCounted(t *testing.T) {
	f := newFixture(t, backup.FoundBackups([]backup.Backup{newest}, proof), namespace(nil))
	real := f.claims.Handle(t.Context(), request(t, "auto"))
	dry := request(t, "auto")
	dry.DryRun = ptr.To(true)
	assert.Equal(t, real, f.claims.Handle(t.Context(), dry))
	assert.Len(t, f.verdicts.kinds, 1)
}

func TestAClaimWhoseNamespaceCannotBeReadIsRefused(t *testing.T) {
	f := newFixture(t, backup.ProvedNone(proof))
	response := f.claims.Handle(t.Context(), request(t, "auto"))
	assert.False(t, response.Allowed)
	assert.Contains(t, response.Result.Message, "could not read namespace ai")
}

func TestSomethingThatIsNoClaimIsRefused(t *testing.T) {
	f := newFixture(t, backup.ProvedNone(proof), namespace(nil))
	broken := request(t, "auto")
	broken.Object.Raw = json.RawMessage(`{"spec": 7}`)
	assert.False(t, f.claims.Handle(t.Context(), broken).Allowed)
}

func TestAProtectedClaimWithoutItsLockIsRefusedByValidation(t *testing.T) {
	cases := map[string]struct {
		manifest string
		allowed  bool
	}{
		"stamped fresh":                       {"stamped-fresh", true},
		"stamped fresh in an earlier life":    {"stamped-fresh-yesterday", false},
		"never stamped":                       {"auto", false},
		"stamped for restore, lock taken off": {"stamped-restore", false},
		"not opted in":                        {"not-opted-in", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, backup.Answer{}, namespace(nil))
			response := (&webhook.Stamped{Judge: f.claims}).Handle(t.Context(), request(t, tc.manifest))
			assert.Equal(t, tc.allowed, response.Allowed)
			assert.Empty(t, f.catalog.asked)
		})
	}
}
