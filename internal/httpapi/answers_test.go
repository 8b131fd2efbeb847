package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/mem"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/metrics"
)

// lister is a backup system that holds backups of claims.
func lister(name string, claims ...backup.Claim) *mem.Lister {
	l := mem.NewLister(name, "5e1f")
	for i, claim := range claims {
		l.Add(claim, noon.Add(-time.Duration(i)*time.Hour))
	}
	return l
}

// faulty is one of which every listing goes wrong.
func faulty(name string, fault mem.Fault) *mem.Lister {
	l := mem.NewLister(name, "5e1f")
	l.FailAlways(&fault)
	return l
}

// systemsServer serves what a catalog of these systems says, once that many of them were
// listed or failed. Nothing in it ever waits for less than an hour.
func systemsServer(t *testing.T, existsOnly bool, settled int, listers ...driver.Lister) string {
	t.Helper()
	cfg := catalog.DefaultConfig()
	cfg.ListingTimeout = time.Hour
	cfg.Expect = map[string]catalog.Expected{}
	for _, l := range listers {
		cfg.Expect[l.Name()] = catalog.ExpectNothing
	}
	c := catalog.New(cfg, listers, noLedger{}, clock.RealClock{}, metrics.New(prometheus.NewRegistry()))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Start(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	require.Eventually(t, func() bool {
		pending := slices.IndexFunc(c.Last(photos).Told(), func(told backup.Told) bool { return backup.IsNotYet(told.Why) })
		return pending < 0 || pending >= settled
	}, 10*time.Second, time.Millisecond)
	w := newWorld()
	w.catalog = c
	return w.serve(t, func(cfg *httpapi.Config) { cfg.LookupBudget, cfg.ExistsOnly = time.Hour, existsOnly })
}

func answered[T any](t *testing.T, url string, status int) (answer T) {
	t.Helper()
	resp, body := send(t, http.MethodGet, url, "", "")
	assert.Equal(t, status, resp.StatusCode, body)
	require.NoError(t, json.Unmarshal([]byte(body), &answer), body)
	return answer
}

func TestWhatOneSystemHasIsAnsweredAtOnceByEveryRoute(t *testing.T) {
	music := backup.Claim{Namespace: "media", Name: "music"}
	restic := lister("restic", photos, photos)
	for state, other := range map[string]struct {
		longhorn *mem.Lister
		settled  int
		doubt    string
	}{
		"the other is never listed": {faulty("longhorn", mem.Fault{Hang: true}), 1, "the longhorn repository has not been listed yet"},
		"the other cannot be":       {faulty("longhorn", mem.Fault{Err: backup.Errorf(backup.Unavailable, "connection refused")}), 2, "listing the longhorn repository: connection refused"},
		"the other has none":        {lister("longhorn", music), 2, ""},
	} {
		t.Run(state, func(t *testing.T) {
			for name, existsOnly := range map[string]bool{"in whole": false, "in pvc-plumber's mode": true} {
				url := systemsServer(t, existsOnly, other.settled, restic, other.longhorn)
				exists := answered[wire.Existence](t, url+"/exists/media/photos", http.StatusOK)
				assert.True(t, exists.Exists, name)
				assert.Equal(t, wire.DecisionRestore, exists.Decision)
				assert.Equal(t, noon, exists.Latest.TakenAt)
				require.Len(t, exists.Systems, 2)
				assert.Equal(t, wire.SystemFound, exists.Systems[0].Answer)
				assert.NotNil(t, exists.Systems[0].ListedAt)
				assert.NotEqual(t, wire.SystemFound, exists.Systems[1].Answer)
			}
			url := systemsServer(t, false, other.settled, restic, other.longhorn)
			list := answered[wire.Backups](t, url+"/v1/backups?namespace=media&pvc=photos", http.StatusOK)
			assert.Equal(t, 2, list.Total)
			assert.Equal(t, other.doubt, list.Doubt)
			assert.Equal(t, other.doubt, list.Systems[1].Message)
			one := answered[wire.Backups](t, url+"/v1/backups?namespace=media&pvc=photos&driver=restic", http.StatusOK)
			assert.Empty(t, one.Doubt, "the other was not asked about")
			assert.Len(t, one.Systems, 1)
		})
	}
}

func TestAListIsShownWithoutWaitingAndNoAbsenceThatIsNotKnown(t *testing.T) {
	url := systemsServer(t, false, 1, lister("restic", photos), faulty("longhorn", mem.Fault{Hang: true}))
	unknown := answered[wire.BackupsUnknown](t, url+"/v1/backups?namespace=media&pvc=music", http.StatusServiceUnavailable)
	assert.Equal(t, "the longhorn repository has not been listed yet", unknown.Error)
	require.Len(t, unknown.Systems, 2)
	assert.Equal(t, wire.SystemNone, unknown.Systems[0].Answer)
	assert.Nil(t, unknown.Systems[1].ListedAt)

	url = systemsServer(t, false, 2, lister("restic", photos), lister("longhorn", photos))
	none := answered[wire.Backups](t, url+"/v1/backups?namespace=media&pvc=music", http.StatusOK)
	assert.Empty(t, none.Backups)
	for _, system := range none.Systems {
		assert.Equal(t, wire.SystemNone, system.Answer)
		assert.NotNil(t, system.ListedAt)
	}
}
