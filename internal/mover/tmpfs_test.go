package mover_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// tmpfs mounts a file system of its own, in memory, for as long as the test lasts.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", folder, "tmpfs", 0, options))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(folder, unix.MNT_DETACH)) })
	return folder
}
