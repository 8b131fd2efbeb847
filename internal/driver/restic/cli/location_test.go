package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
)

func TestAddressesOfRepositories(t *testing.T) {
	cases := map[string]struct {
		repository, endpoint string
		kind                 cli.Kind
		text                 string
	}{
		"a bucket at an endpoint":             {"s3:backups", "http://minio:9000", cli.S3, "s3:http://minio:9000/backups"},
		"a path at an endpoint":               {"s3:backups/cluster/a/", "https://minio:9000/", cli.S3, "s3:https://minio:9000/backups/cluster/a"},
		"an endpoint without a scheme is TLS": {"s3:backups", "minio", cli.S3, "s3:https://minio/backups"},
		"a bucket with dots at an endpoint":   {"s3:my.backups/x", "http://minio:9000", cli.S3, "s3:http://minio:9000/my.backups/x"},
		"a URL stays, whatever the endpoint":  {"s3:http://other/backups", "http://minio:9000", cli.S3, "s3:http://other/backups"},
		"a host stays":                        {"s3:s3.amazonaws.com/backups", "", cli.S3, "s3:https://s3.amazonaws.com/backups"},
		"a host with a port stays":            {"s3:other:9000/backups", "http://minio:9000", cli.S3, "s3:https://other:9000/backups"},
		"the endpoint's host again":           {"s3:minio:9000/backups", "http://minio:9000", cli.S3, "s3:http://minio:9000/backups"},
		"two slashes":                         {"s3://s3.amazonaws.com/backups", "", cli.S3, "s3:https://s3.amazonaws.com/backups"},
		"a rest-server":                       {"rest:http://rest:8000/a/", "", cli.Rest, "rest:http://rest:8000/a/"},
		"a folder":                            {"/srv/backups/", "", cli.Local, "/srv/backups"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			location, err := cli.ParseLocation(c.repository, c.endpoint)
			require.NoError(t, err)
			assert.Equal(t, cli.Location{Kind: c.kind, Text: c.text}, location)
			again, err := cli.ParseLocation(location.Text, "")
			require.NoError(t, err, "a mover reads what a replica wrote")
			assert.Equal(t, location, again)
			if c.kind == cli.Local {
				assert.Equal(t, c.text, location.Folder())
			} else {
				assert.Empty(t, location.Folder())
			}
		})
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ repository, endpoint string }{
		"nothing":                           {"", ""},
		"a relative path":                   {"backups", ""},
		"a climbing path":                   {"/srv/../etc", ""},
		"a bucket without an endpoint":      {"s3:backups/x", ""},
		"an endpoint without a bucket":      {"s3:", "http://minio"},
		"the endpoint again, no bucket":     {"s3:minio", "http://minio"},
		"a host without a bucket":           {"s3:http://minio/", ""},
		"a bare host without a bucket":      {"s3:minio.example.com/", ""},
		"a password in an S3 URL":           {"s3:http://user:hidden@minio/b", ""},
		"a password before a bucket":        {"s3:user:hidden@minio/b", "http://minio"},
		"a password of a rest-server":       {"rest:http://user:hidden@rest:8000/", ""},
		"a rest-server without a scheme":    {"rest:rest:8000/", ""},
		"a rest-server on another protocol": {"rest:ftp://rest/", ""},
		"a query":                           {"rest:http://rest/?a=b", ""},
		"a program over ssh":                {"sftp:user@host:/srv", ""},
		"rclone":                            {"rclone:remote:path", ""},
		"another cloud":                     {"b2:bucket", ""},
		"a space":                           {"/srv/my backups", ""},
		"a line end":                        {"/srv/backups\n--password-command", ""},
		"a broken URL":                      {"rest:http://user:hidden@%zz/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cli.ParseLocation(c.repository, c.endpoint)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "hidden")
		})
	}
}

func TestEndpoints(t *testing.T) {
	for _, good := range []string{"http://minio:9000", "https://s3.example.com/", "minio", "s3.eu-north-1.amazonaws.com"} {
		require.NoError(t, cli.CheckEndpoint(good), good)
	}
	for _, bad := range []string{"http://minio/bucket", "ftp://minio", "http://u:p@minio", "http://", "http://minio?x=y"} {
		require.Error(t, cli.CheckEndpoint(bad), bad)
	}
}

func TestCredentials(t *testing.T) {
	full := map[string][]byte{
		"AWS_ACCESS_KEY_ID": []byte("id\n"), "AWS_SECRET_ACCESS_KEY": []byte("key\r\n"), "RESTIC_PASSWORD": []byte(" pass word "),
		"RESTIC_REST_USERNAME": []byte("me"), "SOMETHING_ELSE": []byte("x"),
	}
	t.Run("a line end after a value is not part of it", func(t *testing.T) {
		got, err := cli.ReadCredentials(cli.S3, "Secret a/b", full)
		require.NoError(t, err)
		require.Len(t, got, 3, "and nothing but what the repository uses")
		assert.Equal(t, "id", got[cli.KeyAccessKeyID].Reveal())
		assert.Equal(t, "key", got[cli.KeySecretAccessKey].Reveal())
		assert.Equal(t, " pass word ", got[cli.KeyPassword].Reveal())
	})
	t.Run("a rest-server may have a login", func(t *testing.T) {
		got, err := cli.ReadCredentials(cli.Rest, "Secret a/b", full)
		require.NoError(t, err)
		assert.Len(t, got, 2)
		assert.Equal(t, "me", got[cli.KeyRestUsername].Reveal())
	})
	t.Run("every key that lacks a value is named", func(t *testing.T) {
		_, err := cli.ReadCredentials(cli.S3, "Secret a/b", map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("id"), "RESTIC_PASSWORD": []byte("\n")})
		require.Error(t, err)
		assert.Equal(t, backup.Credentials, backup.KindOf(err))
		assert.Equal(t, "Secret a/b lacks a value for AWS_SECRET_ACCESS_KEY, RESTIC_PASSWORD", err.Error())
	})
	t.Run("a folder needs no S3 keys", func(t *testing.T) {
		got, err := cli.ReadCredentials(cli.Local, "Secret a/b", full)
		require.NoError(t, err)
		assert.Len(t, got, 1)
	})
	t.Run("a mounted Secret is read the same way", func(t *testing.T) {
		folder := t.TempDir()
		for key, value := range full {
			require.NoError(t, os.WriteFile(filepath.Join(folder, key), value, 0o400))
		}
		got, err := cli.ReadCredentialsFolder(cli.S3, folder)
		require.NoError(t, err)
		assert.Equal(t, "key", got[cli.KeySecretAccessKey].Reveal())

		require.NoError(t, os.Remove(filepath.Join(folder, "AWS_SECRET_ACCESS_KEY")))
		_, err = cli.ReadCredentialsFolder(cli.S3, folder)
		assert.Equal(t, backup.Credentials, backup.KindOf(err))

		require.NoError(t, os.Mkdir(filepath.Join(folder, "AWS_SECRET_ACCESS_KEY"), 0o700))
		_, err = cli.ReadCredentialsFolder(cli.S3, folder)
		assert.Equal(t, backup.Credentials, backup.KindOf(err))
	})
}

func FuzzParseLocation(f *testing.F) {
	f.Add("s3:backups/x", "http://minio:9000")
	f.Add("rest:http://user:p@host/", "")
	f.Add("/srv", "")
	f.Fuzz(func(t *testing.T, repository, endpoint string) {
		if endpoint != "" && cli.CheckEndpoint(endpoint) != nil {
			return
		}
		location, err := cli.ParseLocation(repository, endpoint)
		if err != nil {
			return
		}
		again, err := cli.ParseLocation(location.Text, "")
		require.NoError(t, err)
		require.Equal(t, location, again)
		require.NotContains(t, location.Text, "\n")
	})
}
