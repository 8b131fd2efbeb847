package objectstore

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/secret"
)

// Config says where a bucket is and how it is opened.
type Config struct {
	// Endpoint is the store's URL, or its host alone, which means https. It is
	// plain http only where that is written.
	Endpoint string
	// Region is the store's region. Empty: what the endpoint's name says, else the
	// store is asked.
	Region string
	Bucket string
	// AccessKeyID and SecretAccessKey open the store, unless SecretName names a
	// Secret in Namespace that does.
	AccessKeyID     secret.String
	SecretAccessKey secret.String
	SecretName      string
	Namespace       string
	// Observe wraps what requests go through, to look at the answers of the store of
	// that name; nil wraps nothing.
	Observe func(source string, next http.RoundTripper) http.RoundTripper
}

// observed is what requests go through.
func (c Config) observed(next http.RoundTripper) http.RoundTripper {
	if c.Observe == nil {
		return next
	}
	return c.Observe("the store at "+c.Host(), next)
}

// Variables are the environment variables that a Config is read from, for errors
// to name. SecretName is empty where the keys cannot be in a Secret.
type Variables struct {
	Endpoint, Region, Bucket, AccessKeyID, SecretAccessKey, SecretName string
}

// Host gives the store's host, with its port where it has one. The configuration
// must be valid.
func (c Config) Host() string {
	host, _, _ := c.endpoint()
	return host
}

// Validate gives every mistake in the configuration, each an error of kind
// Invalid that begins with the environment variable at fault. None repeats what
// may hold a secret.
func (c Config) Validate(v Variables) []error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, backup.Errorf(backup.Invalid, format, args...))
	}
	if _, _, err := c.endpoint(); err != nil {
		bad("%s: %w", v.Endpoint, err)
	}
	if err := s3utils.CheckValidBucketName(c.Bucket); err != nil {
		bad("%s: %.80q is not the name of a bucket: %w", v.Bucket, c.Bucket, err)
	}
	if strings.ContainsAny(c.Region, " \t\r\n/") {
		bad("%s: %.40q is not the name of a region", v.Region, c.Region)
	}
	if problem := c.checkKeys(v); problem != "" {
		bad("%s", problem)
	}
	return problems
}

func (c Config) checkKeys(v Variables) string {
	id, key := !c.AccessKeyID.IsEmpty(), !c.SecretAccessKey.IsEmpty()
	switch {
	case c.SecretName != "" && (id || key):
		return v.SecretName + ": the keys are to be either in that Secret or in " + v.AccessKeyID + " and " + v.SecretAccessKey + ", not in both"
	case c.SecretName != "" && len(validation.IsDNS1123Subdomain(c.SecretName)) > 0:
		return v.SecretName + ": it is not the name of a Secret"
	case c.SecretName != "" || id && key:
		return ""
	case id:
		return v.SecretAccessKey + ": it is missing beside " + v.AccessKeyID
	case key:
		return v.AccessKeyID + ": it is missing beside " + v.SecretAccessKey
	case v.SecretName == "":
		return v.AccessKeyID + ": it is missing"
	default:
		return v.SecretName + ": the name of the Secret with the keys is missing; " + v.AccessKeyID + " and " + v.SecretAccessKey + " do as well"
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
	if region, backblaze := strings.CutSuffix(c.Host(), ".backblazeb2.com"); backblaze {
		return strings.TrimPrefix(region, "s3.")
	}
	return ""
}
