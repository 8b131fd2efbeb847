package httpapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/bucket"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/httpapi/client"
	"github.com/soteria-dr/soteria/internal/signin"
)

// scanned is a bucket as a scan found it.
type scanned func(context.Context) (bucket.Report, error)

func (s scanned) Report(ctx context.Context) (bucket.Report, error) { return s(ctx) }

func finds(report bucket.Report) scanned {
	return func(context.Context) (bucket.Report, error) { return report, nil }
}

func contents(change func(*bucket.Report)) bucket.Report {
	report := bucket.Report{
		Store: bucket.Store{Endpoint: "s3.us-west-004.backblazeb2.com", Bucket: "backups", Prefix: "home/"},
		Figures: bucket.Figures{
			Objects: 41250, Bytes: 214748364800, History: &bucket.History{Versions: 41900, NoncurrentBytes: 1073741824, DeleteMarkers: 17},
			Largest: []bucket.Prefix{
				{Prefix: "home/restic/data/", Objects: 12800, Bytes: 204010946560},
				{Prefix: "home/backupstore/volumes/1a/2b/pvc-1234abcd/", Objects: 28450, Bytes: 10737418240},
			},
			ScannedAt: noon, Took: 74500 * time.Millisecond,
		},
		Growth: []bucket.Point{
			{At: noon.AddDate(0, 0, -31), Bytes: 161061273600, Objects: 30100},
			{At: noon.AddDate(0, 0, -7), Bytes: 215822106624, Objects: 41400},
			{At: noon, Bytes: 214748364800, Objects: 41250},
		},
		MonthlyCost: 1.2885, Currency: "USD",
	}
	if change != nil {
		change(&report)
	}
	return report
}

func serveBucket(t *testing.T, b httpapi.Bucket) string {
	t.Helper()
	cfg := httpapi.DefaultConfig()
	cfg.LookupBudget = 10 * time.Millisecond
	server := httptest.NewServer(httpapi.New(cfg, httpapi.Services{Bucket: b, SignIn: signin.New(signin.Config{}), Log: slog.New(slog.DiscardHandler)}).Handler())
	t.Cleanup(server.Close)
	return server.URL
}

func TestBucketExamples(t *testing.T) {
	for name, test := range map[string]struct {
		bucket httpapi.Bucket
		status int
		golden string
	}{
		"what the bucket holds and costs": {
			finds(contents(nil)), 200, "bucket.json"},
		"versions that the store does not tell are null, and a failed scan is told with the last good one": {
			finds(contents(func(r *bucket.Report) {
				r.Figures.History, r.Figures.Largest, r.Growth = nil, nil, r.Growth[2:]
				r.Failure, r.Stale = "the scan that ended 2026-03-02T12:00:00Z failed: reading bucket backups at s3.us-west-004.backblazeb2.com: AccessDenied: not entitled; the figures are those of 2026-03-01T12:00:00Z", true
			})), 200, "bucket_stale.json"},
		"the first scan is under way": {
			scanned(func(context.Context) (bucket.Report, error) {
				return bucket.Report{}, backup.Errorf(backup.Unavailable, "the first scan of bucket backups is under way")
			}), 503, "bucket_first_scan.json"},
		"no bucket is scanned": {nil, 404, "bucket_disabled.json"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := send(t, http.MethodGet, serveBucket(t, test.bucket)+"/v1/b2", "", "")
			assert.Equal(t, test.status, resp.StatusCode)
			assert.Equal(t, jsonType, resp.Header.Get("Content-Type"))
			golden(t, test.golden, body)
		})
	}
}

func TestTheClientReadsWhatTheBucketHolds(t *testing.T) {
	got, err := client.New(serveBucket(t, finds(contents(nil))), http.DefaultClient).Bucket(t.Context())
	require.NoError(t, err)
	assert.True(t, got.Enabled)
	assert.Equal(t, int64(214748364800), got.Bytes)
	require.NotNil(t, got.DeleteMarkers)
	assert.Equal(t, int64(17), *got.DeleteMarkers)
	assert.Equal(t, noon, got.ScannedAt)
	require.Len(t, got.History, 3)
	assert.Equal(t, int64(161061273600), got.History[0].Bytes)

	_, err = client.New(serveBucket(t, nil), http.DefaultClient).Bucket(t.Context())
	assert.Equal(t, backup.NotFound, backup.KindOf(err))
	assert.ErrorContains(t, err, "SOTERIA_B2_ENABLED=true")
}

func TestTheBucketIsWaitedForNoLongerThanTheBudget(t *testing.T) {
	stuck := scanned(func(ctx context.Context) (bucket.Report, error) {
		<-ctx.Done()
		return bucket.Report{}, ctx.Err()
	})
	_, err := client.New(serveBucket(t, stuck), http.DefaultClient).Bucket(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
}
