package api_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/api"
)

// answering returns a client of a server that always gives the same answer, and the requests it got, as
// "METHOD path?query body".
func answering(t *testing.T, status int, body string) (*api.Client, *[]string) {
	t.Helper()
	var requests []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests = append(requests, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(content)))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	client, err := api.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return client, &requests
}

func TestAVolumeIsReadAsLonghornWritesIt(t *testing.T) {
	client, requests := answering(t, http.StatusOK, `{"name":"pvc-1","size":"1073741824","state":"attached","ready":true,"accessMode":"rwx",
		"unknown":{"a":1},"controllers":[{"size":"536870912","isExpanding":true},{"size":""}],
		"volumeAttachment":{"attachments":{"csi-1":{"nodeID":"node1","satisfied":true}}}}`)
	volume, err := client.Volume(t.Context(), "pvc-1")
	if err != nil {
		t.Fatal(err)
	}
	if volume.Size != 1<<30 || volume.Controllers[0].Size != 1<<29 || volume.Controllers[1].Size != 0 ||
		!volume.Ready || !volume.Controllers[0].IsExpanding || !volume.Attachments.Attachments["csi-1"].Satisfied {
		t.Errorf("%+v", volume)
	}
	if (*requests)[0] != "GET /v1/volumes/pvc-1" {
		t.Errorf("asked %q", *requests)
	}
}

func TestActionsAreAskedForAsLonghornReadsThem(t *testing.T) {
	client, requests := answering(t, http.StatusOK, `{"name":"pvc-1","size":"1"}`)
	ctx := t.Context()
	for _, call := range []error{
		client.Attach(ctx, "pvc-1", api.Ticket{ID: "csi-1", Node: "node1"}),
		client.Detach(ctx, "pvc-1", api.Ticket{ID: "csi-1", Node: "node1"}),
		client.Detach(ctx, "pvc-1", api.Ticket{ID: "csi-1"}),
		client.Expand(ctx, "pvc-1", 2<<30),
		client.SetAccessMode(ctx, "pvc-1", api.AccessReadWriteMany),
		client.Delete(ctx, "pvc-1"),
	} {
		if call != nil {
			t.Error(call)
		}
	}
	want := []string{
		`POST /v1/volumes/pvc-1?action=attach {"attacherType":"csi-attacher","attachmentID":"csi-1","disableFrontend":false,"hostId":"node1"}`,
		`POST /v1/volumes/pvc-1?action=detach {"attachmentID":"csi-1","forceDetach":false,"hostId":"node1"}`,
		`POST /v1/volumes/pvc-1?action=detach {"attachmentID":"csi-1","forceDetach":true,"hostId":""}`,
		`POST /v1/volumes/pvc-1?action=expand {"size":"2147483648"}`,
		`POST /v1/volumes/pvc-1?action=updateAccessMode {"accessMode":"rwx"}`,
		`DELETE /v1/volumes/pvc-1`,
	}
	for i, request := range *requests {
		if request != want[i] {
			t.Errorf("asked %s\nwant  %s", request, want[i])
		}
	}
}

func TestAMissingVolumeIsToldFromAFailure(t *testing.T) {
	missing, _ := answering(t, http.StatusNotFound, "")
	if _, err := missing.Volume(t.Context(), "pvc-1"); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("a missing volume: %v", err)
	}
	if err := missing.Delete(t.Context(), "pvc-1"); err != nil {
		t.Errorf("deleting a missing volume: %v", err)
	}
	failing, _ := answering(t, http.StatusInternalServerError, `{"type":"error","status":500,"message":"no ready node"}`)
	_, err := failing.Volume(t.Context(), "pvc-1")
	var refusal *api.Error
	if errors.Is(err, api.ErrNotFound) || !errors.As(err, &refusal) || refusal.Status != 500 || refusal.Message != "no ready node" {
		t.Errorf("a failure: %v", err)
	}
}

func TestAnAnswerThatIsNoVolumeIsAnError(t *testing.T) {
	for name, body := range map[string]string{
		"half of one":              `{"name":"pvc-1","si`,
		"a size that is a number":  `{"name":"pvc-1","size":1073741824}`,
		"a size that is no number": `{"name":"pvc-1","size":"10Gi"}`,
		"more than anybody needs":  `{"name":"` + strings.Repeat("x", 5<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := answering(t, http.StatusOK, body)
			if volume, err := client.Volume(t.Context(), "pvc-1"); err == nil {
				t.Errorf("read as %.200v", volume)
			}
		})
	}
}

func TestAURLThatIsNotLonghornsIsRefused(t *testing.T) {
	for _, url := range []string{"", "longhorn-backend:9500", "https://longhorn-backend", "http://", "://"} {
		if _, err := api.New(url); err == nil {
			t.Errorf("%q was accepted", url)
		}
	}
}
