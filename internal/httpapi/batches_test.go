package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/batch"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/intent"
)

// batchesStub keeps batches and begins none.
type batchesStub struct {
	refuse error
	kept   []batch.Record
}

func (b *batchesStub) Begin(_ context.Context, record batch.Record) (batch.Record, error) {
	record.ID, record.CreatedAt, record.SeenAt = "03-f00d", noon, noon
	b.kept = append(b.kept, record)
	return record, b.refuse
}

func (b *batchesStub) Get(_ context.Context, id string) (batch.Record, error) {
	for _, record := range b.kept {
		if record.ID == id {
			return record, nil
		}
	}
	return batch.Record{}, backup.Errorf(backup.NotFound, "there is no batch %q", id)
}

func (b *batchesStub) List(context.Context) ([]batch.Record, error) { return b.kept, nil }

// later sends a request that would rather follow the work than wait.
func later(t *testing.T, w *world, path, body string) (*http.Response, string) {
	t.Helper()
	return ask(t, http.MethodPost, w.serve(t, nil)+path, body, jsonIs, "Prefer: wait=1, respond-async; x=1")
}

func TestLongWorkIsFollowedByTheCallerWhoPrefersThat(t *testing.T) {
	at := time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)
	t.Run("restores of a namespace", func(t *testing.T) {
		w, kept := newWorld(), &batchesStub{}
		w.batches, w.claims.plan = kept, planFor(claimsOf("books", "photos")...)
		w.claims.plan.Wishes[1].Choice = intent.Choice{AsOf: at, Cluster: "attic", Driver: "restic", Tags: []string{"x"}}
		resp, body := later(t, w, "/v1/restores/namespace", `{"namespace":"media"}`)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
		assert.Equal(t, "/v1/batches/03-f00d", resp.Header.Get("Location"))
		assert.Equal(t, "respond-async", resp.Header.Get("Preference-Applied"))
		golden(t, "batch_begun.json", body)
		assert.Empty(t, w.claims.wishes, "nothing is begun before it is answered")
		require.Len(t, kept.kept, 1)
		assert.Equal(t, []batch.Member{
			{Source: "books", Target: "restore-20260412-books", Lock: "soteria-drawn-1"},
			{Source: "photos", Target: "restore-20260412-photos", Lock: "soteria-drawn-2",
				Choice: batch.Choice{AsOf: at, Cluster: "attic", Driver: "restic", Tags: []string{"x"}}},
		}, kept.kept[0].Members)
		assert.Contains(t, w.logged(), `"action":"batch"`)
	})
	t.Run("backups of a namespace", func(t *testing.T) {
		w, kept := newWorld(), &batchesStub{}
		w.batches, w.claims.bound = kept, claimsOf("photos", "books")
		resp, _ := later(t, w, "/v1/backup/namespace", `{"namespace":"media","tags":["a"]}`)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
		require.Len(t, kept.kept, 1)
		assert.Equal(t, []batch.Member{{Source: "books"}, {Source: "photos"}}, kept.kept[0].Members)
		assert.Zero(t, w.request)
	})
	t.Run("but a dry run is answered at once", func(t *testing.T) {
		w, kept := newWorld(), &batchesStub{}
		w.batches, w.claims.plan = kept, planFor(photos)
		resp, _ := later(t, w, "/v1/restores/namespace", `{"namespace":"media","dry_run":true}`)
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Empty(t, kept.kept)
	})
	t.Run("and what conflicts is refused at once", func(t *testing.T) {
		w, kept := newWorld(), &batchesStub{}
		w.batches, w.claims.plan = kept, planFor(photos)
		w.claims.plan.Conflicts = []intent.Conflict{{Wish: w.claims.plan.Wishes[0], Err: backup.Errorf(backup.Conflict, "it exists")}}
		resp, _ := later(t, w, "/v1/restores/namespace", `{"namespace":"media"}`)
		assert.Equal(t, http.StatusConflict, resp.StatusCode)
		assert.Empty(t, kept.kept)
	})
	t.Run("unless too much is under way", func(t *testing.T) {
		w := newWorld()
		w.batches, w.claims.plan = &batchesStub{refuse: backup.Errorf(backup.Busy, "16 batches are under way already")}, planFor(photos)
		resp, _ := later(t, w, "/v1/restores/namespace", `{"namespace":"media"}`)
		assert.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
		assert.Empty(t, resp.Header.Get("Location"))
	})
}

func TestARestoreOfOneClaimIsFollowedByTheCallerWhoPrefersThat(t *testing.T) {
	const body = `{"namespace":"media","pvc":"photos","as_of":"2026-02-28T00:00:00Z","target_namespace":"lab","target_pvc":"copy",` +
		`"storage_class":"slow","size":"20Gi","access_modes":["ReadWriteMany"],"volume_mode":"Block"}`
	for path, test := range map[string]bool{"/v1/restores": false, "/v1/restore-test": true} {
		t.Run(path, func(t *testing.T) {
			w, kept := newWorld(), &batchesStub{}
			w.batches = kept
			body, expires := body, copies.Expiry{}
			if test {
				body, expires = strings.Replace(body, "{", `{"expires":"7d",`, 1), copies.Expiry{After: 7 * 24 * time.Hour}
			}
			resp, text := later(t, w, path, body)
			require.Equal(t, http.StatusAccepted, resp.StatusCode, text)
			assert.Equal(t, "/v1/batches/03-f00d", resp.Header.Get("Location"))
			assert.Equal(t, "respond-async", resp.Header.Get("Preference-Applied"))
			assert.Empty(t, w.claims.wishes, "nothing is begun before it is answered")
			require.Len(t, kept.kept, 1)
			assert.Equal(t, "lab", kept.kept[0].TargetNamespace())
			assert.Empty(t, kept.kept[0].Target, "so that a version that knows no single restores refuses it")

			_, err := w.server(nil).Member(t.Context(), kept.kept[0], kept.kept[0].Members[0])
			require.NoError(t, err)
			assert.Equal(t, []intent.Wish{{
				Source: photos, Target: backup.Claim{Namespace: "lab", Name: "copy"}, Lock: "soteria-drawn-1", RequestedBy: "anonymous", Copy: test, Expires: expires,
				Choice: intent.Choice{AsOf: time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)},
				Shape:  intent.Shape{StorageClass: "slow", Size: "20Gi", AccessModes: []string{"ReadWriteMany"}, VolumeMode: "Block"},
			}}, w.claims.wishes, "it is the restore that was asked for")
		})
	}
	t.Run("by the backup's address", func(t *testing.T) {
		w, kept := newWorld(), &batchesStub{}
		w.batches = kept
		later(t, w, "/v1/restores", `{"namespace":"media","pvc":"photos","backup_url":"s3://b/?backup=x","target_pvc":"copy"}`)
		require.Len(t, kept.kept, 1)
		_, err := w.server(nil).Member(t.Context(), kept.kept[0], kept.kept[0].Members[0])
		require.NoError(t, err)
		assert.Equal(t, intent.Choice{URL: "s3://b/?backup=x"}, w.claims.wishes[0].Choice)
	})
	for name, body := range map[string]string{
		"a dry run is answered at once":          `{"namespace":"media","pvc":"photos","target_pvc":"copy","dry_run":true}`,
		"what cannot be is refused at once":      `{"namespace":"media","pvc":"photos","target_pvc":"NO"}`,
		"what contradicts itself is, too":        `{"namespace":"media","pvc":"photos","target_pvc":"copy","backup_url":"s3://b/?backup=x","snapshot":"latest"}`,
		"and so is a restore without its target": `{"namespace":"media","pvc":"photos"}`,
		"and a copy that has expired":            `{"namespace":"media","pvc":"photos","target_pvc":"copy","copy":true,"expires":"2026-03-01T11:59:59Z"}`,
		"and one in the claim's own place":       `{"namespace":"media","pvc":"photos","target_pvc":"photos","copy":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			w, kept := newWorld(), &batchesStub{}
			w.batches, w.rules = kept, homeRules
			resp, _ := later(t, w, "/v1/restores", body)
			assert.NotEqual(t, http.StatusAccepted, resp.StatusCode)
			assert.Empty(t, kept.kept)
		})
	}
	t.Run("and a backup of one claim is followed as well", func(t *testing.T) {
		w, kept := newWorld(), &batchesStub{}
		w.batches = kept
		resp, _ := later(t, w, "/v1/backup", `{"namespace":"media","pvc":"photos","tags":["a"]}`)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
		require.Len(t, kept.kept, 1)
		assert.Equal(t, batch.Record{
			ID: "03-f00d", Kind: batch.Backup, Namespace: "media", Driver: "restic", Tags: []string{"a"}, RequestedBy: "anonymous", CreatedAt: noon, SeenAt: noon,
			Members: []batch.Member{{Source: "photos"}},
		}, kept.kept[0])
		assert.Zero(t, w.request)
	})
}

func TestABatchOfBackupsShowsHowEachEnded(t *testing.T) {
	w := newWorld()
	started := func(job string) *batch.Outcome { return &batch.Outcome{At: noon, Driver: "restic", Job: job} }
	end := func(result batch.EndResult, message string) *batch.End {
		return &batch.End{At: noon.Add(time.Minute), Result: result, Message: message}
	}
	kept := &batchesStub{kept: []batch.Record{{
		ID: "03-f00d", Kind: batch.Backup, Namespace: "media", Driver: "restic", RequestedBy: "ada", CreatedAt: noon, EndedAt: noon, Members: []batch.Member{
			{Source: "books", Outcome: started("soteria-backup-1"), End: end(batch.EndSucceeded, "backup 01234567 is complete")},
			{Source: "films", Outcome: started("soteria-backup-2"), End: end(batch.EndPartial, "backup 01234567 lacks files that could not be read: /data/x: no")},
			{Source: "music", Outcome: started("soteria-backup-3"), End: end(batch.EndFailed, "backup by Job soteria-backup-3 failed: no room")},
			{Source: "photos", Outcome: started("soteria-backup-4"), End: end(batch.EndUnknown, "Job soteria-backup-4 is gone, and how the backup ended was not seen")},
			{Source: "wiki", Outcome: started("soteria-backup-5")},
		},
	}}}
	w.batches = kept
	url := w.serve(t, nil)
	_, body := send(t, http.MethodGet, url+"/v1/batches/03-f00d", "", "")
	golden(t, "batch_of_backups.json", body)
	assert.Contains(t, body, `"state":"running"`)
	kept.kept[0].Members[4].End = end(batch.EndSucceeded, "")
	_, body = send(t, http.MethodGet, url+"/v1/batches/03-f00d", "", "")
	assert.Contains(t, body, `"state":"done"`)
}

func TestTheWorkOfABatchNeedsNoRequest(t *testing.T) {
	w := newWorld()
	server := w.server(nil)
	record := batch.Record{Kind: batch.Restore, Namespace: "media", Target: "lab", RequestedBy: "ada"}
	outcome, err := server.Member(t.Context(), record, batch.Member{Source: "photos", Target: "copy", Lock: "soteria-1", Choice: batch.Choice{AsOf: noon}})
	require.NoError(t, err)
	assert.Equal(t, newest.ID, outcome.Backup)
	assert.Equal(t, []intent.Wish{{
		Source: photos, Target: backup.Claim{Namespace: "lab", Name: "copy"}, Lock: "soteria-1", RequestedBy: "ada", Choice: intent.Choice{AsOf: noon},
	}}, w.claims.wishes)
	assert.Contains(t, w.logged(), `"user":"ada"`)
	assert.Equal(t, 1, w.counted("restore restic ok"))

	outcome, err = server.Member(t.Context(), batch.Record{Kind: batch.Backup, Namespace: "media", Driver: "restic", Tags: []string{"a"}, RequestedBy: "ada"}, batch.Member{Source: "photos"})
	require.NoError(t, err)
	assert.Equal(t, "soteria-backup-1", outcome.Job)
	assert.Equal(t, driver.BackupRequest{Claim: photos, Tags: []string{"a"}, RequestedBy: "ada"}, w.request)
}

func TestABatchShowsWhatIsObserved(t *testing.T) {
	w := newWorld()
	done := underWay
	done.Name, done.Status.Phase = "soteria-done", v1alpha1.PhaseCompleted
	done.Status.Claim = &v1alpha1.ClaimReference{Name: "books"}
	forged := underWay
	forged.Name = "soteria-waits"
	w.claims.records = []v1alpha1.Restore{underWay, done, forged}
	started := &batch.Outcome{At: noon, Driver: "restic", Backup: "bbbb", Notes: []string{"partial"}}
	w.batches = &batchesStub{kept: []batch.Record{{
		ID: "03-f00d", Kind: batch.Restore, Namespace: "media", Target: "media", RequestedBy: "ada", CreatedAt: noon, Members: []batch.Member{
			{Source: "books", Target: "books", Lock: "soteria-done", Outcome: started},
			{Source: "gone", Target: "gone", Lock: "soteria-gone", Outcome: started},
			{Source: "old", Target: "old", Lock: "soteria-old", Outcome: &batch.Outcome{At: noon, Refusal: &batch.Refusal{
				Kind: "not_found", Reason: backup.ChoiceUnmet, Field: "as_of", Message: "none is that old"}}},
			{Source: "photos", Target: "photos", Lock: "soteria-abc"},
			{Source: "waits", Target: "waits", Lock: "soteria-waits"},
		},
	}}}
	url := w.serve(t, nil)
	resp, body := send(t, http.MethodGet, url+"/v1/batches/03-f00d", "", "")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	golden(t, "batch.json", body)
	_, body = send(t, http.MethodGet, url+"/v1/batches", "", "")
	golden(t, "batches.json", body)
	resp, _ = send(t, http.MethodGet, url+"/v1/batches/03-beef", "", "")
	assert.Equal(t, http.StatusNotFound, resp.StatusCode)
}
