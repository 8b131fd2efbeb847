package s3

import (
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/bucket"
	"github.com/soteria-dr/soteria/internal/objectstore"
)

// Config is all that an operator settles. The environment variables that it is
// read from are named in the errors of [Config.Validate].
type Config struct {
	objectstore.Config
	// Prefix is what the keys that are counted begin with, "" for all. It is no
	// folder: "a" also counts "ab".
	Prefix string
}

var variables = objectstore.Variables{ //nolint:gosec // names of variables, no secrets
	Endpoint: "SOTERIA_B2_ENDPOINT", Region: "SOTERIA_B2_REGION", Bucket: "SOTERIA_B2_BUCKET",
	AccessKeyID: "SOTERIA_B2_ACCESS_KEY_ID", SecretAccessKey: "SOTERIA_B2_SECRET_ACCESS_KEY", SecretName: "SOTERIA_B2_SECRET_NAME",
}

// Store names what is listed. The configuration must be valid.
func (c Config) Store() bucket.Store {
	return bucket.Store{Endpoint: c.Host(), Bucket: c.Bucket, Prefix: c.Prefix}
}

// Validate gives every mistake in the configuration, each an error of kind
// Invalid that begins with the environment variable at fault. None repeats what
// may hold a secret.
func (c Config) Validate() []error {
	problems := c.Config.Validate(variables)
	switch err := s3utils.CheckValidObjectNamePrefix(c.Prefix); {
	case err != nil:
		problems = append(problems, backup.Errorf(backup.Invalid, "SOTERIA_B2_PREFIX: %w", err))
	case strings.HasPrefix(c.Prefix, "/"):
		problems = append(problems, backup.Errorf(backup.Invalid, "SOTERIA_B2_PREFIX: %.80q must not begin with a slash: keys do not", c.Prefix))
	}
	return problems
}
