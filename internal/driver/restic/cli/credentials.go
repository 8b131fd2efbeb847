package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/secret"
)

// The keys of the Secret that holds a repository's credentials. They are also
// the names of restic's environment variables.
const (
	KeyAccessKeyID     = "AWS_ACCESS_KEY_ID"
	KeySecretAccessKey = "AWS_SECRET_ACCESS_KEY" //nolint:gosec // the name of a key, not its value
	KeyPassword        = "RESTIC_PASSWORD"
	// KeyRestUsername and KeyRestPassword are optional, for a rest-server that
	// asks who is there.
	KeyRestUsername = "RESTIC_REST_USERNAME"
	KeyRestPassword = "RESTIC_REST_PASSWORD"
)

// KeyJobCreated is the key in a Job's copy of the credentials that says when the Job
// was created, in RFC 3339, by the API server's clock.
const KeyJobCreated = "SOTERIA_JOB_CREATED"

// Credentials open a repository: the values of the keys above that its kind of
// repository uses.
type Credentials map[string]secret.String

// Keys gives the keys that a kind of repository needs and those that it may
// have.
func Keys(kind Kind) (required, optional []string) {
	switch kind {
	case S3:
		return []string{KeyAccessKeyID, KeySecretAccessKey, KeyPassword}, nil
	case Rest:
		return []string{KeyPassword}, []string{KeyRestUsername, KeyRestPassword}
	case Local:
		return []string{KeyPassword}, nil
	default:
		return []string{KeyPassword}, nil
	}
}

// ReadCredentials takes what a kind of repository uses out of a Secret's data.
// Line ends after a value are not part of it: `echo` puts them there. What is
// missing or empty is an error of kind Credentials that names source and all
// the keys concerned.
func ReadCredentials(kind Kind, source string, data map[string][]byte) (Credentials, error) {
	required, optional := Keys(kind)
	credentials := Credentials{}
	var missing []string
	for _, key := range required {
		value := strings.TrimRight(string(data[key]), "\r\n")
		if value == "" {
			missing = append(missing, key)
			continue
		}
		credentials[key] = secret.New(value)
	}
	for _, key := range optional {
		if value := strings.TrimRight(string(data[key]), "\r\n"); value != "" {
			credentials[key] = secret.New(value)
		}
	}
	if len(missing) > 0 {
		return nil, backup.Errorf(backup.Credentials, "%s lacks a value for %s", source, strings.Join(missing, ", "))
	}
	return credentials, nil
}

// ReadCredentialsFolder is ReadCredentials for a Secret mounted as a folder.
func ReadCredentialsFolder(kind Kind, folder string) (Credentials, error) {
	required, optional := Keys(kind)
	data := map[string][]byte{}
	for _, key := range append(required, optional...) {
		value, err := os.ReadFile(filepath.Join(folder, key)) // #nosec G304 -- the folder is the mover's own mount, the name a constant
		switch {
		case err == nil:
			data[key] = value
		case !errors.Is(err, fs.ErrNotExist):
			return nil, backup.Errorf(backup.Credentials, "reading the credentials: %w", err)
		}
	}
	return ReadCredentials(kind, fmt.Sprintf("the credentials mounted at %s", folder), data)
}

// environ gives the credentials as environment variables of restic.
func (c Credentials) environ() []string {
	env := make([]string, 0, len(c))
	for key, value := range c {
		env = append(env, key+"="+value.Reveal())
	}
	return env
}
