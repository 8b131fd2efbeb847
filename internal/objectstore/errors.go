package objectstore

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/minio/minio-go/v7"

	"github.com/soteria-dr/soteria/internal/backup"
)

// maxWords bounds what is told of a store's own words, in bytes.
const maxWords = 300

// Explain puts the error of a listing or a copy into words that hold no secret, whatever
// the store put into its own. The cause is dropped for the same reason. The
// remedy is added where the store denies access. It is of kind Credentials,
// RepositoryAbsent (no such bucket) or Unavailable.
func (r *Reading) Explain(err error, remedy string) error {
	bucket, host := r.config.Bucket, r.config.Host()
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		// The address of a page is long and tells nobody anything.
		var request *url.Error
		if errors.As(err, &request) {
			err = request.Err
		}
		return backup.Errorf(backup.Unavailable, "reading bucket %s at %s: %s", bucket, host, plain(r.keys.redact(err.Error())))
	}
	words := plain(r.keys.redact(answer.Code + ": " + answer.Error()))
	if answer.Code == minio.AccessDenied && remedy != "" {
		words += " (" + remedy + ")"
	}
	return backup.Errorf(kindOf(answer), "reading bucket %s at %s: %s", bucket, host, words)
}

func kindOf(answer minio.ErrorResponse) backup.Kind {
	// versitygw answers 404 for an access key that nobody has.
	if answer.Code == "XAdminUserNotFound" {
		return backup.Credentials
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return backup.Credentials
	case http.StatusNotFound:
		return backup.RepositoryAbsent
	default:
		return backup.Unavailable
	}
}

// plain makes one short line of a text.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return backup.Clip(text, maxWords)
}
