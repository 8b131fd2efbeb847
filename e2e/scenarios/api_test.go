//go:build e2e

package scenarios_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

func TestTheAPI(t *testing.T) {
	t.Parallel()
	s := begin(t, 20*time.Minute)
	s.together(map[string]func(*scenario){
		"it tells of every claim how it is backed up, and what a rebuilt cluster would do":  tellsOfEveryClaim,
		"it restores a backup to a new claim, and only to a new one":                        restoresToANewClaim,
		"it brings a lost namespace back, and explains what is missing":                     bringsANamespaceBack,
		"every route that its document names answers, with what is left out at its default": answersAtEveryRoute,
	})
}

func keyOf(app harness.App) backup.Claim {
	return backup.Claim{Namespace: app.Namespace, Name: app.Name}
}

func tellsOfEveryClaim(s *scenario) {
	const namespace = "e2e-api-inventory"
	s.own(namespace)
	api := s.apiWith(nil)
	photos := harness.App{Namespace: namespace, Name: "photos", Size: "64Mi"}
	gone := harness.App{Namespace: namespace, Name: "gone", Size: "64Mi"}
	notes := harness.App{Namespace: namespace, Name: "notes", Size: "64Mi", ClaimOnly: true}
	loose := harness.App{Namespace: namespace, Name: "loose", Size: "64Mi", ClaimOnly: true, Labels: harness.Unprotected}
	s.seed(photos, "a story")
	s.seed(gone, "another")
	s.apply(notes.Workload())
	s.apply(loose.Workload())
	_, err := cluster.Kubectl(s.ctx, "", "delete", "-n", namespace, "deploy/gone", "pvc/gone")
	require.NoError(s, err)

	want := map[string]string{"photos": "fresh", "notes": "no_backups", "loose": "no_backups"}
	var known wire.Inventory
	s.await("the inventory to tell of all claims", func(ctx context.Context) (bool, string, error) {
		var err error
		known, err = api.Inventory(ctx)
		got := map[string]string{}
		for _, claim := range claimsIn(known, namespace) {
			got[claim.PVC] = claim.HealthReason
		}
		return assert.ObjectsAreEqual(want, got) && orphaned(known, keyOf(gone)), fmt.Sprint(got), err
	})
	for _, claim := range claimsIn(known, namespace) {
		require.Equal(s, claim.PVC == "photos", claim.Healthy)
		require.Equal(s, "64Mi", claim.Capacity)
		require.Equal(s, "restic", claim.Driver)
		if claim.PVC == "photos" {
			require.Equal(s, s.claim(photos).Spec.VolumeName, claim.Volume)
			require.Equal(s, 1, claim.BackupCount)
			require.Equal(s, "auto", claim.Protection)
		}
	}
	plan, err := api.Plan(s.ctx)
	require.NoError(s, err)
	outcomes := map[string]string{}
	for _, claim := range plan.Claims {
		if claim.Namespace == namespace {
			outcomes[claim.PVC] = claim.Outcome
		}
	}
	require.Equal(s, map[string]string{"photos": "restore", "notes": "start_empty", "loose": "unprotected"}, outcomes)
	require.Contains(s, plan.Unprotected, namespace+"/loose")
}

func claimsIn(known wire.Inventory, namespace string) []wire.InventoryClaim {
	for _, n := range known.Namespaces {
		if n.Name == namespace {
			return n.PVCs
		}
	}
	return nil
}

func orphaned(known wire.Inventory, claim backup.Claim) bool {
	for _, o := range known.Orphans {
		if o.Namespace == claim.Namespace && o.PVC == claim.Name {
			return true
		}
	}
	return false
}

func restoresToANewClaim(s *scenario) {
	const namespace, other = "e2e-api-restore", "e2e-api-restore-other"
	s.own(namespace, other)
	api := s.apiWith(nil)
	source := harness.App{Namespace: namespace, Name: "source", Size: "64Mi", Class: "local-wffc"}
	s.seed(source, "the first")
	first := s.backups(source)[0]
	s.write(source, "the second")
	s.backUp(source)
	s.await("both backups to be known", func(ctx context.Context) (bool, string, error) {
		known, err := api.Backups(ctx, keyOf(source), "")
		return len(known) == 2, fmt.Sprintf("%d are", len(known)), err
	})

	wish := wire.RestoreRequest{Namespace: namespace, PVC: "source", TargetPVC: "newest", DryRun: true}
	planned, err := api.Restore(s.ctx, wish)
	require.NoError(s, err)
	require.Equal(s, "local-wffc", planned.StorageClass)
	require.Equal(s, "64Mi", planned.Size)
	_, err = cluster.Claim(s.ctx, harness.App{Namespace: namespace, Name: "newest"})
	require.ErrorContains(s, err, "not found", "a dry run makes nothing")

	wish.DryRun = false
	started, err := api.Restore(s.ctx, wish)
	require.NoError(s, err)
	older := wish
	older.TargetPVC, older.Snapshot = "older", first.ID[:12]
	_, err = api.Restore(s.ctx, older)
	require.NoError(s, err)

	wish.TargetPVC = "source"
	_, err = api.Restore(s.ctx, wish)
	require.Equal(s, backup.Conflict, backup.KindOf(err), "a claim that exists is not touched: %v", err)
	wish.TargetPVC, wish.Snapshot = "never", "ffffffffffff"
	_, err = api.Restore(s.ctx, wish)
	require.Equal(s, backup.NotFound, backup.KindOf(err), "%v", err)
	wish.Snapshot, wish.TargetNamespace = "", other
	_, err = api.Restore(s.ctx, wish)
	require.Equal(s, backup.Denied, backup.KindOf(err), "backups do not cross namespaces: %v", err)

	require.EqualValues(s, 1, oneOf(s, 50, func(ctx context.Context) error {
		_, err := api.Restore(ctx, wire.RestoreRequest{Namespace: namespace, PVC: "source", TargetPVC: "contested"})
		return err
	}), "of fifty requests for one target one makes it")

	tested, err := api.TestRestore(s.ctx, wire.RestoreRequest{Namespace: namespace, PVC: "source"})
	require.NoError(s, err)

	copies := fleet{namespace: namespace, classes: map[string]string{"newest": "local-wffc", "older": "local-wffc", "contested": "local-wffc"}}
	s.awaitFleetBound(copies)
	s.take(copies)
	require.Equal(s, map[string]string{"newest": "the second", "older": "the first", "contested": "the second"}, s.stories(copies))
	s.await("the restore to be told as completed", func(ctx context.Context) (bool, string, error) {
		restore, err := api.RestoreNamed(ctx, namespace, started.Restore)
		return restore.Phase == "Completed" && restore.PVC == "newest", restore.Phase + ": " + restore.Message, err
	})
	s.await("the test of the backup to pass", func(ctx context.Context) (bool, string, error) {
		tests, err := api.RestoreTests(ctx, keyOf(source))
		for _, test := range tests { // those of an earlier run stay as long as their Jobs
			if test.JobName == tested.JobName {
				return test.Phase == wire.TestPassed, fmt.Sprint(test), nil
			}
		}
		return false, fmt.Sprintf("it is none of %d", len(tests)), err
	})
}

// answersAtEveryRoute asks each route that the served document names for as little
// as it lets be asked.
func answersAtEveryRoute(s *scenario) {
	const namespace, whole = "e2e-api-routes", "e2e-api-routes-whole"
	s.own(namespace, whole)
	kept := harness.App{Namespace: namespace, Name: "kept", Size: "64Mi"}
	s.seed(kept, "a story")
	// What is asked of a whole namespace is asked of one in which nothing is under way.
	s.seed(harness.App{Namespace: whole, Name: "kept", Size: "64Mi"}, "another")
	require.Len(s, s.backups(kept), 1)
	started, err := s.apiWith(nil).Restore(s.ctx, wire.RestoreRequest{Namespace: namespace, PVC: "kept", TargetPVC: "copy"})
	require.NoError(s, err)
	look, err := s.apiWith(nil).Restore(s.ctx, wire.RestoreRequest{Namespace: namespace, PVC: "kept", TargetPVC: "look", Copy: true, Expires: "24h"})
	require.NoError(s, err)
	assert.True(s, look.Copy)
	require.NotNil(s, look.ExpiresAt)

	of, ofWhole := fmt.Sprintf(`{"namespace":%q`, namespace), fmt.Sprintf(`{"namespace":%q`, whole)
	requests := map[string]struct {
		path, body string
		status     int
		// holds are fields of the answer, as they are by default.
		holds map[string]any
	}{
		"get /exists/{namespace}/{pvc}": {"exists/" + namespace + "/kept", "", 200, map[string]any{"exists": true, "decision": "restore", "error": ""}},
		"get /healthz":                  {"healthz", "", 200, map[string]any{"status": "ok"}},
		"get /readyz":                   {"readyz", "", 200, map[string]any{"status": "ok"}},
		"get /v1/whoami":                {"v1/whoami", "", 200, map[string]any{"authenticated": false}},
		"get /v1/openapi.json":          {"v1/openapi.json", "", 200, map[string]any{"openapi": "3.1.0"}},
		"get /v1/status":                {"v1/status", "", 200, map[string]any{"restore_mode": "auto", "sign_in_required": false, "gate": map[string]any{"state": "closed"}}},
		"get /v1/events":                {"v1/events?namespace=" + namespace + "&pvc=kept", "", 200, map[string]any{"pvc": "kept"}},
		"get /v1/inventory":             {"v1/inventory", "", 200, nil},
		"get /v1/plan":                  {"v1/plan", "", 200, nil},
		"get /v1/b2":                    {"v1/b2", "", 404, map[string]any{"code": "not_found"}}, // it is not scanned here
		"get /v1/backups":               {"v1/backups?namespace=" + namespace + "&pvc=kept", "", 200, map[string]any{"total": 1.0}},
		"post /v1/backup":               {"v1/backup", of + `,"pvc":"kept","dry_run":true}`, 200, map[string]any{"driver": "restic", "dry_run": true}},
		"post /v1/backup/namespace":     {"v1/backup/namespace", ofWhole + `,"dry_run":true}`, 200, map[string]any{"status": "all"}},
		"get /v1/restores":              {"v1/restores", "", 200, nil},
		"get /v1/restores/{namespace}/{name}": {
			"v1/restores/" + namespace + "/" + started.Restore, "", 200, map[string]any{"namespace": namespace, "pvc": "copy"},
		},
		"post /v1/restores": {
			"v1/restores", of + `,"pvc":"kept","target_pvc":"new","dry_run":true}`, 200,
			map[string]any{"target_namespace": namespace, "driver": "restic", "size": "64Mi", "volume_mode": "Filesystem", "storage_class": "local"},
		},
		"post /v1/restores/namespace": {
			"v1/restores/namespace", ofWhole + `,"target_prefix":"restore-20260412-","dry_run":true}`, 200,
			map[string]any{"target_namespace": whole, "status": "all"},
		},
		"post /v1/restore-test": { // with a target it is POST /v1/restores by another name
			"v1/restore-test", of + `,"pvc":"kept","target_pvc":"new","dry_run":true}`, 200, map[string]any{"target_namespace": namespace, "target_pvc": "new"},
		},
		"get /v1/restore-tests": {"v1/restore-tests", "", 200, nil},
		"get /v1/copies":        {"v1/copies?namespace=" + namespace, "", 200, nil},
		"delete /v1/copies/{namespace}/{pvc}": { // what a pod would have used is made by this scenario alone
			"v1/copies/" + namespace + "/look", "", 200, map[string]any{"namespace": namespace, "pvc": "look"},
		},
		"get /v1/batches":      {"v1/batches", "", 200, nil},
		"get /v1/batches/{id}": {"v1/batches/00-none", "", 404, map[string]any{"code": "not_found"}}, // none was begun
		"get /v1/policies":     {"v1/policies", "", 200, nil},
		"post /v1/policies": {
			"v1/policies", of + `,"pvc":"kept","interval_hours":6}`, 201, map[string]any{"enabled": true, "interval_hours": 6.0, "source": "api-claim"},
		},
		"delete /v1/policies/{id}": {"v1/policies/%s", "", 200, map[string]any{"namespace": namespace, "pvc": "kept"}},
	}
	var document struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	_, err = cluster.Ask(s.ctx, "v1/openapi.json", &document)
	require.NoError(s, err)
	var policy any
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		// A policy is made before it is deleted: the path without its id sorts first.
		for _, method := range slices.Sorted(maps.Keys(document.Paths[path])) {
			route := method + " " + path
			if route == "get /metrics" { // it is text
				continue
			}
			request, known := requests[route]
			if !assert.True(s, known, "nothing is asked of %s", route) {
				continue
			}
			where := strings.ReplaceAll(request.path, "%s", fmt.Sprint(policy))
			var answer map[string]any
			s.await("an answer to "+route, func(ctx context.Context) (bool, string, error) {
				answer = map[string]any{}
				status, err := cluster.Send(ctx, strings.ToUpper(method), where, request.body, nil, &answer)
				// A busy machine may not tell in the time that a request has.
				if status == http.StatusServiceUnavailable {
					return false, fmt.Sprint(answer), err
				}
				assert.Equal(s, request.status, status, "%s: %v", route, answer)
				return true, "", err
			})
			for field, value := range request.holds {
				assert.Equal(s, value, answer[field], "%s: %s", route, field)
			}
			if method == "post" && path == "/v1/policies" {
				policy = answer["id"]
			}
		}
	}
	api := s.apiWith(nil)
	s.await("the copy that was removed to be gone", func(ctx context.Context) (bool, string, error) {
		left, err := api.Copies(ctx, namespace)
		return len(left.Copies) == 0, fmt.Sprint(left.Copies), err
	})
}

// oneOf sends many requests at once and gives how many succeeded; the others must
// have met a conflict.
func oneOf(s *scenario, requests int, send func(context.Context) error) int64 {
	s.Helper()
	var succeeded atomic.Int64
	group, ctx := errgroup.WithContext(s.ctx)
	for range requests {
		group.Go(func() error {
			err := send(ctx)
			if err == nil {
				succeeded.Add(1)
				return nil
			}
			if backup.KindOf(err) != backup.Conflict {
				return err
			}
			return nil
		})
	}
	require.NoError(s, group.Wait())
	return succeeded.Load()
}

func bringsANamespaceBack(s *scenario) {
	const (
		namespace = "e2e-api-lost"
		claims    = 20
		broken    = "claim-07"
	)
	s.own(namespace)
	api := s.apiWith(nil)
	lost := fleet{namespace: namespace, classes: map[string]string{}}
	for i := range claims {
		lost.classes[fmt.Sprintf("claim-%02d", i)] = []string{"local", "local-wffc"}[i%2]
	}
	s.fillFleet(lost)
	all, err := api.BackupNamespace(s.ctx, wire.NamespaceBackupRequest{Namespace: namespace})
	require.NoError(s, err)
	require.Equal(s, wire.ExtentAll, all.Status, "%v", all)
	require.Len(s, all.Results, claims)
	for _, result := range all.Results {
		require.NoError(s, cluster.AwaitJob(s.ctx, namespace, result.JobName))
	}
	id := s.backups(harness.App{Namespace: namespace, Name: broken})[0].ID
	s.destroy(namespace)
	s.breakSnapshot(id)

	s.apply(namespaceManifest(namespace, ""))
	wish := wire.NamespaceRestoreRequest{Namespace: namespace, IncludeOrphans: true}
	var answer wire.NamespaceRestore
	s.await("one call to start all restores", func(ctx context.Context) (bool, string, error) {
		answer, err = api.RestoreNamespace(ctx, wish)
		return err == nil, "", err
	})
	require.Equal(s, wire.ExtentAll, answer.Status, "%v", answer)
	require.Len(s, answer.Results, claims)

	right := fleet{namespace: namespace, classes: map[string]string{}}
	var unlucky string
	for _, result := range answer.Results {
		if result.PVC == broken {
			unlucky = result.Restore
			continue
		}
		right.classes[result.TargetPVC] = lost.classes[result.PVC]
	}
	s.awaitFleetBound(right)
	for name, class := range right.classes {
		require.Equal(s, class, *s.claim(harness.App{Namespace: namespace, Name: name}).Spec.StorageClassName, "its class is as it was")
	}
	s.take(right)
	s.requireStories(right)
	s.await("the one that fails to be explained", func(ctx context.Context) (bool, string, error) {
		restore, err := api.RestoreNamed(ctx, namespace, unlucky)
		explained := regexp.MustCompile(`attempt \d+ failed: .*restic`)
		return explained.MatchString(restore.Message), restore.Phase + ": " + restore.Message, err
	})
}

// breakSnapshot loses the part of the S3 repository that holds a snapshot's tree,
// as a disk might.
func (s *scenario) breakSnapshot(id string) {
	s.Helper()
	out, err := cluster.Restic(s.ctx, "restic-snapshot", repository, "snapshots", "--json", id)
	require.NoError(s, err)
	var found []struct {
		Tree string `json:"tree"`
	}
	require.NoError(s, json.Unmarshal([]byte(out), &found), out)
	require.Len(s, found, 1)
	out, err = cluster.Restic(s.ctx, "restic-find", repository, "find", "--tree", "--show-pack-id", found[0].Tree)
	require.NoError(s, err)
	pack := regexp.MustCompile(`[Pp]ack ([0-9a-f]{64})`).FindStringSubmatch(out)
	require.NotNil(s, pack, out)
	_, err = cluster.StoreShell(s.ctx, "rm", "/data/soteria/"+repositoryName+"/data/"+pack[1][:2]+"/"+pack[1])
	require.NoError(s, err)
}
