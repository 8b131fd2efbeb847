package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"github.com/soteria-dr/soteria/internal/backup"
)

// maxWords bounds what is quoted of an answer, in bytes.
const maxWords = 500

// RefusalError is an answer by which Longhorn refused a call, or something in between
// did. It is the cause of the errors that calls return.
type RefusalError struct {
	// Status is the HTTP status.
	Status int
	// Words are Longhorn's own, bounded; empty where it said nothing.
	Words string
	// Stated is true where Longhorn itself said that it failed, rather than
	// something in between.
	Stated bool
	// unsupported is true when the server has no such call.
	unsupported bool
}

// Error gives Longhorn's words, or what the status means without them.
func (r *RefusalError) Error() string {
	if r.Words == "" {
		return fmt.Sprintf("HTTP status %d %s", r.Status, http.StatusText(r.Status))
	}
	return r.Words
}

// IsStated reports whether Longhorn itself refused a call, rather than something in
// between.
func IsStated(err error) bool {
	var refusal *RefusalError
	return errors.As(err, &refusal) && refusal.Stated
}

// IsNotFound reports whether the object that was asked for does not exist.
func IsNotFound(err error) bool {
	return err != nil && backup.KindOf(err) == backup.NotFound
}

// IsUnsupported reports whether the server has no such call, or no such setting:
// it is older than that, or no Longhorn.
func IsUnsupported(err error) bool {
	var refusal *RefusalError
	return errors.As(err, &refusal) && (refusal.unsupported || noSetting.MatchString(refusal.Words))
}

// noSetting is how Longhorn refuses a setting that it does not have.
var noSetting = regexp.MustCompile(`setting \S+ is not supported`)

// IsBadAccessMode reports whether a volume was refused because this version does
// not know the access mode, as those before 1.11 do not know rwop.
func IsBadAccessMode(err error) bool { return said(err, "invalid access mode") }

// IsBeingDeleted reports whether a call was refused because the object of that
// name is still being deleted.
func IsBeingDeleted(err error) bool { return said(err, "object is being deleted") }

// IsAlreadyExists reports whether a call was refused because an object of that
// name exists. One that is being deleted exists, too: ask [IsBeingDeleted] first.
func IsAlreadyExists(err error) bool { return said(err, "already exists") }

// tooSoon is how Longhorn refuses a sync shortly after another request for one:
// "cannot synchronize backup target 'default' in 10 seconds".
var tooSoon = regexp.MustCompile(`synchronize .* in \d+ seconds`)

// IsTooSoon reports whether a sync was refused because another one was asked for
// less than 10 s ago, by anybody.
func IsTooSoon(err error) bool {
	var refusal *RefusalError
	return errors.As(err, &refusal) && tooSoon.MatchString(refusal.Words)
}

func said(err error, words string) bool {
	var refusal *RefusalError
	return errors.As(err, &refusal) && strings.Contains(refusal.Words, words)
}

// IsMissingImage reports whether a volume was refused because its backing image
// does not exist, and cannot be restored from a backup of it either.
func IsMissingImage(err error) bool { return said(err, "backing image") && said(err, "not found") }

// badBlockSize is how Longhorn refuses a volume for its backup block size: "volume
// size 1073741824 must be an integer multiple of the backup block size 16777216",
// "unsupported BackupBlockSize: 1".
var badBlockSize = regexp.MustCompile(`(?i)backup ?block ?size`)

// IsBadBlockSize reports whether a volume was refused because its backup block
// size is none of Longhorn's or does not divide its size.
func IsBadBlockSize(err error) bool {
	var refusal *RefusalError
	return errors.As(err, &refusal) && badBlockSize.MatchString(refusal.Words)
}

// refusal reads an answer whose status is no success.
func refusal(status int, header http.Header, body []byte) error {
	var stated struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		Detail  string `json:"detail"`
	}
	isError := json.Unmarshal(body, &stated) == nil && stated.Type == "error"
	r := &RefusalError{Status: status, Stated: isError}
	switch {
	case isError:
		r.Words = clip(strings.TrimSpace(stated.Message + " " + stated.Detail))
	case status >= 300 && status < 400:
		r.Words = clip(fmt.Sprintf("redirected to %s, which is not followed", header.Get("Location")))
	case status == http.StatusMethodNotAllowed, status == http.StatusNotFound && strings.TrimSpace(string(body)) == "404 page not found":
		r.Words, r.unsupported = "this version has no such call", true
	default:
		r.Words = clip(string(body))
	}
	if status == http.StatusNotFound && (isError || len(body) == 0) {
		return &backup.Error{Kind: backup.NotFound, Message: r.Error(), Err: r}
	}
	return &backup.Error{Kind: backup.Unavailable, Message: r.Error(), Err: r}
}

// clip bounds foreign words and makes one line of them.
func clip(words string) string {
	return strings.Join(strings.FieldsFunc(backup.Clip(words, maxWords), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
