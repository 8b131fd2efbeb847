package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/objectstore/s3double"
)

// asked is how many names the benchmarks ask for.
const asked = 600

// BenchmarkExists asks the program itself and a stand-in for pvc-plumber v4 (see
// e2e/bench/plumber), each in a process of its own, about 600 names: of 500 claims with
// backups and 100 without, or of none with any. Soteria proves each "no backup" by a
// listing that began at most SOTERIA_FRESHNESS before the question; the stand-in answers
// from what it saw in the last minute.
//
// The two are asked in turn, a short while each, so that what else the machine does
// counts for both alike; the ratio is the median of those of the pairs.
func BenchmarkExists(b *testing.B) {
	soteria, standIn := build(b, "."), build(b, "../../e2e/bench/plumber")
	for _, claims := range []int{500, 0} {
		store := s3double.Start(b, names(500)...)
		var paths []string
		for n := range asked {
			paths = append(paths, fmt.Sprintf("/exists/ns-%02d/pvc-%03d", n%25, n+500-claims))
		}
		for _, connections := range []int{1, 32} {
			b.Run(fmt.Sprintf("%d of %d have backups/%d connections", claims, asked, connections), func(b *testing.B) {
				pair(b, startProgram(b, soteria, store), startProgram(b, standIn, store), paths, connections)
			})
		}
	}
}

// pairs is how often each of two programs is asked in turn.
const pairs = 20

// pair asks two programs in turn, b.N times each in all, and prints how they compare.
func pair(b *testing.B, soteria, standIn process, paths []string, connections int) {
	for _, path := range paths {
		soteria.ask(b, path)
		standIn.ask(b, path)
	}
	var own, others timing
	var ratios []float64
	each := max(b.N/pairs, connections)
	b.ResetTimer()
	for n := 0; n < b.N; n += each {
		var a, c timing
		if len(ratios)%2 == 0 {
			a = soteria.asks(b, paths, connections, each)
			c = standIn.asks(b, paths, connections, each)
		} else {
			c = standIn.asks(b, paths, connections, each)
			a = soteria.asks(b, paths, connections, each)
		}
		ratios = append(ratios, a.rate()/c.rate())
		own.add(a)
		others.add(c)
	}
	b.StopTimer()
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(own.rate(), "requests/s")
	b.ReportMetric(own.percentile(99), "p99-ms")
	b.ReportMetric(own.percentile(50), "p50-ms")
	b.ReportMetric(others.rate(), "stand-in-requests/s")
	b.ReportMetric(others.percentile(99), "stand-in-p99-ms")
	b.ReportMetric(others.percentile(50), "stand-in-p50-ms")
	b.ReportMetric(0, "ns/op")
	soteria.report(b, "")
}

// timing is what asking took.
type timing struct {
	each  []time.Duration
	total time.Duration
}

func (t *timing) add(other timing) {
	t.each, t.total = append(t.each, other.each...), t.total+other.total
}

// rate is how many questions were answered in a second.
func (t *timing) rate() float64 { return float64(len(t.each)) / t.total.Seconds() }

// percentile is what so many of a hundred questions took at most, in milliseconds.
func (t *timing) percentile(percent int) float64 {
	slices.Sort(t.each)
	return t.each[min(len(t.each)*percent/100, len(t.each)-1)].Seconds() * 1000
}

// BenchmarkPlumberMemory prints what the program takes of memory as pvc-plumber's
// published manifest runs it (a container of 32 MiB leaves Go's memory 24), with 5,000
// claims in the store, after its start and while 32 connections ask. Of the resident
// memory, the kernel takes back the part that is mapped of the program's file when the
// container's limit asks for it; the rest has to fit.
func BenchmarkPlumberMemory(b *testing.B) {
	const claims = 5000
	soteria := build(b, ".")
	store := s3double.Start(b, claimRepositories(claims)...)
	var paths []string
	for n := range claims {
		paths = append(paths, fmt.Sprintf("/exists/ns-%02d/pvc-%04d", n%25, n))
	}
	b.Run("5000 claims/32 connections", func(b *testing.B) {
		process := startProgram(b, soteria, store, "GOMEMLIMIT=24MiB", "HTTP_TIMEOUT=30s")
		process.ask(b, paths[0])
		process.report(b, "idle")
		process.measure(b, paths, 32)
		process.report(b, "loaded")
	})
}

// BenchmarkPlumberNone asks both about claims without backups in a store of 5,000 claims
// that is 30 ms away, each claim once, and prints how many requests the store got for a
// question and how many questions were not answered in pvc-plumber's 3 seconds.
func BenchmarkPlumberNone(b *testing.B) {
	const claims, connections = 5000, 32
	soteria, standIn := build(b, "."), build(b, "../../e2e/bench/plumber")
	for who, program := range map[string]string{"soteria": soteria, "plumber4-stand-in": standIn} {
		b.Run("5000 claims/32 connections/"+who, func(b *testing.B) {
			store := s3double.Start(b, claimRepositories(claims)...)
			process := startProgram(b, program, store)
			require.Eventually(b, func() bool { return process.status(b, "/exists/ns-00/pvc-0000") == http.StatusOK }, 2*time.Minute, time.Second)
			proveByItself(b, process, store)
			store.Delay(30 * time.Millisecond)
			before := store.Requests()
			var next, unanswered atomic.Int64
			b.ResetTimer()
			process.each(b, connections, func(c *connection) error {
				for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
					status, err := c.status(fmt.Sprintf("/exists/ns-%02d/none-%d", n%25, n))
					if err != nil {
						return err
					}
					if status != http.StatusOK {
						unanswered.Add(1)
					}
				}
				return nil
			})
			b.StopTimer()
			b.ReportMetric(float64(store.Requests()-before)/float64(b.N), "store-requests/op")
			b.ReportMetric(float64(unanswered.Load())/float64(b.N)*100, "unanswered-%")
		})
	}
}

// proveByItself asks about claims without backups until one costs the store a request:
// the listing that the program began with answers for all of them until then, which would
// make the first questions look a hundred times as cheap as the others.
func proveByItself(b *testing.B, process process, store *s3double.Server) {
	b.Helper()
	asked := 0
	require.Eventually(b, func() bool {
		before := store.Requests()
		asked++
		process.ask(b, fmt.Sprintf("/exists/ns-00/first-%d", asked))
		return store.Requests() > before
	}, time.Minute, 100*time.Millisecond)
}

// claimRepositories returns the objects of small restic repositories, of as many claims:
// more of them in a namespace than a store lists at once.
func claimRepositories(claims int) []string {
	var keys []string
	for n := range claims {
		at := fmt.Sprintf("ns-%02d/pvc-%04d/", n%25, n)
		keys = append(keys, at+"config", at+"keys/0a", at+"index/0a", at+"snapshots/0a")
		for data := range 6 {
			keys = append(keys, fmt.Sprintf("%sdata/0%d/0a", at, data))
		}
	}
	return keys
}

// build builds a program of this module.
func build(b *testing.B, pkg string) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "program")
	cmd := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, pkg)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", out)
	return program
}

// process is a plumber in a process of its own.
type process struct {
	host string
	pid  int
}

func startProgram(b *testing.B, program string, store *s3double.Server, env ...string) process {
	b.Helper()
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	host := listener.Addr().String()
	_, port, err := net.SplitHostPort(host)
	require.NoError(b, err)
	require.NoError(b, listener.Close())
	cmd := exec.CommandContext(context.Background(), program)
	cmd.Env = slices.Concat([]string{
		"BACKEND_TYPE=s3", "PORT=" + port, "LOG_LEVEL=info", "S3_ENDPOINT=" + store.Host, "S3_BUCKET=" + s3double.Bucket,
		"S3_ACCESS_KEY=an access key", "S3_SECRET_KEY=a secret key",
	}, env)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.Eventually(b, func() bool {
		response, err := http.Get("http://" + host + "/readyz")
		return err == nil && response.Body.Close() == nil
	}, 30*time.Second, 10*time.Millisecond)
	return process{host: host, pid: cmd.Process.Pid}
}

// ask asks once; the answer must be one.
func (p process) ask(b *testing.B, path string) {
	b.Helper()
	require.Equal(b, http.StatusOK, p.status(b, path), path)
}

// status asks once and returns the answer's status, 0 where there was none.
func (p process) status(b *testing.B, path string) int {
	b.Helper()
	response, err := http.Get("http://" + p.host + path)
	if err != nil {
		b.Error(err)
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode
}

// measure asks as often as the benchmark wants, over so many connections, and prints
// what that took.
func (p process) measure(b *testing.B, paths []string, connections int) {
	b.ResetTimer()
	r := p.asks(b, paths, connections, b.N)
	b.StopTimer()
	b.ReportMetric(r.percentile(50), "p50-ms")
	b.ReportMetric(r.percentile(99), "p99-ms")
	b.ReportMetric(r.percentile(100), "max-ms")
	b.ReportMetric(r.rate(), "requests/s")
	b.ReportMetric(0, "ns/op")
	p.report(b, "")
}

// asks asks so many times over so many connections. Each answer must be 200.
func (p process) asks(b *testing.B, paths []string, connections, times int) timing {
	took := make([]time.Duration, times)
	var next atomic.Int64
	began := time.Now()
	p.each(b, connections, func(c *connection) error {
		for n := next.Add(1) - 1; n < int64(times); n = next.Add(1) - 1 {
			began := time.Now()
			status, err := c.status(paths[n%int64(len(paths))])
			if err != nil {
				return err
			}
			if status != http.StatusOK {
				return fmt.Errorf("%s: status %d", paths[n%int64(len(paths))], status)
			}
			took[n] = time.Since(began)
		}
		return nil
	})
	return timing{took, time.Since(began)}
}

// each does something over each of so many connections at once, which are kept open: with
// one for each question the client would run out of ports.
func (p process) each(b *testing.B, connections int, do func(*connection) error) {
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			c, err := dial(p.host)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.conn.Close()
			if err := do(c); err != nil {
				b.Error(err)
			}
		})
	}
	workers.Wait()
}

// report prints how much memory the process takes.
func (p process) report(b *testing.B, when string) {
	b.Helper()
	proc, err := procfs.NewProc(p.pid)
	require.NoError(b, err)
	status, err := proc.NewStatus()
	require.NoError(b, err)
	const mib = 1 << 20
	b.ReportMetric(float64(status.VmRSS)/mib, strings.TrimPrefix(when+"-resident-MiB", "-"))
	b.ReportMetric(float64(status.RssAnon)/mib, strings.TrimPrefix(when+"-anonymous-MiB", "-"))
}

// connection is a client that takes next to nothing of the processor, so that what is
// measured is the server: net/http's client takes more than the server does.
type connection struct {
	conn    net.Conn
	answers *bufio.Reader
}

func dial(host string) (*connection, error) {
	conn, err := (&net.Dialer{}).Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReader(conn)}, nil
}

// status asks for a path and returns the status of the answer, which must say how long it
// is.
func (c *connection) status(path string) (int, error) {
	if _, err := c.conn.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: plumber\r\n\r\n")); err != nil {
		return 0, err
	}
	status, length := 0, -1
	for {
		text, err := c.answers.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line := strings.TrimSuffix(string(text), "\r\n")
		if line == "" {
			break
		}
		if code, found := strings.CutPrefix(line, "HTTP/1.1 "); found {
			code, _, _ = strings.Cut(code, " ")
			if status, err = strconv.Atoi(code); err != nil {
				return 0, err
			}
		}
		if value, found := strings.CutPrefix(line, "Content-Length: "); found {
			if length, err = strconv.Atoi(value); err != nil {
				return 0, err
			}
		}
	}
	if length < 0 {
		return 0, fmt.Errorf("%s: the answer does not say how long it is", path)
	}
	_, err := io.CopyN(io.Discard, c.answers, int64(length))
	return status, err
}
