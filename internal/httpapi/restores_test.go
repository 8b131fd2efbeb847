package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/httpapi/client"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/intent"
)

// claimsStub stands for the cluster's claims and their restores.
type claimsStub struct {
	volume  string
	bound   []backup.Claim
	plan    intent.Plan
	refuse  map[string]error // by name of the source, of the namespace for whole ones
	records []v1alpha1.Restore
	made    []string
	during  func(context.Context)
	drawn   int

	mu     sync.Mutex
	wishes []intent.Wish
	asked  intent.NamespaceWish
}

func (c *claimsStub) Restore(ctx context.Context, wish intent.Wish) (intent.Made, error) {
	if c.during != nil {
		c.during(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wishes = append(c.wishes, wish)
	if err := c.refuse[wish.Source.Name]; err != nil {
		return intent.Made{}, err
	}
	made := intent.Made{Restore: "soteria-" + wish.Source.Name, Backup: newest, Notes: []string{"the chosen backup is partial: some files could not be read when it was taken"}, Size: "10Gi", StorageClass: "fast", VolumeMode: "Filesystem"}
	if wish.DryRun {
		made.Restore = ""
	}
	if made.Copy = wish.Copy; wish.Expires.After > 0 {
		made.ExpiresAt = noon.Add(wish.Expires.After)
	}
	return made, nil
}

func (c *claimsStub) Plan(_ context.Context, asked intent.NamespaceWish) (intent.Plan, error) {
	c.asked = asked
	return c.plan, c.refuse[asked.Namespace]
}

func (c *claimsStub) MakeNamespace(_ context.Context, name, _ string) error {
	c.made = append(c.made, name)
	return c.refuse["make "+name]
}

func (c *claimsStub) Source(_ context.Context, namespace string, choice intent.Choice) (backup.Claim, error) {
	if choice.Snapshot == "" {
		return backup.Claim{}, &backup.Error{Kind: backup.Invalid, Reason: backup.Missing, Field: "pvc", Message: "pvc is missing"}
	}
	return backup.Claim{Namespace: namespace, Name: "photos"}, nil
}

func (c *claimsStub) Draw() string {
	c.drawn++
	return fmt.Sprintf("soteria-drawn-%d", c.drawn)
}

func (c *claimsStub) Records(_ context.Context, namespace string) ([]v1alpha1.Restore, error) {
	var found []v1alpha1.Restore
	for _, r := range c.records {
		if namespace == "" || r.Namespace == namespace {
			found = append(found, r)
		}
	}
	return found, nil
}

func (c *claimsStub) Record(_ context.Context, namespace, name string) (v1alpha1.Restore, error) {
	for _, r := range c.records {
		if r.Namespace == namespace && r.Name == name {
			return r, nil
		}
	}
	return v1alpha1.Restore{}, backup.Errorf(backup.NotFound, "there is no Restore %s/%s", namespace, name)
}

func (c *claimsStub) Bound(_ context.Context, namespace string) ([]backup.Claim, error) {
	return append([]backup.Claim(nil), c.bound...), c.refuse[namespace]
}

func (c *claimsStub) VolumeOf(context.Context, backup.Claim) (string, error) { return c.volume, nil }

func (w *world) RestoreRequested(driver string, dryRun bool, err error) {
	w.countRequest("restore", driver, dryRun, err)
}

func (w *world) NamespaceBackupRequested(driver string, dryRun bool, err error) {
	w.countRequest("namespace backup", driver, dryRun, err)
}

func (w *world) NamespaceRestoreRequested(driver string, dryRun bool, err error) {
	w.countRequest("namespace restore", driver, dryRun, err)
}

func (w *world) countRequest(what, driver string, dryRun bool, err error) {
	outcome := "ok"
	if err != nil {
		outcome = backup.KindOf(err).String()
	} else if dryRun {
		outcome = "dry_run"
	}
	w.count(what + " " + driver + " " + outcome)
}

var underWay = v1alpha1.Restore{
	ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "soteria-abc", CreationTimestamp: metav1.NewTime(noon)},
	Status: v1alpha1.RestoreStatus{
		Phase: v1alpha1.PhaseTransferring, Claim: &v1alpha1.ClaimReference{Name: "photos", UID: "7f0e", Lock: "soteria-abc"}, Attempt: 2,
		Backup: &v1alpha1.PinnedBackup{
			Driver: "restic", ID: newest.ID, ShortID: "aaaaaaaa", TakenAt: metav1.NewTime(noon.Add(-time.Hour)), SizeBytes: 4096, Files: -1,
			Source: v1alpha1.SourceClaim{Namespace: "media", Name: "photos"},
		},
		Progress: &v1alpha1.Progress{BytesDone: 1024, BytesTotal: 4096, FilesDone: 1, FilesTotal: 12, Summary: "25% of 4.0 KiB"},
		Message:  "restoring", Evidence: evidence.String(), StartedAt: &metav1.Time{Time: noon},
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionSelected, Status: metav1.ConditionTrue, Reason: "BackupFound", Message: "will be restored", LastTransitionTime: metav1.NewTime(noon),
		}},
	},
}

var awaited = v1alpha1.Restore{
	ObjectMeta: metav1.ObjectMeta{Namespace: "ai", Name: "soteria-def", CreationTimestamp: metav1.NewTime(noon)},
	Status:     v1alpha1.RestoreStatus{Claim: &v1alpha1.ClaimReference{Name: "cache"}, Message: "waits"},
}

func claimsOf(names ...string) []backup.Claim {
	claims := make([]backup.Claim, 0, len(names))
	for _, name := range names {
		claims = append(claims, backup.Claim{Namespace: "media", Name: name})
	}
	return claims
}

func planFor(sources ...backup.Claim) intent.Plan {
	var plan intent.Plan
	for _, source := range sources {
		plan.Wishes = append(plan.Wishes, intent.Wish{Source: source, Target: backup.Claim{Namespace: "media", Name: "restore-20260412-" + source.Name}})
	}
	return plan
}

// TestExamplesOfRestores holds the API to its examples, byte by byte.
func TestExamplesOfRestores(t *testing.T) {
	conflicts := planFor(claimsOf("books", "photos")...)
	conflicts.Conflicts = []intent.Conflict{{Wish: conflicts.Wishes[1], Err: &backup.Error{
		Kind: backup.Conflict, Field: "target_pvc", Message: "claim media/restore-20260412-photos exists"}}}
	broken := map[string]error{"books": backup.Errorf(backup.NotFound, "no backup of media/books exists")}
	const (
		one = `{"namespace":"media","pvc":"photos","snapshot":"latest","target_namespace":"media","target_pvc":"photos-restored","dry_run":false}`
		all = `{"namespace":"media","target_namespace":"media","target_prefix":"restore-20260412-","snapshot":"","dry_run":false}`
		dry = `{"namespace":"media","target_prefix":"restore-20260412-","include_orphans":true,"dry_run":true}`
	)
	tests := map[string]struct {
		method, path, body string
		world              func(*world)
		status             int
		golden             string
	}{
		"a restore is started": {path: "/v1/restores", body: one, status: 202, golden: "restore_started.json"},
		"a restore's dry run starts nothing": {
			path: "/v1/restores", body: `{"namespace":"media","pvc":"photos","target_pvc":"photos-restored","dry_run":true}`, status: 200, golden: "restore_dry_run.json"},
		"a restore test with a target makes a copy": {path: "/v1/restore-test", body: strings.Replace(one, "{", `{"expires":"24h",`, 1), status: 202, golden: "copy_started.json"},
		"a restore without a target is refused": {
			path: "/v1/restores", body: `{"namespace":"media","pvc":"photos"}`, status: 400, golden: "restore_no_target.json"},
		"a restore to a claim that exists is refused": {
			path: "/v1/restores", body: one, status: 409, golden: "restore_conflict.json",
			world: func(w *world) { w.claims.refuse = map[string]error{"photos": conflicts.Conflicts[0].Err} }},
		"restores are listed": {
			method: http.MethodGet, path: "/v1/restores", status: 200, golden: "restores.json",
			world: func(w *world) { w.claims.records = []v1alpha1.Restore{underWay, awaited} }},
		"a restore is shown": {
			method: http.MethodGet, path: "/v1/restores/media/soteria-abc", status: 200, golden: "restore.json",
			world: func(w *world) { w.claims.records = []v1alpha1.Restore{underWay} }},
		"a namespace is backed up": {
			path: "/v1/backup/namespace", body: `{"namespace":"media","dry_run":false}`, status: 202, golden: "namespace_backup.json",
			world: func(w *world) { w.claims.bound = claimsOf("photos", "books") }},
		"a namespace is backed up but for a claim": {
			path: "/v1/backup/namespace", body: `{"namespace":"media"}`, status: 207, golden: "namespace_backup_some.json",
			world: func(w *world) {
				w.claims.bound = claimsOf("photos", "books")
				w.backup = func(_ context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
					if req.Claim == photos {
						return driver.BackupStarted{}, backup.Errorf(backup.Conflict, "a backup of media/photos is running")
					}
					return driver.BackupStarted{Driver: "restic", Namespace: "media", JobName: "soteria-backup-2"}, nil
				}
			}},
		"a namespace is restored": {
			path: "/v1/restores/namespace", body: all, status: 202, golden: "namespace_restore.json",
			world: func(w *world) { w.claims.plan = planFor(claimsOf("books", "photos")...) }},
		"a namespace's restore is tried": {
			path: "/v1/restores/namespace", body: dry, status: 200, golden: "namespace_restore_dry_run.json",
			world: func(w *world) {
				w.claims.plan = planFor(claimsOf("photos")...)
				w.claims.plan.Wishes[0].DryRun, w.claims.plan.Warnings = true, []string{"the last listing failed"}
			}},
		"a namespace is restored but for a claim": {
			path: "/v1/restores/namespace", body: all, status: 207, golden: "namespace_restore_some.json",
			world: func(w *world) { w.claims.plan, w.claims.refuse = planFor(claimsOf("books", "photos")...), broken }},
		"nothing of a namespace is restored, for one reason": {
			path: "/v1/restores/namespace", body: all, status: 404, golden: "namespace_restore_none.json",
			world: func(w *world) { w.claims.plan, w.claims.refuse = planFor(claimsOf("books")...), broken }},
		"a namespace that is gone is planned with what to do": {
			path: "/v1/restores/namespace", body: `{"namespace":"media","as_of":"2026-02-28T00:00:00Z","dry_run":true}`, status: 207, golden: "namespace_restore_to_come.json",
			world: func(w *world) {
				w.claims.plan = planFor(claimsOf("books", "photos")...)
				w.claims.plan.TargetMissing, w.claims.plan.Orphans = true, []string{"books", "photos", "wiki"}
				w.claims.refuse = map[string]error{"books": &backup.Error{Kind: backup.NotFound, Reason: backup.ChoiceUnmet, Field: "as_of",
					Message: "no backup of media/books is taken at or before 2026-02-28T00:00:00Z (1 exists, taken 2026-03-01T12:00:00Z)"}}
			}},
		"a namespace that Soteria may not make is planned, and would not be started": {
			path: "/v1/restores/namespace", body: `{"namespace":"media","create_namespace":true,"dry_run":true}`, status: 403, golden: "namespace_restore_not_made.json",
			world: func(w *world) {
				w.claims.plan = planFor(claimsOf("photos")...)
				w.claims.plan.Wishes[0].DryRun, w.claims.plan.TargetMissing, w.claims.plan.MakeRefused = true, true, backup.WithSettle(&backup.Error{
					Kind: backup.Denied, Reason: backup.ByPermission, Field: "create_namespace", Message: "Kubernetes does not let Soteria make namespace media"}, "kubectl create namespace media")
			}},
		"a namespace of which not all could be told is restored in part": {
			path: "/v1/restores/namespace", body: all, status: 207, golden: "namespace_restore_untold.json",
			world: func(w *world) {
				w.claims.plan = planFor(claimsOf("photos")...)
				w.claims.plan.Untold, w.claims.plan.Warnings = backup.Errorf(backup.Unavailable, "not listed yet"), []string{"which claims exist only as backups could not be told: not listed yet"}
			}},
		"a namespace's restore that conflicts starts nothing": {
			path: "/v1/restores/namespace", body: all, status: 409, golden: "namespace_restore_conflict.json",
			world: func(w *world) { w.claims.plan = conflicts }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if test.world != nil {
				test.world(w)
			}
			if test.method == "" {
				test.method = http.MethodPost
			}
			resp, body := send(t, test.method, w.serve(t, nil)+test.path, jsonType, test.body)
			assert.Equal(t, test.status, resp.StatusCode, body)
			golden(t, test.golden, body)
		})
	}
}

func TestARestoreOfANamespaceIsAskedForAsItWasAskedOfTheAPI(t *testing.T) {
	w := newWorld()
	w.claims.plan = planFor(photos)
	_, err := w.client(t).RestoreNamespace(t.Context(), wire.NamespaceRestoreRequest{
		Namespace: "media", TargetNamespace: "lab", AsOf: "2026-02-28T00:00:00Z", Cluster: "attic", Driver: "restic", Tags: []string{"x"}, CreateNamespace: true,
		Claims: []wire.NamespaceRestoreClaim{{PVC: "photos", Snapshot: "aaaaaaaaaaaa", TargetPVC: "pictures"}},
	})
	require.NoError(t, err)
	assert.Equal(t, intent.NamespaceWish{
		Namespace: "media", TargetNamespace: "lab", MakeTarget: true, RequestedBy: "anonymous",
		Choice: intent.Choice{AsOf: time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC), Cluster: "attic", Driver: "restic", Tags: []string{"x"}},
		Claims: []intent.ClaimWish{{Name: "photos", Snapshot: "aaaaaaaaaaaa", Target: "pictures"}},
	}, w.claims.asked)
	assert.Empty(t, w.claims.made, "the target namespace is there")
}

func TestATargetNamespaceIsMadeOnlyOnPurpose(t *testing.T) {
	for name, test := range map[string]struct {
		dryRun bool
		made   []string
		refuse error
		kind   backup.Kind
	}{
		"to restore into it":             {made: []string{"media"}},
		"never by a dry run":             {dryRun: true},
		"unless Kubernetes refuses that": {made: []string{"media"}, refuse: backup.Errorf(backup.Denied, "Kubernetes does not let Soteria"), kind: backup.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.claims.plan, w.claims.refuse = planFor(photos), map[string]error{"make media": test.refuse}
			w.claims.plan.TargetMissing = true
			_, err := w.client(t).RestoreNamespace(t.Context(), wire.NamespaceRestoreRequest{Namespace: "media", CreateNamespace: true, DryRun: test.dryRun})
			assert.Equal(t, test.kind, backup.KindOf(err))
			assert.Equal(t, test.made, w.claims.made)
			assert.Equal(t, test.refuse == nil, len(w.claims.wishes) == 1, "nothing is restored into a namespace that is not there")
		})
	}
}

// TestWorkGoesOnWhenTheCallerLeaves: the request ends in the middle of the first
// restore, and the second one is made all the same.
func TestWorkGoesOnWhenTheCallerLeaves(t *testing.T) {
	w := newWorld()
	w.claims.plan = planFor(claimsOf("books", "photos")...)
	ctx, leave := context.WithCancel(t.Context())
	seen := make(chan error, 2)
	w.claims.during = func(ctx context.Context) {
		leave()
		seen <- ctx.Err()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.serve(t, nil)+"/v1/restores/namespace", strings.NewReader(`{"namespace":"media"}`))
	require.NoError(t, err)
	req.Header.Set("Content-Type", jsonType)
	if resp, err := http.DefaultClient.Do(req); err == nil {
		require.NoError(t, resp.Body.Close())
	}
	for range 2 {
		assert.NoError(t, <-seen, "its context is not the caller's")
	}
}

func TestRestores(t *testing.T) {
	t.Run("are asked for as they were asked of the API", func(t *testing.T) {
		w := newWorld()
		got, err := w.client(t).Restore(t.Context(), wire.RestoreRequest{
			Namespace: "media", PVC: "photos", BackupURL: "s3://b/?backup=x", TargetNamespace: "lab", TargetPVC: "copy",
			StorageClass: "slow", Size: "20Gi", AccessModes: []string{"ReadWriteMany"}, VolumeMode: "Block",
		})
		require.NoError(t, err)
		assert.Equal(t, []intent.Wish{{
			Source: photos, Choice: intent.Choice{URL: "s3://b/?backup=x"}, Target: backup.Claim{Namespace: "lab", Name: "copy"},
			Shape:       intent.Shape{StorageClass: "slow", Size: "20Gi", AccessModes: []string{"ReadWriteMany"}, VolumeMode: "Block"},
			RequestedBy: "anonymous",
		}}, w.claims.wishes)
		assert.Equal(t, "soteria-photos", got.Restore)
		assert.Equal(t, "lab", got.TargetNamespace)
		assert.Equal(t, 1, w.counted("restore restic ok"))
		assert.Contains(t, w.logged(), `"action":"restore","claim":"lab/copy","detail":"from media/photos, restic backup aaaaaaaaaaaa"`)
	})
	t.Run("go to the source's namespace unless another is named", func(t *testing.T) {
		w := newWorld()
		_, err := w.client(t).Restore(t.Context(), wire.RestoreRequest{Namespace: "media", PVC: "photos", TargetPVC: "copy", DryRun: true})
		require.NoError(t, err)
		assert.Equal(t, backup.Claim{Namespace: "media", Name: "copy"}, w.claims.wishes[0].Target)
		assert.Equal(t, 1, w.counted("restore restic dry_run"))
	})
	t.Run("that are refused keep their kind and field, and are counted and written down", func(t *testing.T) {
		for _, kind := range backup.Kinds()[backup.Invalid:] {
			w := newWorld()
			w.claims.refuse = map[string]error{"photos": &backup.Error{Kind: kind, Field: "snapshot", Message: "no"}}
			_, err := w.client(t).Restore(t.Context(), wire.RestoreRequest{Namespace: "media", PVC: "photos", TargetPVC: "copy"})
			assert.Equal(t, kind, backup.KindOf(err))
			assert.Equal(t, "snapshot", backup.FieldOf(err))
			assert.Equal(t, 1, w.counted("restore none "+kind.String()))
			assert.Contains(t, w.logged(), `"result":"`+kind.String()+`"`)
		}
	})
	refusals := map[string]struct {
		body, field string
		status      int
	}{
		"without a body":                {"", "", 400},
		"with an unknown field":         {`{"namespace":"media","pvc":"photos","target_pvc":"copy","dryrun":true}`, "dryrun", 400},
		"with access modes of one word": {`{"namespace":"media","pvc":"photos","target_pvc":"copy","access_modes":"ReadWriteOnce"}`, "access_modes", 400},
		"without a namespace":           {`{"pvc":"photos","target_pvc":"copy"}`, "namespace", 400},
		"without a source":              {`{"namespace":"media","target_pvc":"copy"}`, "pvc", 400},
		"without a target":              {`{"namespace":"media","pvc":"photos"}`, "target_pvc", 400},
		"larger than a mebibyte":        {`{"namespace":"` + strings.Repeat("a", 1<<20) + `"}`, "", 413},
	}
	for name, test := range refusals {
		t.Run("are refused with a body "+name, func(t *testing.T) {
			w := newWorld()
			resp, body := send(t, http.MethodPost, w.serve(t, nil)+"/v1/restores", jsonType, test.body)
			assert.Equal(t, test.status, resp.StatusCode, body)
			assert.Contains(t, body, test.field)
			assert.Empty(t, w.claims.wishes, "nothing is started")
		})
	}
}

func TestRestoresAreFound(t *testing.T) {
	w := newWorld()
	w.claims.records = []v1alpha1.Restore{underWay, awaited}
	c := w.client(t)
	for name, test := range map[string]struct {
		asked client.RestoresQuery
		names []string
	}{
		"all":                              {client.RestoresQuery{}, []string{"soteria-abc", "soteria-def"}},
		"by namespace":                     {client.RestoresQuery{Namespace: "ai"}, []string{"soteria-def"}},
		"by claim":                         {client.RestoresQuery{PVC: "photos"}, []string{"soteria-abc"}},
		"by phase, of whichever case":      {client.RestoresQuery{Phase: "transferring"}, []string{"soteria-abc"}},
		"while the controller is to come":  {client.RestoresQuery{Phase: "Pending"}, []string{"soteria-def"}},
		"not where they are not":           {client.RestoresQuery{Namespace: "nowhere"}, nil},
		"not where only part of it agrees": {client.RestoresQuery{PVC: "photos", Phase: "Completed"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.Restores(t.Context(), test.asked)
			require.NoError(t, err)
			var names []string
			for _, r := range got {
				names = append(names, r.Name)
			}
			assert.Equal(t, test.names, names)
		})
	}
	for field, asked := range map[string]client.RestoresQuery{
		"namespace": {Namespace: "a.b"}, "pvc": {PVC: "-"}, "phase": {Phase: "Done"},
	} {
		_, err := c.Restores(t.Context(), asked)
		assert.Equal(t, backup.Invalid, backup.KindOf(err))
		assert.Equal(t, field, backup.FieldOf(err))
	}
	shown, err := c.RestoreNamed(t.Context(), "media", "soteria-abc")
	require.NoError(t, err)
	assert.Equal(t, "25% of 4.0 KiB", shown.Progress.Summary)
	for _, name := range []string{"soteria-xyz", "NOPE", ".."} {
		_, err = c.RestoreNamed(t.Context(), "media", name)
		assert.Equal(t, backup.NotFound, backup.KindOf(err), name)
	}
}

func TestNamespaces(t *testing.T) {
	t.Run("are backed up claim by claim, a few at a time", func(t *testing.T) {
		w := newWorld()
		for i := range 40 {
			w.claims.bound = append(w.claims.bound, backup.Claim{Namespace: "media", Name: fmt.Sprintf("data-%02d", i)})
		}
		var mu sync.Mutex
		running, most := 0, 0
		w.backup = func(_ context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			defer func() { mu.Lock(); running--; mu.Unlock() }()
			if req.Claim.Name == "data-07" {
				return driver.BackupStarted{}, backup.Errorf(backup.Unavailable, "not now")
			}
			return driver.BackupStarted{Driver: "longhorn", Volume: "vol-" + req.Claim.Name}, nil
		}
		answer, err := w.client(t).BackupNamespace(t.Context(), wire.NamespaceBackupRequest{Namespace: "media", Driver: "longhorn", Tags: []string{"a"}})
		require.NoError(t, err)
		assert.Equal(t, wire.ExtentSome, answer.Status)
		require.Len(t, answer.Results, 40)
		for i, result := range answer.Results {
			assert.Equal(t, fmt.Sprintf("data-%02d", i), result.PVC)
			if i == 7 {
				assert.Equal(t, wire.ResultRefused, result.Result)
				assert.Equal(t, "not now", result.Error)
				assert.Equal(t, "unavailable", result.Code)
				continue
			}
			assert.Equal(t, wire.ResultStarted, result.Result)
			assert.Equal(t, "vol-"+result.PVC, result.Volume)
		}
		assert.LessOrEqual(t, most, 8)
		assert.Equal(t, 1, w.counted("namespace backup longhorn partial"))
		assert.Equal(t, 39, w.counted("backup longhorn ok"))
	})
	t.Run("of which nothing can be backed up say why", func(t *testing.T) {
		w := newWorld()
		w.claims.bound = claimsOf("photos", "books")
		w.backup = func(context.Context, driver.BackupRequest) (driver.BackupStarted, error) {
			return driver.BackupStarted{}, backup.Errorf(backup.Credentials, "the Secret is missing")
		}
		answer, err := w.client(t).BackupNamespace(t.Context(), wire.NamespaceBackupRequest{Namespace: "media"})
		require.NoError(t, err, "the answer tells of each claim")
		assert.Equal(t, wire.ExtentNone, answer.Status)
		assert.Equal(t, "credentials", answer.Code)
		assert.Contains(t, answer.Error, "the Secret is missing")
		assert.Equal(t, 1, w.counted("namespace backup restic credentials"))
	})
	t.Run("lose one claim to a defect and not the process", func(t *testing.T) {
		w := newWorld()
		w.claims.bound = claimsOf("photos", "books")
		w.backup = func(_ context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
			if req.Claim == photos {
				panic("a secret thing happened")
			}
			return driver.BackupStarted{Driver: "restic"}, nil
		}
		answer, err := w.client(t).BackupNamespace(t.Context(), wire.NamespaceBackupRequest{Namespace: "media"})
		require.NoError(t, err)
		assert.Equal(t, wire.ExtentSome, answer.Status)
		assert.Equal(t, "internal", answer.Results[1].Code)
		assert.NotContains(t, answer.Results[1].Error, "secret thing")
		assert.Contains(t, w.logged(), "a secret thing happened")
	})
	t.Run("of which nothing can be backed up for different reasons are a driver's failure", func(t *testing.T) {
		w := newWorld()
		w.claims.bound = claimsOf("photos", "books")
		w.backup = func(_ context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
			if req.Claim == photos {
				return driver.BackupStarted{}, backup.Errorf(backup.Conflict, "running")
			}
			return driver.BackupStarted{}, backup.Errorf(backup.Denied, "quota")
		}
		resp, body := send(t, http.MethodPost, w.serve(t, nil)+"/v1/backup/namespace", jsonType, `{"namespace":"media"}`)
		assert.Equal(t, http.StatusBadGateway, resp.StatusCode)
		assert.Contains(t, body, `"status":"none"`)
	})
	t.Run("without claims are not found, by backups and restores alike", func(t *testing.T) {
		w := newWorld()
		w.claims.refuse = map[string]error{"media": &backup.Error{Kind: backup.NotFound, Field: "namespace", Message: "no bound claim"}}
		c := w.client(t)
		_, err := c.BackupNamespace(t.Context(), wire.NamespaceBackupRequest{Namespace: "media"})
		assert.Equal(t, backup.NotFound, backup.KindOf(err))
		_, err = c.RestoreNamespace(t.Context(), wire.NamespaceRestoreRequest{Namespace: "media"})
		assert.Equal(t, backup.NotFound, backup.KindOf(err))
		assert.Equal(t, 1, w.counted("namespace backup restic not_found"))
		assert.Equal(t, 1, w.counted("namespace restore none not_found"))
	})
	t.Run("that are misspelt are refused", func(t *testing.T) {
		c := newWorld().client(t)
		_, err := c.BackupNamespace(t.Context(), wire.NamespaceBackupRequest{Namespace: "a.b"})
		assert.Equal(t, "namespace", backup.FieldOf(err))
		_, err = c.BackupNamespace(t.Context(), wire.NamespaceBackupRequest{Namespace: "media", Driver: "tape"})
		assert.Equal(t, "driver", backup.FieldOf(err))
		_, err = c.RestoreNamespace(t.Context(), wire.NamespaceRestoreRequest{Namespace: "a.b"})
		assert.Equal(t, "namespace", backup.FieldOf(err))
	})
	t.Run("are restored as asked", func(t *testing.T) {
		w := newWorld()
		w.claims.plan = planFor(claimsOf("books", "photos")...)
		answer, err := w.client(t).RestoreNamespace(t.Context(), wire.NamespaceRestoreRequest{
			Namespace: "media", TargetPrefix: "restore-20260412-", IncludeOrphans: true, Snapshot: "latest"})
		require.NoError(t, err)
		assert.Equal(t, intent.NamespaceWish{
			Namespace: "media", TargetNamespace: "media", TargetPrefix: "restore-20260412-", Choice: intent.Choice{Snapshot: "latest"},
			Orphans: true, RequestedBy: "anonymous",
		}, w.claims.asked)
		assert.Equal(t, wire.ExtentAll, answer.Status)
		assert.Len(t, w.claims.wishes, 2)
		assert.Equal(t, 1, w.counted("namespace restore restic ok"))
	})
	t.Run("of which 19 of 20 can be restored are, and the last is explained", func(t *testing.T) {
		w := newWorld()
		var sources []backup.Claim
		for i := range 20 {
			sources = append(sources, backup.Claim{Namespace: "media", Name: fmt.Sprintf("data-%02d", i)})
		}
		w.claims.plan = planFor(sources...)
		w.claims.refuse = map[string]error{"data-11": backup.Errorf(backup.NotFound, "no backup of media/data-11 exists")}
		answer, err := w.client(t).RestoreNamespace(t.Context(), wire.NamespaceRestoreRequest{Namespace: "media", TargetPrefix: "restore-20260412-"})
		require.NoError(t, err)
		assert.Equal(t, wire.ExtentSome, answer.Status)
		for i, result := range answer.Results {
			if i == 11 {
				assert.Equal(t, "no backup of media/data-11 exists", result.Error)
				continue
			}
			assert.Equal(t, wire.ResultStarted, result.Result)
		}
		assert.Equal(t, 1, w.counted("namespace restore restic partial"))
	})
	t.Run("whose restore conflicts start nothing, be it that names are invalid or taken", func(t *testing.T) {
		for kind, status := range map[backup.Kind]int{backup.Invalid: 400, backup.Conflict: 409} {
			w := newWorld()
			w.claims.plan = planFor(claimsOf("books", "photos")...)
			w.claims.plan.Conflicts = []intent.Conflict{{Wish: w.claims.plan.Wishes[0], Err: backup.Errorf(kind, "no")}}
			resp, body := send(t, http.MethodPost, w.serve(t, nil)+"/v1/restores/namespace", jsonType, `{"namespace":"media"}`)
			assert.Equal(t, status, resp.StatusCode)
			assert.Contains(t, body, `"result":"not_started"`)
			assert.Empty(t, w.claims.wishes)
		}
	})
}

func TestABackupsListTellsWhatIsKnown(t *testing.T) {
	longhorn := backup.Backup{
		Claim: photos, Driver: "longhorn", ID: "backup-1", TakenAt: noon.Add(time.Minute), SizeBytes: 1 << 30, Files: -1,
		Snapshot: "soteria-backup-media-photos-20260301-120100", Locator: "s3://bucket@region/?backup=backup-1&volume=vol-1", Tags: []string{"a", "k=v"},
	}
	withFolder := newest
	withFolder.Locator = "/data"
	w := newWorld()
	w.claims.volume = "pvc-1234abcd"
	w.answer = says(backup.FoundBackups([]backup.Backup{longhorn, withFolder, oldest}, evidence))
	url := w.serve(t, nil)
	_, body := send(t, http.MethodGet, url+"/v1/backups?namespace=media&pvc=photos&limit=2", "", "")
	golden(t, "backups_limited.json", body)
	for _, limit := range []string{"0", "-1", "many", "1e3"} {
		resp, body := send(t, http.MethodGet, url+"/v1/backups?namespace=media&pvc=photos&limit="+limit, "", "")
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode, limit)
		assert.Contains(t, body, `"field":"limit"`)
	}
}
