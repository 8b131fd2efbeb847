package httpapi

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// causeWords are the words by which headlines tell causes from each other.
var causeWords = map[string][]string{
	"absence":    {"no backup", "nothing", "there is no", "missing", "no bound"},
	"permission": {"allowed", "kubernetes refuses", "signed in"},
	"setting":    {"set up", "keeps out"},
	"doubt":      {"could not be found out", "on its way", "not proved", "accepted"},
	"presence":   {"exists or is under way", "claim exists", "uses the copy"},
	"request":    {"the request", "the body", "the path", "too many requests", "asked for"},
	"system":     {"failed", "refused", "repository does not exist", "repository is not the one", "not configured any more", "not done"},
}

func TestEveryHeadlineIsOfTheCauseThatTheErrorHas(t *testing.T) {
	kinds := map[backup.Kind][]string{
		backup.Internal: {"system"}, backup.Invalid: {"request"}, backup.Unprocessable: nil, backup.NotFound: {"absence"}, backup.Conflict: {"presence"},
		backup.Unauthenticated: {"permission"}, backup.Denied: {"permission"}, backup.Busy: {"request"}, backup.Unavailable: {"doubt"},
		backup.Credentials: {"absence", "system"}, backup.RepositoryAbsent: {"system"}, backup.RepositoryChanged: {"system"}, backup.Partial: {"system"},
		backup.DriverFailed: {"system"}, backup.BackupMissing: {"absence"}, backup.RepositoryUnaccepted: {"doubt"}, backup.RepositoryDropped: {"system"},
	}
	reasons := map[backup.Reason][]string{
		backup.ChoiceUnmet: {"absence", "request"}, backup.NoBackups: {"absence"}, backup.BySetting: {"setting"}, backup.NamespaceExcluded: {"setting"},
		backup.NamespaceMissing: nil, backup.NamespaceTerminating: nil, backup.StorageClassMissing: nil, backup.TargetExists: {"presence"}, backup.NoClaims: {"absence"},
		backup.Missing: {"absence", "request"}, backup.UnknownParameter: {"request"}, backup.NoCopy: nil, backup.Unproved: {"doubt"},
		backup.InUse: {"presence"}, backup.Coming: {"doubt"}, backup.ByPermission: {"permission"},
	}
	require.Len(t, kinds, len(backup.Kinds()))
	require.Len(t, reasons, len(backup.Reasons()))
	for kind, causes := range kinds {
		assert.ElementsMatch(t, causes, causesIn(title(backup.Errorf(kind, "why"))), kind)
	}
	for reason, causes := range reasons {
		for _, kind := range backup.Kinds() {
			assert.ElementsMatch(t, causes, causesIn(title(&backup.Error{Kind: kind, Reason: reason})), "%s, whatever its kind", reason)
		}
	}
}

// causesIn returns which causes a headline names.
func causesIn(headline string) []string {
	named := []string{}
	for cause, words := range causeWords {
		if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.ToLower(headline), word) }) {
			named = append(named, cause)
		}
	}
	return named
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
		"an answer that is on its way is no failure": {backup.NotYet(backup.Errorf(backup.Unavailable, "ask again")), "The answer is on its way"},
		"a reason of its own is not hidden by that the rest is on its way": {
			backup.NotYet(&backup.Error{Kind: backup.NotFound, Reason: backup.NoClaims}), "The namespace has no bound claim"},
		"what has no reason is told by its kind": {backup.Errorf(backup.Denied, "no"), "This is not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, body := describe(test.err)
			assert.Equal(t, test.title, body.Title)
			assert.Equal(t, wire.Reason(backup.ReasonOf(test.err)), body.Reason)
		})
	}
}
