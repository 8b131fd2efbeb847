package freeze

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func file(content string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(content)}
}

func TestTheLoopDeviceOfAnImageIsFound(t *testing.T) {
	t.Parallel()
	block := fstest.MapFS{
		"loop0/loop/backing_file": file("/state/longhorn/volumes/pvc-10.img\n"),
		"loop0/dev":               file("7:0\n"),
		"loop1/loop/backing_file": file("/state/longhorn/volumes/pvc-1.img\n"),
		"loop1/dev":               file("7:1\n"),
		"sda/dev":                 file("8:0\n"),
	}
	number, found, err := loopDevice(block, "volumes/pvc-1.img")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "7:1", number)

	_, found, err = loopDevice(block, "volumes/pvc-2.img")
	require.NoError(t, err)
	require.False(t, found)
}

func TestTheMountOfADeviceIsFoundInAnyNamespace(t *testing.T) {
	t.Parallel()
	proc := fstest.MapFS{
		"self/mountinfo": file(""),
		"1/mountinfo":    file("25 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"),
		"77/mountinfo": file("25 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n" +
			`310 25 7:1 / /kubelet/with\040blank/mount rw,relatime shared:9 - ext4 /dev/loop1 rw` + "\n"),
	}
	mounts, err := mountsOf(proc, "7:1")
	require.NoError(t, err)
	require.Equal(t, []string{"77/root/kubelet/with blank/mount"}, mounts)

	mounts, err = mountsOf(proc, "7:2")
	require.NoError(t, err)
	require.Empty(t, mounts)
}

func TestAProcessThatKeepsOthersOutIsPassedOver(t *testing.T) {
	t.Parallel()
	proc := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(proc, "77", "root", "mount"), 0o700))
	// A link to itself cannot be followed, even by root.
	require.NoError(t, os.Mkdir(filepath.Join(proc, "1"), 0o700))
	require.NoError(t, os.Symlink("root", filepath.Join(proc, "1", "root")))

	dir, err := openFirst(proc, []string{"1/root/mount", "77/root/mount"})
	require.NoError(t, err)
	require.NoError(t, dir.Close())

	_, err = openFirst(proc, []string{"1/root/mount"})
	require.ErrorContains(t, err, "open the mounted volume")

	dir, err = openFirst(proc, []string{"78/root/mount"})
	require.NoError(t, err, "a process that has ended keeps nobody out")
	require.Nil(t, dir)
}

func TestAnImageThatNobodyUsesNeedsNoFreezing(t *testing.T) {
	t.Parallel()
	fail := errors.New("the copy failed")
	require.ErrorIs(t, While("volumes/of nobody.img", func() error { return fail }), fail)
}
