package cli

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// Kind is how a repository is reached.
type Kind string

// The kinds of repositories. Those of restic's others that run a program
// (sftp, rclone) are left out on purpose; the rest need credentials that
// Soteria has no keys for.
const (
	S3    Kind = "s3"
	Rest  Kind = "rest"
	Local Kind = "local"
)

// Location is a repository's address, without any secret in it.
type Location struct {
	Kind Kind
	// Text is the address as restic takes it.
	Text string
}

// Folder is the path of a Local repository, "" for others.
func (l Location) Folder() string {
	if l.Kind == Local {
		return l.Text
	}
	return ""
}

// ParseLocation reads a repository's address: "s3:…", "rest:…" or an absolute
// path. An address "s3:<bucket>/<path>" is completed with the endpoint; one that
// holds a URL or a host already stays as it is. A bucket may hold dots as a host
// does: with an endpoint, only a port or the endpoint's own name makes a host. The error says what is wrong
// with the address or the endpoint, in words to put behind the name of the
// setting.
func ParseLocation(repository, endpoint string) (Location, error) {
	switch {
	case repository == "":
		return Location{}, fmt.Errorf("is empty: name a repository, such as s3:<bucket>/<path>, rest:http://<host>:8000/ or /<path>")
	case strings.ContainsFunc(repository, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return Location{}, fmt.Errorf("holds a space or a control character")
	case strings.HasPrefix(repository, "s3:"):
		return parseS3(strings.TrimPrefix(repository, "s3:"), endpoint)
	case strings.HasPrefix(repository, "rest:"):
		address := strings.TrimPrefix(repository, "rest:")
		if err := checkURL(address); err != nil {
			return Location{}, err
		}
		return Location{Kind: Rest, Text: repository}, nil
	case strings.HasPrefix(repository, "/"):
		if folder := strings.TrimSuffix(repository, "/"); path.Clean(repository) != folder || folder == "/" {
			return Location{}, fmt.Errorf("%q is not a clean path of a folder", repository)
		}
		return Location{Kind: Local, Text: path.Clean(repository)}, nil
	default:
		return Location{}, fmt.Errorf("is none of s3:…, rest:… and an absolute path")
	}
}

func parseS3(address, endpoint string) (Location, error) {
	address = strings.TrimPrefix(address, "//") // s3://host/bucket, as restic also takes it
	if strings.Contains(address, "://") {
		return s3URL(address)
	}
	first, rest, _ := strings.Cut(strings.TrimSuffix(address, "/"), "/")
	host := hostOf(endpoint)
	switch {
	case first == "" || strings.Contains(first, "@"): // which may hold a password
		return Location{}, fmt.Errorf("is not of the form s3:<bucket>/<path>")
	case first == host: // the endpoint again, which may know better whether it is TLS
		address = rest
	case strings.Contains(first, ":"), endpoint == "" && strings.Contains(first, "."):
		endpoint, address = first, rest
	case endpoint == "":
		return Location{}, fmt.Errorf("%q holds no host: set SOTERIA_S3_ENDPOINT or write s3:https://<host>/<bucket>/<path>", "s3:"+address)
	}
	return s3URL(withScheme(strings.TrimSuffix(endpoint, "/")) + "/" + strings.Trim(address, "/"))
}

func s3URL(address string) (Location, error) {
	if err := checkURL(address); err != nil {
		return Location{}, err
	}
	if bucketOf(address) == "" {
		return Location{}, fmt.Errorf("%q names no bucket", "s3:"+address)
	}
	return Location{Kind: S3, Text: "s3:" + address}, nil
}

// withScheme gives an endpoint as a URL. Without a scheme it is TLS, as restic
// takes it too.
func withScheme(endpoint string) string {
	if strings.Contains(endpoint, "://") {
		return endpoint
	}
	return "https://" + endpoint
}

func hostOf(endpoint string) string {
	if endpoint == "" {
		return ""
	}
	parsed, err := url.Parse(withScheme(endpoint))
	if err != nil {
		return ""
	}
	return parsed.Host
}

// CheckEndpoint reports what is wrong with an S3 endpoint: it is a host with an
// optional port, with http:// or https:// before it or not (then https).
func CheckEndpoint(endpoint string) error {
	address := withScheme(endpoint)
	if err := checkURL(address); err != nil {
		return err
	}
	if parsed, err := url.Parse(address); err != nil || strings.Trim(parsed.Path, "/") != "" {
		return fmt.Errorf("%q has a path; the bucket belongs into SOTERIA_RESTIC_REPOSITORY", endpoint)
	}
	return nil
}

func checkURL(address string) error {
	parsed, err := url.Parse(address)
	switch {
	case err != nil:
		return fmt.Errorf("holds no valid URL") // the parser's error would repeat a password
	case parsed.User != nil:
		return fmt.Errorf("holds a user or password in its URL; put them into the secret, for a rest-server as %s and %s", KeyRestUsername, KeyRestPassword)
	case parsed.Scheme != "http" && parsed.Scheme != "https", parsed.Host == "":
		return fmt.Errorf("%q is not an http:// or https:// URL", address)
	case parsed.RawQuery != "" || parsed.Fragment != "":
		return fmt.Errorf("%q has a query or fragment", address)
	}
	return nil
}

func bucketOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	bucket, _, _ := strings.Cut(strings.Trim(parsed.Path, "/"), "/")
	return bucket
}
