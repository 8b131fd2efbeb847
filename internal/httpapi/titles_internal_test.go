package httpapi

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

func TestEveryErrorHasAHeadline(t *testing.T) {
	for _, kind := range backup.Kinds() {
		assert.NotEmpty(t, title(backup.Errorf(kind, "why")), kind)
	}
	for _, reason := range backup.Reasons() {
		assert.NotEmpty(t, causeTitles[reason], reason)
	}
	for code := range refusals {
		assert.NotEmpty(t, refusalTitles[code], code)
	}
}

func TestTheDocumentKnowsEveryReason(t *testing.T) {
	documented := enumerations[typeOfReason].Enum
	assert.Len(t, documented, len(backup.Reasons()))
	for _, reason := range backup.Reasons() {
		assert.Contains(t, documented, string(reason))
	}
}

func TestAHeadlineNamesTheCauseAndNotItsOpposite(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		title string
	}{
		"a setting is no lack of permission": {
			&backup.Error{Kind: backup.Denied, Reason: backup.BySetting, Message: "SOTERIA_CROSS_NAMESPACE"}, "Soteria is not set up for this"},
		"a missing target is not that there is nothing to restore": {
			backup.WithSettle(&backup.Error{Kind: backup.NotFound, Reason: backup.NamespaceMissing}, "kubectl create namespace media"), "The target namespace does not exist"},
		"a choice that is not met is not that there is no backup": {
			&backup.Error{Kind: backup.NotFound, Reason: backup.ChoiceUnmet}, "No backup is what was asked for"},
		"what has no reason is told by its kind": {backup.Errorf(backup.Denied, "no"), "This is not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, body := describe(test.err)
			assert.Equal(t, test.title, body.Title)
			assert.Equal(t, wire.Reason(backup.ReasonOf(test.err)), body.Reason)
		})
	}
}
