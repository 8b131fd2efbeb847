package naming_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/naming"
)

func seven(suffix []byte) {
	for i := range suffix {
		suffix[i] = 7
	}
}

func TestEachGenerationNamesBackupVolumesItsOwnWay(t *testing.T) {
	t.Parallel()
	const volume = "pvc-11111111-1111-4111-8111-111111111111"

	require.Equal(t, volume, naming.Plain.BackupVolume(volume, "default", seven))
	require.Equal(t, volume+"-07070707", naming.Random.BackupVolume(volume, "default", seven))
	// As the newest Longhorn was seen to name them.
	require.Equal(t, volume+"-3c4bc226", naming.Hashed.BackupVolume(volume, "default", seven))
	require.Equal(t, "data-vol-4-3f4262a7", naming.Hashed.BackupVolume("data-vol-4", "default", seven))
}

func TestOnlyTheFirstGenerationKeepsTheVolumeToItself(t *testing.T) {
	t.Parallel()
	require.False(t, naming.Plain.SaysVolume())
	require.True(t, naming.Random.SaysVolume())
	require.True(t, naming.Hashed.SaysVolume())
}

func TestAGenerationIsReadFromItsRelease(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]naming.Generation{"": naming.Hashed, "1.6": naming.Plain, "1.8": naming.Random, "1.9": naming.Hashed} {
		got, err := naming.Parse(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := naming.Parse("1.7")
	require.ErrorContains(t, err, `no generation of names "1.7"`)
}
