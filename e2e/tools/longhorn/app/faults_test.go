package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
)

func TestAListWithAMistakeTurnsAllFaultsOff(t *testing.T) {
	t.Parallel()
	set := &fault.Set{}
	require.NoError(t, apply("[{fault: syncNever}]", set))
	_, on := set.Object(fault.SyncNever, "default")
	require.True(t, on)

	require.ErrorContains(t, apply("[{fault: sycnNever}]", set), "no such fault")

	_, on = set.Object(fault.SyncNever, "default")
	require.False(t, on)
}

func TestAListIsToldByItsChecksum(t *testing.T) {
	t.Parallel()
	require.Equal(t, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", checksum(""))
}
