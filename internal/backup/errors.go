package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind sorts errors by what a caller should do about them. The HTTP API maps
// kinds to statuses in one table, the restore controller to condition reasons.
type Kind uint8

// The kinds of errors. The zero value, Internal, is a defect of Soteria or
// something nobody foresaw.
const (
	// Internal: nobody foresaw it. Not the user's doing.
	Internal Kind = iota
	// Invalid: what was asked is malformed. Field names the part at fault.
	// Asking again unchanged fails again.
	Invalid
	// Unprocessable: what was asked is well-formed and what it names exists, but
	// that is of a sort with which it cannot be done, such as a claim on a volume
	// that the backup system cannot read. Asking again unchanged fails again.
	Unprocessable
	// NotFound: the object that was named does not exist.
	NotFound
	// Conflict: the object exists already, or something is under way that rules
	// the request out for now.
	Conflict
	// Unauthenticated: it is not known who asks. Asking again helps with a
	// credential that is believed.
	Unauthenticated
	// Denied: not allowed.
	Denied
	// Busy: too much was asked for at once. Nothing was done; asking again later
	// helps.
	Busy
	// Unavailable: it could not be found out, because something did not answer
	// in time, or answered with an error that may pass. Asking again may help.
	Unavailable
	// Credentials: a secret is missing, incomplete or was refused. Stays until
	// somebody mends it.
	Credentials
	// RepositoryAbsent: there is no repository where one was expected. Never a
	// proof that there are no backups: a mistyped bucket looks the same.
	RepositoryAbsent
	// RepositoryChanged: the repository is not the one this cluster is pinned
	// to, or it used to hold backups and is empty now. Stays until somebody
	// acknowledges it.
	RepositoryChanged
	// Partial: part of the work was done and part could not be.
	Partial
	// DriverFailed: the backup system ran and failed, in its own words.
	DriverFailed
	// BackupMissing: a backup that was seen before is not there any more, and
	// Soteria did not remove it. Stays until it is back or a person accepts it.
	BackupMissing
	// RepositoryUnaccepted: this cluster sees the repository for the first time, and
	// nothing but the listing itself says that it holds all that it ought to. Stays
	// until a person or the configuration says so.
	RepositoryUnaccepted
	// RepositoryDropped: a backup system that held backups is not looked at any
	// more. Stays until it is configured again or a person has it forgotten.
	RepositoryDropped
)

// String gives the code used in API answers and metrics.
func (k Kind) String() string {
	words := [...]string{
		Internal:             "internal",
		Invalid:              "invalid",
		Unprocessable:        "unprocessable",
		NotFound:             "not_found",
		Conflict:             "conflict",
		Unauthenticated:      "unauthenticated",
		Denied:               "denied",
		Busy:                 "busy",
		Unavailable:          "unavailable",
		Credentials:          "credentials",
		RepositoryAbsent:     "repository_absent",
		RepositoryChanged:    "repository_changed",
		Partial:              "partial",
		DriverFailed:         "driver_failed",
		BackupMissing:        "backup_missing",
		RepositoryUnaccepted: "repository_unaccepted",
		RepositoryDropped:    "repository_dropped",
	}
	if int(k) >= len(words) {
		return words[Internal]
	}
	return words[k]
}

// Kinds returns every kind of error.
func Kinds() []Kind {
	kinds := make([]Kind, 0, RepositoryDropped+1)
	for kind := Internal; kind <= RepositoryDropped; kind++ {
		kinds = append(kinds, kind)
	}
	return kinds
}

// Error is an error of a kind. Message is written for the user, names the
// object concerned and holds no secret; Err, when set, is the cause. Reason says more
// than Kind does, where there is more.
type Error struct {
	Kind    Kind
	Reason  Reason
	Field   string
	Message string
	Err     error
}

// Errorf makes an error of a kind. A %w verb keeps the cause.
func Errorf(kind Kind, format string, args ...any) error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: wrapped.Error(), Err: errors.Unwrap(wrapped)}
}

// Error gives the message for the user.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf finds the kind of an error: the outermost [Error] in its chain. A
// context that ended is Unavailable, anything else Internal.
func KindOf(err error) Kind {
	var typed *Error
	switch {
	case errors.As(err, &typed):
		return typed.Kind
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Unavailable
	default:
		return Internal
	}
}

// FieldOf gives the request field at fault, or "".
func FieldOf(err error) string {
	var typed *Error
	if errors.As(err, &typed) {
		return typed.Field
	}
	return ""
}

// Message gives the text to show a user for any error, "" for nil.
func Message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// UnknownDriver is the error for a request that names a driver which is not set up
// for what it asks; known are those that are.
func UnknownDriver(asked string, known []string) error {
	return &Error{Kind: Invalid, Field: "driver", Message: fmt.Sprintf(
		"driver %q is none that is set up for this here: %s", Clip(asked, MaxWord), strings.Join(known, ", "))}
}
