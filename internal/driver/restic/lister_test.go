package restic_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

const system = "soteria-system"

// secretWith is the Secret with the credentials, as an operator writes it.
func secretWith(data map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "soteria-restic"}, StringData: data, Data: asBytes(data)}
}

func asBytes(data map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for key, value := range data {
		out[key] = []byte(value)
	}
	return out
}

func fullSecret() map[string]string {
	return map[string]string{
		"RESTIC_PASSWORD":   restictest.Password,
		"AWS_ACCESS_KEY_ID": restictest.AccessKey, "AWS_SECRET_ACCESS_KEY": restictest.SecretKey,
		"RESTIC_REST_USERNAME": restictest.RestUser, "RESTIC_REST_PASSWORD": restictest.RestPassword,
	}
}

func clusterWith(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, corev1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

// newDriver makes a driver on a repository. Its cache is not the one that the
// test's own restic uses.
func newDriver(t *testing.T, program, address string, secret map[string]string) *restic.Driver {
	t.Helper()
	var objects []client.Object
	if secret != nil {
		objects = append(objects, secretWith(secret))
	}
	cluster := clusterWith(t, objects...)
	d, err := restic.New(restic.Config{
		Repository: address, SecretName: "soteria-restic", SecretNamespace: system, Namespace: system,
		Program: program, CacheDir: t.TempDir(),
	}, restic.Cluster{Client: cluster, Reader: cluster})
	require.NoError(t, err)
	return d
}

// local is a repository in a folder.
func local(t *testing.T, program string) restictest.Repository {
	t.Helper()
	return restictest.Repository{Restic: program, Address: filepath.Join(t.TempDir(), "repository"), CacheDir: t.TempDir(), Env: []string{"TZ=UTC"}}
}

// add stores a snapshot of a claim as a backup Job does.
func add(t *testing.T, r restictest.Repository, claim backup.Claim, at time.Time) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file"), []byte(claim.String()), 0o600))
	return r.Snapshot(t, folder, "--host", claim.String(), "--tag", "namespace="+claim.Namespace, "--tag", "pvc="+claim.Name,
		"--time", at.UTC().Format(time.DateTime))
}

var (
	claim = backup.Claim{Namespace: "apps", Name: "data"}
	then  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// wrapped gives a program that runs lines of shell, in which $RESTIC is restic
// and $0.* are files of its own.
func wrapped(t *testing.T, program, lines string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "restic")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nRESTIC="+program+"\n"+lines+"\n"), 0o755))
	return script
}

func TestItListsAsADriverMust(t *testing.T) {
	for version, program := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			exe := program(t)
			// One repository, of which each case gets a copy; with a backup in it
			// where the case spoils it.
			seed, empty := local(t, exe), t.TempDir()
			id := seed.Init(t)
			require.NoError(t, os.CopyFS(empty, os.DirFS(seed.Address)))
			snapshot := add(t, seed, claim, then)
			spoiled := func(lines string, secret func(map[string]string), spoil func(t *testing.T, repository string)) func(*testing.T) driver.Lister {
				return func(t *testing.T) driver.Lister {
					address := filepath.Join(t.TempDir(), "repository")
					require.NoError(t, os.CopyFS(address, os.DirFS(seed.Address)))
					credentials := fullSecret()
					if secret != nil {
						secret(credentials)
					}
					if spoil != nil {
						spoil(t, address)
					}
					run := exe
					if lines != "" {
						run = wrapped(t, exe, lines)
					}
					return newDriver(t, run, address, credentials)
				}
			}
			drivertest.ListerSuite{
				New: func(t *testing.T) drivertest.Repository {
					r := local(t, exe)
					require.NoError(t, os.CopyFS(r.Address, os.DirFS(empty)))
					return drivertest.Repository{
						Lister: newDriver(t, exe, r.Address, fullSecret()), ID: id,
						Add: func(t *testing.T, claim backup.Claim, at time.Time) string { return add(t, r, claim, at) },
					}
				},
				Absent: func(t *testing.T) driver.Lister {
					return newDriver(t, exe, filepath.Join(t.TempDir(), "repository"), fullSecret())
				},
				Hangs: spoiled("exec sleep 3600", nil, nil),
				Broken: map[string]func(*testing.T) driver.Lister{
					"the password is wrong":  spoiled("", func(s map[string]string) { s["RESTIC_PASSWORD"] = "wrong" }, nil),
					"the folder was emptied": spoiled("", nil, func(t *testing.T, r string) { require.NoError(t, os.RemoveAll(filepath.Join(r, "config"))) }),
					"the config is empty":    spoiled("", nil, func(t *testing.T, r string) { overwrite(t, filepath.Join(r, "config"), "") }),
					"the config is damaged":  spoiled("", nil, func(t *testing.T, r string) { overwrite(t, filepath.Join(r, "config"), strings.Repeat("x", 155)) }),
					"the keys are gone":      spoiled("", nil, func(t *testing.T, r string) { require.NoError(t, os.RemoveAll(filepath.Join(r, "keys"))) }),
					"a snapshot is damaged":  spoiled("", nil, func(t *testing.T, r string) { overwrite(t, filepath.Join(r, "snapshots", snapshot), "x") }),
					"snapshots cannot be listed": spoiled("", nil, func(t *testing.T, r string) {
						require.NoError(t, os.RemoveAll(filepath.Join(r, "snapshots")))
						overwrite(t, filepath.Join(r, "snapshots"), "")
					}),
				},
			}.Run(t)
		})
	}
}

// stand-ins for restic need no key derivation: a whole config, and a whole list
// of one snapshot.
const (
	aConfig = `{"version":2,"id":"9b380d7c19c4104d540302382226e03a695c878bda4498d4b41b91b1fe2d0009"}`
	aList   = `[{"time":"2026-01-02T03:04:05Z","paths":["/data"],"tags":["namespace=apps","pvc=data"],"id":"f98d674c71035cbbbaad66aedb07eb31bc860c84f99dc8065f06b1be05d30f90"}]`
)

func TestNothingButAWholeListIsBelieved(t *testing.T) {
	listed := func(lines string) string {
		return "[ \"$1\" = cat ] && { echo '" + aConfig + "'; exit; }\nLIST='" + aList + "'\n" + lines
	}
	cases := map[string]struct {
		lines  string
		secret map[string]string
		kind   backup.Kind
	}{
		"the list is cut short":           {lines: listed(`echo "$LIST" | head -c 100`)},
		"the list is empty of anything":   {lines: listed(`exit 0`)},
		"the list is null":                {lines: listed(`echo null`)},
		"the list is followed by more":    {lines: listed(`echo "$LIST"; echo '[]'`)},
		"restic fails after the list":     {lines: listed(`echo "$LIST"; exit 1`)},
		"restic is killed after it":       {lines: listed(`echo "$LIST"; kill -9 $$`)},
		"restic is killed within it":      {lines: listed(`echo '['; kill -9 $$`)},
		"restic passes over a snapshot":   {lines: listed(`echo 'Ignoring "1234": load: invalid data returned' >&2; echo '[]'`)},
		"restic could not load them":      {lines: listed(`echo 'could not load snapshots: connection refused' >&2; echo '[]'`)},
		"restic says something new":       {lines: listed(`echo 'warning: the moon is full' >&2; echo "$LIST"`)},
		"the repository has no id":        {lines: `echo '{"version":2}'`},
		"the repository's id is none":     {lines: `echo '{"id":"latest"}'`},
		"the repository's config is cut":  {lines: `echo '{"id":'`},
		"restic cannot be run":            {lines: `exit 127`},
		"restic was ended from outside":   {lines: `kill -15 $$`},
		"the secret is not there yet":     {secret: map[string]string{}, kind: backup.Credentials},
		"the password is not there yet":   {secret: map[string]string{"AWS_ACCESS_KEY_ID": "x"}, kind: backup.Credentials},
		"the password is empty":           {secret: map[string]string{"RESTIC_PASSWORD": ""}, kind: backup.Credentials},
		"the password is only a line end": {secret: map[string]string{"RESTIC_PASSWORD": "\n"}, kind: backup.Credentials},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			kind, secret := c.kind, c.secret
			if secret == nil {
				kind, secret = backup.Unavailable, fullSecret()
			}
			if len(secret) == 0 {
				secret = nil
			}
			id, err := newDriver(t, wrapped(t, "none", c.lines), "/srv/backups", secret).List(t.Context(), drivertest.Each(func(backup.Backup) {}))
			require.Error(t, err)
			assert.Empty(t, id)
			assert.Equal(t, kind, backup.KindOf(err), "%v", err)
		})
	}
	t.Run("but a whole list is", func(t *testing.T) {
		lines := listed(`echo 'Load(<snapshot/1>, 0, 0) returned error, retrying after 1s: EOF' >&2; echo "$LIST"`)
		found := 0
		_, err := newDriver(t, wrapped(t, "none", lines), "/srv/backups", fullSecret()).List(t.Context(), drivertest.Each(func(backup.Backup) { found++ }))
		require.NoError(t, err)
		assert.Equal(t, 1, found)
	})
}

func overwrite(t *testing.T, path, content string) {
	t.Helper()
	_ = os.Remove(path)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func TestSnapshotsOfOthersAreLeftAlone(t *testing.T) {
	exe := restictest.Restic(t)
	r := local(t, exe)
	id := r.Init(t)
	folder := t.TempDir()
	r.Snapshot(t, folder, "--host", "a-laptop")
	r.Snapshot(t, folder, "--tag", "namespace=apps")
	both := r.Snapshot(t, folder, "--tag", "namespace=apps,pvc=data,pvc=other,nightly")

	d := newDriver(t, exe, r.Address, fullSecret())
	var found []backup.Backup
	got, err := d.List(t.Context(), drivertest.Each(func(b backup.Backup) { found = append(found, b) }))
	require.NoError(t, err)
	assert.Equal(t, id, got)
	require.Len(t, found, 2)
	for i, name := range []string{"data", "other"} {
		assert.Equal(t, backup.Claim{Namespace: "apps", Name: name}, found[i].Claim)
		assert.Equal(t, both, found[i].ID)
		assert.Equal(t, folder, found[i].Locator)
		assert.Contains(t, found[i].Tags, "nightly")
	}
}

func TestAKindForEachCause(t *testing.T) {
	for version, program := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			exe := program(t)
			s3, rest := restictest.StartS3(t), restictest.StartRest(t)
			onS3 := "s3:http://" + s3.Host + "/" + restictest.Bucket + "/cluster"
			onRest := "rest:http://" + rest.Host + "/cluster/"
			ids := map[string]string{}
			for address, folder := range map[string]string{onS3: filepath.Join(s3.Folder, restictest.Bucket, "cluster"), onRest: filepath.Join(rest.Folder, "cluster")} {
				r := restictest.Repository{Restic: exe, Address: address, CacheDir: t.TempDir(), Env: append(s3.Env(), "TZ=UTC"), Folder: folder}
				ids[address] = r.Init(t)
				add(t, r, claim, then)
			}
			without := func(keys ...string) map[string]string {
				s := fullSecret()
				for _, key := range keys {
					delete(s, key)
				}
				return s
			}
			changed := func(key, value string) map[string]string {
				s := fullSecret()
				s[key] = value
				return s
			}
			cases := map[string]struct {
				address string
				secret  map[string]string
				kind    backup.Kind
				says    string
			}{
				"no key in S3":                    {"s3:http://" + s3.Host + "/" + restictest.Bucket + "/mistyped", fullSecret(), backup.RepositoryAbsent, "soteria repository init"},
				"no bucket in S3":                 {"s3:http://" + s3.Host + "/mistyped/cluster", fullSecret(), backup.RepositoryAbsent, "bucket"},
				"a wrong secret key":              {onS3, changed("AWS_SECRET_ACCESS_KEY", "wrong-secret-key"), backup.Credentials, "AWS_SECRET_ACCESS_KEY"},
				"a wrong key id":                  {onS3, changed("AWS_ACCESS_KEY_ID", "wrong-key-id"), backup.Credentials, "AWS_ACCESS_KEY_ID"},
				"a missing key":                   {onS3, without("AWS_SECRET_ACCESS_KEY", "RESTIC_PASSWORD"), backup.Credentials, "Secret soteria-system/soteria-restic lacks a value for AWS_SECRET_ACCESS_KEY, RESTIC_PASSWORD"},
				"a wrong password in S3":          {onS3, changed("RESTIC_PASSWORD", "wrong"), backup.Credentials, "RESTIC_PASSWORD"},
				"nobody listens":                  {"s3:http://127.0.0.1:9/bucket", fullSecret(), backup.Unavailable, "connection refused"},
				"no repository on a rest-server":  {"rest:http://" + rest.Host + "/mistyped/", fullSecret(), backup.RepositoryAbsent, "soteria repository init"},
				"no login for a rest-server":      {onRest, without("RESTIC_REST_USERNAME", "RESTIC_REST_PASSWORD"), backup.Credentials, "RESTIC_REST_USERNAME"},
				"a wrong login for a rest-server": {onRest, changed("RESTIC_REST_PASSWORD", "wrong"), backup.Credentials, "401"},
				"a wrong password there":          {onRest, changed("RESTIC_PASSWORD", "wrong"), backup.Credentials, "RESTIC_PASSWORD"},
			}
			for name, c := range cases {
				t.Run(name, func(t *testing.T) {
					_, err := newDriver(t, exe, c.address, c.secret).List(t.Context(), drivertest.Each(func(backup.Backup) { assert.Fail(t, "a backup was yielded") }))
					require.Error(t, err)
					assert.Equal(t, c.kind, backup.KindOf(err), "%v", err)
					assert.Contains(t, err.Error(), c.says)
					for _, value := range c.secret {
						if value != "" && value != "wrong" && value != restictest.RestUser && value != restictest.AccessKey {
							assert.NotContains(t, err.Error(), value)
						}
					}
				})
			}
			for _, address := range []string{onS3, onRest} {
				t.Run("all is well at "+strings.SplitN(address, ":", 2)[0], func(t *testing.T) {
					found := 0
					id, err := newDriver(t, exe, address, fullSecret()).List(t.Context(), drivertest.Each(func(b backup.Backup) {
						found++
						assert.Equal(t, claim, b.Claim)
					}))
					require.NoError(t, err)
					assert.Equal(t, ids[address], id)
					assert.Equal(t, 1, found)
				})
			}
			t.Run("a server that goes away and comes back", func(t *testing.T) {
				d := newDriver(t, exe, onS3, fullSecret())
				list := func() error { _, err := d.List(t.Context(), drivertest.Each(func(backup.Backup) {})); return err }
				require.NoError(t, list())
				s3.Stop(t)
				assert.Equal(t, backup.Unavailable, backup.KindOf(list()))
				s3.Start(t)
				require.NoError(t, list())
				require.NoError(t, os.Rename(filepath.Join(s3.Folder, restictest.Bucket), filepath.Join(s3.Folder, "gone")))
				assert.Equal(t, backup.RepositoryAbsent, backup.KindOf(list()), "the bucket was removed")
				require.NoError(t, os.Rename(filepath.Join(s3.Folder, "gone"), filepath.Join(s3.Folder, restictest.Bucket)))
				require.NoError(t, list())
			})
		})
	}
}

// gate is an HTTP proxy in front of a server. The first request of restic's for the
// snapshots is handed to what the test wants to happen in the middle of a listing.
type gate struct {
	host string
	once atomic.Bool
	// looked is how often somebody asked for the snapshots: first the driver itself,
	// then restic.
	looked atomic.Int64
}

func newGate(t *testing.T, server *restictest.Server, inTheMiddle func(w http.ResponseWriter, r *http.Request, pass http.Handler)) *gate {
	t.Helper()
	target, err := url.Parse("http://" + server.Host)
	require.NoError(t, err)
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // which is part of what S3 clients sign
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }}
	g := &gate{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		aboutSnapshots := strings.Contains(r.URL.Path, "/snapshots") || strings.Contains(r.URL.Query().Get("prefix"), "snapshots")
		if aboutSnapshots && g.looked.Add(1) > 1 && g.once.CompareAndSwap(false, true) {
			inTheMiddle(w, r, pass)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { front.CloseClientConnections(); front.Close() })
	g.host = strings.TrimPrefix(front.URL, "http://")
	return g
}

func TestWhatHappensInTheMiddleOfAListing(t *testing.T) {
	exe := restictest.Restic(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	noted := wrapped(t, exe, `echo $$ >`+pidFile+`.new; mv `+pidFile+`.new `+pidFile+`; exec "$RESTIC" "$@"`)
	cases := map[string]struct {
		happens func(t *testing.T, cancel func(), server *restictest.Server) func(http.ResponseWriter, *http.Request, http.Handler)
		kind    backup.Kind
	}{
		"the server is killed": {func(t *testing.T, _ func(), server *restictest.Server) func(http.ResponseWriter, *http.Request, http.Handler) {
			return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				server.Stop(t)
				pass.ServeHTTP(w, r)
			}
		}, backup.Unavailable},
		"restic is killed": {func(t *testing.T, _ func(), _ *restictest.Server) func(http.ResponseWriter, *http.Request, http.Handler) {
			return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
				text, err := os.ReadFile(pidFile)
				assert.NoError(t, err)
				pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
				assert.NoError(t, err)
				assert.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
				<-r.Context().Done()
			}
		}, backup.Unavailable},
		"the server hangs": {func(_ *testing.T, cancel func(), _ *restictest.Server) func(http.ResponseWriter, *http.Request, http.Handler) {
			return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
				cancel()
				<-r.Context().Done()
			}
		}, backup.Unavailable},
		"the repository is removed": {func(t *testing.T, _ func(), server *restictest.Server) func(http.ResponseWriter, *http.Request, http.Handler) {
			return func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				assert.NoError(t, os.RemoveAll(filepath.Join(server.Folder, restictest.Bucket, "cluster")))
				pass.ServeHTTP(w, r)
			}
		}, backup.RepositoryAbsent},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server := restictest.StartS3(t)
			path := "/" + restictest.Bucket + "/cluster"
			r := restictest.Repository{
				Restic: exe, Address: "s3:http://" + server.Host + path, CacheDir: t.TempDir(), Env: append(server.Env(), "TZ=UTC"),
				Folder: filepath.Join(server.Folder, path),
			}
			r.Init(t)
			add(t, r, claim, then)

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			g := newGate(t, server, c.happens(t, cancel, server))
			_, err := newDriver(t, noted, "s3:http://"+g.host+path, fullSecret()).List(ctx, drivertest.Each(func(backup.Backup) {}))
			require.Error(t, err)
			assert.True(t, g.once.Load(), "it happened")
			assert.Equal(t, c.kind, backup.KindOf(err), "%v", err)
		})
	}
}

func TestARepositoryThatIsSwappedIsNoticed(t *testing.T) {
	exe := restictest.Restic(t)
	first, second := local(t, exe), local(t, exe)
	firstID, secondID := first.Init(t), second.Init(t)
	add(t, first, claim, then)
	at := filepath.Join(t.TempDir(), "current")
	point := func(to restictest.Repository) {
		require.NoError(t, os.RemoveAll(at))
		require.NoError(t, os.Symlink(to.Address, at))
	}

	t.Run("while it is listed", func(t *testing.T) {
		point(first)
		swap := fmt.Sprintf(`"$RESTIC" "$@"; code=$?; [ "$1" = snapshots ] && ln -sfn %s %s; exit $code`, second.Address, at)
		d := newDriver(t, wrapped(t, exe, swap), at, fullSecret())
		_, err := d.List(t.Context(), drivertest.Each(func(backup.Backup) {}))
		require.Error(t, err)
		assert.Equal(t, backup.RepositoryChanged, backup.KindOf(err))
		assert.Contains(t, err.Error(), firstID[:12])
		assert.Contains(t, err.Error(), secondID[:12])

		id, err := d.List(t.Context(), drivertest.Each(func(backup.Backup) { assert.Fail(t, "the other repository holds nothing") }))
		require.NoError(t, err, "whose backups it now lists is for the catalog to judge")
		assert.Equal(t, secondID, id)
	})
	t.Run("between two listings", func(t *testing.T) {
		point(first)
		d := newDriver(t, exe, at, fullSecret())
		id, err := d.List(t.Context(), drivertest.Each(func(backup.Backup) {}))
		require.NoError(t, err)
		assert.Equal(t, firstID, id)
		point(second)
		_, err = d.List(t.Context(), drivertest.Each(func(backup.Backup) {}))
		assert.Equal(t, backup.RepositoryChanged, backup.KindOf(err))
		id, err = d.List(t.Context(), drivertest.Each(func(backup.Backup) {}))
		require.NoError(t, err)
		assert.Equal(t, secondID, id)
	})
}

func TestAListingOfAnEmptyRepositoryCostsOneRunOfResticAfterTheFirst(t *testing.T) {
	r := local(t, restictest.Restic(t))
	r.Init(t)
	runs := filepath.Join(t.TempDir(), "runs")
	d := newDriver(t, wrapped(t, r.Restic, `echo "$1" >>`+runs+`; exec "$RESTIC" "$@"`), r.Address, fullSecret())
	for range 2 {
		_, err := d.List(t.Context(), drivertest.Each(func(backup.Backup) {}))
		require.NoError(t, err)
	}
	ran, err := os.ReadFile(runs)
	require.NoError(t, err)
	assert.Equal(t, []string{"cat", "snapshots", "cat", "snapshots"}, strings.Fields(string(ran)))
}

func TestASecretThatCannotBeReadIsUnavailable(t *testing.T) {
	cluster := interceptor.NewClient(clusterWith(t), interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return fmt.Errorf("the API server is away")
		},
	})
	d, err := restic.New(restic.Config{Repository: "/srv", SecretName: "a", SecretNamespace: "b"}, restic.Cluster{Client: cluster, Reader: cluster})
	require.NoError(t, err)
	_, err = d.List(t.Context(), drivertest.Each(func(backup.Backup) {}))
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.Contains(t, err.Error(), "Secret b/a")
}

func TestTheSecretIsReadAnewEachTime(t *testing.T) {
	r := local(t, restictest.Restic(t))
	r.Init(t)
	secret := secretWith(map[string]string{"RESTIC_PASSWORD": "wrong"})
	cluster := clusterWith(t, secret)
	d, err := restic.New(restic.Config{Repository: r.Address, SecretName: secret.Name, SecretNamespace: system, Program: r.Restic, CacheDir: t.TempDir()},
		restic.Cluster{Client: cluster, Reader: cluster})
	require.NoError(t, err)
	_, err = d.List(t.Context(), drivertest.Each(func(backup.Backup) {}))
	assert.Equal(t, backup.Credentials, backup.KindOf(err))

	secret.Data = asBytes(fullSecret())
	require.NoError(t, cluster.Update(t.Context(), secret))
	_, err = d.List(t.Context(), drivertest.Each(func(backup.Backup) {}))
	require.NoError(t, err)
}
