package s3_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

// accepted is a ledger in which the bucket is accepted.
type accepted struct {
	mu       sync.Mutex
	expected catalog.Expectation
}

func (a *accepted) Expectation(context.Context, string) (catalog.Expectation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.expected, nil
}

func (a *accepted) Record(_ context.Context, _ string, _, after catalog.Expectation) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expected = after
	return nil
}

func (a *accepted) Held(context.Context) ([]string, error) { return nil, nil }

// unheard listens to no catalog.
type unheard struct{}

func (unheard) Listed(string, time.Duration, int, error) {}
func (unheard) Confirmed(string, time.Duration)          {}

func TestEachQuestionAboutFiveThousandClaimsCostsOneRequestAtMost(t *testing.T) {
	const claims, questions, connections = 5000, 600, 4
	store := restictest.StartS3(t)
	for n := range claims {
		put(t, store, fmt.Sprintf("ns-%02d/pvc-%04d/snapshots/%s", n%50, n, id(n)), noon)
	}
	host, requests := counted(t, store, nil)
	cfg := catalog.DefaultConfig()
	c := catalog.New(cfg, []driver.Lister{lister(host, nil)},
		&accepted{expected: catalog.Expectation{Repository: restictest.Bucket + "@" + host, HeldBackups: true}}, clock.RealClock{}, unheard{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Start(ctx) }()
	defer func() { stop(); require.NoError(t, <-ended) }()
	ask := func(n int) backup.Answer {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return c.Known(ctx, claimOf(fmt.Sprintf("ns-%02d", n%50), fmt.Sprintf("pvc-%04d", n)))
	}
	require.Equal(t, backup.Found, ask(1).Certainty())

	requests.Store(0)
	began := time.Now()
	var asking sync.WaitGroup
	for connection := range connections {
		asking.Go(func() {
			for n := connection; n < questions; n += connections {
				assert.Equal(t, backup.None, ask(claims+n).Certainty(), n)
				assert.Equal(t, backup.Found, ask(n).Certainty(), n)
			}
		})
	}
	asking.Wait()
	took := time.Since(began)
	t.Logf("%d questions in %s: %d requests", 2*questions, took, requests.Load())
	assert.LessOrEqual(t, requests.Load(), int64(questions), "one for each claim without backups")
}
