package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/httpapi/client"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/secret"
	"github.com/soteria-dr/soteria/internal/signin"
)

const token = "0123456789abcdef0123456789abcdef"

// guardedWorld is one in which sign-in is required. Tests come from 127.0.0.1.
func guardedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld()
	tokens, err := signin.ParseTokens(secret.New("ci:" + token))
	require.NoError(t, err)
	w.signIn = signin.Config{Required: true, AllowedGroups: []string{"admin", "maintenance"}, Tokens: tokens}
	return w
}

// ask sends a request with headers, given as "Name: value".
func ask(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Add(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(answer)
}

const (
	order   = `{"namespace":"media","pvc":"photos"}`
	jsonIs  = "Content-Type: application/json"
	alice   = "X-Auth-Request-User: alice"
	asAdmin = "X-Auth-Request-Groups: /admin"
)

func TestWhereSignInIsRequired(t *testing.T) {
	w := guardedWorld(t)
	url := w.serve(t, nil)
	t.Run("health, metrics and whether backups exist are open", func(t *testing.T) {
		for _, path := range []string{"/healthz", "/readyz", "/metrics", "/exists/media/photos"} {
			resp, _ := ask(t, http.MethodGet, url+path, "")
			assert.Equal(t, http.StatusOK, resp.StatusCode, path)
		}
	})
	t.Run("everything else is closed, also what does not exist", func(t *testing.T) {
		for _, path := range []string{
			"/", "/v1/backups?namespace=media&pvc=photos", "/v1/whoami", "/v1/openapi.json", "/nowhere", "/healthz/", "/metrics/x", "//exists/media/photos", "/exists",
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodOptions} {
				resp, body := ask(t, method, url+path, "")
				assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, method+" "+path)
				assert.Equal(t, `Bearer realm="soteria"`, resp.Header.Get("WWW-Authenticate"))
				assert.Contains(t, body, `"code":"unauthenticated"`)
			}
		}
	})
	t.Run("whether backups exist is closed by a switch of its own", func(t *testing.T) {
		w := guardedWorld(t)
		w.signIn.ExistsRequired = true
		resp, _ := ask(t, http.MethodGet, w.serve(t, nil)+"/exists/media/photos", "")
		assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	})
	t.Run("who signs in is let in", func(t *testing.T) {
		resp, _ := ask(t, http.MethodPost, url+"/v1/backup", order, jsonIs, alice, asAdmin)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
	})
	t.Run("who is in no allowed group is told which are", func(t *testing.T) {
		resp, body := ask(t, http.MethodPost, url+"/v1/backup", order, jsonIs, alice, "X-Auth-Request-Groups: users")
		assert.Equal(t, http.StatusForbidden, resp.StatusCode)
		assert.Contains(t, body, "admin, maintenance")
		assert.Empty(t, resp.Header.Get("WWW-Authenticate"), "signing in again would not help")
	})
}

func TestDenialsAreCountedAndLoggedWithoutSecrets(t *testing.T) {
	w := guardedWorld(t)
	w.signIn.TokensFile = t.TempDir() + "/missing"
	proxies, err := signin.ParseProxies("10.42.0.7")
	require.NoError(t, err)
	w.signIn.Proxies = proxies
	url := w.serve(t, nil)
	const wrong = "fedcba9876543210"
	ask(t, http.MethodGet, url+"/v1/whoami", "")
	ask(t, http.MethodGet, url+"/v1/whoami", "", "Authorization: Bearer "+wrong)
	ask(t, http.MethodGet, url+"/v1/whoami", "", alice, "Cookie: session="+wrong)
	ask(t, http.MethodPost, url+"/v1/backup", order, jsonIs, "Authorization: Bearer "+token, "Sec-Fetch-Site: cross-site")
	for _, reason := range []string{"not_signed_in", "tokens_unreadable", "untrusted_proxy", "cross_site"} {
		assert.Equal(t, 1, w.counted("denied "+reason), reason)
		assert.Contains(t, w.logged(), `"reason":"`+reason+`"`)
	}
	assert.Contains(t, w.logged(), w.signIn.TokensFile, "the log says what is wrong with the file")
	assert.NotContains(t, w.logged(), wrong)
	assert.NotContains(t, w.logged(), token)
}

func TestHeadersOfAStrangerAreIgnoredWhereNobodyHasToSignIn(t *testing.T) {
	w := newWorld()
	proxies, err := signin.ParseProxies("10.42.0.7")
	require.NoError(t, err)
	w.signIn.Proxies = proxies
	resp, body := ask(t, http.MethodGet, w.serve(t, nil)+"/v1/whoami", "", alice, asAdmin)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	golden(t, "whoami_anonymous.json", body)
	assert.Equal(t, 1, w.counted("denied untrusted_proxy"))
}

func TestWhoAmI(t *testing.T) {
	w := guardedWorld(t)
	url := w.serve(t, nil)
	_, body := ask(t, http.MethodGet, url+"/v1/whoami", "", alice, "X-Auth-Request-Email: alice@example.com", "X-Auth-Request-Groups: /users;/admin")
	golden(t, "whoami.json", body)

	c := client.New(url, http.DefaultClient)
	_, err := c.WhoAmI(t.Context())
	assert.Equal(t, backup.Unauthenticated, backup.KindOf(err))
	me, err := c.WithToken(secret.New(token)).WhoAmI(t.Context())
	require.NoError(t, err)
	assert.Equal(t, wire.WhoAmI{User: "ci", Groups: []string{}, Authenticated: true, How: "bearer_token"}, me)
	_, err = c.WhoAmI(t.Context())
	assert.Error(t, err, "the first client got no token")
}

func TestWhatTheCallerAskedForSaysWhoItWas(t *testing.T) {
	w := guardedWorld(t)
	started, err := client.New(w.serve(t, nil), http.DefaultClient).WithToken(secret.New(token)).
		Backup(t.Context(), wire.BackupRequest{Namespace: "media", PVC: "photos"})
	require.NoError(t, err)
	assert.Equal(t, "ci", started.RequestedBy)
	assert.Equal(t, "ci", w.request.RequestedBy)
}

func TestRequestsForChanges(t *testing.T) {
	tests := map[string]struct {
		method  string
		body    string
		headers []string
		status  int
	}{
		"of a script are taken":                           {http.MethodPost, order, []string{jsonIs}, 202},
		"of a page of Soteria's own are taken":            {http.MethodPost, order, []string{jsonIs, "Sec-Fetch-Site: same-origin"}, 202},
		"that a person typed are taken":                   {http.MethodPost, order, []string{jsonIs, "Sec-Fetch-Site: none"}, 202},
		"of another site's page are refused":              {http.MethodPost, order, []string{jsonIs, "Sec-Fetch-Site: cross-site"}, 403},
		"of a neighbouring site's page are refused":       {http.MethodPost, order, []string{jsonIs, "Sec-Fetch-Site: same-site"}, 403},
		"of another site's in an old browser are refused": {http.MethodPost, order, []string{jsonIs, "Origin: https://evil.example.com"}, 403},
		"of a page of no site are refused":                {http.MethodPost, order, []string{jsonIs, "Origin: null"}, 403},
		"of another site are refused as deletions too":    {http.MethodDelete, "", []string{"Sec-Fetch-Site: cross-site"}, 403},
		"of a form are refused":                           {http.MethodPost, order, []string{"Content-Type: application/x-www-form-urlencoded"}, 415},
		"that do not say what they are are refused":       {http.MethodPost, order, nil, 415},
		"without a body have to say what they are":        {http.MethodPost, "", nil, 415},
		"by PATCH are of no path":                         {http.MethodPatch, "{}", nil, 405},
		"as deletions need no body":                       {http.MethodDelete, "", nil, 405},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			resp, body := ask(t, test.method, w.serve(t, nil)+"/v1/backup", test.body, test.headers...)
			assert.Equal(t, test.status, resp.StatusCode, body)
			assert.Equal(t, test.status == http.StatusAccepted, w.request.Claim == photos, "nothing is started that was refused")
		})
	}
	t.Run("of a page of Soteria's own in an old browser are taken", func(t *testing.T) {
		url := newWorld().serve(t, nil)
		resp, _ := ask(t, http.MethodPost, url+"/v1/backup", order, jsonIs, "Origin: "+url)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
	})
	t.Run("of another site are no matter where nothing changes", func(t *testing.T) {
		resp, _ := ask(t, http.MethodGet, newWorld().serve(t, nil)+"/exists/media/photos", "", "Sec-Fetch-Site: cross-site")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
	})
}

func TestTooManyRequestsForChangesAtOnceAreToldToComeBack(t *testing.T) {
	w := newWorld()
	begun, settle := make(chan struct{}), make(chan struct{})
	w.backup = func(context.Context, driver.BackupRequest) (driver.BackupStarted, error) {
		close(begun)
		<-settle
		return driver.BackupStarted{Driver: "restic"}, nil
	}
	url := w.serve(t, func(cfg *httpapi.Config) { cfg.MaxChanges = 1 })
	first := make(chan error, 1)
	go func() {
		_, err := client.New(url, http.DefaultClient).Backup(context.WithoutCancel(t.Context()), wire.BackupRequest{Namespace: "media", PVC: "photos"})
		first <- err
	}()
	<-begun
	resp, body := ask(t, http.MethodPost, url+"/v1/backup", order, jsonIs)
	assert.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	assert.NotEmpty(t, resp.Header.Get("Retry-After"))
	assert.Contains(t, body, `"code":"busy"`)
	resp, _ = ask(t, http.MethodGet, url+"/exists/media/photos", "")
	assert.Equal(t, http.StatusOK, resp.StatusCode, "reading goes on")
	close(settle)
	require.NoError(t, <-first)

	w.backup = newWorld().backup
	resp, _ = ask(t, http.MethodPost, url+"/v1/backup", order, jsonIs)
	assert.Equal(t, http.StatusAccepted, resp.StatusCode, "what is done makes room")
}

func TestChangesAreWrittenDown(t *testing.T) {
	run := func(t *testing.T, w *world, body string, err error) {
		t.Helper()
		w.backup = func(context.Context, driver.BackupRequest) (driver.BackupStarted, error) {
			return driver.BackupStarted{Driver: "restic"}, err
		}
		ask(t, http.MethodPost, w.serve(t, nil)+"/v1/backup", body, jsonIs, alice, asAdmin)
	}
	t.Run("in the log and on the claim", func(t *testing.T) {
		w := guardedWorld(t)
		run(t, w, order, nil)
		assert.Contains(t, w.logged(), `"msg":"audit","user":"alice","email":"","how":"proxy_headers","action":"backup","claim":"media/photos","detail":"restic","dry_run":false,"result":"ok"`)
		assert.Equal(t, []told{{photos, "backup by alice", "alice asked over the API for: backup (restic)", false}}, w.told)
	})
	t.Run("with what went wrong", func(t *testing.T) {
		w := guardedWorld(t)
		run(t, w, order, backup.Errorf(backup.DriverFailed, "restic: %s", strings.Repeat("disk full ", 200)))
		require.Len(t, w.told, 1)
		assert.True(t, w.told[0].failed)
		assert.Contains(t, w.told[0].note, "it failed: restic: disk full")
		assert.Less(t, len(w.told[0].note), 1024, "it fits an event")
	})
	t.Run("without what was not written for strangers", func(t *testing.T) {
		w := guardedWorld(t)
		run(t, w, order, errors.New("dial tcp 10.0.0.1"))
		require.Len(t, w.told, 1)
		assert.NotContains(t, w.told[0].note, "10.0.0.1")
	})
	t.Run("in the log alone where nothing was changed", func(t *testing.T) {
		for name, try := range map[string]struct {
			body string
			err  error
		}{
			"a dry run":       {`{"namespace":"media","pvc":"photos","dry_run":true}`, nil},
			"a missing claim": {order, backup.Errorf(backup.NotFound, "there is no claim media/photos")},
			"a conflict":      {order, backup.Errorf(backup.Conflict, "a backup is running")},
		} {
			w := guardedWorld(t)
			run(t, w, try.body, try.err)
			assert.Contains(t, w.logged(), `"msg":"audit"`, name)
			assert.Empty(t, w.told, name)
		}
	})
	t.Run("in the log, even if the claim cannot be told", func(t *testing.T) {
		w := guardedWorld(t)
		w.untold = errors.New("the cache has not synced")
		run(t, w, order, nil)
		assert.Contains(t, w.logged(), "a change has no event on its claim")
	})
}

func FuzzBackupBody(f *testing.F) {
	for _, seed := range []string{
		order, `{"namespace":"media","pvc":"photos","driver":"longhorn","tags":["a"],"dry_run":true}`, `{"namespace":"Media","pvc":"../x"}`,
		``, `{}`, `[]`, `null`, `{"pvc":"a","pvc":"b"}`, `{"tags":[null,1]}`, "{\"pvc\":\"\xff\"}", strings.Repeat("[", 20000),
	} {
		f.Add([]byte(seed))
	}
	w := newWorld()
	var asked driver.BackupRequest
	w.backup = func(_ context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
		asked = req
		return driver.BackupStarted{Driver: "restic"}, nil
	}
	handler := w.server(nil).Handler()
	f.Fuzz(func(t *testing.T, body []byte) {
		asked = driver.BackupRequest{}
		answer := post(t, handler, body)
		switch answer.Code {
		case http.StatusOK, http.StatusAccepted:
			assert.NoError(t, asked.Claim.Validate(), "a driver is asked for what Kubernetes could hold")
			assert.Equal(t, answer.Code == http.StatusOK, asked.DryRun)
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			assert.Zero(t, asked, "nothing is started")
			assert.Contains(t, answer.Body.String(), `"error":"`)
		default:
			t.Errorf("status %d: %s", answer.Code, answer.Body)
		}
	})
}
