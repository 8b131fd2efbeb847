package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/intent"
)

// testerStub stands for a driver that tests backups.
type testerStub struct {
	request driver.TestRequest
	tests   []driver.TestState
	failure error
}

func (s *testerStub) Test(_ context.Context, req driver.TestRequest) (driver.TestState, error) {
	s.request = req
	state := driver.TestState{Claim: req.Backup.Claim, Driver: "restic", BackupID: req.Backup.ID, Namespace: "soteria-system", RoomBytes: 1 << 30}
	if !req.DryRun {
		state.JobName = "test-photos-1"
	}
	return state, s.failure
}

func (s *testerStub) Tests(context.Context) ([]driver.TestState, error) { return s.tests, s.failure }

func (c *claimsStub) Choose(_ context.Context, source backup.Claim, choice intent.Choice) (backup.Backup, error) {
	chosen := newest
	if choice.Snapshot == "of-longhorn" {
		chosen.Driver = "longhorn"
	}
	return chosen, c.refuse[source.Name]
}

func TestRestoreTests(t *testing.T) {
	const order = `{"namespace":"media","pvc":"photos"}`
	t.Run("without a target are given to the backup's driver", func(t *testing.T) {
		w := newWorld()
		resp, body := send(t, http.MethodPost, w.serve(t, nil)+"/v1/restore-test", jsonType, order)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
		golden(t, "restore_test_started.json", body)
		assert.Equal(t, driver.TestRequest{Backup: newest, RequestedBy: "anonymous"}, w.tester.request)
		assert.Empty(t, w.claims.wishes, "no claim is made")
		assert.Contains(t, w.logged(), `"action":"restore-test","claim":"media/photos"`)
	})
	t.Run("need no claim where a backup's id settles it", func(t *testing.T) {
		w := newWorld()
		started, err := w.client(t).TestRestore(t.Context(), wire.RestoreRequest{Namespace: "media", Snapshot: "aaaaaaaaaaaa"})
		require.NoError(t, err)
		assert.Equal(t, "photos", started.PVC)
		assert.Contains(t, w.logged(), `"action":"restore-test","claim":"media/photos"`)
	})
	t.Run("say that the claim is missing where nothing settles it", func(t *testing.T) {
		w := newWorld()
		_, err := w.client(t).TestRestore(t.Context(), wire.RestoreRequest{Namespace: "media"})
		assert.Equal(t, "pvc", backup.FieldOf(err))
		assert.Equal(t, backup.Missing, backup.ReasonOf(err))
		_, err = w.client(t).Restore(t.Context(), wire.RestoreRequest{Namespace: "media", Snapshot: "aaaaaaaaaaaa", TargetPVC: "copy"})
		assert.Equal(t, "pvc", backup.FieldOf(err), "a restore names its source")
		assert.Zero(t, w.tester.request)
	})
	t.Run("as a dry run start nothing", func(t *testing.T) {
		w := newWorld()
		started, err := w.client(t).TestRestore(t.Context(), wire.RestoreRequest{Namespace: "media", PVC: "photos", DryRun: true})
		require.NoError(t, err)
		assert.True(t, w.tester.request.DryRun)
		assert.Empty(t, started.JobName)
		assert.True(t, started.DryRun)
	})
	t.Run("of a driver that cannot are refused, saying what can be done", func(t *testing.T) {
		w := newWorld()
		_, err := w.client(t).TestRestore(t.Context(), wire.RestoreRequest{Namespace: "media", PVC: "photos", Snapshot: "of-longhorn"})
		assert.Equal(t, backup.Invalid, backup.KindOf(err))
		assert.Equal(t, "target_pvc", backup.FieldOf(err))
	})
	t.Run("with a target restore to it and mark it as a test's", func(t *testing.T) {
		w := newWorld()
		resp, _ := send(t, http.MethodPost, w.serve(t, nil)+"/v1/restore-test", jsonType, `{"namespace":"media","pvc":"photos","target_pvc":"look"}`)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
		resp, _ = send(t, http.MethodPost, w.serve(t, nil)+"/v1/restores", jsonType, `{"namespace":"media","pvc":"photos","target_pvc":"keep"}`)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
		require.Len(t, w.claims.wishes, 2)
		assert.True(t, w.claims.wishes[0].Copy)
		assert.False(t, w.claims.wishes[1].Copy)
	})
	t.Run("of no backup, and those that the driver refuses, keep their kind", func(t *testing.T) {
		for _, kind := range backup.Kinds()[backup.Invalid:] {
			w := newWorld()
			w.tester.failure = backup.Errorf(kind, "no")
			_, err := w.client(t).TestRestore(t.Context(), wire.RestoreRequest{Namespace: "media", PVC: "photos"})
			assert.Equal(t, kind, backup.KindOf(err))
			w.tester.failure, w.claims.refuse = nil, map[string]error{"photos": backup.Errorf(kind, "no")}
			_, err = w.client(t).TestRestore(t.Context(), wire.RestoreRequest{Namespace: "media", PVC: "photos"})
			assert.Equal(t, kind, backup.KindOf(err))
		}
	})
	t.Run("are listed newest first, with what came of them", func(t *testing.T) {
		w := newWorld()
		counts, fewer := driver.Counts{Files: 12, Bytes: 4096}, driver.Counts{Files: 11, Bytes: 4000}
		test := func(name string, at time.Time, claim backup.Claim, state driver.FillState) driver.TestState {
			return driver.TestState{FillState: state, Claim: claim, Driver: "restic", BackupID: newest.ID, JobName: name, RequestedBy: "ada", CreatedAt: at}
		}
		w.tester.tests = []driver.TestState{
			test("test-photos-1", noon, photos, driver.FillState{Phase: driver.FillDone, Restored: counts, Expected: counts, StartedAt: noon}),
			test("test-photos-2", noon.Add(time.Hour), photos, driver.FillState{Phase: driver.FillFailed, Message: "the mover was killed"}),
			test("test-photos-3", noon.Add(2*time.Hour), photos, driver.FillState{Phase: driver.FillDone, Restored: fewer, Expected: counts}),
			test("test-books-1", noon.Add(3*time.Hour), backup.Claim{Namespace: "media", Name: "books"}, driver.FillState{Message: "waiting"}),
		}
		url := w.serve(t, nil)
		_, body := send(t, http.MethodGet, url+"/v1/restore-tests", "", "")
		golden(t, "restore_tests.json", body)
		some, err := w.client(t).RestoreTests(t.Context(), photos)
		require.NoError(t, err)
		assert.Len(t, some, 3)
		_, err = w.client(t).RestoreTests(t.Context(), backup.Claim{Namespace: "a.b"})
		assert.Equal(t, "namespace", backup.FieldOf(err))
		w.tester.failure = backup.Errorf(backup.Unavailable, "away")
		_, err = w.client(t).RestoreTests(t.Context(), photos)
		assert.Equal(t, backup.Unavailable, backup.KindOf(err), "not that there is none")
	})
}
