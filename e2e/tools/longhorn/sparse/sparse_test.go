package sparse_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/sparse"
)

const size = 64 << 20

func quietly(context.Context, int, int) error { return nil }

func create(t *testing.T) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "image"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// holed is a file with data at the beginning, in the middle, and at the very end.
func holed(t *testing.T) *os.File {
	t.Helper()
	file := create(t)
	require.NoError(t, file.Truncate(size))
	for _, offset := range []int64{0, 32<<20 + 12345, size - 1} {
		_, err := file.WriteAt([]byte("x"), offset)
		require.NoError(t, err)
	}
	return file
}

func content(t *testing.T, file *os.File) []byte {
	t.Helper()
	data, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	return data
}

func TestACopyIsTheSameAndTakesNoRoomForWhatIsEmpty(t *testing.T) {
	t.Parallel()
	source, target := holed(t), create(t)

	written, err := sparse.Copy(t.Context(), target, source, quietly)

	require.NoError(t, err)
	require.True(t, bytes.Equal(content(t, source), content(t, target)))
	require.LessOrEqual(t, written, int64(1<<20))
	info, err := target.Stat()
	require.NoError(t, err)
	require.LessOrEqual(t, sparse.DataBytes(info), int64(2<<20))
}

func TestZerosThatTakeRoomAreLeftOut(t *testing.T) {
	t.Parallel()
	source, target := create(t), create(t)
	_, err := source.Write(make([]byte, 4<<20))
	require.NoError(t, err)

	written, err := sparse.Copy(t.Context(), target, source, quietly)

	require.NoError(t, err)
	require.Zero(t, written)
	require.Len(t, content(t, target), 4<<20)
}

func TestAnEmptyFileIsCopied(t *testing.T) {
	t.Parallel()
	written, err := sparse.Copy(t.Context(), create(t), create(t), quietly)
	require.NoError(t, err)
	require.Zero(t, written)
}

func TestStepsGoFromNothingToAll(t *testing.T) {
	t.Parallel()
	var percents []int
	_, err := sparse.Copy(t.Context(), create(t), holed(t), func(_ context.Context, _, percent int) error {
		percents = append(percents, percent)
		return nil
	})
	require.NoError(t, err)
	require.IsIncreasing(t, append([]int{-1}, dedupe(percents)...))
	require.Equal(t, 0, percents[0])
	require.Equal(t, 100, percents[len(percents)-1])
	require.Contains(t, percents, 50)
}

func dedupe(numbers []int) []int {
	var distinct []int
	for _, number := range numbers {
		if len(distinct) == 0 || distinct[len(distinct)-1] != number {
			distinct = append(distinct, number)
		}
	}
	return distinct
}

func TestAStepEndsTheCopy(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	_, err := sparse.Copy(t.Context(), create(t), holed(t), func(_ context.Context, _, percent int) error {
		if percent >= 50 {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
}
