package kopia_test

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/secret"
)

// silent gives the address of a server that takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

func folder() kopia.Config {
	return kopia.Config{Path: "/repository", Password: secret.New("a password")}
}

func inS3() kopia.Config {
	return kopia.Config{
		Password: secret.New("a password"),
		Bucket: objectstore.Config{
			Endpoint: "s3.example.com", Bucket: "backups", AccessKeyID: secret.New("AKID"), SecretAccessKey: secret.New("a secret key"),
		},
	}
}

func TestAValidConfiguration(t *testing.T) {
	full := inS3()
	full.Bucket.Endpoint, full.Bucket.Region, full.Prefix = "http://10.0.0.1:9000/", "eu-west-1", "cluster/kopia/"
	full.Password, full.PasswordFile, full.RepositoryID = secret.String{}, "/run/password", strings.Repeat("0a", 32)
	for name, cfg := range map[string]kopia.Config{kopia.NameFS: folder(), kopia.NameS3: full} {
		assert.Empty(t, cfg.Validate())
		assert.Equal(t, name, cfg.Name())
		d, err := kopia.New(cfg)
		require.NoError(t, err)
		assert.Equal(t, name, d.Name())
	}
}

func TestEachMistakeNamesItsVariable(t *testing.T) {
	tests := map[string]struct {
		base   kopia.Config
		change func(*kopia.Config)
		want   string
	}{
		"no repository":                  {folder(), func(c *kopia.Config) { c.Path = "" }, "SOTERIA_KOPIA_REPOSITORY_PATH"},
		"two repositories":               {inS3(), func(c *kopia.Config) { c.Path = "/repository" }, "SOTERIA_KOPIA_REPOSITORY_PATH"},
		"a path that is not absolute":    {folder(), func(c *kopia.Config) { c.Path = "repository" }, "SOTERIA_KOPIA_REPOSITORY_PATH"},
		"no password":                    {folder(), func(c *kopia.Config) { c.Password = secret.String{} }, "SOTERIA_KOPIA_PASSWORD"},
		"two passwords":                  {folder(), func(c *kopia.Config) { c.PasswordFile = "/file" }, "SOTERIA_KOPIA_PASSWORD_FILE"},
		"an id that is none":             {folder(), func(c *kopia.Config) { c.RepositoryID = "0a" }, "SOTERIA_KOPIA_REPOSITORY_ID"},
		"no endpoint":                    {inS3(), func(c *kopia.Config) { c.Bucket.Endpoint = "" }, "SOTERIA_KOPIA_S3_ENDPOINT"},
		"an endpoint with a path":        {inS3(), func(c *kopia.Config) { c.Bucket.Endpoint = "https://host/bucket" }, "SOTERIA_KOPIA_S3_ENDPOINT"},
		"an endpoint with a password":    {inS3(), func(c *kopia.Config) { c.Bucket.Endpoint = "https://me:secret@host" }, "SOTERIA_KOPIA_S3_ENDPOINT"},
		"an endpoint of another sort":    {inS3(), func(c *kopia.Config) { c.Bucket.Endpoint = "ftp://host" }, "SOTERIA_KOPIA_S3_ENDPOINT"},
		"a bucket that cannot be":        {inS3(), func(c *kopia.Config) { c.Bucket.Bucket = "b" }, "SOTERIA_KOPIA_S3_BUCKET"},
		"a prefix that begins at a root": {inS3(), func(c *kopia.Config) { c.Prefix = "/kopia" }, "SOTERIA_KOPIA_S3_PREFIX"},
		"a region that cannot be":        {inS3(), func(c *kopia.Config) { c.Bucket.Region = "eu west" }, "SOTERIA_KOPIA_S3_REGION"},
		"no access key":                  {inS3(), func(c *kopia.Config) { c.Bucket.AccessKeyID = secret.String{} }, "SOTERIA_KOPIA_S3_ACCESS_KEY"},
		"no secret key":                  {inS3(), func(c *kopia.Config) { c.Bucket.SecretAccessKey = secret.String{} }, "SOTERIA_KOPIA_S3_SECRET_KEY"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.change(&test.base)
			problems := test.base.Validate()
			require.Len(t, problems, 1)
			assert.True(t, strings.HasPrefix(problems[0].Error(), test.want+": "), "%v", problems[0])
			assert.Equal(t, backup.Invalid, backup.KindOf(problems[0]))
			assert.NotContains(t, problems[0].Error(), "secret@")
		})
	}
}
