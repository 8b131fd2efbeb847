package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/signin"
)

const many, manyClaims = 200_000, 2_000

// large is a repository of many backups.
type large struct{}

func (large) Name() string { return "restic" }

func (large) List(_ context.Context, into driver.Listing) (string, error) {
	for i := range many {
		into.Backup(backup.Backup{Claim: largeClaim(i), ID: fmt.Sprintf("%064x", i), TakenAt: time.Unix(int64(i), 0)})
	}
	return "5e1f", nil
}

func largeClaim(i int) backup.Claim {
	return backup.Claim{Namespace: "apps", Name: fmt.Sprintf("data-%d", i%manyClaims)}
}

type noLedger struct{}

func (noLedger) Expectation(context.Context, string) (catalog.Expectation, error) {
	return catalog.Expectation{}, nil
}

func (noLedger) Record(context.Context, string, catalog.Expectation, catalog.Expectation) error {
	return nil
}

func (noLedger) Held(context.Context) ([]string, error) { return nil, nil }

// BenchmarkExists answers /exists for claims with backups, through the whole
// handler with its real catalog, metrics and access log.
func BenchmarkExists(b *testing.B) {
	registry := prometheus.NewRegistry()
	counted := metrics.New(registry)
	cfg := catalog.DefaultConfig()
	known := catalog.New(cfg, []driver.Lister{large{}}, noLedger{}, clock.RealClock{}, counted)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- known.Start(ctx) }()
	defer func() {
		stop()
		<-ended
	}()
	if known.Prove(ctx, largeClaim(0)).Certainty() != backup.Found {
		b.Fatal("the repository was not listed")
	}
	handler := httpapi.New(httpapi.DefaultConfig(), httpapi.Services{
		Catalog: known, SignIn: signin.New(signin.Config{}), Lock: kube.NewLock, Gatherer: registry, Observer: counted, Ready: func(context.Context) error { return nil },
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	}).Handler()
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/exists/apps/data-1234", nil)
	b.ReportAllocs()
	for b.Loop() {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, req)
		if answer.Code != http.StatusOK {
			b.Fatal(answer.Body.String())
		}
	}
}
