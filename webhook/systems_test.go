package webhook_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	realcatalog "github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/mem"
	"github.com/soteria-dr/soteria/internal/metrics"
)

// ledger remembers nothing.
type ledger struct{}

func (ledger) Expectation(context.Context, string) (realcatalog.Expectation, error) {
	return realcatalog.Expectation{}, nil
}

func (ledger) Record(context.Context, string, realcatalog.Expectation, realcatalog.Expectation) error {
	return nil
}

func (ledger) Held(context.Context) ([]string, error) { return nil, nil }

// listed runs a catalog of backup systems, and returns once that many of them were listed
// or failed.
func listed(t testing.TB, settled int, change func(*realcatalog.Config), listers ...driver.Lister) *realcatalog.Catalog {
	t.Helper()
	cfg := realcatalog.DefaultConfig()
	cfg.ListingTimeout = time.Hour
	cfg.Expect = map[string]realcatalog.Expected{}
	for _, l := range listers {
		cfg.Expect[l.Name()] = realcatalog.ExpectNothing
	}
	if change != nil {
		change(&cfg)
	}
	c := realcatalog.New(cfg, listers, ledger{}, clock.RealClock{}, metrics.New(prometheus.NewRegistry()))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Start(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	require.Eventually(t, func() bool {
		pending := slices.IndexFunc(c.Last(newest.Claim).Told(), func(told backup.Told) bool { return backup.IsNotYet(told.Why) })
		return pending < 0 || pending >= settled
	}, time.Minute, time.Millisecond)
	return c
}

// holds is a backup system with a backup of the claim.
func holds(name string, claims ...backup.Claim) *mem.Lister {
	l := mem.NewLister(name, "5ca1ab1e")
	for _, claim := range claims {
		l.Add(claim, now.Add(-time.Hour))
	}
	return l
}

func faulty(name string, fault mem.Fault) *mem.Lister {
	l := mem.NewLister(name, "5ca1ab1e")
	l.FailAlways(&fault)
	return l
}

func TestAdmissionLocksAsSoonAsOneSystemFoundABackup(t *testing.T) {
	for state, other := range map[string]struct {
		longhorn *mem.Lister
		settled  int
		says     string
	}{
		"while another is listed for the first time": {faulty("longhorn", mem.Fault{Hang: true}), 1, "the longhorn repository has not been listed yet"},
		"while another cannot be listed": {
			faulty("longhorn", mem.Fault{Err: backup.Errorf(backup.Credentials, "access denied")}), 2, "listing the longhorn repository: access denied",
		},
	} {
		t.Run(state, func(t *testing.T) {
			f := newFixture(t, backup.Answer{}, namespace(nil))
			f.claims.Catalog = listed(t, other.settled, nil, holds("restic", newest.Claim), other.longhorn)
			f.claims.Budget = time.Hour // which is not waited for
			response := f.claims.Handle(t.Context(), request(t, "auto"))
			require.True(t, response.Allowed)
			assert.Equal(t, []decision.Kind{decision.Restore}, f.verdicts.kinds)
			assert.Contains(t, response.Warnings[0], "soteria: Restore: will be restored from the restic backup ")
			assert.Contains(t, response.Warnings[0], "whether there is a newer one is settled before it is restored: "+other.says)
			assert.Contains(t, fmt.Sprint(response.Patches), "soteria.dev/verdict:Restore (BackupFound)")
			assert.Contains(t, fmt.Sprint(response.Patches), "in doubt: "+other.says)
		})
	}
}

func TestAdmissionSaysThatTheFirstLookTakesItsTimeAndWhatFails(t *testing.T) {
	for state, other := range map[string]struct {
		longhorn *mem.Lister
		settled  int
		says     string
	}{
		"it takes its time": {faulty("longhorn", mem.Fault{Hang: true}), 1, "soteria: Hold: checking for backups of ai/cache, starts in seconds (listing the longhorn repository has taken more than "},
		"it fails": {
			faulty("longhorn", mem.Fault{Err: backup.Errorf(backup.Credentials, "access denied")}), 2,
			"soteria: Hold: could not tell whether backups of ai/cache exist: listing the longhorn repository: access denied; the claim waits and is restored by itself once that is mended",
		},
	} {
		t.Run(state, func(t *testing.T) {
			f := newFixture(t, backup.Answer{}, namespace(nil))
			f.claims.Catalog = listed(t, other.settled, nil, holds("restic"), other.longhorn)
			f.claims.Budget = 100 * time.Millisecond
			response := f.claims.Handle(t.Context(), request(t, "auto"))
			require.True(t, response.Allowed)
			assert.Equal(t, []decision.Kind{decision.Hold}, f.verdicts.kinds)
			assert.Contains(t, response.Warnings[0], other.says)
		})
	}
}

// timed is a backup system whose listings take a time, which it can confirm in another
// time or of which it notices changes.
type timed struct {
	*mem.Lister
	listing time.Duration
}

func (s timed) List(ctx context.Context, into driver.Listing) (string, error) {
	select {
	case <-time.After(s.listing):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	repository, err := s.Lister.List(ctx, into)
	into.Mark("names")
	return repository, err
}

// confirms is one whose store's names are listed in a round trip, as restic's are.
type confirms struct {
	timed
	roundTrip time.Duration
}

func (s confirms) Confirm(ctx context.Context, _ string) (bool, error) {
	select {
	case <-time.After(s.roundTrip):
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// watched is one whose changes are noticed, as Longhorn's are. There are none.
type watched struct{ timed }

func (watched) Watch(ctx context.Context, began, _ func()) error {
	began()
	<-ctx.Done()
	return ctx.Err()
}

// BenchmarkAdmission judges protected claims with restic (a listing of 1 s, confirmed
// within 30 ms) and Longhorn (a listing of 3 s, which stands for 30 s while nothing
// changes) configured, of which the second was asked a while ago. Each claim takes a proof
// of restic's of its own, as one that is created alone does.
func BenchmarkAdmission(b *testing.B) {
	for name, claims := range map[string][]backup.Claim{"with backups": {newest.Claim}, "without backups": nil} {
		b.Run(name, func(b *testing.B) {
			restic := confirms{timed{holds("restic", append(claims, backup.Claim{Namespace: "ai", Name: "other"})...), time.Second}, 30 * time.Millisecond}
			longhorn := watched{timed{holds("longhorn", backup.Claim{Namespace: "ai", Name: "third"}), 3 * time.Second}}
			bounds := func(cfg *realcatalog.Config) {
				cfg.Freshness, cfg.Bounds = 0, map[string]time.Duration{"longhorn": 30 * time.Second}
			}
			known := listed(b, 2, bounds, restic, longhorn)
			known.Prove(b.Context(), newest.Claim)
			f := newFixture(b, backup.Answer{}, namespace(nil))
			f.claims.Catalog, f.claims.Budget = known, 3*time.Second
			req := request(b, "auto")
			var took []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				began := time.Now()
				if response := f.claims.Handle(b.Context(), req); !response.Allowed {
					b.Fatal(response.Result)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			held := slices.Contains(f.verdicts.kinds, decision.Hold)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			if held {
				b.Fatal("a claim was held")
			}
		})
	}
}
