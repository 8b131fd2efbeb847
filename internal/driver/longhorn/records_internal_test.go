package longhorn

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/soteria-dr/soteria/internal/backup"
)

// recordsOf reads records from a server that answers so.
func recordsOf(t *testing.T, answer http.HandlerFunc) records {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	client, err := rest.RESTClientFor(&rest.Config{Host: server.URL, APIPath: "/apis", ContentConfig: rest.ContentConfig{
		GroupVersion: &schema.GroupVersion{Version: "v1"}, NegotiatedSerializer: scheme.Codecs.WithoutConversion(),
	}})
	require.NoError(t, err)
	return records{rest: client, namespace: "longhorn-system"}
}

func apiStatus(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"said the API server"}`, reason, code)
}

func TestRecordsAreReadPageByPageFromOneMoment(t *testing.T) {
	var asked []string
	r := recordsOf(t, func(w http.ResponseWriter, req *http.Request) {
		asked = append(asked, req.URL.RequestURI())
		assert.Equal(t, "application/json", req.Header.Get("Accept"))
		switch {
		case req.URL.Query().Get("continue") == "" && len(asked) == 1:
			fmt.Fprint(w, `{"metadata":{"continue":"old"},"items":[{"metadata":{"name":"a"}}]}`)
		case req.URL.Query().Get("continue") == "old":
			apiStatus(w, http.StatusGone, "Expired")
		case req.URL.Query().Get("continue") == "":
			fmt.Fprint(w, `{"metadata":{"continue":"new"},"items":[{"metadata":{"name":"a"}}]}`)
		default:
			fmt.Fprint(w, `{"metadata":{},"items":[{"metadata":{"name":"b"}}]}`)
		}
	})
	found, err := r.backupsOf(t.Context(), "vol-1")
	require.NoError(t, err)
	require.Len(t, found, 2, "a list that expired halfway is read from the beginning")
	assert.Equal(t, "b", found[1].name())
	assert.Len(t, asked, 4)
	assert.Equal(t, "/apis/longhorn.io/v1beta2/namespaces/longhorn-system/backups?labelSelector=backup-volume%3Dvol-1&limit=500", asked[0])
}

func TestRecordsThatCannotBeReadAreAnError(t *testing.T) {
	for sentence, c := range map[string]struct {
		answer http.HandlerFunc
		words  string
	}{
		"Longhorn is not installed": {func(w http.ResponseWriter, _ *http.Request) { apiStatus(w, 404, "NotFound") }, "Longhorn is not installed, or not yet"},
		"Soteria may not":           {func(w http.ResponseWriter, _ *http.Request) { apiStatus(w, 403, "Forbidden") }, "Soteria may not list Longhorn's backupvolumes: said the API server"},
		"the API server is down":    {func(w http.ResponseWriter, _ *http.Request) { apiStatus(w, 500, "InternalError") }, "listing Longhorn's backupvolumes: said the API server"},
		"every list expires":        {func(w http.ResponseWriter, _ *http.Request) { apiStatus(w, 410, "Expired") }, "said the API server"},
		"there is no list":          {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) }, "the answer holds no list"},
		"the list is cut":           {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"items":[{}`) }, "the answer was not understood"},
		"a time is none": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"items":[{"status":{"lastSyncedAt":"today"}}]}`)
		}, "the answer was not understood"},
		"a label is a number": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"items":[{"status":{"labels":{"a":5}}}]}`)
		}, "the answer was not understood"},
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := recordsOf(t, c.answer).volumes(t.Context())
			require.Error(t, err)
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
			assert.ErrorContains(t, err, c.words)
		})
	}
}

func TestAWatchThatTheRoleDoesNotAllowIsDenied(t *testing.T) {
	_, err := recordsOf(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Query().Get("watch") != "" {
			apiStatus(w, http.StatusForbidden, "Forbidden")
			return
		}
		fmt.Fprint(w, `{"metadata":{"resourceVersion":"7"},"items":[]}`)
	}).watch(t.Context(), "backups")
	require.Error(t, err)
	assert.Equal(t, backup.Denied, backup.KindOf(err))
	assert.ErrorContains(t, err, "Soteria may not watch Longhorn's backups: apply its ClusterRole of this version")
}

// What a record makes of whatever the API server holds must not depend on luck.
func FuzzBackupRecord(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"metadata":{"name":"a","labels":{"backup-volume":"v"}},"status":{"state":"Completed","url":"u","lastSyncedAt":"2026-11-20T03:00:02Z","snapshotCreatedAt":"2026-11-20T03:00:02Z"}}`,
		`{"status":{"labels":null,"lastSyncedAt":null}}`, `{"spec":{"snapshotName":"s","labels":{"KubernetesStatus":"{}"}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b backupRecord
		if json.Unmarshal([]byte(text), &b) != nil {
			return
		}
		own, _ := newAttribution([]backupRecord{b}, nil).owner(b)
		if stateOf(b) == usableBackup {
			told := found(b, own, backup.Clusters{})
			assert.NotEmpty(t, told.Locator)
			assert.False(t, told.TakenAt.IsZero() && own.until.IsZero() && b.Status.SnapshotCreatedAt == "")
		}
	})
}
