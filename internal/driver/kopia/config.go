package kopia

import (
	"cmp"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/secret"
)

// The driver's names: that of a repository in a folder, and that of one in S3.
const (
	NameFS = "kopia-fs"
	NameS3 = "kopia-s3"
)

// Config is all that an operator settles: Path, or the fields of S3. The
// environment variables that it is read from are named in the errors of
// [Config.Validate].
type Config struct {
	// Path is the folder of the repository. It is only read.
	Path string

	// Bucket is where the bucket is and how it is opened. Prefix is put before the
	// names of blobs as it is: a folder's ends with a slash.
	Bucket objectstore.Config
	Prefix string

	// Password opens the repository, or the content of PasswordFile does, which is
	// read anew at each listing.
	Password     secret.String
	PasswordFile string
	// RepositoryID is the identity the repository must have, "" for any. The
	// catalog enforces it; it is here to be checked.
	RepositoryID string

	// Rules say whose snapshots are whose source does not say so, and Unattributed
	// what the others mean. Default: attribution.Hold.
	Rules        attribution.Rules
	Unattributed attribution.Policy
}

var idPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

var variables = objectstore.Variables{ //nolint:gosec // names of variables, no secrets
	Endpoint: "SOTERIA_KOPIA_S3_ENDPOINT", Region: "SOTERIA_KOPIA_S3_REGION", Bucket: "SOTERIA_KOPIA_S3_BUCKET",
	AccessKeyID: "SOTERIA_KOPIA_S3_ACCESS_KEY", SecretAccessKey: "SOTERIA_KOPIA_S3_SECRET_KEY",
}

// Name is the name of the driver with this configuration.
func (c Config) Name() string {
	if c.Path != "" {
		return NameFS
	}
	return NameS3
}

// Validate gives every mistake in the configuration, each an error of kind
// Invalid that begins with the environment variable at fault. None repeats what
// may hold a secret.
func (c Config) Validate() []error {
	var problems []error
	bad := func(variable, format string, args ...any) {
		problems = append(problems, backup.Errorf(backup.Invalid, variable+": "+format, args...))
	}
	if c.Path == "" && c.Bucket.Bucket != "" {
		problems = append(problems, c.Bucket.Validate(variables)...)
	}
	c.validatePlace(bad)
	switch {
	case c.Password.IsEmpty() && c.PasswordFile == "":
		bad("SOTERIA_KOPIA_PASSWORD", "it is missing; SOTERIA_KOPIA_PASSWORD_FILE does as well")
	case !c.Password.IsEmpty() && c.PasswordFile != "":
		bad("SOTERIA_KOPIA_PASSWORD_FILE", "the password is to be either there or in SOTERIA_KOPIA_PASSWORD, not in both")
	}
	if err := cmp.Or(c.Unattributed, attribution.Hold).Check(Strays(c.Name()).Unattributed); err != nil {
		problems = append(problems, err)
	}
	if c.RepositoryID != "" && !idPattern.MatchString(c.RepositoryID) {
		bad("SOTERIA_KOPIA_REPOSITORY_ID", "%.100q is not a repository's unique id: 64 hexadecimal digits, as `kopia repository status` prints", c.RepositoryID)
	}
	return problems
}

// validatePlace reports every mistake about where the repository is.
func (c Config) validatePlace(bad func(variable, format string, args ...any)) {
	switch {
	case c.Path == "" && c.Bucket.Bucket == "":
		bad("SOTERIA_KOPIA_REPOSITORY_PATH", "it is missing; SOTERIA_KOPIA_S3_BUCKET does as well")
	case c.Path != "" && c.Bucket.Bucket != "":
		bad("SOTERIA_KOPIA_REPOSITORY_PATH", "the repository is to be either there or in SOTERIA_KOPIA_S3_BUCKET, not in both")
	case c.Path != "" && !filepath.IsAbs(c.Path):
		bad("SOTERIA_KOPIA_REPOSITORY_PATH", "%.200q is not an absolute path", c.Path)
	case c.Bucket.Bucket != "" && (strings.HasPrefix(c.Prefix, "/") || s3utils.CheckValidObjectNamePrefix(c.Prefix) != nil):
		bad("SOTERIA_KOPIA_S3_PREFIX", "%.80q is not what keys begin with", c.Prefix)
	}
}
