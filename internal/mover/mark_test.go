package mover_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// filling is a way to fill a volume, and what it fills it with.
type filling struct {
	data string
	fill func(t *testing.T, target string) (int, report.Result, string)
}

// fillings are all ways to fill a volume with the same few files.
func fillings(t *testing.T) map[string]filling {
	t.Helper()
	v, snapshot := seeded(t, restictest.Restic(t))
	return map[string]filling{
		"a restore": {v.data, func(t *testing.T, target string) (int, report.Result, string) {
			t.Helper()
			filled := v
			filled.target = target
			return filled.restore(t, snapshot)
		}},
		"a copy": {v.data, func(t *testing.T, target string) (int, report.Result, string) {
			t.Helper()
			return run(t, t.Context(), "copy", "--source", v.data, "--target", target, "--mark", prime)
		}},
	}
}

func TestAVolumeThatHoldsWhatTheRestoreDidNotWriteIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, target string){
		"a file": func(t *testing.T, target string) { files(t, target, "photos/1.jpg") },
		"files of the names that the backup has": func(t *testing.T, target string) {
			files(t, target, "plain", "deep/er/down")
		},
		"what another restore wrote": func(t *testing.T, target string) {
			files(t, target, ".soteria-restore-99999999-2222-3333-4444-555555555555", "photos/1.jpg")
		},
		"a folder called as the mark": func(t *testing.T, target string) {
			files(t, target, ".soteria-restore-"+prime+"/x", "photos/1.jpg")
		},
		"a link called as the mark": func(t *testing.T, target string) {
			require.NoError(t, os.Symlink("/dev/null", mark(target)))
			files(t, target, "photos/1.jpg")
		},
	}
	for way, f := range fillings(t) {
		for name, plant := range cases {
			t.Run(way+" to a volume with "+name, func(t *testing.T) {
				target := t.TempDir()
				plant(t, target)
				before := inventory(t, target)
				status, result, _ := f.fill(t, target)
				assert.Equal(t, 1, status)
				assert.Equal(t, report.FindingForeign, result.Finding)
				assert.Contains(t, result.Error, "the new volume is not empty, and nothing was written to it: it holds ")
				assert.Equal(t, before, inventory(t, target))
			})
		}
	}
}

func TestAnAttemptThatDiedAnywhereIsFollowedByOneThatSucceeds(t *testing.T) {
	for way, f := range fillings(t) {
		want := inventory(t, f.data)
		cases := map[string]func(t *testing.T, target string){
			"before it marked the volume": func(*testing.T, string) {},
			"as it marked the volume":     func(t *testing.T, target string) { require.NoError(t, os.WriteFile(mark(target), nil, 0o600)) },
			"half-way": func(t *testing.T, target string) {
				require.NoError(t, os.WriteFile(mark(target), nil, 0o600))
				files(t, target, "plain", "deep/er/half", "more")
			},
			"once it had removed the mark": func(t *testing.T, target string) {
				status, _, output := f.fill(t, target)
				require.Zero(t, status, output)
			},
			"once it had removed the mark, before it gave the root folder its times": func(t *testing.T, target string) {
				status, _, output := f.fill(t, target)
				require.Zero(t, status, output)
				require.NoError(t, os.Chtimes(target, time.Now(), time.Now()))
			},
		}
		for name, die := range cases {
			t.Run(way+" that died "+name, func(t *testing.T) {
				target := t.TempDir()
				require.NoError(t, os.Mkdir(filepath.Join(target, "lost+found"), 0o700))
				die(t, target)
				status, result, output := f.fill(t, target)
				require.Zero(t, status, output)
				assert.Equal(t, report.FindingOwn, result.Finding)
				assert.Equal(t, result.Expected, result.Restored)
				assert.Equal(t, want, inventory(t, target), "the mark is gone, and all else is there")
			})
		}
	}
}

func TestAMoverSaysInItsLogThatItsVolumeIsItsOwnBeforeItWrites(t *testing.T) {
	v := newVolume(t, wrapped(t, restictest.Restic(t), `[ "$1" = restore ] && exit 1; exec "$RESTIC" "$@"`))
	seed, snapshot := seeded(t, restictest.Restic(t))
	v.repository, v.credentials, v.data = seed.repository, seed.credentials, seed.data
	status, result, output := v.restore(t, snapshot)
	assert.Equal(t, 1, status)
	assert.Equal(t, report.FindingOwn, result.Finding)
	assert.Contains(t, output, `{"progress":`)
	assert.FileExists(t, mark(v.target), "the next attempt finds it")
}

func TestARawDeviceWithDataIsRefused(t *testing.T) {
	at := func(offset int, magic string) []byte {
		content := make([]byte, 128<<10)
		copy(content[offset:], magic)
		return content
	}
	for name, content := range map[string][]byte{
		"an ext4 file system": at(1024+56, "\x53\xef"), "an XFS file system": at(0, "XFSB"), "a partition table": at(510, "\x55\xaa"),
		"a LUKS volume": at(0, "LUKS\xba\xbe"), "a btrfs file system": at(64<<10+64, "_BHRfS_M"),
	} {
		t.Run(name, func(t *testing.T) {
			device := filepath.Join(t.TempDir(), "device")
			require.NoError(t, os.WriteFile(device, content, 0o600))
			status, result, _ := run(t, t.Context(), "blank", "--device", device)
			assert.Equal(t, 1, status)
			assert.Equal(t, report.FindingForeign, result.Finding)
			assert.Contains(t, result.Error, "the new volume is not empty")
		})
	}
}

func TestWhatDiffersInOwnerModeOrTimeIsNotVerified(t *testing.T) {
	cases := map[string]struct{ spoil, says string }{
		"the owner":            {`chown 7:8 "$TARGET/deep/er/down"`, "/deep/er/down: owner 7:8 instead of 0:0"},
		"the mode":             {`chmod 4711 "$TARGET/plain"`, "/plain: mode 4711 instead of 0644"},
		"the time of a file":   {`touch -d 2001-01-01T00:00:00Z "$TARGET/plain"`, "/plain: changed at 2001-01-01T00:00:00Z instead of"},
		"the mode of a folder": {`chmod 0700 "$TARGET/empty"`, "/empty: mode 0700 instead of 0755"},
	}
	for version, restic := range restictest.Versions {
		seed, snapshot := seeded(t, restic(t))
		for name, c := range cases {
			t.Run(name+", with "+version, func(t *testing.T) {
				v := seed.clone(t)
				t.Setenv("TMPDIR", v.target) // which restic's environment keeps
				v.restic = wrapped(t, restic(t), "TARGET=$TMPDIR\n"+`"$RESTIC" "$@" || exit; if [ "$1" = restore ]; then `+c.spoil+`; fi`)
				status, result, _ := v.restore(t, snapshot)
				assert.Equal(t, 1, status)
				assert.Equal(t, "partial", result.Kind)
				assert.Contains(t, strings.Join(result.Problems, "\n"), v.data+c.says)
			})
		}
	}
}

func TestContentsThatDifferAreFoundWhereThatIsWanted(t *testing.T) {
	spoilt := func(t *testing.T, verify string) (int, report.Result) {
		t.Helper()
		seed, snapshot := large(t)
		v := seed.clone(t)
		t.Setenv("TMPDIR", v.target)
		// The file is spoilt while restic writes another one; its size and times are
		// what they should be in the end. A restic that finds its cache half made ends
		// without writing it, and is run again.
		v.restic = wrapped(t, seed.restic, `if [ "$1" = restore ]; then
	rm -f "$0.ended"
	(until grep -q hello "$TMPDIR/a" 2>/dev/null || [ -e "$0.ended" ]; do :; done
	grep -q hello "$TMPDIR/a" 2>/dev/null && printf jello | dd of="$TMPDIR/a" conv=notrunc 2>/dev/null) &
	"$RESTIC" "$@"; status=$?; touch "$0.ended"; wait; exit $status
fi
exec "$RESTIC" "$@"`)
		status, result, _ := v.restoreWith(t, snapshot, "--verify", verify)
		content, err := os.ReadFile(filepath.Join(v.target, "a"))
		require.NoError(t, err)
		require.Equal(t, "jello", string(content))
		return status, result
	}
	t.Run("contents", func(t *testing.T) {
		status, result := spoilt(t, "contents")
		assert.Equal(t, 1, status)
		assert.Contains(t, strings.Join(append(result.Problems, result.Error), "\n"), "/a")
	})
	t.Run("sizes", func(t *testing.T) {
		status, _ := spoilt(t, "sizes")
		assert.Zero(t, status, "which is why there are contents")
	})
	t.Run("a copy", func(t *testing.T) {
		source, target := t.TempDir(), t.TempDir()
		files(t, source, "a", "b")
		status, _, output := run(t, t.Context(), "copy", "--source", source, "--target", target, "--mark", prime, "--verify", "contents")
		require.Zero(t, status, output)
		stat, err := os.Stat(filepath.Join(target, "a"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(target, "a"), []byte("OF a"), 0o644))
		require.NoError(t, os.Chtimes(filepath.Join(target, "a"), stat.ModTime(), stat.ModTime()))
		status, result, _ := run(t, t.Context(), "copy", "--source", source, "--target", target, "--mark", prime, "--verify", "contents")
		assert.Equal(t, 1, status)
		assert.Equal(t, report.FindingForeign, result.Finding, "no restore of this one wrote it")
	})
}

// large is a repository with a small file and one that takes a while to restore.
func large(t *testing.T) (volume, string) {
	t.Helper()
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	require.NoError(t, os.WriteFile(filepath.Join(v.data, "a"), []byte("hello"), 0o644))
	noise := make([]byte, 96<<20)
	state := uint64(1)
	for i := range noise {
		state = state*6364136223846793005 + 1442695040888963407
		noise[i] = byte(state >> 56)
	}
	require.NoError(t, os.WriteFile(filepath.Join(v.data, "b"), noise, 0o644))
	return v, v.repository.Snapshot(t, v.data)
}

func TestAVolumeWithoutRoomForTheBackupIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v := newVolume(t, restic(t))
			v.repository.Init(t)
			// With holes: it takes no room here, and is larger than any disk of a test.
			huge, err := os.Create(filepath.Join(v.data, "huge"))
			require.NoError(t, err)
			require.NoError(t, huge.Truncate(64<<20))
			require.NoError(t, huge.Close())
			snapshot := v.repository.Snapshot(t, v.data)
			v.target = tmpfs(t, "size=32m")
			status, result, _ := v.restoreWith(t, snapshot, "--room")
			assert.Equal(t, 1, status)
			assert.Contains(t, result.Error, "the backup holds 64 MiB of files and the volume has room for 32 MiB")
			assert.Contains(t, result.Error, "delete it and apply it with a larger size")
			left, err := os.ReadDir(v.target)
			require.NoError(t, err)
			assert.Empty(t, left)

			status, _, output := v.restore(t, snapshot)
			assert.Zero(t, status, "with its holes it has room: %s", output)
		})
	}
	t.Run("a copy", func(t *testing.T) {
		source, target := t.TempDir(), tmpfs(t, "size=1m")
		require.NoError(t, os.WriteFile(filepath.Join(source, "a"), make([]byte, 2<<20), 0o644))
		status, result, _ := run(t, t.Context(), "copy", "--source", source, "--target", target, "--mark", prime, "--room")
		assert.Equal(t, 1, status)
		assert.Contains(t, result.Error, "the backup holds 2 MiB of files and the volume has room for 1 MiB")
	})
}
