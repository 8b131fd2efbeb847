package kube_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

func TestAChoiceHoldsForClaimsThatWereMadeBeforeItExpired(t *testing.T) {
	noon := time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)
	const past, future = "2026-04-12T11:00:00Z", "2026-04-12T13:00:00Z"
	skips := map[string]string{v1alpha1.RestoreLabel: "skip"}
	tests := map[string]struct {
		labels, annotations map[string]string
		namespace           map[string]string
		made                time.Time // zero for a claim that is being created
		doubt               bool      // of the clock
		required            bool

		mode       decision.Mode
		selector   backup.Selector
		problem    string // of the choice
		refused    string // of the label
		fromItself bool
	}{
		"a pin that holds": {annotations: map[string]string{v1alpha1.RestoreBackupAnnotation: "aaaaaaaa", v1alpha1.ExpiresAnnotation: future},
			mode: decision.Auto, selector: backup.Selector{ID: "aaaaaaaa"}, fromItself: true},
		"a pin that has expired means the newest": {annotations: map[string]string{v1alpha1.RestoreBackupAnnotation: "aaaaaaaa", v1alpha1.ExpiresAnnotation: past},
			mode: decision.Auto, fromItself: true},
		"a time that has expired means the newest": {annotations: map[string]string{v1alpha1.RestoreAsOfAnnotation: "2026-01-01T00:00:00Z", v1alpha1.ExpiresAnnotation: past},
			mode: decision.Auto, fromItself: true},
		"a source that has expired means the claim itself": {annotations: map[string]string{v1alpha1.RestoreFromAnnotation: "media/other", v1alpha1.ExpiresAnnotation: past},
			mode: decision.Auto, fromItself: true},
		"a claim that waits past the end keeps its choice": {annotations: map[string]string{v1alpha1.RestoreBackupAnnotation: "aaaaaaaa", v1alpha1.ExpiresAnnotation: past},
			made: noon.Add(-2 * time.Hour), mode: decision.Auto, selector: backup.Selector{ID: "aaaaaaaa"}, fromItself: true},
		"a claim that was made after the end has none": {annotations: map[string]string{v1alpha1.RestoreBackupAnnotation: "aaaaaaaa", v1alpha1.ExpiresAnnotation: past},
			made: noon.Add(-30 * time.Minute), mode: decision.Auto, fromItself: true},
		"a pin with an end that cannot be understood holds the claim": {annotations: map[string]string{v1alpha1.RestoreBackupAnnotation: "aaaaaaaa", v1alpha1.ExpiresAnnotation: "tomorrow"},
			mode: decision.Auto, selector: backup.Selector{ID: "aaaaaaaa"}, problem: "soteria.dev/expires", fromItself: true},
		"a pin while the clock is in doubt holds the claim": {annotations: map[string]string{v1alpha1.RestoreBackupAnnotation: "aaaaaaaa", v1alpha1.ExpiresAnnotation: past},
			doubt: true, mode: decision.Auto, selector: backup.Selector{ID: "aaaaaaaa"}, problem: "clock is in doubt", fromItself: true},
		"a skip that holds":                        {labels: skips, annotations: map[string]string{v1alpha1.ExpiresAnnotation: future}, mode: decision.Skip, fromItself: true},
		"a skip that has expired is protection":    {labels: skips, annotations: map[string]string{v1alpha1.ExpiresAnnotation: past}, mode: decision.Auto, fromItself: true},
		"an expired skip is required where all is": {labels: skips, annotations: map[string]string{v1alpha1.ExpiresAnnotation: past}, required: true, mode: decision.Required, fromItself: true},
		"an expired skip is what the namespace says": {labels: skips, annotations: map[string]string{v1alpha1.ExpiresAnnotation: past},
			namespace: map[string]string{v1alpha1.RestoreLabel: "required"}, mode: decision.Required, fromItself: true},
		"a skip while the clock is in doubt is protection":             {labels: skips, annotations: map[string]string{v1alpha1.ExpiresAnnotation: future}, doubt: true, mode: decision.Auto, fromItself: true},
		"a skip with an end that cannot be understood is refused":      {labels: skips, annotations: map[string]string{v1alpha1.ExpiresAnnotation: "soon"}, mode: decision.Skip, refused: "soteria.dev/expires", fromItself: true},
		"an end that bounds nothing says nothing, whatever it says":    {annotations: map[string]string{v1alpha1.ExpiresAnnotation: "soon"}, mode: decision.Auto, fromItself: true},
		"a skip of a claim that was made before the end keeps holding": {labels: skips, annotations: map[string]string{v1alpha1.ExpiresAnnotation: past}, made: noon.Add(-2 * time.Hour), mode: decision.Skip, fromItself: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
				Namespace: "media", Name: "photos", Labels: test.labels, Annotations: test.annotations, CreationTimestamp: metav1.NewTime(test.made),
			}}
			if claim.Labels == nil {
				claim.Labels = map[string]string{v1alpha1.RestoreLabel: "auto"}
			} else {
				claim.Annotations[v1alpha1.SkipReasonAnnotation] = "scratch"
			}
			facts := kube.Facts(claim, test.namespace, nil, kube.Policy{
				Required: test.required, Rules: func() backup.Rules { return backup.Rules{Now: noon, ClockDoubt: test.doubt} },
			})
			assert.Equal(t, test.mode, facts.Mode)
			assert.Equal(t, test.selector, facts.Selector)
			assert.Equal(t, test.fromItself, facts.Source == facts.Claim)
			for said, want := range map[string]string{facts.SelectionProblem: test.problem, facts.ModeProblem: test.refused} {
				if want == "" {
					continue
				}
				assert.Contains(t, said, want)
			}
			assert.Equal(t, test.problem == "", facts.SelectionProblem == "", facts.SelectionProblem)
			assert.Equal(t, test.refused == "", facts.ModeProblem == "", facts.ModeProblem)
		})
	}
}
