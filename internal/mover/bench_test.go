package mover_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/mover"
)

// asMover makes the test's own program a mover, so that a process can be measured from
// its start to its exit.
const asMover = "SOTERIA_TEST_AS_MOVER"

func TestMain(m *testing.M) {
	if os.Getenv(asMover) != "" {
		os.Exit(mover.Run(context.Background(), os.Args[1:], mover.Process{Stdout: os.Stdout, Stderr: os.Stderr}))
	}
	os.Exit(m.Run())
}

// benchScale is the part of the full size that a benchmark has: 1 is 2 GiB in one file,
// 50,000 small files, and a file of 2 GiB of which a sixteenth is no hole.
const benchScale = "SOTERIA_BENCH_SCALE"

func scale(b *testing.B) float64 {
	b.Helper()
	text := os.Getenv(benchScale)
	if text == "" {
		return 0.01
	}
	part, err := strconv.ParseFloat(text, 64)
	require.NoError(b, err, benchScale)
	return part
}

// BenchmarkRestore restores a snapshot by turns with restic alone and with a mover, each
// a process with an empty cache and an empty volume, from a rest-server. Ratio is the
// time of restic's by that of the mover's; extra-ms is what the mover takes on top, and
// extra-cpu-ms how much of the processors, which a busy machine does not alter much.
func BenchmarkRestore(b *testing.B) {
	part := scale(b)
	whole := int64(part * (2 << 30))
	cases := []struct {
		name string
		fill func(b *testing.B, folder string)
	}{
		{"one small file", func(b *testing.B, folder string) { noise(b, folder, "file", 4<<10) }},
		{"large files", func(b *testing.B, folder string) { noise(b, folder, "file", whole) }},
		{"small files", func(b *testing.B, folder string) {
			for i := range int(part * 50_000) {
				noise(b, folder, fmt.Sprintf("%03d/%05d", i/100, i), 4<<10)
			}
		}},
		{"a sparse file", func(b *testing.B, folder string) {
			noise(b, folder, "file", whole/16)
			require.NoError(b, os.Truncate(filepath.Join(folder, "file"), whole))
		}},
	}
	server := restictest.StartRest(b)
	repository := restictest.Repository{
		Restic: restictest.Restic(b), Address: "rest:http://" + server.Host + "/bench", Env: server.Env(), CacheDir: b.TempDir(),
	}
	repository.Init(b)
	credentials := b.TempDir()
	for name, value := range map[string]string{
		"RESTIC_PASSWORD": restictest.Password, "RESTIC_REST_USERNAME": restictest.RestUser, "RESTIC_REST_PASSWORD": restictest.RestPassword,
	} {
		require.NoError(b, os.WriteFile(filepath.Join(credentials, name), []byte(value), 0o400))
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			folder := b.TempDir()
			c.fill(b, folder)
			snapshot := repository.Snapshot(b, folder)
			var raw, moved took
			for i := 0; b.Loop(); i++ {
				for _, turn := range []int{i, i + 1} {
					if turn%2 == 0 {
						raw.add(rawRestore(b, repository, snapshot, folder))
					} else {
						moved.add(moverRestore(b, repository, credentials, snapshot, folder))
					}
				}
			}
			b.ReportMetric(0, "ns/op")
			per := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(b.N) }
			b.ReportMetric(per(raw.time), "restic-ms")
			b.ReportMetric(per(moved.time), "mover-ms")
			b.ReportMetric(per(moved.time-raw.time), "extra-ms")
			b.ReportMetric(per(moved.cpu-raw.cpu), "extra-cpu-ms")
			b.ReportMetric(raw.time.Seconds()/moved.time.Seconds(), "ratio")
		})
	}
}

// noise writes a file of random content.
func noise(b *testing.B, folder, name string, size int64) {
	b.Helper()
	path := filepath.Join(folder, name)
	require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o755))
	file, err := os.Create(path)
	require.NoError(b, err)
	var seed [32]byte
	copy(seed[:], name+strconv.FormatInt(size, 10))
	source := rand.NewChaCha8(seed)
	chunk := make([]byte, 1<<20)
	for size > 0 {
		n := min(size, int64(len(chunk)))
		_, _ = source.Read(chunk[:n]) // it never fails
		_, err := file.Write(chunk[:n])
		require.NoError(b, err)
		size -= n
	}
	require.NoError(b, file.Close())
}

// rawRestore restores a snapshot with restic and returns what that took.
func rawRestore(b *testing.B, r restictest.Repository, snapshot, folder string) took {
	b.Helper()
	target, cache := b.TempDir(), b.TempDir()
	cmd := exec.CommandContext(b.Context(), r.Restic, "restore", "--quiet", "--sparse", "--target", target, snapshot+":"+folder)
	cmd.Env = append(append(os.Environ(), "RESTIC_REPOSITORY="+r.Address, "RESTIC_PASSWORD="+restictest.Password, "RESTIC_CACHE_DIR="+cache), r.Env...)
	return timed(b, cmd, target)
}

// moverRestore does the same with a mover.
func moverRestore(b *testing.B, r restictest.Repository, credentials, snapshot, folder string) took {
	b.Helper()
	target, scratch := b.TempDir(), b.TempDir()
	own, err := os.Executable()
	require.NoError(b, err)
	cmd := exec.CommandContext(b.Context(), own, "restore", "--repository", r.Address, "--credentials", credentials,
		"--scratch", scratch, "--restic", r.Restic, "--snapshot", snapshot, "--folder", folder, "--target", target, "--mark", prime)
	cmd.Env = append(os.Environ(), asMover+"=1")
	return timed(b, cmd, target)
}

// took is how long processes took, and how much of the processors.
type took struct{ time, cpu time.Duration }

func (t *took) add(more took) { t.time, t.cpu = t.time+more.time, t.cpu+more.cpu }

// timed runs a restore and removes what it restored, which is not measured.
func timed(b *testing.B, cmd *exec.Cmd, target string) took {
	b.Helper()
	began := time.Now()
	out, err := cmd.CombinedOutput()
	all := took{time.Since(began), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	require.NoError(b, err, "%s", out)
	left, err := os.ReadDir(target)
	require.NoError(b, err)
	require.NotEmpty(b, left)
	require.NoError(b, os.RemoveAll(target))
	return all
}
