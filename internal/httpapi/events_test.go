package httpapi_test

import (
	"cmp"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/claimevents"
	"github.com/soteria-dr/soteria/internal/httpapi"
)

var assorted = []claimevents.Event{{
	First: noon.Add(-time.Hour), Last: noon, Count: 7, Warning: true, Reason: "LookupFailed", Source: "soteria",
	Message: "The claim waits and is not started empty: connection refused", Kind: "Restore", Namespace: "media", Name: "soteria-aaaaaaaaaaaaaaaa",
}, {
	First: noon.Add(-2 * time.Hour), Last: noon.Add(-2 * time.Hour), Count: 1, Reason: "Requested", Source: "soteria",
	Message: "alice asked over the API for: backup (restic)", Kind: "PersistentVolumeClaim", Namespace: "media", Name: "photos",
}}

func TestEventExamples(t *testing.T) {
	tests := map[string]struct {
		path   string
		of     backup.Claim
		events []claimevents.Event
		err    error
		status int
		golden string
	}{
		"the events of a claim, newest first": {
			path: "/v1/events?namespace=media&pvc=photos", events: assorted, status: 200, golden: "events.json"},
		"a claim of which nothing is told has an empty list": {
			path: "/v1/events?namespace=media&pvc=photos", status: 200, golden: "events_none.json"},
		"events that cannot be read are an error": {
			path: "/v1/events?namespace=media&pvc=photos", err: backup.Errorf(backup.Unavailable, "listing the events in media: connection refused"), status: 503, golden: "events_unavailable.json"},
		"the events of a namespace's claims": {
			path: "/v1/events?namespace=media", of: backup.Claim{Namespace: "media"}, events: assorted[1:], status: 200, golden: "events_namespace.json"},
		"as many events as are asked for": {
			path: "/v1/events?namespace=media&pvc=photos&limit=1", events: assorted, status: 200, golden: "events_limited.json"},
		"a number of events that is none is refused": {
			path: "/v1/events?namespace=media&pvc=photos&limit=0", status: 400, golden: "events_invalid_limit.json"},
		"events of no namespace are refused": {
			path: "/v1/events?pvc=", status: 400, golden: "events_invalid.json"},
		"events of a claim that can have no such name are refused": {
			path: "/v1/events?namespace=media&pvc=a/b", status: 400, golden: "events_invalid_claim.json"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.events = func(_ context.Context, claim backup.Claim) ([]claimevents.Event, error) {
				assert.Equal(t, cmp.Or(test.of, photos), claim)
				return test.events, test.err
			}
			url := w.serve(t, nil)
			resp, body := send(t, http.MethodGet, url+test.path, "", "")
			assert.Equal(t, test.status, resp.StatusCode)
			golden(t, test.golden, body)
			readDocument(t, url).holds(t, http.MethodGet, test.path, resp.StatusCode, body)
		})
	}
}

func TestTheNewestEventsAreToldOfAClaimWithMany(t *testing.T) {
	w := newWorld()
	w.events = func(context.Context, backup.Claim) ([]claimevents.Event, error) {
		many := make([]claimevents.Event, 201)
		many[0].Reason = "Newest"
		return many, nil
	}
	got, err := w.client(t).Events(t.Context(), photos)
	require.NoError(t, err)
	assert.Equal(t, 201, got.Total)
	assert.Len(t, got.Events, 200)
	assert.Equal(t, "Newest", got.Events[0].Reason)
}

func TestEventsAreWaitedForNoLongerThanTheBudget(t *testing.T) {
	w := newWorld()
	w.events = func(ctx context.Context, _ backup.Claim) ([]claimevents.Event, error) {
		<-ctx.Done()
		return nil, backup.Errorf(backup.Unavailable, "listing the events in media: %w", ctx.Err())
	}
	resp, _ := send(t, http.MethodGet, w.serve(t, func(cfg *httpapi.Config) { cfg.LookupBudget = time.Millisecond })+"/v1/events?namespace=media&pvc=photos", "", "")
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
}
