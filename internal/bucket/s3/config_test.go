package s3_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/bucket/s3"
	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/secret"
)

func TestEndpoints(t *testing.T) {
	for endpoint, host := range map[string]string{
		"https://s3.us-west-004.backblazeb2.com": "s3.us-west-004.backblazeb2.com",
		"s3.example.com":                         "s3.example.com",
		"http://minio.storage.svc:9000/":         "minio.storage.svc:9000",
		"https://[2001:db8::1]:9000":             "[2001:db8::1]:9000",
	} {
		c := settings(endpoint, nil)
		assert.Empty(t, c.Validate(), endpoint)
		assert.Equal(t, host, c.Store().Endpoint, endpoint)
	}
}

const password = "correct-horse"

func TestMistakes(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*s3.Config)
		says   string
	}{
		"no endpoint":              {func(c *s3.Config) { c.Endpoint = "" }, "SOTERIA_B2_ENDPOINT: "},
		"another scheme":           {func(c *s3.Config) { c.Endpoint = "s3://backups" }, "SOTERIA_B2_ENDPOINT: "},
		"an endpoint with a path":  {func(c *s3.Config) { c.Endpoint = "https://s3.example.com/backups" }, "SOTERIA_B2_ENDPOINT: "},
		"an endpoint with a query": {func(c *s3.Config) { c.Endpoint = "https://s3.example.com?x" }, "SOTERIA_B2_ENDPOINT: "},
		"an endpoint with a password": {
			func(c *s3.Config) { c.Endpoint = "https://me:" + password + "@s3.example.com" }, "SOTERIA_B2_ENDPOINT: it must hold no user name"},
		"an endpoint that cannot be read": {func(c *s3.Config) { c.Endpoint = "https://me:" + password + "@%zz" }, "SOTERIA_B2_ENDPOINT: "},
		"no bucket":                       {func(c *s3.Config) { c.Bucket = "" }, "SOTERIA_B2_BUCKET: "},
		"a bucket with a path":            {func(c *s3.Config) { c.Bucket = "backups/cluster" }, "SOTERIA_B2_BUCKET: "},
		"a region of two words":           {func(c *s3.Config) { c.Region = "us west" }, "SOTERIA_B2_REGION: "},
		"a prefix with a slash before it": {func(c *s3.Config) { c.Prefix = "/cluster" }, "SOTERIA_B2_PREFIX: "},
		"no keys":                         {func(c *s3.Config) { c.AccessKeyID, c.SecretAccessKey = secret.String{}, secret.String{} }, "SOTERIA_B2_SECRET_NAME: "},
		"keys twice":                      {func(c *s3.Config) { c.SecretName = "bucket" }, "SOTERIA_B2_SECRET_NAME: "},
		"half a pair of keys":             {func(c *s3.Config) { c.AccessKeyID = secret.String{} }, "SOTERIA_B2_ACCESS_KEY_ID: "},
		"the other half":                  {func(c *s3.Config) { c.SecretAccessKey = secret.String{} }, "SOTERIA_B2_SECRET_ACCESS_KEY: "},
		"a name that no Secret has": {func(c *s3.Config) {
			c.AccessKeyID, c.SecretAccessKey, c.SecretName = secret.String{}, secret.String{}, "Not A Name"
		}, "SOTERIA_B2_SECRET_NAME: "},
	} {
		t.Run(name, func(t *testing.T) {
			err := errors.Join(settings("https://s3.example.com", test.change).Validate()...)
			assert.ErrorContains(t, err, test.says)
			assert.NotContains(t, err.Error(), secretAccessKey)
			assert.NotContains(t, err.Error(), password)
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	assert.Len(t, s3.Config{Config: objectstore.Config{Region: "/"}, Prefix: "/"}.Validate(), 5)
}
