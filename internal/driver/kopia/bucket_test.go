package kopia_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/secret"
)

// s3 is where tests have a repository in S3.
func s3(server *restictest.Server) kopiatest.S3 {
	return kopiatest.S3{Host: server.Host, Bucket: restictest.Bucket, Prefix: "kopia/", AccessKey: restictest.AccessKey, SecretKey: restictest.SecretKey}
}

func s3Config(server *restictest.Server) kopia.Config {
	return kopia.Config{
		Prefix: "kopia/", Password: secret.New(kopiatest.Password),
		Bucket: objectstore.Config{
			Endpoint: "http://" + server.Host, Bucket: restictest.Bucket,
			AccessKeyID: secret.New(restictest.AccessKey), SecretAccessKey: secret.New(restictest.SecretKey),
		},
	}
}

func TestItListsAsADriverMustInS3(t *testing.T) {
	absent := restictest.StartS3(t)
	broken := func(change func(*kopia.Config)) func(*testing.T) driver.Lister {
		return func(t *testing.T) driver.Lister {
			server := restictest.StartS3(t)
			kopiatest.NewS3(t, s3(server)).Backup(t, claim, then)
			cfg := s3Config(server)
			change(&cfg)
			return with(t, cfg)
		}
	}
	drivertest.ListerSuite{
		New: func(t *testing.T) drivertest.Repository {
			server := restictest.StartS3(t)
			r := kopiatest.NewS3(t, s3(server))
			return drivertest.Repository{Lister: with(t, s3Config(server)), ID: r.ID, Add: func(t *testing.T, claim backup.Claim, takenAt time.Time) string {
				return r.Backup(t, claim, takenAt)
			}}
		},
		Absent: func(t *testing.T) driver.Lister { return with(t, s3Config(absent)) },
		Broken: map[string]func(*testing.T) driver.Lister{
			"a wrong password":       broken(func(c *kopia.Config) { c.Password = secret.New("wrong") }),
			"a wrong access key":     broken(func(c *kopia.Config) { c.Bucket.AccessKeyID = secret.New("wrong") }),
			"a wrong secret key":     broken(func(c *kopia.Config) { c.Bucket.SecretAccessKey = secret.New("wrong") }),
			"a mistyped bucket":      broken(func(c *kopia.Config) { c.Bucket.Bucket = "bakcups" }),
			"a mistyped prefix":      broken(func(c *kopia.Config) { c.Prefix = "kopai/" }),
			"a store that is not up": broken(func(c *kopia.Config) { c.Bucket.Endpoint = "http://127.0.0.1:1" }),
		},
		Hangs: func(t *testing.T) driver.Lister {
			cfg := s3Config(absent)
			cfg.Bucket.Endpoint = "http://" + silent(t)
			return with(t, cfg)
		},
	}.Run(t)
}

func TestAnAnswerThatIsNoListingProvesNothing(t *testing.T) {
	server := restictest.StartS3(t)
	kopiatest.NewS3(t, s3(server)).Backup(t, claim, then)
	store := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: server.Host})
		r.Out.Host = r.In.Host // it is signed
	}}
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("list-type") {
			_, _ = w.Write([]byte("<html><body>Please sign in</body></html>"))
			return
		}
		store.ServeHTTP(w, r)
	}))
	t.Cleanup(between.Close)
	cfg := s3Config(server)
	cfg.Bucket.Endpoint = between.URL

	_, err := with(t, cfg).List(t.Context(), &drivertest.Listing{})

	require.Equal(t, backup.Unavailable, backup.KindOf(err))
	require.ErrorContains(t, err, "not an S3 store")
}
