package kopia_test

import (
	"testing"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/secret"
)

// s3 is where tests have a repository in S3.
func s3(server *restictest.Server) kopiatest.S3 {
	return kopiatest.S3{Host: server.Host, Bucket: restictest.Bucket, Prefix: "kopia/", AccessKey: restictest.AccessKey, SecretKey: restictest.SecretKey}
}

func s3Config(server *restictest.Server) kopia.Config {
	return kopia.Config{
		Endpoint: server.Host, Bucket: restictest.Bucket, Prefix: "kopia/", Password: secret.New(kopiatest.Password),
		AccessKey: secret.New(restictest.AccessKey), SecretKey: secret.New(restictest.SecretKey),
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
			"a wrong access key":     broken(func(c *kopia.Config) { c.AccessKey = secret.New("wrong") }),
			"a wrong secret key":     broken(func(c *kopia.Config) { c.SecretKey = secret.New("wrong") }),
			"a mistyped bucket":      broken(func(c *kopia.Config) { c.Bucket = "bakcups" }),
			"a mistyped prefix":      broken(func(c *kopia.Config) { c.Prefix = "kopai/" }),
			"a store that is not up": broken(func(c *kopia.Config) { c.Endpoint = "127.0.0.1:1" }),
		},
		Hangs: func(t *testing.T) driver.Lister {
			cfg := s3Config(absent)
			cfg.Endpoint = silent(t)
			return with(t, cfg)
		},
	}.Run(t)
}
