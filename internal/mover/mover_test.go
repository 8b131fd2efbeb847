package mover_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/mover"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// volume is a mover's surroundings: a volume, a repository and what a Job mounts.
type volume struct {
	restic      string
	repository  restictest.Repository
	credentials string
	scratch     string
	data        string
	target      string
}

func newVolume(t *testing.T, restic string) volume {
	t.Helper()
	v := volume{restic: restic, credentials: t.TempDir(), scratch: t.TempDir(), data: t.TempDir(), target: t.TempDir()}
	v.repository = restictest.Repository{Restic: restic, Address: filepath.Join(t.TempDir(), "repository"), CacheDir: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(v.credentials, "RESTIC_PASSWORD"), []byte(restictest.Password+"\n"), 0o400))
	return v
}

// run runs a mover and gives its exit status, its result and its output.
func run(t *testing.T, ctx context.Context, args ...string) (int, report.Result, string) { //nolint:revive // t first, as everywhere in tests
	t.Helper()
	termination := filepath.Join(t.TempDir(), "termination-log")
	require.NoError(t, os.WriteFile(termination, nil, 0o600))
	var stdout, stderr bytes.Buffer
	status := mover.Run(ctx, args, mover.Process{Stdout: &stdout, Stderr: &stderr, TerminationLog: termination})
	left, err := os.ReadFile(termination)
	require.NoError(t, err)
	require.LessOrEqual(t, len(left), report.Limit)
	if t.Failed() || testing.Verbose() {
		t.Logf("mover %v: %d\n%s\n%s", args, status, stdout.String(), stderr.String())
	}
	result, err := report.Decode(string(left))
	if status != 2 {
		require.NoError(t, err, "stderr: %s", stderr.String())
	}
	return status, result, stdout.String() + stderr.String()
}

// clone gives the volume a repository, credentials and a target of its own, so
// that a case can spoil them.
func (v volume) clone(t *testing.T) volume {
	t.Helper()
	fresh := newVolume(t, v.restic)
	require.NoError(t, os.CopyFS(fresh.repository.Address, os.DirFS(v.repository.Address)))
	fresh.data, fresh.repository.Restic = v.data, v.repository.Restic
	return fresh
}

// seeded gives a volume with a few files and a repository with two snapshots of
// it, the older one's id with it.
func seeded(t *testing.T, restic string) (volume, string) {
	t.Helper()
	v := newVolume(t, restic)
	v.repository.Init(t)
	require.NoError(t, os.MkdirAll(filepath.Join(v.data, "deep/er"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(v.data, "empty"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(v.data, "deep/er/down"), []byte("down"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(v.data, "plain"), []byte("hello"), 0o644))
	require.NoError(t, os.Chown(filepath.Join(v.data, "plain"), 1000, 1000))
	snapshot := v.repository.Snapshot(t, v.data)
	v.repository.Snapshot(t, v.data)
	return v, snapshot
}

func (v volume) common() []string {
	return []string{"--repository", v.repository.Address, "--credentials", v.credentials, "--scratch", v.scratch, "--restic", v.restic}
}

func (v volume) backup(t *testing.T, more ...string) (int, report.Result, string) {
	t.Helper()
	args := append([]string{"backup"}, v.common()...)
	args = append(args, "--source", v.data, "--host", "apps/data", "--tag", "namespace=apps", "--tag", "pvc=data", "--tag", "with space")
	return run(t, t.Context(), append(args, more...)...)
}

func (v volume) restore(t *testing.T, snapshot string) (int, report.Result, string) {
	t.Helper()
	return v.restoreWith(t, snapshot)
}

func (v volume) restoreWith(t *testing.T, snapshot string, more ...string) (int, report.Result, string) {
	t.Helper()
	args := append([]string{"restore"}, v.common()...)
	args = append(args, "--snapshot", snapshot, "--folder", v.data, "--target", v.target, "--mark", prime)
	return run(t, t.Context(), append(args, more...)...)
}

// prime is the uid by which volumes are marked.
const prime = "11111111-2222-3333-4444-555555555555"

// mark is where the mark of a restore for the prime lies.
func mark(volume string) string { return filepath.Join(volume, ".soteria-restore-"+prime) }

const sparseSize = 64 << 20

// plant fills a folder with all that a file system may hold.
func plant(t *testing.T, root string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(root, name) }
	write := func(name, content string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(at(name)), 0o755))
		require.NoError(t, os.WriteFile(at(name), []byte(content), 0o644))
	}
	write("plain", "hello")
	write("deep/er/down", strings.Repeat("x", 3<<20))
	write("odd/new\nline", "1")
	write("odd/-rf", "2")
	write("odd/ space ", "3")
	write("odd/ünïcödé – 猫 🐈", "4")
	write("odd/back\\slash\"quote'$(touch pwned)`", "5")
	write("odd/not-utf8-\xff\xfe/in\xe9side", "6")
	write("odd/*?[x]", "7")
	write("nested/lost+found/kept", "only the one at the root is the file system's")
	write("lost+found/#123", "the file system's own")
	require.NoError(t, os.Mkdir(at("empty"), 0o711))
	require.NoError(t, os.Symlink("plain", at("link")))
	require.NoError(t, os.Symlink("/nowhere/at all", at("dangling")))
	require.NoError(t, os.Link(at("deep/er/down"), at("hard")))
	require.NoError(t, os.Link(at("deep/er/down"), at("odd/hard-\xff")))
	sparse, err := os.Create(at("sparse"))
	require.NoError(t, err)
	require.NoError(t, sparse.Truncate(sparseSize))
	_, err = sparse.WriteAt([]byte("in the middle"), sparseSize/2)
	require.NoError(t, err)
	require.NoError(t, sparse.Close())
	require.NoError(t, unix.Mkfifo(at("fifo"), 0o640))
	require.NoError(t, unix.Mknod(at("device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	require.NoError(t, unix.Mknod(at("socket"), unix.S_IFSOCK|0o600, 0))
	require.NoError(t, unix.Setxattr(at("plain"), "user.comment", []byte("bytes \x00\xff"), 0))
	require.NoError(t, unix.Setxattr(root, "user.root", []byte("of the root"), 0))
	// A default POSIX ACL: version 2, then entries of tag, permission and id.
	acl := []byte("\x02\x00\x00\x00\x01\x00\x07\x00\xff\xff\xff\xff\x04\x00\x05\x00\xff\xff\xff\xff\x20\x00\x05\x00\xff\xff\xff\xff")
	require.NoError(t, unix.Setxattr(at("deep"), "system.posix_acl_default", acl, 0))
	require.NoError(t, unix.Setxattr(root, "system.posix_acl_default", acl, 0))
	// A file capability: version 2, CAP_NET_BIND_SERVICE permitted.
	require.NoError(t, os.Chown(at("odd/-rf"), 0, 0))
	require.NoError(t, unix.Setxattr(at("odd/-rf"), "security.capability", []byte("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0))
	require.NoError(t, os.Lchown(at("link"), 1234, 4321))
	require.NoError(t, os.Chown(at("plain"), 1000, 1000))
	require.NoError(t, os.Chmod(at("plain"), 0o640))
	require.NoError(t, os.Chown(at("deep"), 65534, 65534))
	require.NoError(t, os.Chmod(at("deep/er"), 0o000))
	require.NoError(t, os.Chown(at("empty"), 70, 70))
	require.NoError(t, os.Chmod(at("empty"), 0o777|fs.ModeSticky|fs.ModeSetgid))
	require.NoError(t, os.Chown(root, 999, 998))
	require.NoError(t, os.Chmod(root, 0o751|fs.ModeSetgid))
	require.NoError(t, os.Chtimes(at("plain"), time.Unix(1, 2), time.Unix(946684800, 123456789)))
	require.NoError(t, os.Chtimes(root, time.Unix(3, 4), time.Unix(1000000000, 987654321)))
}

// inventory lists a tree in full, one line per entry: what a restore must bring
// back, hard links by the first of their names.
func inventory(t *testing.T, root string) []string {
	t.Helper()
	var lines []string
	first := map[uint64]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		var stat unix.Stat_t
		require.NoError(t, unix.Lstat(path, &stat))
		if name == "lost+found" {
			return filepath.SkipDir
		}
		if stat.Mode&unix.S_IFMT == unix.S_IFSOCK {
			return nil
		}
		line := fmt.Sprintf("%q mode %o owner %d:%d modified %d.%09d", name, stat.Mode, stat.Uid, stat.Gid, stat.Mtim.Sec, stat.Mtim.Nsec)
		switch {
		case entry.Type().IsRegular():
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			line += fmt.Sprintf(" size %d sum %x", len(content), bytes.Count(content, []byte("x")))
			if stat.Size < sparseSize {
				line += fmt.Sprintf(" %.40q", content)
			}
			if stat.Nlink > 1 {
				if first[stat.Ino] == "" {
					first[stat.Ino] = name
				}
				line += fmt.Sprintf(" links %d first %q", stat.Nlink, first[stat.Ino])
			}
		case entry.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			require.NoError(t, err)
			line += " to " + to
		case entry.Type()&fs.ModeDevice != 0:
			line += fmt.Sprintf(" device %x", stat.Rdev)
		}
		lines = append(lines, line+attributes(t, path))
		return nil
	}))
	return lines
}

func attributes(t *testing.T, path string) string {
	t.Helper()
	list := make([]byte, 4096)
	size, err := unix.Llistxattr(path, list)
	require.NoError(t, err)
	names := strings.Split(strings.TrimSuffix(string(list[:size]), "\x00"), "\x00")
	sort.Strings(names)
	var out strings.Builder
	for _, name := range names {
		if name == "" {
			continue
		}
		value := make([]byte, 4096)
		size, err := unix.Lgetxattr(path, name, value)
		require.NoError(t, err)
		fmt.Fprintf(&out, " %s=%q", name, value[:size])
	}
	return out.String()
}

func blocks(t *testing.T, path string) int64 {
	t.Helper()
	var stat unix.Stat_t
	require.NoError(t, unix.Stat(path, &stat))
	return stat.Blocks * 512
}

func TestAVolumeComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v := newVolume(t, restic(t))
			v.repository.Init(t)
			plant(t, v.data)
			before := inventory(t, v.data)

			status, made, _ := v.backup(t)
			require.Equal(t, 0, status)
			require.False(t, made.Partial, "%v", made.Problems)
			require.Len(t, made.Snapshot, 64)
			require.NotNil(t, made.Backup)

			// What an attempt that died left on the target goes; what the file
			// system put there stays as it is.
			require.NoError(t, os.WriteFile(mark(v.target), nil, 0o600))
			require.NoError(t, os.MkdirAll(filepath.Join(v.target, "left", "over"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(v.target, "plain"), []byte("half"), 0o600))
			require.NoError(t, os.Symlink("/", filepath.Join(v.target, "to the root")))
			require.NoError(t, os.MkdirAll(filepath.Join(v.target, "lost+found", "#9"), 0o700))

			status, restored, output := v.restore(t, made.Snapshot)
			require.Equal(t, 0, status, output)
			assert.Equal(t, before, inventory(t, v.target))
			require.NotNil(t, restored.Restored)
			assert.Equal(t, restored.Expected, restored.Restored)
			assert.Equal(t, int64(17), restored.Restored.Files)
			assert.False(t, restored.Partial)
			assert.DirExists(t, filepath.Join(v.target, "lost+found", "#9"))
			assert.NoFileExists(t, filepath.Join(v.target, "lost+found", "#123"))
			assert.Less(t, blocks(t, filepath.Join(v.target, "sparse")), int64(sparseSize/8), "a sparse file stays sparse")

			status, again, output := v.restore(t, made.Snapshot)
			require.Equal(t, 0, status, output)
			assert.Equal(t, before, inventory(t, v.target), "an attempt after one that succeeded")
			assert.Equal(t, restored.Restored, again.Restored)
		})
	}
}

func TestAVolumeIsCopiedAsItIs(t *testing.T) {
	source, target := t.TempDir(), t.TempDir()
	plant(t, source)
	before := inventory(t, source)
	require.NoError(t, os.WriteFile(mark(target), nil, 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(target, "left", "over"), 0o755))
	require.NoError(t, os.Symlink("/", filepath.Join(target, "to the root")))

	status, copied, output := run(t, t.Context(), "copy", "--source", source, "--target", target, "--mark", prime, "--verify", "contents")
	require.Equal(t, 0, status, output)
	assert.Equal(t, before, inventory(t, target))
	assert.Equal(t, before, inventory(t, source), "the source is left as it was")
	assert.Equal(t, copied.Expected, copied.Restored)
	assert.Equal(t, int64(18), copied.Restored.Files)
	assert.Less(t, blocks(t, filepath.Join(target, "sparse")), int64(sparseSize/8), "a sparse file stays sparse")
}

func TestACopyThatCannotBeginLeavesTheVolumeAlone(t *testing.T) {
	target := t.TempDir()
	kept := filepath.Join(target, "kept")
	require.NoError(t, os.WriteFile(kept, nil, 0o600))
	status, result, _ := run(t, t.Context(), "copy", "--source", filepath.Join(t.TempDir(), "absent"), "--target", target, "--mark", prime)
	assert.Equal(t, 1, status)
	assert.Contains(t, result.Error, "the volume to copy from")
	assert.FileExists(t, kept)
}

func TestASecondBackupOfAnUnchangedVolumeReadsNothingAgain(t *testing.T) {
	t.Parallel()
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v := newVolume(t, restic(t))
			v.repository.Init(t)
			plant(t, v.data)

			_, first, _ := v.backup(t)
			// Another claim's volume, mounted at the same path, must not get between.
			v.repository.Snapshot(t, v.data, "--host", "apps/other", "--exclude", "*")
			status, second, _ := v.backup(t)
			require.Equal(t, 0, status)

			assert.Positive(t, first.Backup.FilesNew)
			assert.Equal(t, first.Backup.Files, second.Backup.FilesUnmodified)
			assert.Zero(t, second.Backup.FilesNew)
			assert.Zero(t, second.Backup.FilesChanged)
			assert.Less(t, second.Backup.BytesAdded, int64(64<<10), "only folders on the way to the volume are new")
			assert.NotEqual(t, first.Snapshot, second.Snapshot)
		})
	}
}

func TestASnapshotCarriesItsTagsAndHost(t *testing.T) {
	t.Parallel()
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	plant(t, v.data)
	_, made, _ := v.backup(t, "--", "--exclude", "odd", "--compression", "off")
	listed := string(v.repository.Run(t, "snapshots", "--json", made.Snapshot))
	assert.Contains(t, listed, `"hostname":"apps/data"`)
	assert.Contains(t, listed, `"tags":["namespace=apps","pvc=data","with space"]`)
	assert.NotContains(t, string(v.repository.Run(t, "ls", made.Snapshot)), "ünïcödé", "the operator's options are heard")
}

func TestABackupWithoutSomeOfTheFilesSaysWhich(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v := newVolume(t, wrapped(t, restic(t), `exec setpriv --bounding-set=-dac_override,-dac_read_search "$RESTIC" "$@"`))
			v.repository.Init(t)
			for _, name := range []string{"readable", "locked", "also locked"} {
				require.NoError(t, os.WriteFile(filepath.Join(v.data, name), []byte(name), 0o644))
			}
			require.NoError(t, os.Chmod(filepath.Join(v.data, "locked"), 0))
			require.NoError(t, os.Chmod(filepath.Join(v.data, "also locked"), 0))

			status, made, _ := v.backup(t)
			assert.Equal(t, 0, status, "trying again would not help")
			assert.True(t, made.Partial)
			assert.Equal(t, 2, made.ProblemCount)
			assert.Contains(t, strings.Join(made.Problems, "\n"), filepath.Join(v.data, "also locked")+": ")
			assert.Contains(t, strings.Join(made.Problems, "\n"), "permission denied")
			assert.Len(t, made.Snapshot, 64)
			require.NotNil(t, made.Backup)
			assert.Equal(t, int64(1), made.Backup.Files)
		})
	}
}

func TestAVolumeThatCannotBeReadIsNotBackedUpAsEmpty(t *testing.T) {
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	require.NoError(t, os.Remove(v.data))
	status, made, _ := v.backup(t)
	assert.Equal(t, 1, status)
	assert.Contains(t, made.Error, "opening the volume")
	assert.Equal(t, "[]", strings.TrimSpace(string(v.repository.Run(t, "snapshots", "--json"))))
}

func TestARestoreThatIsNotWholeIsAFailureThatSaysWhatIsMissing(t *testing.T) {
	cases := map[string]struct {
		line    string
		problem string
	}{
		"restic may not give files to their owners": {
			line:    `exec setpriv --bounding-set=-chown "$RESTIC" "$@"`,
			problem: "operation not permitted",
		},
		"a file is gone afterwards although restic found nothing wrong": {
			line:    `"$RESTIC" "$@" || exit; if [ "$1" = restore ]; then rm "$TARGET/deep/er/down"; fi`,
			problem: "/deep/er/down: missing",
		},
		"a file is too short afterwards": {
			line:    `"$RESTIC" "$@" || exit; if [ "$1" = restore ]; then echo >"$TARGET/plain"; fi`,
			problem: "/plain: 1 bytes instead of 5",
		},
		"a folder became a file": {
			line:    `"$RESTIC" "$@" || exit; if [ "$1" = restore ]; then rmdir "$TARGET/empty"; echo >"$TARGET/empty"; fi`,
			problem: "/empty: not a dir",
		},
		"a file that nobody listed is there": {
			line: `"$RESTIC" "$@" || exit; if [ "$1" = restore ]; then echo >"$TARGET/more"; fi`,
		},
	}
	for version, restic := range restictest.Versions {
		seed, snapshot := seeded(t, restic(t))
		for name, c := range cases {
			t.Run(name+", with "+version, func(t *testing.T) {
				v := seed.clone(t)
				t.Setenv("TMPDIR", v.target) // which restic's environment keeps
				v.restic = wrapped(t, restic(t), "TARGET=$TMPDIR\n"+c.line)

				status, restored, _ := v.restore(t, snapshot)
				assert.Equal(t, 1, status)
				assert.True(t, restored.Partial)
				assert.Equal(t, "partial", restored.Kind)
				assert.Contains(t, strings.Join(restored.Problems, "\n"), c.problem)
			})
		}
	}
}

func TestARestoreThatCannotBeginLeavesTheVolumeAlone(t *testing.T) {
	// restic 0.16 looks a minute for a snapshot that is gone. Meanwhile the other
	// parallel tests run: those that write no program, since one that is open for
	// writing in another test's fork cannot be started.
	t.Parallel()
	cases := map[string]struct {
		spoil func(t *testing.T, v *volume)
		kind  string
	}{
		"the password is wrong": {
			spoil: func(t *testing.T, v *volume) {
				require.NoError(t, os.WriteFile(filepath.Join(v.credentials, "RESTIC_PASSWORD"), []byte("wrong"), 0o400))
			}, kind: "credentials",
		},
		"the password is empty": {
			spoil: func(t *testing.T, v *volume) {
				require.NoError(t, os.WriteFile(filepath.Join(v.credentials, "RESTIC_PASSWORD"), []byte("\n"), 0o400))
			}, kind: "credentials",
		},
		"there is no repository": {
			spoil: func(t *testing.T, v *volume) { require.NoError(t, os.RemoveAll(v.repository.Address)) },
			kind:  "repository_absent",
		},
		"the snapshot is gone": {
			spoil: func(t *testing.T, v *volume) {
				require.NoError(t, os.RemoveAll(filepath.Join(v.repository.Address, "snapshots")))
				require.NoError(t, os.Mkdir(filepath.Join(v.repository.Address, "snapshots"), 0o700))
			}, kind: "driver_failed",
		},
		"the snapshot holds another folder": {
			spoil: func(_ *testing.T, v *volume) { v.data = filepath.Dir(v.data) + "/another" },
			kind:  "driver_failed",
		},
		"restic cannot be started": {
			spoil: func(_ *testing.T, v *volume) { v.restic = "/nowhere/restic" },
			kind:  "unavailable",
		},
	}
	for version, restic := range restictest.Versions {
		seed, snapshot := seeded(t, restic(t))
		for name, c := range cases {
			t.Run(name+", with "+version, func(t *testing.T) {
				t.Parallel()
				v := seed.clone(t)
				kept := filepath.Join(v.target, "kept")
				require.NoError(t, os.WriteFile(kept, nil, 0o600))
				c.spoil(t, &v)

				status, restored, output := v.restore(t, snapshot)
				assert.Equal(t, 1, status)
				assert.Equal(t, c.kind, restored.Kind, restored.Error)
				assert.FileExists(t, kept)
				assert.NotContains(t, output, restictest.Password)
			})
		}
	}
}

func TestWhenThePodIsToldToEndResticIsToldToo(t *testing.T) {
	v := newVolume(t, "")
	told := filepath.Join(v.scratch, "told")
	started := filepath.Join(v.scratch, "started")
	v.restic = wrapped(t, "none", `[ "$1" = backup ] || exit 0
trap 'touch `+told+`; exit 130' INT
touch `+started+`
while :; do sleep 0.05; done`)

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		assert.Eventually(t, func() bool { _, err := os.Stat(started); return err == nil }, time.Minute, 5*time.Millisecond)
	}()
	args := append([]string{"backup"}, v.common()...)
	status, result, _ := run(t, ctx, append(args, "--source", v.data, "--host", "a/b")...)
	assert.Equal(t, 1, status)
	assert.Equal(t, "unavailable", result.Kind)
	assert.Contains(t, result.Error, "stopped before its end")
	assert.FileExists(t, told)
}

func TestALockThatIsGivenUpWhileItIsReadDelaysNoBackup(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v, _ := seeded(t, restic(t))
			// restic lists a lock and, each time, cannot read it: as one that is
			// given up in between. It stays for two runs.
			lock := filepath.Join(v.repository.Address, "locks", strings.Repeat("ab", 32))
			require.NoError(t, os.Symlink("/nowhere", lock))
			runs := filepath.Join(t.TempDir(), "runs")
			v.restic = wrapped(t, v.restic, `echo "$1" >> `+runs+`; [ $(wc -l < `+runs+`) -lt 3 ] || rm -f `+lock+`; exec "$RESTIC" "$@"`)
			status, result, output := v.backup(t)
			require.Zero(t, status, result.Error)
			assert.NotEmpty(t, result.Snapshot)
			assert.Contains(t, output, "another restic has given up its lock meanwhile: beginning again")
			ran, err := os.ReadFile(runs)
			require.NoError(t, err)
			assert.Equal(t, "unlock\nunlock\nunlock\nbackup\nsnapshots\nbackup\n", string(ran), "the backup, and the record of its outcome")
		})
	}
}

func TestABackupThatBeginsAgainLeavesNoLockBehind(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v, _ := seeded(t, restic(t))
			locks := filepath.Join(v.repository.Address, "locks")
			gone := filepath.Join(locks, strings.Repeat("ab", 32))
			ran := filepath.Join(t.TempDir(), "ran")
			// Another's lock comes once restic has made its own, and cannot be read.
			v.restic = wrapped(t, v.restic, `rm -f `+gone+`
if [ "$1" = backup ] && [ ! -e `+ran+` ]; then
	touch `+ran+`
	(while [ -z "$(ls `+locks+`)" ]; do sleep 0.01; done; ln -s /nowhere `+gone+`) >/dev/null 2>&1 &
fi
exec "$RESTIC" "$@"`)
			status, result, output := v.backup(t)
			require.Zero(t, status, result.Error)
			assert.Contains(t, output, "beginning again")
			left, err := os.ReadDir(locks)
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

func TestABackupThatIsToldToEndGivesUpItsLock(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v, _ := seeded(t, restic(t))
			locks := filepath.Join(v.repository.Address, "locks")
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				defer cancel()
				assert.Eventually(t, func() bool {
					held, _ := filepath.Glob(filepath.Join(locks, strings.Repeat("[0-9a-f]", 64)))
					return len(held) > 0
				}, time.Minute, time.Millisecond)
			}()
			args := append([]string{"backup"}, v.common()...)
			status, result, _ := run(t, ctx, append(args, "--source", v.data, "--host", "a/b")...)
			assert.Equal(t, 1, status)
			assert.Contains(t, result.Error, "stopped before its end")
			left, err := os.ReadDir(locks)
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

func TestABackupThatIsUnderWayIsNotBegunAgain(t *testing.T) {
	v := newVolume(t, wrapped(t, "none", `[ "$1" = backup ] || exit 0
# More than a pipe holds: some of it has been read when this ends.
yes '{"message_type":"status","percent_done":0.5,"total_files":4,"files_done":2,"total_bytes":100,"bytes_done":50}' | head -n 2000
echo 'Load(<lock/ab>, 0, 0) failed: <lock/ab> does not exist' >&2
echo '{"message_type":"summary","snapshot_id":"abc","files_new":4,"total_files_processed":4,"total_bytes_processed":100}'`))
	status, result, output := v.backup(t)
	require.Zero(t, status, result.Error)
	assert.Equal(t, "abc", result.Snapshot)
	assert.NotContains(t, output, "beginning again")
}

func TestABackupThatWasSavedCountsThoughItsLockStays(t *testing.T) {
	began := time.Now()
	v := newVolume(t, wrapped(t, "none", `[ "$1" = snapshots ] && { echo '[]'; exit 0; }
[ "$1" = backup ] || { echo 'Remove(<lock/ab>) returned error, retrying after 1s: Access Denied.' >&2; exec sleep 60; }
echo '{"message_type":"summary","snapshot_id":"abc","files_new":4,"total_files_processed":4,"total_bytes_processed":100}'
sleep 0.2
case "$*" in *--stdin*) echo 'Remove(<lock/ef>) returned error, retrying after 1s: Access Denied.' >&2; exec sleep 60;; esac
for i in 1 2 3 4 5 6; do echo 'Remove(<lock/cd>) returned error, retrying after 1s: Access Denied.' >&2; done
exec sleep 60`))
	status, result, output := v.backup(t)
	require.Zero(t, status, result.Error)
	assert.Equal(t, "abc", result.Snapshot)
	assert.False(t, result.Partial)
	require.Len(t, result.Backup.Notes, 1)
	assert.Contains(t, result.Backup.Notes[0], "may not remove its lock")
	assert.Equal(t, 1, strings.Count(output, "Remove(<lock/cd>)"), "it is told once")
	assert.Less(t, time.Since(began), 50*time.Second, "nobody waits for a lock that stays")
}

func TestALockThatCannotBeRefreshedEndsNoBackup(t *testing.T) {
	v := newVolume(t, wrapped(t, "none", `[ "$1" = backup ] || exit 0
for i in 1 2 3 4; do echo 'Remove(<lock/cd>) returned error, retrying after 1s: Access Denied.' >&2; done
sleep 0.2
echo '{"message_type":"summary","snapshot_id":"abc","files_new":4,"total_files_processed":4,"total_bytes_processed":100}'`))
	status, result, _ := v.backup(t)
	require.Zero(t, status, result.Error)
	assert.Equal(t, "abc", result.Snapshot)
}

func TestKeysThatMayWriteNoLockFailABackupAtOnce(t *testing.T) {
	v := newVolume(t, wrapped(t, "none", `[ "$1" = backup ] || exit 0
for i in 1 2 3 4; do echo 'Save(<lock/cd>) returned error, retrying after 1s: Access Denied.' >&2; done
exec sleep 60`))
	status, result, _ := v.backup(t)
	assert.Equal(t, 1, status)
	assert.Equal(t, "credentials", result.Kind)
	assert.Contains(t, result.Error, "Access Denied")
}

func TestABackupOfWhichResticMadeNoSnapshotFailed(t *testing.T) {
	v := newVolume(t, wrapped(t, "none", `exit 0`))
	status, result, _ := v.backup(t)
	assert.Equal(t, 1, status)
	assert.Equal(t, "restic made no snapshot", result.Error)
}

func TestProgressIsPrinted(t *testing.T) {
	v := newVolume(t, wrapped(t, "none", `[ "$1" = backup ] || exit 0
echo '{"message_type":"status","percent_done":0.5,"total_files":4,"files_done":2,"total_bytes":100,"bytes_done":50}'
echo 'a line of another kind'
echo '{"message_type":"status","percent_done":0.6,"total_files":4,"files_done":3,"total_bytes":100,"bytes_done":60}'
echo '{"message_type":"summary","snapshot_id":"abc","files_new":4,"total_files_processed":4,"total_bytes_processed":100}'`))
	status, result, output := v.backup(t)
	assert.Equal(t, 0, status)
	assert.Equal(t, "abc", result.Snapshot)
	assert.Equal(t, 1, strings.Count(output, `{"progress":`), "not more often than people can read")
	assert.Contains(t, output, `{"progress":{"bytes_done":50,"bytes_total":100,"files_done":2,"files_total":4}}`)
}

func TestABlankVolumeIsProvedToBeEmpty(t *testing.T) {
	cases := map[string]struct {
		holds  []string
		status int
		says   string
	}{
		"nothing":               {},
		"lost+found alone":      {holds: []string{"lost+found"}},
		"a file":                {holds: []string{"lost+found", "file"}, status: 1, says: "holds file"},
		"more than can be said": {holds: strings.Fields("a b c d e f g"), status: 1, says: "holds a, b, c, d, e, …"},
	}
	for name, c := range cases {
		t.Run("it holds "+name, func(t *testing.T) {
			volume := t.TempDir()
			for _, each := range c.holds {
				require.NoError(t, os.Mkdir(filepath.Join(volume, each), 0o700))
			}
			status, result, _ := run(t, t.Context(), "blank", "--target", volume)
			assert.Equal(t, c.status, status)
			assert.Contains(t, result.Error, c.says)
			if c.status == 0 {
				assert.Equal(t, &report.Counts{}, result.Restored)
				assert.Equal(t, &report.Counts{}, result.Expected)
			}
			left, err := os.ReadDir(volume)
			require.NoError(t, err)
			assert.Len(t, left, len(c.holds))
		})
	}
	t.Run("it is a raw device that can be read", func(t *testing.T) {
		device := filepath.Join(t.TempDir(), "device")
		require.NoError(t, os.WriteFile(device, make([]byte, 4096), 0o600))
		status, result, _ := run(t, t.Context(), "blank", "--device", device)
		assert.Equal(t, 0, status)
		assert.Equal(t, &report.Counts{}, result.Restored)
		assert.Equal(t, &report.Counts{}, result.Expected)
	})
	t.Run("it is a raw device that cannot be read", func(t *testing.T) {
		status, result, _ := run(t, t.Context(), "blank", "--device", filepath.Join(t.TempDir(), "absent"))
		assert.Equal(t, 1, status)
		assert.Contains(t, result.Error, "opening the device")
	})
	t.Run("it cannot be read", func(t *testing.T) {
		status, result, _ := run(t, t.Context(), "blank", "--target", filepath.Join(t.TempDir(), "absent"))
		assert.Equal(t, 1, status)
		assert.NotEmpty(t, result.Error)
	})
}

func TestTheBinaryIsInstalledWhereTheOtherContainerRunsIt(t *testing.T) {
	installed := filepath.Join(t.TempDir(), "soteria")
	for range 2 {
		status, _, _ := run(t, t.Context(), "install", installed)
		require.Equal(t, 0, status)
	}
	info, err := os.Stat(installed)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o555), info.Mode())
	own, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	copied, err := os.ReadFile(installed)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(own, copied))
}

func TestWhatCannotBeUnderstoodIsRefused(t *testing.T) {
	id := strings.Repeat("a", 64)
	repository := []string{"--repository", "/r", "--credentials", "/c", "--scratch", "/s"}
	for name, args := range map[string][]string{
		"nothing":                      nil,
		"an unknown subcommand":        {"destroy"},
		"install without a file":       {"install"},
		"install with two files":       {"install", "a", "b"},
		"an unknown flag":              {"blank", "--force"},
		"blank without a target":       {"blank"},
		"help":                         {"blank", "--help"},
		"backup without anything":      {"backup"},
		"restore without anything":     {"restore"},
		"restore of a short id":        append([]string{"restore", "--snapshot", "latest", "--folder", "/data", "--target", "/t", "--mark", "m"}, repository...),
		"restore of a relative folder": append([]string{"restore", "--snapshot", id, "--folder", "data", "--target", "/t", "--mark", "m"}, repository...),
		"restore without a mark":       append([]string{"restore", "--snapshot", id, "--folder", "/data", "--target", "/t"}, repository...),
		"restore with a path as mark":  append([]string{"restore", "--snapshot", id, "--folder", "/data", "--target", "/t", "--mark", "../x"}, repository...),
		"restore of an unknown root":   append([]string{"restore", "--snapshot", id, "--folder", "/data", "--target", "/t", "--mark", "m", "--root", "/"}, repository...),
		"restore verified by a guess":  append([]string{"restore", "--snapshot", id, "--folder", "/data", "--target", "/t", "--mark", "m", "--verify", "names"}, repository...),
		"copy without a mark":          {"copy", "--source", "/s", "--target", "/t"},
		"restore of a climbing folder": append([]string{"restore", "--snapshot", id, "--folder", "/data/../etc", "--target", "/t", "--mark", "m"}, repository...),
	} {
		t.Run(name, func(t *testing.T) {
			status, _, output := run(t, t.Context(), args...)
			assert.Equal(t, 2, status)
			assert.NotEmpty(t, output)
		})
	}
}

// wrapped gives a program that runs lines of shell, in which $RESTIC is restic.
func wrapped(t *testing.T, restic, lines string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "restic")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nRESTIC="+restic+"\n"+lines+"\n"), 0o755))
	return script
}
