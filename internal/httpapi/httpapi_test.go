package httpapi_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/admission"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/claimevents"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/httpapi/client"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/signin"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testLock is the first lock that a server draws.
const testLock = "soteria-aaaaaaaaaaaaaaaa"

var (
	photos   = backup.Claim{Namespace: "media", Name: "photos"}
	noon     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	evidence = backup.Evidence{Driver: "restic", Repository: "5e1f", BeganAt: noon, EndedAt: noon}
	newest   = backup.Backup{
		Claim: photos, Driver: "restic", ID: "aaaaaaaaaaaa", TakenAt: noon, SizeBytes: 4096, Files: 12, Outcome: backup.OutcomePartial, Tool: "restic 0.16.4",
		Tags: []string{"namespace=media", "pvc=photos", "before-upgrade"},
	}
	oldest = backup.Backup{Claim: photos, Driver: "restic", ID: "bbbbbbbbbbbb", TakenAt: noon.Add(-time.Hour), SizeBytes: -1, Files: -1}
	down   = backup.Errorf(backup.Unavailable, "listing the restic repository has taken more than 2.5 s")
)

// gone is the doubt of a claim whose newest backup is missing.
var gone = backup.WithSettle(backup.Errorf(backup.BackupMissing,
	"the restic backup 1a2b3c4d of media/photos, taken 2026-02-28T12:00:00Z and last seen on 2026-02-28, is not there any more (1 older ones are): "+
		"bring it back, or accept that it is gone with: soteria repository accept --claim media/photos"), "soteria repository accept --claim media/photos")

// homeRules are those of cluster home, at noon.
var homeRules = backup.Rules{Clusters: backup.Clusters{Own: "home", Settled: true}, Now: noon, PartialWindow: backup.DefaultPartialWindow}

// What two systems say of which one was not listed yet.
var (
	errNotListed = backup.NotYet(backup.Errorf(backup.Unavailable, "the longhorn repository has not been listed yet"))
	inPart       = backup.Combine(backup.FoundBackups([]backup.Backup{newest, oldest}, evidence), backup.UnknownBecause(errNotListed))
	saidInPart   = []backup.Told{{Driver: "restic", Certainty: backup.Found, ListedAt: noon}, {Driver: "longhorn", Why: errNotListed}}
	saidNothing  = []backup.Told{{Driver: "restic", Certainty: backup.None, ListedAt: noon}, {Driver: "longhorn", Why: errNotListed}}
)

// objectionable are backups of which each but the last has something against it.
func objectionable() []backup.Backup {
	list := []backup.Backup{
		{ID: "a1f0", Outcome: backup.OutcomeComplete, TakenAt: noon.AddDate(1, 0, 0), SizeBytes: 4096, DataBytes: 4096, Files: 12},
		{ID: "b2f0", Outcome: backup.OutcomeComplete, Cluster: "attic", SizeBytes: 8192, DataBytes: 8192, Files: 30},
		{ID: "c3f0", Outcome: backup.OutcomeVoid, SizeBytes: 10, DataBytes: 10, Files: 1},
		{ID: "d4f0", Outcome: backup.OutcomeComplete, Unreviewed: true, SizeBytes: 4000, DataBytes: 4000, Files: 11},
		{ID: "e5f0", Outcome: backup.OutcomePartial, SizeBytes: 4090, DataBytes: 4090, Files: 11},
		{ID: "f6f0", Outcome: backup.OutcomeComplete, SizeBytes: 4096, DataBytes: 4096, Files: 12},
		{ID: "a7f0", Outcome: backup.OutcomeComplete, Unrestorable: "it is of 2 paths (/etc, /data), and which of them was the volume cannot be told", SizeBytes: -1, DataBytes: -1, Files: -1},
	}
	for i := range list {
		b := &list[i]
		b.Claim, b.Driver = photos, "restic"
		if b.TakenAt.IsZero() {
			b.TakenAt = noon.Add(-time.Duration(i) * time.Hour)
		}
	}
	return list
}

// world is what the server is made of, as a test sets it.
type world struct {
	lock   string
	answer func(context.Context) backup.Answer
	driver string
	// catalog answers in the place of answer, where there is one.
	catalog httpapi.Catalog
	backup  func(context.Context, driver.BackupRequest) (driver.BackupStarted, error)
	request driver.BackupRequest
	ready   error
	reports httpapi.Reports
	claims  claimsStub
	tester  testerStub
	signIn  signin.Config
	told    []told
	untold  error
	gate    admission.Report
	missing []httpapi.Missing
	listed  []inventory.Listing
	copies  []keeper.Report
	looked  copiesStub
	rules   backup.Rules
	clock   string
	events  func(context.Context, backup.Claim) ([]claimevents.Event, error)
	console http.Handler
	// policies are those of the scheduler, see policies_test.go.
	policies policies
	// batches is what goes on without a caller; nil for none.
	batches httpapi.Batches

	mu     sync.Mutex
	counts map[string]int
	log    bytes.Buffer
}

func newWorld() *world {
	return &world{
		lock: testLock,
		answer: func(context.Context) backup.Answer {
			return backup.FoundBackups([]backup.Backup{newest, oldest}, evidence)
		},
		backup: func(context.Context, driver.BackupRequest) (driver.BackupStarted, error) {
			return driver.BackupStarted{Driver: "restic", Namespace: "media", JobName: "soteria-backup-1", Secret: "soteria-backup-1"}, nil
		},
		events: func(context.Context, backup.Claim) ([]claimevents.Event, error) { return nil, nil },
		gate:   admission.Report{State: admission.Closed},
		counts: make(map[string]int),
	}
}

// happened are the events about claims.
type happened func(context.Context, backup.Claim) ([]claimevents.Event, error)

func (h happened) Of(ctx context.Context, claim backup.Claim) ([]claimevents.Event, error) {
	return h(ctx, claim)
}

func (h happened) In(ctx context.Context, namespace string) ([]claimevents.Event, error) {
	return h(ctx, backup.Claim{Namespace: namespace})
}

func says(a backup.Answer) func(context.Context) backup.Answer {
	return func(context.Context) backup.Answer { return a }
}

func (w *world) Known(ctx context.Context, _ backup.Claim) backup.Answer { return w.answer(ctx) }

func (w *world) Last(backup.Claim) backup.Answer { return w.answer(context.Background()) }

func (w *world) LastOf(_ backup.Claim, driver string) backup.Answer {
	w.driver = driver
	return w.answer(context.Background())
}

func (w *world) Drivers() []string { return []string{"restic", "longhorn"} }

func (w *world) Backup(ctx context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
	w.mu.Lock()
	w.request = req
	w.mu.Unlock()
	return w.backup(ctx, req)
}

func (w *world) ExistsAnswered(decision string) { w.count("exists " + decision) }

func (w *world) BackupRequested(driver string, dryRun bool, err error) {
	outcome := "ok"
	if err != nil {
		outcome = backup.KindOf(err).String()
	} else if dryRun {
		outcome = "dry_run"
	}
	w.count("backup " + driver + " " + outcome)
}

func (w *world) AuthzDenied(reason string) { w.count("denied " + reason) }

// told is what was written down on a claim.
type told struct {
	claim        backup.Claim
	action, note string
	failed       bool
}

func (w *world) Record(_ context.Context, claim backup.Claim, action, note string, failed bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, told{claim, action, note, failed})
	return w.untold
}

func (w *world) Panicked() { w.count("panic") }

func (w *world) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[what]++
}

func (w *world) counted(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[what]
}

// Write takes the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func (w *world) server(change func(*httpapi.Config)) *httpapi.Server {
	cfg := httpapi.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "answer", Help: "To everything."}, func() float64 { return 42 }))
	return httpapi.New(cfg, httpapi.Services{
		Catalog: cmp.Or[httpapi.Catalog](w.catalog, w), Backupers: httpapi.Backupers{Default: "restic", ByName: map[string]driver.Backuper{"restic": w, "longhorn": w}}, Reports: &w.reports, Policies: &w.policies, SignIn: signin.New(w.signIn), Auditor: w, Gatherer: registry, Observer: w,
		Ready: func(context.Context) error { return w.ready }, Restores: &w.claims, Claims: &w.claims, Testers: map[string]driver.Tester{"restic": &w.tester},
		Batches: w.batches, Copies: &w.looked,
		Lock: func() string { return w.lock }, Rules: func() backup.Rules { return w.rules }, Console: w.console, Events: happened(w.events),
		Status: httpapi.Status{
			Version: "v1.2.3", Gate: func(context.Context) admission.Report { return w.gate },
			Listings: func() []inventory.Listing { return w.listed }, Missing: func() []httpapi.Missing { return w.missing }, Now: func() time.Time { return noon.Add(1500 * time.Millisecond) },
			Cluster: w.rules.Clusters, ClockDoubt: func() string { return w.clock },
			ReportMaxAge: 6 * time.Minute, ListingMaxAge: 8 * time.Minute, Copies: func() []keeper.Report { return w.copies },
		},
		Log: slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
}

// serve starts a server and gives its base URL.
func (w *world) serve(t *testing.T, change func(*httpapi.Config)) string {
	t.Helper()
	server := httptest.NewServer(w.server(change).Handler())
	t.Cleanup(server.Close)
	return server.URL
}

func (w *world) client(t *testing.T) *client.Client {
	t.Helper()
	return client.New(w.serve(t, nil), http.DefaultClient)
}

// send sends a raw request.
func send(t *testing.T, method, url, contentType, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(answer)
}

const jsonType = "application/json"

// TestExamples holds the API to its examples, byte by byte.
func TestExamples(t *testing.T) {
	const order = `{"namespace":"media","pvc":"photos","tags":["before-upgrade"]}`
	tests := map[string]struct {
		method, path, body string
		world              func(*world)
		rules              backup.Rules
		status             int
		golden             string
	}{
		"a claim with backups exists": {
			path: "/exists/media/photos", status: 200, golden: "exists_restore.json"},
		"a claim whose newest backup has no known size exists": {
			path: "/exists/media/photos", status: 200, golden: "exists_restore_size_unknown.json",
			world: func(w *world) { w.answer = says(backup.FoundBackups([]backup.Backup{oldest}, evidence)) }},
		"a claim whose newest backup is in doubt exists": {
			path: "/exists/media/photos", status: 200, golden: "exists_doubt.json",
			world: func(w *world) { w.answer = says(backup.FoundBackups([]backup.Backup{oldest}, evidence).Doubting(down)) }},
		"a list of which the newest is in doubt shows what is known": {
			path: "/v1/backups?namespace=media&pvc=photos", status: 200, golden: "backups_doubt.json",
			world: func(w *world) { w.answer = says(backup.FoundBackups([]backup.Backup{oldest}, evidence).Doubting(down)) }},
		"a claim proved to have no backups does not exist": {
			path: "/exists/media/photos", status: 200, golden: "exists_fresh.json",
			world: func(w *world) { w.answer = says(backup.ProvedNone(evidence)) }},
		"a claim that nothing could be told of is unknown": {
			path: "/exists/media/photos", status: 503, golden: "exists_unknown.json",
			world: func(w *world) { w.answer = says(backup.UnknownBecause(down)) }},
		"a namespace that Kubernetes would refuse is refused": {
			path: "/exists/Media/photos", status: 400, golden: "exists_invalid.json"},
		"a claim's backups are listed newest first": {
			path: "/v1/backups?namespace=media&pvc=photos", status: 200, golden: "backups.json"},
		"a list says of each backup why it is not chosen by itself": {
			path: "/v1/backups?namespace=media&pvc=photos", status: 200, golden: "backups_assorted.json",
			rules: homeRules, world: func(w *world) { w.answer = says(backup.FoundBackups(objectionable(), evidence)) }},
		"a list whose newest backup is missing names the command that settles it": {
			path: "/v1/backups?namespace=media&pvc=photos", status: 200, golden: "backups_missing.json",
			world: func(w *world) { w.answer = says(backup.FoundBackups([]backup.Backup{oldest}, evidence).Doubting(gone)) }},
		"a list of nothing but a missing backup is an error with the command that settles it": {
			path: "/v1/backups?namespace=media&pvc=photos", status: 503, golden: "backups_gone.json",
			world: func(w *world) { w.answer = says(backup.UnknownBecause(gone)) }},
		"a claim without backups has an empty list": {
			path: "/v1/backups?namespace=media&pvc=photos", status: 200, golden: "backups_none.json",
			world: func(w *world) { w.answer = says(backup.ProvedNone(evidence)) }},
		"a list that could not be told is an error": {
			path: "/v1/backups?namespace=media&pvc=photos", status: 503, golden: "backups_unknown.json",
			world: func(w *world) { w.answer = says(backup.UnknownBecause(down)) }},
		"a claim that one system has a backup of exists, whatever the others say": {
			path: "/exists/media/photos", status: 200, golden: "exists_systems.json",
			world: func(w *world) { w.answer = says(inPart.WithTold(saidInPart...)) }},
		"a claim that is looked for is unknown, with what each system said": {
			path: "/exists/media/photos", status: 503, golden: "exists_systems_unknown.json",
			world: func(w *world) { w.answer = says(backup.UnknownBecause(errNotListed).WithTold(saidNothing...)) }},
		"a list says how old it is and what could not be told": {
			path: "/v1/backups?namespace=media&pvc=photos", status: 200, golden: "backups_systems.json",
			world: func(w *world) { w.answer = says(inPart.WithTold(saidInPart...)) }},
		"a list of which nothing is known yet is an error with what each system said": {
			path: "/v1/backups?namespace=media&pvc=photos", status: 503, golden: "backups_not_listed.json",
			world: func(w *world) { w.answer = says(backup.UnknownBecause(errNotListed).WithTold(saidNothing...)) }},
		"a list of other clusters' backups is shown though a system could not tell": {
			path: "/v1/backups?namespace=media&pvc=photos", status: 200, golden: "backups_others_in_doubt.json",
			world: func(w *world) {
				w.answer = says(backup.UnknownBecause(down).WithOthers([]backup.Backup{oldest}))
			}},
		"a list of no claim is refused": {
			path: "/v1/backups?namespace=media", status: 400, golden: "backups_invalid.json"},
		"a backup is started": {
			method: http.MethodPost, path: "/v1/backup", body: order, status: 202, golden: "backup_started.json"},
		"a dry run starts nothing": {
			method: http.MethodPost, path: "/v1/backup", body: `{"namespace":"media","pvc":"photos","dry_run":true}`, status: 200, golden: "backup_dry_run.json"},
		"a backup of a claim that is being backed up is refused": {
			method: http.MethodPost, path: "/v1/backup", body: order, status: 409, golden: "backup_conflict.json",
			world: func(w *world) {
				w.backup = func(context.Context, driver.BackupRequest) (driver.BackupStarted, error) {
					return driver.BackupStarted{}, backup.Errorf(backup.Conflict, "a backup of media/photos is running: Job soteria-backup-1")
				}
			}},
		"a request with an unknown field is refused": {
			method: http.MethodPost, path: "/v1/backup", body: `{"namespace":"media","pvc":"photos","dryrun":true}`, status: 400, golden: "backup_unknown_field.json"},
		"who does not sign in is anonymous": {
			path: "/v1/whoami", status: 200, golden: "whoami_anonymous.json"},
		"the process is healthy": {path: "/healthz", status: 200, golden: "ok.json"},
		"the replica is ready":   {path: "/readyz", status: 200, golden: "ok.json"},
		"a path that does not exist is an error": {
			path: "/exists/media", status: 404, golden: "not_found.json"},
		"a method that a path does not answer to is an error": {
			method: http.MethodDelete, path: "/v1/backup", status: 405, golden: "method_not_allowed.json"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if test.world != nil {
				test.world(w)
			}
			w.rules = test.rules
			if test.method == "" {
				test.method = http.MethodGet
			}
			url := w.serve(t, nil)
			resp, body := send(t, test.method, url+test.path, jsonType, test.body)
			assert.Equal(t, test.status, resp.StatusCode)
			readDocument(t, url).holds(t, test.method, test.path, test.status, body)
			assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
			golden(t, test.golden, body)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestExists(t *testing.T) {
	t.Run("waits no longer than its budget", func(t *testing.T) {
		w := newWorld()
		w.answer = func(ctx context.Context) backup.Answer {
			<-ctx.Done()
			return backup.UnknownBecause(ctx.Err())
		}
		c := client.New(w.serve(t, func(cfg *httpapi.Config) { cfg.LookupBudget = time.Millisecond }), http.DefaultClient)
		answer, err := c.Exists(t.Context(), photos)
		require.NoError(t, err)
		assert.Equal(t, wire.DecisionUnknown, answer.Decision)
		assert.False(t, answer.Authoritative)
		assert.False(t, answer.Exists)
		assert.NotEmpty(t, answer.Error)
		assert.Equal(t, 1, w.counted("exists unknown"))
	})
	t.Run("says unknown with status 200 to callers that want it so", func(t *testing.T) {
		w := newWorld()
		w.answer = says(backup.UnknownBecause(down))
		url := w.serve(t, func(cfg *httpapi.Config) { cfg.UnknownStatus = http.StatusOK })
		resp, body := send(t, http.MethodGet, url+"/exists/media/photos", "", "")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		golden(t, "exists_unknown.json", body)
	})
	t.Run("comes to the client as it is", func(t *testing.T) {
		w := newWorld()
		size := newest.SizeBytes
		answer, err := w.client(t).Exists(t.Context(), photos)
		require.NoError(t, err)
		assert.Equal(t, wire.Existence{
			Exists: true, Namespace: "media", PVC: "photos", Backend: "restic,longhorn", Decision: wire.DecisionRestore, Authoritative: true,
			Lock: testLock, Latest: &wire.Latest{ID: newest.ID, Driver: "restic", TakenAt: noon, SizeBytes: &size}, Systems: []wire.System{},
		}, answer)
		assert.Equal(t, 1, w.counted("exists restore"))
	})
	t.Run("gives each answer a lock of its own, and none to what is unknown", func(t *testing.T) {
		w := newWorld()
		c := w.client(t)
		first, err := c.Exists(t.Context(), photos)
		require.NoError(t, err)
		w.lock = "soteria-bbbbbbbbbbbbbbbb"
		second, err := c.Exists(t.Context(), photos)
		require.NoError(t, err)
		assert.NotEqual(t, first.Lock, second.Lock)
		w.answer = says(backup.UnknownBecause(down))
		unknown, err := c.Exists(t.Context(), photos)
		require.NoError(t, err)
		assert.Empty(t, unknown.Lock)
	})
	t.Run("decides to hold where no backup exists and all claims require one", func(t *testing.T) {
		required := func(cfg *httpapi.Config) { cfg.RestoreRequired = true }
		for decision, known := range map[wire.Decision]backup.Answer{
			wire.DecisionHold:    backup.ProvedNone(evidence),
			wire.DecisionRestore: backup.FoundBackups([]backup.Backup{newest}, evidence),
			wire.DecisionUnknown: backup.UnknownBecause(down),
		} {
			w := newWorld()
			w.answer = says(known)
			answer, err := client.New(w.serve(t, required), http.DefaultClient).Exists(t.Context(), photos)
			require.NoError(t, err)
			assert.Equal(t, decision, answer.Decision)
			assert.Equal(t, decision == wire.DecisionRestore, answer.Exists)
		}
	})
	t.Run("refuses names that Kubernetes would refuse", func(t *testing.T) {
		c := newWorld().client(t)
		for field, claim := range map[string]backup.Claim{
			"namespace": {Namespace: "a.b", Name: "photos"}, "pvc": {Namespace: "media", Name: "-photos"},
		} {
			_, err := c.Exists(t.Context(), claim)
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.Equal(t, field, backup.FieldOf(err))
		}
	})
}

func TestBackups(t *testing.T) {
	t.Run("of all drivers come newest first", func(t *testing.T) {
		w := newWorld()
		list, err := w.client(t).Backups(t.Context(), photos, "")
		require.NoError(t, err)
		require.Len(t, list, 2)
		assert.Equal(t, newest.ID, list[0].ID)
		assert.Equal(t, newest.Tags, list[0].Tags)
		assert.Nil(t, list[1].SizeBytes)
		assert.Empty(t, w.driver)
	})
	t.Run("that are dated ahead say by how much", func(t *testing.T) {
		w, ahead := newWorld(), newest
		ahead.DatedAt = ahead.TakenAt.Add(5 * time.Hour)
		w.answer = says(backup.FoundBackups([]backup.Backup{ahead}, backup.Evidence{}))
		_, body := send(t, http.MethodGet, w.serve(t, nil)+"/v1/backups?namespace=media&pvc=photos", "", "")
		assert.Contains(t, body, `"dated_at":"`+ahead.DatedAt.Format(time.RFC3339)+`"`)
	})
	t.Run("of one driver are asked of that driver alone", func(t *testing.T) {
		w := newWorld()
		_, err := w.client(t).Backups(t.Context(), photos, "longhorn")
		require.NoError(t, err)
		assert.Equal(t, "longhorn", w.driver)
	})
	t.Run("of a driver that does not exist are refused", func(t *testing.T) {
		_, err := newWorld().client(t).Backups(t.Context(), photos, "kopia")
		assert.Equal(t, backup.Invalid, backup.KindOf(err))
		assert.Equal(t, "driver", backup.FieldOf(err))
	})
	t.Run("that could not be told are never an empty list, whatever went wrong", func(t *testing.T) {
		for _, kind := range backup.Kinds() {
			w := newWorld()
			w.answer = says(backup.UnknownBecause(backup.Errorf(kind, "it failed")))
			resp, body := send(t, http.MethodGet, w.serve(t, nil)+"/v1/backups?namespace=media&pvc=photos", "", "")
			assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, kind)
			assert.Contains(t, body, `"code":"`+kind.String()+`"`)
		}
	})
}

func TestBackup(t *testing.T) {
	t.Run("is asked of the driver as it was asked of the API", func(t *testing.T) {
		w := newWorld()
		started, err := w.client(t).Backup(t.Context(), wire.BackupRequest{Namespace: "media", PVC: "photos", Tags: []string{"a", "b=c"}})
		require.NoError(t, err)
		assert.Equal(t, driver.BackupRequest{Claim: photos, Tags: []string{"a", "b=c"}, RequestedBy: "anonymous"}, w.request)
		assert.Equal(t, wire.BackupStarted{
			Driver: "restic", JobName: "soteria-backup-1", Namespace: "media", Secret: "soteria-backup-1", RequestedBy: "anonymous",
		}, started)
		assert.Equal(t, 1, w.counted("backup restic ok"))
	})
	t.Run("is asked of the driver that the request names", func(t *testing.T) {
		w := newWorld()
		w.backup = func(context.Context, driver.BackupRequest) (driver.BackupStarted, error) {
			return driver.BackupStarted{Driver: "longhorn", Namespace: "media", Volume: "pvc-1", Backup: "backup-1"}, nil
		}
		resp, body := send(t, http.MethodPost, w.serve(t, nil)+"/v1/backup", jsonType, `{"namespace":"media","pvc":"photos","driver":"longhorn"}`)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
		assert.JSONEq(t, `{"driver":"longhorn","volume":"pvc-1","backup":"backup-1","namespace":"media","requested_by":"anonymous","dry_run":false}`, body)
		assert.Equal(t, 1, w.counted("backup longhorn ok"))
	})
	t.Run("as a dry run is asked as a dry run", func(t *testing.T) {
		w := newWorld()
		started, err := w.client(t).Backup(t.Context(), wire.BackupRequest{Namespace: "media", PVC: "photos", DryRun: true})
		require.NoError(t, err)
		assert.True(t, w.request.DryRun)
		assert.True(t, started.DryRun)
		assert.Equal(t, 1, w.counted("backup restic dry_run"))
	})

	refusals := map[string]struct {
		contentType, body string
		status            int
		field             string
	}{
		"without a body":                    {jsonType, "", 400, ""},
		"that is no JSON":                   {jsonType, "namespace=media", 400, ""},
		"that is cut short":                 {jsonType, `{"namespace":"media"`, 400, ""},
		"with something after it":           {jsonType, `{"namespace":"media","pvc":"photos"} {}`, 400, ""},
		"that is a list":                    {jsonType, `[]`, 400, ""},
		"that is null":                      {jsonType, `null`, 400, "namespace"},
		"with an unknown field":             {jsonType, `{"namespace":"media","pvc":"photos","secret":"x"}`, 400, "secret"},
		"with a field of another case":      {jsonType, `{"Namespace":"media","pvc":"photos"}`, 400, "Namespace"},
		"with a field given twice":          {jsonType, `{"namespace":"media","pvc":"photos","pvc":"other"}`, 400, "pvc"},
		"with a flag that is a word":        {jsonType, `{"namespace":"media","pvc":"photos","dry_run":"yes"}`, 400, "dry_run"},
		"with tags that are one word":       {jsonType, `{"namespace":"media","pvc":"photos","tags":"a"}`, 400, "tags"},
		"without a namespace":               {jsonType, `{"pvc":"photos"}`, 400, "namespace"},
		"without a claim":                   {jsonType, `{"namespace":"media"}`, 400, "pvc"},
		"with a claim that is a path":       {jsonType, `{"namespace":"media","pvc":"../photos"}`, 400, "pvc"},
		"larger than a mebibyte":            {jsonType, `{"namespace":"` + strings.Repeat("a", 1<<20) + `"}`, 413, ""},
		"of another content type":           {"application/x-www-form-urlencoded", `{"namespace":"media","pvc":"photos"}`, 415, ""},
		"of a plain text that looks right":  {"text/plain", `{"namespace":"media","pvc":"photos"}`, 415, ""},
		"that names no driver of Soteria's": {jsonType, `{"namespace":"media","pvc":"photos","driver":"tape"}`, 400, "driver"},
		"without a content type":            {"", `{"namespace":"media","pvc":"photos"}`, 415, ""},
	}
	for name, test := range refusals {
		t.Run("is refused with a body "+name, func(t *testing.T) {
			w := newWorld()
			resp, body := send(t, http.MethodPost, w.serve(t, nil)+"/v1/backup", test.contentType, test.body)
			assert.Equal(t, test.status, resp.StatusCode, body)
			if test.field != "" {
				assert.Contains(t, body, `"field":"`+test.field+`"`)
			}
			assert.Zero(t, w.request, "nothing is started")
			assert.Less(t, len(body), 500)
		})
	}
	t.Run("may name the character set of its body", func(t *testing.T) {
		w := newWorld()
		resp, _ := send(t, http.MethodPost, w.serve(t, nil)+"/v1/backup", "application/json; charset=utf-8", `{"namespace":"media","pvc":"photos"}`)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
	})
}

func TestErrorsKeepTheirKindOnTheWay(t *testing.T) {
	statuses := map[backup.Kind]int{
		backup.Internal: 500, backup.Invalid: 400, backup.NotFound: 404, backup.Conflict: 409, backup.Denied: 403,
		backup.Unavailable: 503, backup.Credentials: 503, backup.RepositoryAbsent: 503, backup.RepositoryChanged: 503,
		backup.Unprocessable: 422, backup.Unauthenticated: 401, backup.Busy: 429, backup.Partial: 502, backup.DriverFailed: 502,
		backup.BackupMissing: 503, backup.RepositoryUnaccepted: 503, backup.RepositoryDropped: 503,
	}
	for _, kind := range backup.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld()
			w.backup = func(context.Context, driver.BackupRequest) (driver.BackupStarted, error) {
				return driver.BackupStarted{}, &backup.Error{Kind: kind, Field: "tags", Message: "in the driver's own words"}
			}
			url := w.serve(t, nil)
			_, err := client.New(url, http.DefaultClient).Backup(t.Context(), wire.BackupRequest{Namespace: "media", PVC: "photos"})
			assert.Equal(t, kind, backup.KindOf(err))
			assert.Equal(t, 1, w.counted("backup restic "+kind.String()))
			if kind == backup.Internal {
				assert.NotContains(t, err.Error(), "own words", "what nobody foresaw is not shown to strangers")
				assert.Contains(t, w.logged(), "own words")
			} else {
				assert.EqualError(t, err, "in the driver's own words")
				assert.Equal(t, "tags", backup.FieldOf(err))
			}
			resp, _ := send(t, http.MethodPost, url+"/v1/backup", jsonType, `{"namespace":"media","pvc":"photos"}`)
			assert.Equal(t, statuses[kind], resp.StatusCode)
		})
	}
}

func TestReadiness(t *testing.T) {
	w := newWorld()
	c := w.client(t)
	require.NoError(t, c.Healthy(t.Context()))
	require.NoError(t, c.Ready(t.Context()))

	w.answer = says(backup.UnknownBecause(down))
	require.NoError(t, c.Ready(t.Context()), "a repository that is down takes no replica away")

	w.ready = errors.New("no certificate yet")
	err := c.Ready(t.Context())
	assert.EqualError(t, err, "not ready: no certificate yet")
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	require.NoError(t, c.Healthy(t.Context()))
}

func TestMetricsAreServed(t *testing.T) {
	resp, body := send(t, http.MethodGet, newWorld().serve(t, nil)+"/metrics", "", "")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, body, "answer 42")
}

func TestHeadAnswersAsGetWithoutABody(t *testing.T) {
	url := newWorld().serve(t, nil)
	for _, path := range []string{"/exists/media/photos", "/v1/backups?namespace=media&pvc=photos", "/healthz", "/readyz", "/metrics"} {
		got, _ := send(t, http.MethodGet, url+path, "", "")
		head, body := send(t, http.MethodHead, url+path, "", "")
		assert.Equal(t, got.StatusCode, head.StatusCode, path)
		assert.Equal(t, got.Header.Get("Content-Type"), head.Header.Get("Content-Type"), path)
		assert.Empty(t, body, path)
	}
}

func TestMethodsThatAreAllowedAreNamed(t *testing.T) {
	url := newWorld().serve(t, nil)
	resp, _ := send(t, http.MethodPut, url+"/v1/backup", jsonType, "{}")
	assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	assert.Equal(t, "OPTIONS, POST", resp.Header.Get("Allow"))
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	url := newWorld().serve(t, nil)
	for _, path := range []string{"/exists/media/photos", "/nowhere", "/exists/MEDIA/photos", "/metrics"} {
		resp, _ := send(t, http.MethodGet, url+path, "", "")
		assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"), path)
		assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'", path)
	}
}

func TestRequestsAreLoggedWithoutWhatShouldNotBe(t *testing.T) {
	w := newWorld()
	url := w.serve(t, nil)
	_, answer := send(t, http.MethodGet, url+"/v1/backups?namespace=media&pvc=photos&token=hunter2", "", "")
	require.Eventually(t, func() bool { return strings.Contains(w.logged(), `"msg":"request"`) }, time.Minute, time.Millisecond)
	assert.Contains(t, w.logged(), `"method":"GET","path":"/v1/backups","status":400`)
	assert.NotContains(t, w.logged(), "hunter2")
	assert.NotContains(t, answer, "hunter2", "a parameter that is not known is named without its value")

	send(t, http.MethodGet, url+"/healthz", "", "")
	require.Eventually(t, func() bool { return strings.Contains(w.logged(), `"path":"/healthz"`) }, time.Minute, time.Millisecond)
	assert.Contains(t, w.logged(), `"level":"DEBUG","msg":"request","method":"GET","path":"/healthz"`)
}

func TestAPanicIsAnAnswerAndIsCounted(t *testing.T) {
	w := newWorld()
	w.answer = func(context.Context) backup.Answer { panic("a secret thing happened") }
	url := w.serve(t, nil)
	resp, body := send(t, http.MethodGet, url+"/exists/media/photos", "", "")
	assert.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	assert.Contains(t, body, `"code":"internal"`)
	assert.NotContains(t, body, "secret thing")
	assert.Equal(t, 1, w.counted("panic"))
	assert.Contains(t, w.logged(), "a secret thing happened")

	w.answer = says(backup.ProvedNone(evidence))
	resp, _ = send(t, http.MethodGet, url+"/exists/media/photos", "", "")
	assert.Equal(t, http.StatusOK, resp.StatusCode, "the server goes on")
}
