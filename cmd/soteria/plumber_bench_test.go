package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

// BenchmarkExists asks the program itself, in a process of its own, about 600
// names on a store of this machine: 500 with backups and 100 without, or none with
// any, so that every answer is a proof by a listing that began at most
// SOTERIA_FRESHNESS before the question.
func BenchmarkExists(b *testing.B) {
	const asked = 600
	program := filepath.Join(b.TempDir(), "soteria")
	out, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(b, err, "%s", out)
	for _, claims := range []int{500, 0} {
		store := restictest.StartS3(b)
		for _, key := range names(500) {
			path := filepath.Join(store.Folder, restictest.Bucket, filepath.FromSlash(key))
			require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o750))
			require.NoError(b, os.WriteFile(path, []byte("x"), 0o600))
		}
		paths := make([]string, asked)
		for n := range paths {
			paths[n] = fmt.Sprintf("/exists/ns-%02d/pvc-%03d", n%25, n+500-claims)
		}
		for _, connections := range []int{1, 32} {
			b.Run(fmt.Sprintf("%d of %d have backups/%d connections", claims, asked, connections), func(b *testing.B) {
				process := startProgram(b, program, store)
				process.ask(b, paths[0])
				process.measure(b, paths, connections)
			})
		}
	}
}

// process is a plumber in a process of its own.
type process struct {
	url string
	pid int
}

func startProgram(b *testing.B, program string, store *restictest.Server) process {
	b.Helper()
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(b, err)
	require.NoError(b, listener.Close())
	cmd := exec.CommandContext(context.Background(), program)
	cmd.Env = []string{
		"BACKEND_TYPE=s3", "PORT=" + port, "LOG_LEVEL=info", "S3_ENDPOINT=" + store.Host, "S3_BUCKET=" + restictest.Bucket,
		"S3_ACCESS_KEY=" + restictest.AccessKey, "S3_SECRET_KEY=" + restictest.SecretKey,
	}
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p := process{url: "http://127.0.0.1:" + port, pid: cmd.Process.Pid}
	require.Eventually(b, func() bool {
		response, err := http.Get(p.url + "/readyz")
		return err == nil && response.Body.Close() == nil
	}, 30*time.Second, 10*time.Millisecond)
	return p
}

// ask asks once and gives how long it took; every answer must be one.
func (p process) ask(b *testing.B, path string) time.Duration {
	began := time.Now()
	response, err := http.Get(p.url + path)
	if err != nil {
		b.Error(err)
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		b.Errorf("%s: %s", path, response.Status)
	}
	return time.Since(began)
}

func (p process) measure(b *testing.B, paths []string, connections int) {
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = connections
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	b.ResetTimer()
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			for n := next.Add(1) - 1; n < int64(b.N); n = next.Add(1) - 1 {
				took[n] = p.ask(b, paths[n%int64(len(paths))])
			}
		})
	}
	workers.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
	b.ReportMetric(took[len(took)-1].Seconds()*1000, "max-ms")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(p.resident(b), "resident-MiB")
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

func (p process) resident(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	require.NoError(b, err)
	found := residentLine.FindSubmatch(status)
	require.NotNil(b, found)
	kilobytes, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(b, err)
	return kilobytes / 1024
}
