//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// wrong is a request that is refused, and how.
type wrong struct {
	method, path, body string
	header             http.Header
	status             int
	code, field        string
	// says is a part of the message.
	says string
}

func TestTheAPIRefusesWhatItShould(t *testing.T) {
	const namespace = "e2e-refusals"
	s := begin(t, 8*time.Minute, namespace, namespace+"-other")
	kept := harness.App{Namespace: namespace, Name: "kept", Size: "64Mi", Labels: harness.Unprotected}
	s.seed(kept, "a story")
	never := harness.App{Namespace: namespace, Name: "never", Size: "64Mi", Labels: harness.Unprotected}
	s.start(never)
	s.apply(harness.App{Namespace: namespace, Name: "waiting", Size: "64Mi", Class: "local-wffc", ClaimOnly: true, Labels: harness.Unprotected}.Workload())

	s.run("what is no request at all", func(s *scenario) { s.refuses(malformed()) })
	s.run("names that Kubernetes would refuse", func(s *scenario) { s.refuses(misnamed(namespace)) })
	s.run("questions that have no answer", func(s *scenario) { s.refuses(unanswerable(namespace)) })
	s.run("backups that cannot be taken", func(s *scenario) { s.refuses(untakeable(namespace)) })
	s.run("restores that cannot be, or that would touch what exists", func(s *scenario) {
		before := s.claim(kept).ResourceVersion
		s.refuses(unrestorable(namespace))
		require.Equal(s, before, s.claim(kept).ResourceVersion, "the claim that exists was touched")
		listed, err := cluster.Kubectl(s.ctx, "", "get", "-n", namespace, "restores,pvc", "-o", "name")
		require.NoError(s, err)
		require.ElementsMatch(s, []string{"persistentvolumeclaim/kept", "persistentvolumeclaim/never", "persistentvolumeclaim/waiting"}, strings.Fields(listed))
	})
	s.run("policies that say nothing, or two things", func(s *scenario) { s.refuses(unpoliced(namespace)) })
	s.run("changes that a page of another site asks for", func(s *scenario) {
		s.refuses([]wrong{{
			method: http.MethodPost, path: "v1/backup", body: fmt.Sprintf(`{"namespace":%q,"pvc":"kept"}`, namespace),
			header: http.Header{"Sec-Fetch-Site": {"cross-site"}}, status: http.StatusForbidden, code: "denied", says: "another site",
		}})
	})
	s.run("more changes at once than it can have under way", func(s *scenario) { s.refusesMoreThan(256) })
	s.run("what it cannot tell now", func(s *scenario) {
		s.after(stopIdleS3(s))
		require.NoError(s, cluster.AwaitUnknown(s.ctx, "connection refused"))
		s.refuses([]wrong{
			{method: http.MethodGet, path: "v1/backups?namespace=" + namespace + "&pvc=nobody", status: http.StatusServiceUnavailable, code: "unavailable"},
			{
				method: http.MethodPost, path: "v1/restores", body: fmt.Sprintf(`{"namespace":%q,"pvc":"nobody","target_pvc":"new"}`, namespace),
				status: http.StatusServiceUnavailable, code: "unavailable", says: "could not tell whether backups",
			},
		})
		status, answer, err := cluster.Exists(s.ctx, namespace, "nobody")
		require.NoError(s, err)
		require.Equal(s, http.StatusServiceUnavailable, status)
		require.False(s, answer.Authoritative)
	})
}

// refuses requires that requests are refused as they should be, in words.
func (s *scenario) refuses(requests []wrong) {
	s.Helper()
	for _, r := range requests {
		name := fmt.Sprintf("%s /%s %.200s", r.method, r.path, r.body)
		var answer wire.Error
		var status int
		s.await("an answer to "+name, func(ctx context.Context) (_ bool, _ string, err error) {
			answer = wire.Error{}
			status, err = cluster.Send(ctx, r.method, r.path, r.body, r.header, &answer)
			// A busy machine may not tell in the time that a request has.
			return status != http.StatusServiceUnavailable || r.status == status, answer.Error, err
		})
		got := fmt.Sprintf("%d %s %q", status, answer.Code, answer.Field)
		assert.Equal(s, fmt.Sprintf("%d %s %q", r.status, r.code, r.field), got, "%s: %s", name, answer.Error)
		assert.NotEmpty(s, answer.Error, name)
		assert.Contains(s, answer.Error, r.says, name)
		s.Logf("%s -> %s: %s", name, got, answer.Error)
	}
}

// bodied are the routes that read a body.
var bodied = []string{"v1/backup", "v1/backup/namespace", "v1/restores", "v1/restores/namespace", "v1/restore-test", "v1/policies"}

func malformed() []wrong {
	requests := []wrong{
		{method: http.MethodGet, path: "v1/nothing", status: http.StatusNotFound, code: "not_found"},
		{method: http.MethodDelete, path: "v1/inventory", status: http.StatusMethodNotAllowed, code: "method_not_allowed", says: "GET"},
	}
	for _, path := range bodied {
		bad := func(body, field, says string) wrong {
			return wrong{method: http.MethodPost, path: path, body: body, status: http.StatusBadRequest, code: "invalid", field: field, says: says}
		}
		requests = append(requests,
			bad(`{`, "", "not JSON"),
			bad(`[]`, "", "must not be a JSON array"),
			bad(`{"namespace":"a"} {"namespace":"b"}`, "", "after top-level value"),
			bad(`{"namespace":"a","dryrun":true}`, "dryrun", "unknown field"),
			bad(`{"Namespace":"a"}`, "Namespace", "unknown field"),
			bad(`{"namespace":"a","namespace":"b"}`, "namespace", "duplicate field"),
			bad(`{"namespace":7}`, "namespace", "must not be a JSON number"),
			wrong{method: http.MethodPost, path: path, body: `{"namespace":"` + strings.Repeat("a", 1<<20) + `"}`, status: http.StatusRequestEntityTooLarge, code: "body_too_large"},
			wrong{
				method: http.MethodPost, path: path, body: `{}`, header: http.Header{"Content-Type": {"text/plain"}},
				status: http.StatusUnsupportedMediaType, code: "unsupported_media_type", says: "application/json",
			},
		)
	}
	return requests
}

func misnamed(namespace string) []wrong {
	var requests []wrong
	for _, path := range bodied {
		requests = append(requests,
			wrong{method: http.MethodPost, path: path, body: `{}`, status: http.StatusBadRequest, code: "invalid", field: "namespace"},
			wrong{method: http.MethodPost, path: path, body: `{"namespace":"No_Namespace"}`, status: http.StatusBadRequest, code: "invalid", field: "namespace", says: "No_Namespace"},
		)
		if !strings.HasSuffix(path, "/namespace") {
			body := fmt.Sprintf(`{"namespace":%q,"pvc":"../../etc"}`, namespace)
			requests = append(requests, wrong{method: http.MethodPost, path: path, body: body, status: http.StatusBadRequest, code: "invalid", field: "pvc", says: "../../etc"})
		}
	}
	return append(requests,
		wrong{method: http.MethodGet, path: "exists/No_Namespace/a", status: http.StatusBadRequest, code: "invalid", field: "namespace"},
		wrong{method: http.MethodGet, path: "v1/restores?namespace=No_Namespace", status: http.StatusBadRequest, code: "invalid", field: "namespace"},
		wrong{method: http.MethodPost, path: "v1/restores", body: fmt.Sprintf(`{"namespace":%q,"pvc":"kept","target_pvc":"Big"}`, namespace), status: http.StatusBadRequest, code: "invalid", field: "target_pvc"},
		wrong{
			method: http.MethodPost, path: "v1/restores", body: fmt.Sprintf(`{"namespace":%q,"pvc":"kept","target_pvc":"new","target_namespace":"Big"}`, namespace),
			status: http.StatusBadRequest, code: "invalid", field: "target_namespace",
		},
	)
}

func unanswerable(namespace string) []wrong {
	get := func(path string, status int, code, field string) wrong {
		return wrong{method: http.MethodGet, path: path, status: status, code: code, field: field}
	}
	return []wrong{
		get("v1/backups", http.StatusBadRequest, "invalid", "namespace"),
		get("v1/backups?namespace="+namespace, http.StatusBadRequest, "invalid", "pvc"),
		get("v1/backups?namespace="+namespace+"&pvc=kept&limit=0", http.StatusBadRequest, "invalid", "limit"),
		get("v1/backups?namespace="+namespace+"&pvc=kept&driver=velero", http.StatusBadRequest, "invalid", "driver"),
		get("v1/restores?phase=Dancing", http.StatusBadRequest, "invalid", "phase"),
		get("v1/restores/"+namespace+"/soteria-none", http.StatusNotFound, "not_found", ""),
		{method: http.MethodDelete, path: "v1/policies/0123456789abcdef", status: http.StatusNotFound, code: "not_found"},
		{method: http.MethodDelete, path: "v1/copies/" + namespace + "/absent", status: http.StatusNotFound, code: "not_found", says: "no claim has that name"},
		{method: http.MethodDelete, path: "v1/copies/" + namespace + "/kept", status: http.StatusConflict, code: "conflict", says: "it is no copy"},
	}
}

func untakeable(namespace string) []wrong {
	post := func(path, body string, status int, code, field, says string) wrong {
		return wrong{method: http.MethodPost, path: path, body: body, status: status, code: code, field: field, says: says}
	}
	of := func(pvc, more string) string { return fmt.Sprintf(`{"namespace":%q,"pvc":%q%s}`, namespace, pvc, more) }
	return []wrong{
		post("v1/backup", of("absent", ""), http.StatusNotFound, "not_found", "", "absent"),
		post("v1/backup", of("waiting", ""), http.StatusConflict, "conflict", "", "waiting"),
		post("v1/backup", of("kept", `,"driver":"velero"`), http.StatusBadRequest, "invalid", "driver", "velero"),
		post("v1/backup", of("kept", `,"tags":["a,b"]`), http.StatusBadRequest, "invalid", "tags", "a,b"),
		post("v1/backup/namespace", `{"namespace":"e2e-refusals-absent"}`, http.StatusNotFound, "not_found", "namespace", "e2e-refusals-absent"),
		post("v1/restore-test", of("never", ""), http.StatusNotFound, "not_found", "", "no backup"),
		post("v1/restore-test", of("kept", `,"snapshot":"ffffffff"`), http.StatusNotFound, "not_found", "snapshot", "ffffffff"),
	}
}

func unrestorable(namespace string) []wrong {
	to := func(pvc, more string, status int, code, field string) wrong {
		return wrong{
			method: http.MethodPost, path: "v1/restores", body: fmt.Sprintf(`{"namespace":%q,"pvc":%q%s}`, namespace, pvc, more),
			status: status, code: code, field: field,
		}
	}
	all := func(more string, status int, code, field string) wrong {
		return wrong{
			method: http.MethodPost, path: "v1/restores/namespace", body: fmt.Sprintf(`{"namespace":%q%s}`, namespace, more),
			status: status, code: code, field: field,
		}
	}
	return []wrong{
		to("kept", ``, http.StatusBadRequest, "invalid", "target_pvc"),
		to("kept", `,"target_pvc":"kept"`, http.StatusConflict, "conflict", "target_pvc"),
		to("kept", `,"target_pvc":"kept","dry_run":true`, http.StatusConflict, "conflict", "target_pvc"),
		to("never", `,"target_pvc":"new"`, http.StatusNotFound, "not_found", ""),
		to("kept", `,"target_pvc":"new","snapshot":"ffffffff"`, http.StatusNotFound, "not_found", "snapshot"),
		to("kept", `,"target_pvc":"new","snapshot":"latest","backup_url":"s3://bucket@region/?backup=b"`, http.StatusBadRequest, "invalid", "backup_url"),
		to("kept", `,"target_pvc":"new","backup_url":"/etc/passwd"`, http.StatusBadRequest, "invalid", "backup_url"),
		to("kept", `,"target_pvc":"new","backup_url":"s3://bucket@region/?backup=b"`, http.StatusNotFound, "not_found", "backup_url"),
		to("kept", `,"target_pvc":"new","target_namespace":"e2e-refusals-absent"`, http.StatusNotFound, "not_found", "target_namespace"),
		to("kept", `,"target_pvc":"new","target_namespace":"e2e-refusals-other"`, http.StatusForbidden, "denied", "target_namespace"),
		to("kept", `,"target_pvc":"new","size":"much"`, http.StatusBadRequest, "invalid", "size"),
		to("kept", `,"target_pvc":"new","size":"0"`, http.StatusBadRequest, "invalid", "size"),
		to("kept", `,"target_pvc":"new","access_modes":["WriteOnlyOnce"]`, http.StatusBadRequest, "invalid", "access_modes"),
		to("kept", `,"target_pvc":"new","volume_mode":"Tape"`, http.StatusBadRequest, "invalid", "volume_mode"),
		to("kept", `,"target_pvc":"new","storage_class":"gold"`, http.StatusNotFound, "not_found", "storage_class"),
		all(``, http.StatusConflict, "conflict", ""),
		all(`,"target_prefix":"`+strings.Repeat("a", 250)+`"`, http.StatusBadRequest, "invalid", ""),
		all(`,"target_prefix":"No_","dry_run":true`, http.StatusBadRequest, "invalid", ""),
		all(`,"target_prefix":"new-","target_namespace":"e2e-refusals-absent"`, http.StatusNotFound, "not_found", "target_namespace"),
		{
			method: http.MethodPost, path: "v1/restores/namespace", body: `{"namespace":"e2e-refusals-absent"}`,
			status: http.StatusNotFound, code: "not_found", field: "target_namespace",
		},
	}
}

func unpoliced(namespace string) []wrong {
	policy := func(more, field string) wrong {
		return wrong{
			method: http.MethodPost, path: "v1/policies", body: fmt.Sprintf(`{"namespace":%q%s}`, namespace, more),
			status: http.StatusBadRequest, code: "invalid", field: field,
		}
	}
	return []wrong{
		policy(``, "interval_hours"),
		policy(`,"interval_hours":-1`, "interval_hours"),
		policy(`,"interval_hours":6,"schedule":"0 * * * *"`, "schedule"),
		policy(`,"schedule":"whenever"`, "schedule"),
		policy(`,"schedule":"0 0 31 2 *"`, "schedule"),
		policy(`,"interval_hours":6,"keep":{}`, "keep"),
		policy(`,"interval_hours":6,"keep":{"last":-1}`, "keep.last"),
		policy(`,"interval_hours":6,"driver":"velero"`, "driver"),
	}
}

// refusesMoreThan has requests for changes under way, whose bodies do not end, and
// requires that one more is told to come again later. All must reach the same
// replica, as those do that go through one forwarded port.
func (s *scenario) refusesMoreThan(requests int) {
	s.Helper()
	address, end, err := cluster.Port(s.ctx)
	require.NoError(s, err)
	s.after(func(context.Context) error { return end() })
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	ask := func(body io.Reader) (status int, retryAfter string, err error) {
		request, err := http.NewRequestWithContext(s.ctx, http.MethodPost, address+"/v1/policies", body)
		if err != nil {
			return 0, "", err
		}
		request.Header.Set("Content-Type", "application/json")
		answer, err := transport.RoundTrip(request)
		if err != nil {
			return 0, "", err
		}
		return answer.StatusCode, answer.Header.Get("Retry-After"), answer.Body.Close()
	}
	held, release := context.WithCancel(s.ctx)
	defer release()
	var holding sync.WaitGroup
	for range requests {
		holding.Go(func() {
			// The server waits for a body no longer than it thinks right.
			for held.Err() == nil {
				_, _, _ = ask(endless{held.Done()})
			}
		})
	}
	s.await("one request too many", func(context.Context) (bool, string, error) {
		status, retryAfter, err := ask(strings.NewReader("{}"))
		return status == http.StatusTooManyRequests && retryAfter != "", http.StatusText(status), err
	})
	release()
	holding.Wait()
	_, err = s.apiWith(nil).DeletePolicy(s.ctx, "0123456789abcdef")
	require.Equal(s, backup.NotFound, backup.KindOf(err), "what was let go makes room: %v", err)
}

// endless is a body that has no more to give until it is let go; then it breaks
// off, so that nothing comes of the request.
type endless struct{ release <-chan struct{} }

func (e endless) Read([]byte) (int, error) {
	<-e.release
	return 0, io.EOF
}
