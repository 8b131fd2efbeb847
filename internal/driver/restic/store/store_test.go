package store_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/driver/restic/store"
	"github.com/soteria-dr/soteria/internal/secret"
)

// shelf is a server with the files of a repository, as far as a look goes.
type shelf struct {
	location cli.Location
	folder   string
}

// shelves are one of each kind of server.
var shelves = map[string]func(*testing.T) shelf{
	"an S3 store": func(t *testing.T) shelf {
		s := restictest.StartS3(t)
		return shelf{cli.Location{Kind: cli.S3, Text: "s3:http://" + s.Host + "/" + restictest.Bucket + "/cluster"}, filepath.Join(s.Folder, restictest.Bucket, "cluster")}
	},
	"a rest-server": func(t *testing.T) shelf {
		s := restictest.StartRest(t)
		return shelf{cli.Location{Kind: cli.Rest, Text: "rest:http://" + s.Host + "/cluster"}, filepath.Join(s.Folder, "cluster")}
	},
	"a folder": func(t *testing.T) shelf {
		folder := filepath.Join(t.TempDir(), "cluster")
		return shelf{cli.Location{Kind: cli.Local, Text: folder}, folder}
	},
}

func credentials() cli.Credentials {
	return cli.Credentials{
		cli.KeyAccessKeyID: secret.New(restictest.AccessKey), cli.KeySecretAccessKey: secret.New(restictest.SecretKey),
		cli.KeyRestUsername: secret.New(restictest.RestUser), cli.KeyRestPassword: secret.New(restictest.RestPassword),
	}
}

func (s shelf) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(s.folder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func (s shelf) open(t *testing.T, observe store.Observer) *store.Store {
	t.Helper()
	opened, err := store.Open(s.location, credentials(), "", observe)
	require.NoError(t, err)
	t.Cleanup(opened.Close)
	return opened
}

func id(n int) string { return fmt.Sprintf("%064x", n) }

func TestALookSeesEachChangeOfARepository(t *testing.T) {
	for kind, start := range shelves {
		t.Run(kind, func(t *testing.T) {
			s := start(t)
			s.write(t, "config", "the first")
			s.write(t, "snapshots/"+id(2), "x")
			s.write(t, "snapshots/"+id(1), "x")
			opened := s.open(t, nil)

			first, err := opened.Look(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{id(1), id(2)}, first.Snapshots)
			again, err := opened.Look(t.Context())
			require.NoError(t, err)
			assert.Equal(t, first.Mark(), again.Mark())
			assert.NotEmpty(t, first.Mark())

			marks := map[string]string{first.Mark(): "at first"}
			for change, do := range map[string]func(){
				"one more": func() { s.write(t, "snapshots/"+id(3), "x") },
				"one less": func() { require.NoError(t, os.Remove(filepath.Join(s.folder, "snapshots", id(1)))) },
				"one for another": func() {
					require.NoError(t, os.Rename(filepath.Join(s.folder, "snapshots", id(2)), filepath.Join(s.folder, "snapshots", id(4))))
				},
				"another config": func() { s.write(t, "config", "the second") },
			} {
				do()
				now, err := opened.Look(t.Context())
				require.NoError(t, err, change)
				assert.NotContains(t, marks, now.Mark(), change)
				marks[now.Mark()] = change
			}
		})
	}
}

func TestALookOfAnEmptyRepositoryConfirmsNothing(t *testing.T) {
	for kind, start := range shelves {
		t.Run(kind, func(t *testing.T) {
			s := start(t)
			s.write(t, "config", "the first")
			require.NoError(t, os.MkdirAll(filepath.Join(s.folder, "snapshots"), 0o750))
			now, err := s.open(t, nil).Look(t.Context())
			require.NoError(t, err)
			assert.Empty(t, now.Snapshots)
			assert.Empty(t, now.Mark())
		})
	}
}

func TestALookThatIsNotWholeIsAnError(t *testing.T) {
	spoils := map[string]func(*testing.T, shelf){
		"the config is gone":      func(t *testing.T, s shelf) { require.NoError(t, os.Remove(filepath.Join(s.folder, "config"))) },
		"the config is empty":     func(t *testing.T, s shelf) { s.write(t, "config", "") },
		"the config is no config": func(t *testing.T, s shelf) { s.write(t, "config", strings.Repeat("x", 100<<10)) },
		"a file is no snapshot":   func(t *testing.T, s shelf) { s.write(t, "snapshots/"+id(1)+"-tmp", "x") },
		"all is gone":             func(t *testing.T, s shelf) { require.NoError(t, os.RemoveAll(s.folder)) },
	}
	for kind, start := range shelves {
		for spoiled, spoil := range spoils {
			t.Run(kind+", "+spoiled, func(t *testing.T) {
				s := start(t)
				s.write(t, "config", "the first")
				s.write(t, "snapshots/"+id(1), "x")
				opened := s.open(t, nil)
				_, err := opened.Look(t.Context())
				require.NoError(t, err)
				spoil(t, s)
				_, err = opened.Look(t.Context())
				require.Error(t, err)
				assert.NotContains(t, err.Error(), restictest.SecretKey)
			})
		}
		t.Run(kind+", the credentials are wrong", func(t *testing.T) {
			s := start(t)
			if s.location.Kind == cli.Local {
				t.Skip("a folder has no credentials")
			}
			s.write(t, "config", "the first")
			s.write(t, "snapshots/"+id(1), "x")
			wrong := credentials()
			wrong[cli.KeySecretAccessKey], wrong[cli.KeyRestPassword] = secret.New("a wrong key"), secret.New("a wrong key")
			opened, err := store.Open(s.location, wrong, "", nil)
			require.NoError(t, err)
			defer opened.Close()
			_, err = opened.Look(t.Context())
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "a wrong key")
		})
	}
}

// TestAnythingButAListIsAnError holds a rest-server's answers to the protocol: what a
// proxy, a login page or a server of the first version sends is no list.
func TestAnythingButAListIsAnError(t *testing.T) {
	const list = `[{"name":"%s","size":1}]`
	answers := map[string]struct {
		status          int
		kind, body      string
		config, isWhole bool
	}{
		"a list":                {200, "application/vnd.x.restic.rest.v2", fmt.Sprintf(list, id(1)), true, true},
		"an empty list":         {200, "application/vnd.x.restic.rest.v2", `[]`, true, true},
		"no list":               {200, "application/vnd.x.restic.rest.v2", `null`, true, false},
		"a list cut short":      {200, "application/vnd.x.restic.rest.v2", fmt.Sprintf(list, id(1))[:40], true, false},
		"more after a list":     {200, "application/vnd.x.restic.rest.v2", `[] []`, true, false},
		"nothing":               {200, "application/vnd.x.restic.rest.v2", ``, true, false},
		"the first version":     {200, "application/vnd.x.restic.rest.v1", `["` + id(1) + `"]`, true, false},
		"a page":                {200, "text/html", `<html>`, true, false},
		"not found":             {404, "text/plain", ``, true, false},
		"an error with a list":  {500, "application/vnd.x.restic.rest.v2", fmt.Sprintf(list, id(1)), true, false},
		"sent elsewhere":        {302, "application/vnd.x.restic.rest.v2", fmt.Sprintf(list, id(1)), true, false},
		"no config with a list": {200, "application/vnd.x.restic.rest.v2", fmt.Sprintf(list, id(1)), false, false},
	}
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/snapshots/"):
					w.Header().Set("Location", "/elsewhere/snapshots/")
					w.Header().Set("Content-Type", c.kind)
					w.WriteHeader(c.status)
					_, _ = w.Write([]byte(c.body))
				case c.config:
					_, _ = w.Write([]byte("the config"))
				default:
					w.WriteHeader(http.StatusNotFound)
				}
			}))
			defer server.Close()
			opened, err := store.Open(cli.Location{Kind: cli.Rest, Text: "rest:" + server.URL + "/cluster/"}, nil, "", nil)
			require.NoError(t, err)
			defer opened.Close()
			_, err = opened.Look(t.Context())
			assert.Equal(t, c.isWhole, err == nil, "%v", err)
		})
	}
}

// counted counts requests.
type counted struct {
	next  http.RoundTripper
	count *atomic.Int64
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.count.Add(1)
	return c.next.RoundTrip(r)
}

func TestALookTakesTwoRequests(t *testing.T) {
	for kind, start := range shelves {
		t.Run(kind, func(t *testing.T) {
			s := start(t)
			s.write(t, "config", "the first")
			for i := range 300 {
				s.write(t, "snapshots/"+id(i), "x")
			}
			var count atomic.Int64
			opened := s.open(t, func(_ string, next http.RoundTripper) http.RoundTripper { return counted{next, &count} })
			_, err := opened.Look(t.Context())
			require.NoError(t, err)
			count.Store(0) // an S3 store is asked for its region once
			_, err = opened.Look(t.Context())
			require.NoError(t, err)
			assert.EqualValues(t, map[cli.Kind]int{cli.S3: 2, cli.Rest: 2, cli.Local: 0}[s.location.Kind], count.Load())
		})
	}
}

func TestOnlyKnownStoresAreLookedAt(t *testing.T) {
	for _, kind := range []cli.Kind{cli.S3, cli.Rest, cli.Local} {
		assert.True(t, store.Can(kind), kind)
	}
	assert.False(t, store.Can("sftp"))
	_, err := store.Open(cli.Location{Kind: "sftp", Text: "sftp:host:/srv"}, nil, "", nil)
	require.Error(t, err)
}

// TestAFolderThatHangsIsGivenUp has a share hang as a pipe does that no one writes to.
func TestAFolderThatHangsIsGivenUp(t *testing.T) {
	s := shelves["a folder"](t)
	s.write(t, "snapshots/"+id(1), "x")
	pipe := filepath.Join(s.folder, "config")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	opened := s.open(t, nil)
	hangs, cancel := context.WithCancel(t.Context())
	defer cancel()
	var writer *os.File
	go func() {
		defer cancel()
		assert.Eventually(t, func() (opened bool) { // once it is read
			var err error
			writer, err = os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
			return err == nil
		}, time.Minute, time.Millisecond)
	}()
	_, err := opened.Look(hangs)
	require.ErrorContains(t, err, "it hangs")
	_, err = opened.Look(hangs)
	require.ErrorContains(t, err, "an earlier reading hangs", "no second goroutine waits")

	require.NoError(t, os.Remove(pipe))
	require.NoError(t, writer.Close())
	s.write(t, "config", "the first")
	now, err := opened.Look(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{id(1)}, now.Snapshots)
}
