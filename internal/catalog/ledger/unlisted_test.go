package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
)

func TestARepositoryThatNothingLooksAtHoldsBackups(t *testing.T) {
	for name, test := range map[string]struct {
		before   map[string]string
		expected catalog.Expectation
	}{
		"nothing is known of it":                 {nil, nothing},
		"it was listed once, and held nothing":   {map[string]string{"longhorn": `{"repository": "5e1f"}`}, held},
		"it held backups before":                 {map[string]string{"longhorn": `{"repository": "5e1f", "heldBackups": true}`}, held},
		"something else is known of another one": {map[string]string{"restic": `{"repository": "0bad"}`}, nothing},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(configMap(test.before))
			l := ledger.New(c, c, namespace)
			require.NoError(t, l.HoldsUnlisted(t.Context(), "longhorn"))
			require.NoError(t, l.HoldsUnlisted(t.Context(), "longhorn"))
			holding, err := l.Held(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{"longhorn"}, holding)
			expected, err := l.Expectation(t.Context(), "longhorn")
			require.NoError(t, err)
			assert.Equal(t, test.expected, expected)

			require.NoError(t, l.Record(t.Context(), "longhorn", expected, other), "once it is looked at, it is recorded as any other")
			expected, err = l.Expectation(t.Context(), "longhorn")
			require.NoError(t, err)
			assert.Equal(t, other, expected)
			require.NoError(t, l.Forget(t.Context(), "longhorn"))
			holding, err = l.Held(t.Context())
			require.NoError(t, err)
			assert.Empty(t, holding)
		})
	}
}

func TestAnEntryThatCannotBeUnderstoodIsLeftAsItIs(t *testing.T) {
	c := cluster(configMap(map[string]string{"longhorn": "nonsense"}))
	l := ledger.New(c, c, namespace)
	require.NoError(t, l.HoldsUnlisted(t.Context(), "longhorn"))
	assert.Equal(t, "nonsense", stored(t, c).Data["longhorn"])
	holding, err := l.Held(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"longhorn"}, holding)
}
