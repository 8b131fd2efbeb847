package intent

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

func TestAVerdictForWantOfAnAnswerRefusesNothingForGood(t *testing.T) {
	unanswered := map[decision.Reason]bool{decision.ReasonUnknown: true, decision.ReasonChecking: true, decision.ReasonNewestInDoubt: true}
	settings := map[decision.Reason]backup.Reason{decision.ReasonCrossNamespace: backup.BySetting, decision.ReasonExcluded: backup.NamespaceExcluded}
	for _, verdict := range decision.Outcomes() {
		kind := backup.KindOf(refusal(verdict))
		switch {
		case unanswered[verdict.Reason]:
			assert.Equal(t, backup.Unavailable, kind, verdict.Reason)
		case verdict.Kind == decision.Deny, verdict.Kind == decision.Ignore:
			assert.Equal(t, backup.Denied, kind, verdict.Reason)
		default:
			assert.Equal(t, backup.Conflict, kind, verdict.Reason)
		}
		assert.Equal(t, settings[verdict.Reason], backup.ReasonOf(refusal(verdict)), verdict.Reason)
	}
}
