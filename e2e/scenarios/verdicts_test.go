//go:build e2e

package scenarios_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/kube"
)

// The namespaces of the verdicts: the claims' own, one whose claims are required
// by default, one whose default is mistyped, and one with somebody else's claims.
const (
	verdicts         = "e2e-verdicts"
	verdictsRequired = "e2e-verdicts-required"
	verdictsMistyped = "e2e-verdicts-mistyped"
	verdictsOthers   = "e2e-verdicts-others"
)

// judged is what comes of a claim that is applied.
type judged struct {
	labels, annotations map[string]string
	spec                []string
	// name is the beginning of a generated one, if the claim has no name.
	name string
	// namespace is verdicts by default.
	namespace string
	// refused is what the API server says when it refuses the claim.
	refused string
	// stamp is the verdict on the claim, "" where Soteria leaves the claim alone.
	stamp string
	// warning is what the user is told, beside the verdict.
	warning string
	locked  bool
}

func label(value string) map[string]string { return map[string]string{v1alpha1.RestoreLabel: value} }

func from(claim string) map[string]string {
	return map[string]string{v1alpha1.RestoreFromAnnotation: claim}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	s := begin(t, 15*time.Minute, verdicts, verdictsRequired, verdictsMistyped, verdictsOthers)
	s.apply(namespaceManifest(verdictsRequired, "required"))
	s.apply(namespaceManifest(verdictsMistyped, "requierd"))
	source := harness.App{Namespace: verdicts, Name: "source", Labels: harness.Unprotected, Size: "64Mi"}
	s.seed(source, "the older story")
	s.write(source, "the newer story")
	s.backUp(source)
	others := harness.App{Namespace: verdictsOthers, Name: "secrets", Labels: harness.Unprotected, Size: "64Mi"}
	s.seed(others, "none of your business")
	backups := s.backupsFrom(source, 2)
	require.Len(s, backups, 2)
	newer, older := backups[0], backups[1]

	s.run("at admission", func(s *scenario) {
		number := 0
		for sentence, row := range rows(older) {
			number++
			app := harness.App{
				Namespace: cmp.Or(row.namespace, verdicts), Name: cmp.Or(row.name, fmt.Sprintf("judged-%d", number)), Class: "local-wffc", Size: "64Mi",
				Labels: row.labels, Annotations: row.annotations, Spec: row.spec, ClaimOnly: true,
			}
			s.run(sentence, func(s *scenario) { requireJudged(s, app, row) })
		}
	})
	s.together(map[string]func(*scenario){
		"the newest backup of another claim of the namespace is restored": func(s *scenario) {
			s.requireRestored("newest", from(verdicts+"/source"), "the newer story")
		},
		"as of the older backup's time, that one is restored": func(s *scenario) {
			s.requireRestored("as-of", map[string]string{
				v1alpha1.RestoreFromAnnotation: verdicts + "/source",
				v1alpha1.RestoreAsOfAnnotation: newer.TakenAt.Add(-time.Nanosecond).Format(time.RFC3339Nano),
			}, "the older story")
		},
		"the older backup is restored if it is asked for by id": func(s *scenario) {
			s.requireRestored("by-id", map[string]string{
				v1alpha1.RestoreFromAnnotation:   verdicts + "/source",
				v1alpha1.RestoreBackupAnnotation: older.ID,
			}, "the older story")
		},
		"and by the beginning of its id": func(s *scenario) {
			s.requireRestored("by-short-id", map[string]string{
				v1alpha1.RestoreFromAnnotation:   verdicts + "/source",
				v1alpha1.RestoreBackupAnnotation: older.ID[:8],
			}, "the older story")
		},
		"a required claim without a backup waits until it is skipped with a reason": requiredThenSkipped,
		"a required claim without a backup waits until there is one":                requiredThenBackedUp,
		"exists answers": requireExistsAnswers,
	})
}

// rows are the verdicts of the rules in internal/decision, as far as admission gives
// them while the repository can be listed.
func rows(older wire.Backup) map[string]judged {
	return map[string]judged{
		"1: a claim that is not opted in is left alone":      {labels: harness.Unprotected},
		"1: a claim in an excluded namespace is left alone":  {namespace: "kube-public", labels: label("required")},
		"2: a claim that names its volume is left alone":     {labels: label("required"), spec: []string{"volumeName: a-volume-of-my-own"}},
		"2: a claim with another data source is left alone":  {labels: label("required"), spec: []string{"dataSourceRef: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: mine}"}},
		"-: a mistyped label is refused":                     {labels: label("atuo"), refused: `label soteria.dev/restore is "atuo"; it must be auto, required or skip`},
		"-: a mistyped label of the namespace is refused":    {namespace: verdictsMistyped, labels: harness.Unprotected, refused: `the namespace's label soteria.dev/restore is "requierd"`},
		"3: skip without a reason is refused":                {labels: label("skip"), refused: `add the annotation soteria.dev/skip-reason: "<why>"`},
		"3: skip with a blank reason is refused":             {labels: label("skip"), annotations: map[string]string{v1alpha1.SkipReasonAnnotation: " "}, refused: "needs a reason"},
		"4: skip with a reason starts empty":                 {labels: label("skip"), annotations: map[string]string{v1alpha1.SkipReasonAnnotation: "a cache"}, stamp: "Fresh (Skipped)", warning: "starts empty as asked: a cache"},
		"5: a claim whose name is generated starts empty":    {name: "generated-", labels: label("required"), stamp: "Fresh (GeneratedName)", warning: "a claim that has never had a name has no backup"},
		"6: a claim with a backup is locked":                 {labels: label("auto"), annotations: from(verdicts + "/source"), stamp: "Restore (BackupFound)", warning: "will be restored from the restic backup", locked: true},
		"6: also one that is required":                       {labels: label("required"), annotations: from(verdicts + "/source"), stamp: "Restore (BackupFound)", warning: "will be restored", locked: true},
		"6: also one that opts in by backup=daily":           {labels: map[string]string{"backup": "daily"}, annotations: from(verdicts + "/source"), stamp: "Restore (BackupFound)", warning: "will be restored", locked: true},
		"-: as of a time before all backups it is held":      {labels: label("auto"), annotations: map[string]string{v1alpha1.RestoreFromAnnotation: verdicts + "/source", v1alpha1.RestoreAsOfAnnotation: older.TakenAt.Add(-time.Second).Format(time.RFC3339)}, stamp: "Hold (SelectedBackupNotFound)", locked: true},
		"-: with an id that no backup has it is held":        {labels: label("auto"), annotations: map[string]string{v1alpha1.RestoreFromAnnotation: verdicts + "/source", v1alpha1.RestoreBackupAnnotation: "0123456789abcdef"}, stamp: "Hold (SelectedBackupNotFound)", locked: true},
		"-: with a time that is none it is held":             {labels: label("auto"), annotations: map[string]string{v1alpha1.RestoreAsOfAnnotation: "yesterday"}, stamp: "Hold (InvalidSelection)", warning: `annotation soteria.dev/restore-as-of is "yesterday"`, locked: true},
		"-: with a source that is none it is held":           {labels: label("auto"), annotations: from("nonsense"), stamp: "Hold (InvalidSelection)", warning: "annotation soteria.dev/restore-from", locked: true},
		"-: another namespace's backup is refused":           {labels: label("auto"), annotations: from(verdictsOthers + "/secrets"), refused: "backups may cross namespaces only where SOTERIA_CROSS_NAMESPACE=true"},
		"7: a required claim without a backup is held":       {labels: label("required"), stamp: "Hold (RequiredBackupMissing)", warning: "a restore is required", locked: true},
		"7: also one that is required by its namespace":      {namespace: verdictsRequired, labels: harness.Unprotected, stamp: "Hold (RequiredBackupMissing)", warning: "a restore is required", locked: true},
		"8: a claim without a backup starts empty":           {labels: label("auto"), stamp: "Fresh (NoBackupExists)", warning: "no backup of"},
		"8: also one that opts in by backup=weekly":          {labels: map[string]string{"backup": "weekly"}, stamp: "Fresh (NoBackupExists)", warning: "no backup of"},
		"-: backup=never is no opting in":                    {labels: map[string]string{"backup": "never"}},
		"-: the claim's label wins over its namespace's":     {namespace: verdictsRequired, labels: label("auto"), stamp: "Fresh (NoBackupExists)"},
		"-: stamps that a user wrote are overwritten":        {labels: label("required"), annotations: map[string]string{v1alpha1.VerdictAnnotation: "Fresh (Trust me)", v1alpha1.EvidenceAnnotation: "I looked"}, stamp: "Hold (RequiredBackupMissing)", locked: true},
		"-: a lock that a user wrote is a volume of his own": {labels: label("required"), spec: []string{"volumeName: soteria-forged"}},
	}
}

// requireJudged applies a claim and requires the verdict.
func requireJudged(s *scenario, app harness.App, want judged) {
	command := "apply"
	if want.name != "" {
		command = "create" // apply needs a name
	}
	warnings, err := s.submit(app, command)
	if want.refused != "" {
		require.ErrorContains(s, err, want.refused)
		require.ErrorContains(s, err, "soteria")
		return
	}
	require.NoError(s, err)
	claim := s.judgedClaim(app)
	defer func() { require.NoError(s, client.IgnoreNotFound(cluster.Delete(s.ctx, claim))) }()

	_, _, locked := kube.LockOf(claim)
	require.Equal(s, want.locked, locked, "the claim is locked")
	require.Equal(s, want.stamp, claim.Annotations[v1alpha1.VerdictAnnotation])
	require.Equal(s, want.stamp != "", claim.Annotations[v1alpha1.EvidenceAnnotation] != "", "the verdict comes with its evidence")
	require.NotEqual(s, "I looked", claim.Annotations[v1alpha1.EvidenceAnnotation])
	if want.stamp == "" {
		require.NotContains(s, warnings, "soteria")
		return
	}
	require.Contains(s, warnings, "Warning: soteria: ")
	require.Contains(s, warnings, want.warning)
}

// judgedClaim reads the claim that was made, also if its name was generated.
func (s *scenario) judgedClaim(app harness.App) *corev1.PersistentVolumeClaim {
	s.Helper()
	var claims corev1.PersistentVolumeClaimList
	require.NoError(s, cluster.List(s.ctx, &claims, client.InNamespace(app.Namespace)))
	for i := range claims.Items {
		if claim := &claims.Items[i]; claim.Name == app.Name || claim.GenerateName == app.Name {
			return claim
		}
	}
	require.FailNow(s, "there is no claim "+app.Key().String())
	return nil
}

// requireRestored requires that a claim with these annotations gets this story.
func (s *scenario) requireRestored(name string, annotations map[string]string, story string) {
	s.Helper()
	app := harness.App{Namespace: verdicts, Name: name, Size: "64Mi", Annotations: annotations}
	s.start(app)
	require.Equal(s, story, s.story(app))
}

func requiredThenSkipped(s *scenario) {
	app := harness.App{Namespace: verdicts, Name: "required-then-skipped", Size: "64Mi", Labels: label("required")}
	s.apply(app.Manifest())
	s.awaitEvent(app, "label the claim soteria.dev/restore=skip and annotate soteria.dev/skip-reason to start empty")
	s.requireWaiting(app)

	_, err := cluster.Kubectl(s.ctx, "", "annotate", "-n", app.Namespace, "pvc/"+app.Name, v1alpha1.SkipReasonAnnotation+"=it was a test")
	require.NoError(s, err)
	_, err = cluster.Kubectl(s.ctx, "", "label", "--overwrite", "-n", app.Namespace, "pvc/"+app.Name, v1alpha1.RestoreLabel+"=skip")
	require.NoError(s, err)
	s.awaitRunning(app)
	s.awaitCompleted(app)
	require.Empty(s, s.story(app))
	s.awaitEvent(app, "starts empty as asked: it was a test")
}

func requiredThenBackedUp(s *scenario) {
	source := harness.App{Namespace: verdicts, Name: "not-backed-up-yet", Size: "64Mi", Labels: harness.Unprotected}
	s.start(source)
	s.write(source, "better late than never")
	app := harness.App{Namespace: verdicts, Name: "required-then-backed-up", Size: "64Mi", Labels: label("required"), Annotations: from(source.Key().String())}
	s.apply(app.Manifest())
	s.awaitEvent(app, "no backup of "+source.Key().String()+" exists")
	s.requireWaiting(app)

	s.backUp(source)
	s.awaitRunning(app)
	require.Equal(s, "better late than never", s.story(app))
}

// requireExistsAnswers requires the answers of /exists but for 503, which
// [harness.Cluster.AwaitUnknown] requires wherever the repository is broken.
func requireExistsAnswers(s *scenario) {
	exists := func(claim string) (status int, answer wire.Existence) {
		s.await("an answer on "+claim, func(ctx context.Context) (_ bool, _ string, err error) {
			status, answer, err = cluster.Exists(ctx, verdicts, claim)
			return status != http.StatusServiceUnavailable, answer.Error, err
		})
		return status, answer
	}
	status, answer := exists("source")
	require.Equal(s, http.StatusOK, status)
	require.True(s, answer.Exists)
	require.Equal(s, wire.DecisionRestore, answer.Decision)
	require.True(s, answer.Authoritative)
	require.NotNil(s, answer.Latest)

	status, answer = exists("never-heard-of")
	require.Equal(s, http.StatusOK, status)
	require.False(s, answer.Exists)
	require.Equal(s, wire.DecisionFresh, answer.Decision)
	require.True(s, answer.Authoritative)

	status, _ = exists("No_Name")
	require.Equal(s, http.StatusBadRequest, status)
}
