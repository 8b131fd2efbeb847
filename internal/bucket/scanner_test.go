package bucket_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/bucket"
)

const interval = 6 * time.Hour

var store = bucket.Store{Endpoint: "s3.example.com", Bucket: "backups"}

// world is a cluster and a store, with a clock that a bubble steps.
type world struct {
	cluster client.WithWatch

	mu sync.Mutex
	// broken makes each call to the API server fail, where set.
	broken error
	// list is how the store answers; took is how long that takes.
	list     func(context.Context) (bucket.Figures, error)
	took     time.Duration
	listings int
	failures int
}

func newWorld(objects ...client.Object) *world {
	w := &world{list: func(context.Context) (bucket.Figures, error) {
		return bucket.Figures{Objects: 3, Bytes: 2_000_000_000, ScannedAt: time.Now().UTC()}, nil
	}}
	w.cluster = interceptor.NewClient(fake.NewClientBuilder().WithObjects(objects...).Build(), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
			if err := w.down(); err != nil {
				return err
			}
			return c.Get(ctx, key, into, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if err := w.down(); err != nil {
				return err
			}
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if err := w.down(); err != nil {
				return err
			}
			return c.Update(ctx, o, opts...)
		},
	})
	return w
}

// set changes the world while a scanner runs in it.
func (w *world) set(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *world) down() (err error) {
	w.set(func(w *world) { err = w.broken })
	return err
}

func (w *world) scans() (n int) {
	w.set(func(w *world) { n = w.listings })
	return n
}

func (w *world) failed() (n int) {
	w.set(func(w *world) { n = w.failures })
	return n
}

// List implements [bucket.Lister].
func (w *world) List(ctx context.Context) (bucket.Figures, error) {
	var list func(context.Context) (bucket.Figures, error)
	var took time.Duration
	w.set(func(w *world) { w.listings, list, took = w.listings+1, w.list, w.took })
	if took > 0 {
		select {
		case <-ctx.Done():
			return bucket.Figures{}, backup.Errorf(backup.Unavailable, "the listing was cut off: %w", ctx.Err())
		case <-time.After(took):
		}
	}
	return list(ctx)
}

// BucketScanFailed implements [bucket.Observer].
func (w *world) BucketScanFailed() { w.set(func(w *world) { w.failures++ }) }

func (w *world) keeper() *bucket.Keeper {
	return &bucket.Keeper{Writer: w.cluster, Reader: w.cluster, Namespace: "soteria-system", Store: store}
}

// lead runs a scanner until the function that it gives is called.
func (w *world) lead(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	scanner := &bucket.Scanner{
		Lister: w, Keeper: w.keeper(), Interval: interval, Clock: clock.RealClock{}, Observer: w,
		Log: slog.New(slog.DiscardHandler),
	}
	assert.True(t, scanner.NeedLeaderElection(), "two replicas would pay twice")
	go func() { ended <- scanner.Start(ctx) }()
	synctest.Wait()
	return func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

// report is what any replica tells.
func (w *world) report(t *testing.T) (bucket.Report, error) {
	t.Helper()
	price, err := bucket.ParsePrice("0.006", "USD")
	require.NoError(t, err)
	reporter := bucket.Reporter{Keeper: w.keeper(), Interval: interval, Price: price, Clock: clock.RealClock{}}
	return reporter.Report(t.Context())
}

// pass lets time pass, and what it brings about happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// bubble runs a test whose clock moves only when everybody waits.
func bubble(t *testing.T, name string, test func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

func TestScanning(t *testing.T) {
	bubble(t, "the bucket is scanned at once and then once each interval", func(t *testing.T) {
		w := newWorld()
		defer w.lead(t)()
		assert.Equal(t, 1, w.scans())
		pass(interval - time.Second)
		assert.Equal(t, 1, w.scans())
		pass(time.Second)
		assert.Equal(t, 2, w.scans())
	})
	bubble(t, "every replica tells what the leader found", func(t *testing.T) {
		w := newWorld()
		defer w.lead(t)()
		got, err := w.report(t)
		require.NoError(t, err)
		assert.Equal(t, store, got.Store)
		assert.Equal(t, int64(3), got.Figures.Objects)
		assert.InDelta(t, 0.012, got.MonthlyCost, 1e-9)
		assert.Equal(t, "USD", got.Currency)
		assert.Empty(t, got.Failure)
		assert.False(t, got.Stale)
	})
	bubble(t, "a new leader does not scan before it is time", func(t *testing.T) {
		w := newWorld()
		w.lead(t)()
		pass(interval / 2)
		defer w.lead(t)()
		assert.Equal(t, 1, w.scans())
		pass(interval / 2)
		assert.Equal(t, 2, w.scans())
	})
	bubble(t, "before the first scan has ended nothing is known", func(t *testing.T) {
		w := newWorld()
		w.set(func(w *world) { w.took = time.Minute })
		defer w.lead(t)()
		_, err := w.report(t)
		require.ErrorIs(t, err, bucket.ErrNotScanned)
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
		assert.EqualError(t, err, "the first scan of bucket backups is under way")
	})
	bubble(t, "a scan ends with the scanner and is no result", func(t *testing.T) {
		w := newWorld()
		w.set(func(w *world) { w.took = time.Hour })
		w.lead(t)()
		_, err := w.report(t)
		require.ErrorIs(t, err, bucket.ErrNotScanned)
		assert.EqualError(t, err, "the first scan of bucket backups is under way", "to be stopped is no failure")
		assert.Zero(t, w.failed())
	})
	bubble(t, "a process that dies while it scans does not scan again at once", func(t *testing.T) {
		w := newWorld()
		w.set(func(w *world) { w.took = time.Hour })
		for range 5 {
			w.lead(t)()
		}
		assert.Equal(t, 1, w.scans())
		w.set(func(w *world) { w.took = 0 })
		defer w.lead(t)()
		pass(5 * time.Minute)
		assert.Equal(t, 2, w.scans())
		_, err := w.report(t)
		assert.NoError(t, err)
	})
	bubble(t, "a scan that takes for ever is given up", func(t *testing.T) {
		w := newWorld()
		w.set(func(w *world) { w.took = 1000 * time.Hour })
		defer w.lead(t)()
		pass(interval)
		_, err := w.report(t)
		assert.ErrorContains(t, err, "it was not done after 6h0m0s; a longer SOTERIA_B2_SCAN_INTERVAL gives it more time")
	})
	bubble(t, "a scan that ends as the process is told to stop is kept", func(t *testing.T) {
		w := newWorld()
		release := make(chan struct{})
		whole := w.list
		w.list = func(ctx context.Context) (bucket.Figures, error) { <-release; return whole(ctx) }
		stop := w.lead(t)
		go func() { time.Sleep(time.Second); close(release) }()
		stop()
		_, err := w.report(t)
		assert.NoError(t, err)
	})
}

func TestAScanThatFails(t *testing.T) {
	refused := backup.Errorf(backup.Credentials, "reading bucket backups at s3.example.com: AccessDenied: no")
	fails := func(context.Context) (bucket.Figures, error) { return bucket.Figures{}, refused }

	bubble(t, "keeps the last good one and says what went wrong and when", func(t *testing.T) {
		w := newWorld()
		defer w.lead(t)()
		w.set(func(w *world) { w.list = fails })
		pass(interval)
		got, err := w.report(t)
		require.NoError(t, err)
		assert.Equal(t, int64(3), got.Figures.Objects)
		assert.Equal(t, "the scan that ended 2000-01-01T06:00:00Z failed: reading bucket backups at s3.example.com: AccessDenied: no; the figures are those of 2000-01-01T00:00:00Z", got.Failure)
		assert.False(t, got.Stale)
		assert.Equal(t, 1, w.failed())
		pass(interval + time.Second)
		got, err = w.report(t)
		require.NoError(t, err)
		assert.True(t, got.Stale, "two intervals after it")
	})
	bubble(t, "is told of where it was the first", func(t *testing.T) {
		w := newWorld()
		w.set(func(w *world) { w.list = fails })
		defer w.lead(t)()
		_, err := w.report(t)
		require.ErrorIs(t, err, bucket.ErrNotScanned)
		assert.Equal(t, backup.Unavailable, backup.KindOf(err), "it is not the caller who lacks a key")
		assert.EqualError(t, err, "no scan of bucket backups has succeeded yet: the scan that ended 2000-01-01T00:00:00Z failed: reading bucket backups at s3.example.com: AccessDenied: no")
	})
	bubble(t, "is repeated ever less often, and not less than once each interval", func(t *testing.T) {
		w := newWorld()
		w.set(func(w *world) { w.list = fails })
		defer w.lead(t)()
		for listings, wait := range []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute, 320 * time.Minute, interval, interval} {
			assert.Equal(t, listings+1, w.scans())
			pass(wait)
		}
	})
	bubble(t, "is forgotten once one succeeds", func(t *testing.T) {
		w := newWorld()
		whole := w.list
		w.set(func(w *world) { w.list = fails })
		defer w.lead(t)()
		w.set(func(w *world) { w.list = whole })
		pass(5 * time.Minute)
		got, err := w.report(t)
		require.NoError(t, err)
		assert.Empty(t, got.Failure)
		pass(interval - time.Second)
		assert.Equal(t, 2, w.scans())
	})
}

func TestWhileTheAPIServerFails(t *testing.T) {
	down := errors.New("the API server is down")
	bubble(t, "nothing is scanned, since it cannot be told when that was", func(t *testing.T) {
		w := newWorld()
		w.set(func(w *world) { w.broken = down })
		defer w.lead(t)()
		pass(interval)
		assert.Zero(t, w.scans())
		w.set(func(w *world) { w.broken = nil })
		pass(time.Minute)
		assert.Equal(t, 1, w.scans())
	})
	bubble(t, "a replica says that it cannot tell", func(t *testing.T) {
		w := newWorld()
		w.lead(t)()
		w.set(func(w *world) { w.broken = down })
		_, err := w.report(t)
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
		assert.NotErrorIs(t, err, bucket.ErrNotScanned)
		assert.ErrorContains(t, err, "ConfigMap soteria-system/soteria-bucket")
	})
	bubble(t, "what a scan found is kept once that is possible", func(t *testing.T) {
		w := newWorld()
		whole := w.list
		w.list = func(ctx context.Context) (bucket.Figures, error) {
			w.set(func(w *world) {
				w.broken = apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, bucket.ConfigMap, down)
			})
			return whole(ctx)
		}
		defer w.lead(t)()
		pass(time.Hour)
		w.set(func(w *world) { w.broken = nil })
		pass(time.Minute)
		_, err := w.report(t)
		require.NoError(t, err)
		assert.Equal(t, 1, w.scans())
	})
}

func kept(text string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "soteria-system", Name: bucket.ConfigMap},
		Data:       map[string]string{"scan.json": text, "note": "mine"},
	}
}

func TestWhatIsKept(t *testing.T) {
	for name, text := range map[string]string{
		"of another store":        `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"other","prefix":""},"attemptedAt":"2000-01-01T00:00:00Z","attempts":0,"figures":{"objects":9,"bytes":9,"largest":[],"scannedAt":"2000-01-01T00:00:00Z","took":1}}`,
		"of another format":       `{"format":2,"bucket":"backups"}`,
		"cut off":                 `{"format":1,"store":{"endpoint":"s3.exa`,
		"of a field more":         `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"backups","prefix":""},"attempts":0,"figures":null,"mood":"good"}`,
		"of fewer than no scans":  `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"backups","prefix":""},"attempts":-1}`,
		"of a time to come":       `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"backups","prefix":""},"attempts":1,"attemptedAt":"2100-01-01T00:00:00Z"}`,
		"empty":                   ``,
		"of many failed attempts": `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"backups","prefix":""},"attempts":9223372036854775807,"attemptedAt":"1999-01-01T00:00:00Z"}`,
	} {
		bubble(t, "what is "+name+" is no result, and is replaced", func(t *testing.T) {
			w := newWorld(kept(text))
			_, err := w.report(t)
			require.ErrorIs(t, err, bucket.ErrNotScanned)
			defer w.lead(t)()
			pass(10 * time.Minute)
			assert.Equal(t, 1, w.scans())
			got, err := w.report(t)
			require.NoError(t, err)
			assert.Equal(t, int64(3), got.Figures.Objects)
			var stored corev1.ConfigMap
			require.NoError(t, w.cluster.Get(t.Context(), client.ObjectKey{Namespace: "soteria-system", Name: bucket.ConfigMap}, &stored))
			assert.Equal(t, "mine", stored.Data["note"], "what is not Soteria's stays")
		})
	}
}
