package inventory_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/inventory/inventorytest"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/signin"
)

const manyClaims, manyBackups = 10_000, 200_000

func largeClaim(i int) backup.Claim {
	return backup.Claim{Namespace: fmt.Sprintf("apps-%d", i%100), Name: fmt.Sprintf("data-%d", i%manyClaims)}
}

// large is a repository of many backups.
type large struct{}

func (large) Name() string { return "restic" }

func (large) List(_ context.Context, into driver.Listing) (string, error) {
	for i := range manyBackups {
		claim := largeClaim(i)
		into.Backup(backup.Backup{
			Claim: claim, ID: fmt.Sprintf("%064x", i), TakenAt: now.Add(-time.Duration(i/manyClaims) * time.Hour), SizeBytes: 1 << 30, Files: 1000,
			Tags: []string{"namespace=" + claim.Namespace, "pvc=" + claim.Name},
		})
	}
	return "5e1f", nil
}

type noLedger struct{}

func (noLedger) Expectation(context.Context, string) (catalog.Expectation, error) {
	return catalog.Expectation{}, nil
}

func (noLedger) Record(context.Context, string, catalog.Expectation, catalog.Expectation) error {
	return nil
}

func (noLedger) Held(context.Context) ([]string, error) { return nil, nil }

// largeFacts are those of a large cluster, its backups as the real catalog keeps
// them.
func largeFacts(b *testing.B) inventory.Facts {
	b.Helper()
	known := catalog.New(catalog.DefaultConfig(), []driver.Lister{large{}}, noLedger{}, clock.RealClock{}, metrics.New(prometheus.NewRegistry()))
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- known.Start(ctx) }()
	if known.Prove(ctx, largeClaim(0)).Certainty() != backup.Found {
		b.Fatal("the repository was not listed")
	}
	overview := known.Overviews()[0]
	stop()
	<-ended
	claims := make([]corev1.PersistentVolumeClaim, 0, manyClaims)
	for i := range manyClaims {
		name := largeClaim(i)
		claims = append(claims, inventorytest.Claim(name.Namespace, name.Name))
	}
	f := inventorytest.State(claims...)
	f.Listings = []inventory.Listing{{Driver: overview.Driver, ListedAt: now, Found: overview}}
	return f
}

// heap gives the bytes that are in use.
func heap() float64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

// resident gives the process's resident memory in MiB, after what is unused was
// given back.
func resident(b *testing.B) float64 {
	b.Helper()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("only Linux tells what is resident")
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	b.Fatal("VmRSS is missing")
	return 0
}

// BenchmarkInventoryBuild makes the inventory and the plan, and writes both down.
func BenchmarkInventoryBuild(b *testing.B) {
	f := largeFacts(b)
	var reports httpapi.Reports
	b.ReportAllocs()
	before := heap()
	var known *inventory.Inventory
	for b.Loop() {
		var plan *inventory.Plan
		known, plan = inventory.Build(f)
		reports.Publish(known, plan)
	}
	b.ReportMetric((heap()-before)/manyClaims, "B/claim")
	b.ReportMetric(resident(b), "resident-MiB")
	runtime.KeepAlive(known)
	runtime.KeepAlive(f)
	runtime.KeepAlive(&reports)
}

// BenchmarkInventoryRequest answers GET /v1/inventory through the whole handler,
// over a connection.
func BenchmarkInventoryRequest(b *testing.B) {
	f := largeFacts(b)
	reports := &httpapi.Reports{}
	reports.Publish(inventory.Build(f))
	registry := prometheus.NewRegistry()
	server := httptest.NewServer(httpapi.New(httpapi.DefaultConfig(), httpapi.Services{
		SignIn:  signin.New(signin.Config{}),
		Reports: reports, Gatherer: registry, Observer: metrics.New(registry), Ready: func(context.Context) error { return nil },
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	}).Handler())
	defer server.Close()
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/v1/inventory", nil)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		if err != nil || n < manyClaims {
			b.Fatal(n, err)
		}
		_ = resp.Body.Close()
		took = append(took, time.Since(began))
		b.SetBytes(n)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(resident(b), "resident-MiB")
	runtime.KeepAlive(f)
}

// BenchmarkInventoryScrape reads the metrics of every claim as text.
func BenchmarkInventoryScrape(b *testing.B) {
	f := largeFacts(b)
	known, _ := inventory.Build(f)
	registry := prometheus.NewRegistry()
	metrics.WatchInventory(registry, func() (*inventory.Inventory, error) { return known, nil }, clock.RealClock{})
	handler := httpapi.New(httpapi.DefaultConfig(), httpapi.Services{
		SignIn:   signin.New(signin.Config{}),
		Gatherer: registry, Ready: func(context.Context) error { return nil }, Log: slog.New(slog.DiscardHandler),
	}).Handler()
	b.ReportAllocs()
	for b.Loop() {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil))
		if bytes.Count(answer.Body.Bytes(), []byte("\npvc_backup_health{")) != manyClaims {
			b.Fatal(answer.Body)
		}
	}
	b.ReportMetric(resident(b), "resident-MiB")
	runtime.KeepAlive(f)
}
