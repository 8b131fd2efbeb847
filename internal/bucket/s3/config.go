package s3

import (
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/bucket"
	"github.com/soteria-dr/soteria/internal/secret"
)

// Config is all that an operator settles. The environment variables that it is
// read from are named in the errors of [Config.Validate].
type Config struct {
	// Endpoint is the store's URL, or its host alone, which means https. It is
	// plain http only where that is written.
	Endpoint string
	// Region is the store's region. Empty: what the endpoint's name says, else the
	// store is asked.
	Region string
	Bucket string
	// Prefix is what the keys that are counted begin with, "" for all. It is no
	// folder: "a" also counts "ab".
	Prefix string
	// AccessKeyID and SecretAccessKey open the store, unless SecretName names a
	// Secret in Namespace that does.
	AccessKeyID     secret.String
	SecretAccessKey secret.String
	SecretName      string
	Namespace       string
}

// Store names what is listed. The configuration must be valid.
func (c Config) Store() bucket.Store {
	host, _, _ := c.endpoint()
	return bucket.Store{Endpoint: host, Bucket: c.Bucket, Prefix: c.Prefix}
}

// Validate gives every mistake in the configuration, each an error of kind
// Invalid that begins with the environment variable at fault. None repeats what
// may hold a secret.
func (c Config) Validate() []error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, backup.Errorf(backup.Invalid, format, args...))
	}
	if _, _, err := c.endpoint(); err != nil {
		bad("SOTERIA_B2_ENDPOINT: %w", err)
	}
	if err := s3utils.CheckValidBucketName(c.Bucket); err != nil {
		bad("SOTERIA_B2_BUCKET: %.80q is not the name of a bucket: %w", c.Bucket, err)
	}
	if strings.ContainsAny(c.Region, " \t\r\n/") {
		bad("SOTERIA_B2_REGION: %.40q is not the name of a region", c.Region)
	}
	switch err := s3utils.CheckValidObjectNamePrefix(c.Prefix); {
	case err != nil:
		bad("SOTERIA_B2_PREFIX: %w", err)
	case strings.HasPrefix(c.Prefix, "/"):
		bad("SOTERIA_B2_PREFIX: %.80q must not begin with a slash: keys do not", c.Prefix)
	}
	if problem := c.checkKeys(); problem != "" {
		bad("%s", problem)
	}
	return problems
}

func (c Config) checkKeys() string {
	id, key := !c.AccessKeyID.IsEmpty(), !c.SecretAccessKey.IsEmpty()
	switch {
	case c.SecretName != "" && (id || key):
		return "SOTERIA_B2_SECRET_NAME: the keys are to be either in that Secret or in SOTERIA_B2_ACCESS_KEY_ID and SOTERIA_B2_SECRET_ACCESS_KEY, not in both"
	case c.SecretName != "" && len(validation.IsDNS1123Subdomain(c.SecretName)) > 0:
		return "SOTERIA_B2_SECRET_NAME: it is not the name of a Secret"
	case c.SecretName != "" || id && key:
		return ""
	case id:
		return "SOTERIA_B2_SECRET_ACCESS_KEY: it is missing beside SOTERIA_B2_ACCESS_KEY_ID"
	case key:
		return "SOTERIA_B2_ACCESS_KEY_ID: it is missing beside SOTERIA_B2_SECRET_ACCESS_KEY"
	default:
		return "SOTERIA_B2_SECRET_NAME: the name of the Secret with the keys is missing; SOTERIA_B2_ACCESS_KEY_ID and SOTERIA_B2_SECRET_ACCESS_KEY do as well"
	}
}

// endpoint gives the store's host, with its port where it has one, and whether
// it speaks TLS.
func (c Config) endpoint() (host string, secure bool, err error) {
	wrong := backup.Errorf(backup.Invalid, "it must be the store's URL without anything after the host, such as https://s3.us-west-004.backblazeb2.com")
	text := c.Endpoint
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	// The parser's own words would repeat a password in the URL.
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || strings.ContainsAny(u.Host, " \t\r\n,;") {
		return "", false, wrong
	}
	if u.User != nil {
		return "", false, backup.Errorf(backup.Invalid, "it must hold no user name and no password")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false, wrong
	}
	switch u.Scheme {
	case "https", "http":
		return u.Host, u.Scheme == "https", nil
	default:
		return "", false, wrong
	}
}

// region gives the region to sign for, "" where the store must be asked.
// Backblaze's endpoints name theirs, and its keys need not be allowed to ask.
func (c Config) region() string {
	if c.Region != "" {
		return c.Region
	}
	host, _, _ := c.endpoint()
	if region, backblaze := strings.CutSuffix(host, ".backblazeb2.com"); backblaze {
		return strings.TrimPrefix(region, "s3.")
	}
	return ""
}
