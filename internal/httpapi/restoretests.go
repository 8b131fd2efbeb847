package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/intent"
)

func (s *Server) restoreTestRoutes() []route {
	return []route{{
		method: http.MethodPost, path: "/v1/restore-test", handle: s.startTest,
		summary: "Test whether a backup can be restored or, where target_pvc is given, restore it to a copy to look at",
		body:    wire.RestoreRequest{}, headers: preferences,
		answers: answers{http.StatusOK: wire.RestoreTestStarted{}, http.StatusAccepted: wire.RestoreTestStarted{}},
		also:    append([]answers{{http.StatusOK: wire.RestoreStarted{}, http.StatusAccepted: wire.RestoreStarted{}}}, asBatch...),
	}, {
		method: http.MethodGet, path: "/v1/restore-tests", handle: s.listTests,
		summary: "Tests of backups, newest first",
		query: []parameter{
			{name: "namespace", description: "The namespace of the claims whose backups are tested; by default all"},
			{name: "pvc", description: "The name of the claim whose backups are tested; by default all"},
		},
		answers: answers{http.StatusOK: wire.RestoreTests{}},
	}}
}

// startTest starts a restore where a target is named, and else a test that leaves
// nothing.
func (s *Server) startTest(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	wish, err := readRestoreRequest(w, r)
	if err == nil {
		wish.Source, err = s.sourceOf(r.Context(), wish)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if wish.Target.Name != "" {
		wish.Copy = true
		s.answerRestore(w, r, wish)
		return
	}
	if err := withoutTarget(wish); err != nil {
		s.fail(w, r, err)
		return
	}
	chosen, test, err := s.test(context.WithoutCancel(r.Context()), wish)
	s.audit(r, change{action: "restore-test", claim: wish.Source, detail: chosen.ID, dryRun: wish.DryRun, err: err})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, started(wish.DryRun), wire.RestoreTestStarted{
		Driver: chosen.Driver, JobName: test.JobName, JobNamespace: test.Namespace,
		Namespace: wish.Source.Namespace, PVC: wish.Source.Name, Backup: chosen.ID, TakenAt: chosen.TakenAt,
		RoomBytes: test.RoomBytes, RequestedBy: wish.RequestedBy, DryRun: wish.DryRun,
	})
}

// withoutTarget refuses what is asked of a copy where none would be made.
func withoutTarget(wish intent.Wish) error {
	if !wish.Copy && wish.Expires == (copies.Expiry{}) {
		return nil
	}
	return &backup.Error{Kind: backup.Invalid, Reason: backup.Missing, Field: "target_pvc", Message: "target_pvc is missing: the name of the copy to make; " +
		"without it a test leaves nothing that could expire"}
}

// sourceOf is the claim that a request names or, where it names none, means.
func (s *Server) sourceOf(ctx context.Context, wish intent.Wish) (backup.Claim, error) {
	if wish.Source.Namespace == "" || wish.Source.Name != "" {
		return wish.Source, wish.Source.Validate()
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupBudget)
	defer cancel()
	return s.services.Restores.Source(ctx, wish.Source.Namespace, wish.Choice)
}

func (s *Server) test(ctx context.Context, wish intent.Wish) (backup.Backup, driver.TestState, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RestoreBudget)
	defer cancel()
	chosen, err := s.services.Restores.Choose(ctx, wish.Source, wish.Choice)
	if err != nil {
		return backup.Backup{}, driver.TestState{}, err
	}
	tester, able := s.services.Testers[chosen.Driver]
	if !able {
		return chosen, driver.TestState{}, &backup.Error{Kind: backup.Invalid, Field: "target_pvc", Message: fmt.Sprintf(
			"target_pvc is required: a %s backup can be tested only by restoring it to a claim", chosen.Driver)}
	}
	test, err := tester.Test(ctx, driver.TestRequest{Backup: chosen, RequestedBy: wish.RequestedBy, DryRun: wish.DryRun})
	return chosen, test, err
}

// listTests lists the restore tests of all claims, or of those that are asked for.
func (s *Server) listTests(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	query := r.URL.Query()
	namespace, pvc := query.Get("namespace"), query.Get("pvc")
	asked := backup.Claim{Namespace: cmp.Or(namespace, "any"), Name: cmp.Or(pvc, "any")}
	if err := asked.Validate(); err != nil {
		s.fail(w, r, err)
		return
	}
	var tests []driver.TestState
	for _, name := range slices.Sorted(maps.Keys(s.services.Testers)) {
		of, err := s.services.Testers[name].Tests(r.Context())
		if err != nil {
			s.fail(w, r, err)
			return
		}
		tests = append(tests, of...)
	}
	slices.SortStableFunc(tests, func(a, b driver.TestState) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.JobName, b.JobName))
	})
	list := wire.RestoreTests{Tests: make([]wire.RestoreTest, 0, len(tests))}
	for _, test := range tests {
		if (namespace == "" || namespace == test.Claim.Namespace) && (pvc == "" || pvc == test.Claim.Name) {
			list.Tests = append(list.Tests, testOf(test))
		}
	}
	s.render(w, r, http.StatusOK, list)
}

var testPhases = map[driver.FillPhase]wire.TestPhase{
	driver.FillPending: wire.TestPending, driver.FillRunning: wire.TestRunning,
	driver.FillDone: wire.TestPassed, driver.FillFailed: wire.TestFailed,
}

// testOf puts a test in the API's words. One that brought back something else than
// the backup lists has failed, as a restore would have.
func testOf(test driver.TestState) wire.RestoreTest {
	told := wire.RestoreTest{
		Driver: test.Driver, JobName: test.JobName, Namespace: test.Claim.Namespace, PVC: test.Claim.Name, Backup: test.BackupID,
		Phase: testPhases[test.Phase], Message: test.Message, RequestedBy: test.RequestedBy, CreatedAt: test.CreatedAt.UTC(),
	}
	if test.Phase == driver.FillDone {
		told.Restored, told.Expected = countsOf(test.Restored), countsOf(test.Expected)
		if test.Restored != test.Expected {
			told.Phase, told.Message = wire.TestFailed, "what came back is not what the backup lists"
		}
	}
	if !test.StartedAt.IsZero() {
		at := test.StartedAt.In(time.UTC)
		told.StartedAt = &at
	}
	return told
}

func countsOf(c driver.Counts) *wire.TestCounts {
	return &wire.TestCounts{Files: c.Files, Bytes: c.Bytes}
}
