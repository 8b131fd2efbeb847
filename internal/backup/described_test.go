package backup_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestABackupDescribesItsClaim(t *testing.T) {
	whole := backup.Described{Capacity: "10Gi", StorageClass: "fast=er", AccessModes: []string{"ReadWriteOnce", "ReadOnlyMany"}}
	assert.Equal(t, []string{"capacity=10Gi", "storage-class=fast=er", "access-mode=ReadWriteOnce", "access-mode=ReadOnlyMany"}, whole.Tags())
	assert.Equal(t, whole, backup.Backup{Tags: append([]string{"namespace=media", "pvc=photos", "nightly"}, whole.Tags()...)}.Described())
	assert.Empty(t, backup.Described{}.Tags())
	assert.Zero(t, backup.Backup{Tags: []string{"namespace=media", "capacity", ""}}.Described())
}
