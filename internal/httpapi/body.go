package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	strictjson "sigs.k8s.io/json"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// read reads a request's JSON body, whose content type has been looked at; see
// [Server.checked].
func read(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &refusal{wire.CodeBodyTooLarge, fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit)}
	}
	if err != nil {
		return backup.Errorf(backup.Invalid, "reading the body: %w", err)
	}
	return parse(body, into)
}

// parse reads one JSON value strictly: a field that is unknown, of another case,
// given twice or of the wrong type is an error, as is anything after the value.
// A misspelled dry_run must not start a backup.
func parse(body []byte, into any) error {
	strict, err := strictjson.UnmarshalStrict(body, into)
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped):
		return &backup.Error{
			Kind: backup.Invalid, Field: mistyped.Field, Err: err,
			Message: fmt.Sprintf("%s must not be a JSON %s", orBody(mistyped.Field), mistyped.Value),
		}
	case err != nil:
		return backup.Errorf(backup.Invalid, "the body is not JSON: %w", err)
	case len(strict) > 0:
		invalid := &backup.Error{Kind: backup.Invalid, Message: strict[0].Error(), Err: strict[0]}
		var field strictjson.FieldError
		if errors.As(strict[0], &field) {
			invalid.Field = field.FieldPath()
		}
		return invalid
	default:
		return nil
	}
}

func orBody(field string) string {
	if field == "" {
		return "the body"
	}
	return field
}
