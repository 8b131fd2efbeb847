package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
)

func TestWhatIsKeptInMemory(t *testing.T) {
	var m ledger.Memory
	nothing, held := catalog.Expectation{}, catalog.Expectation{Repository: "backups@store", HeldBackups: true}
	got, err := m.Expectation(t.Context(), "s3")
	require.NoError(t, err)
	assert.Equal(t, nothing, got)

	require.NoError(t, m.Record(t.Context(), "s3", nothing, held))
	got, err = m.Expectation(t.Context(), "s3")
	require.NoError(t, err)
	assert.Equal(t, held, got)
	got, _ = m.Expectation(t.Context(), "kopia-fs")
	assert.Equal(t, nothing, got, "each driver has its own")

	assert.Equal(t, backup.Conflict, backup.KindOf(m.Record(t.Context(), "s3", nothing, held)))
}
