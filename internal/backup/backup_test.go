package backup_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestSelectorsDescribeTheWish(t *testing.T) {
	assert.Equal(t, "the newest", backup.Selector{}.String())
	assert.Equal(t, `id "5e1f"`, backup.Selector{ID: "5e1f"}.String())
	assert.Equal(t, "taken at or before 2026-03-01T12:00:00Z", backup.Selector{AsOf: noon}.String())
	assert.Equal(t, `id "5e1f" taken at or before 2026-03-01T12:00:00Z`, backup.Selector{ID: "5e1f", AsOf: noon}.String())
	assert.Equal(t, "of cluster attic taken at or before 2026-03-01T12:00:00Z", backup.Selector{Cluster: "attic", AsOf: noon}.String())
}
