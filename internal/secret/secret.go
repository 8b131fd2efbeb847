package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what is shown in place of a secret.
const Redacted = "[redacted]"

// String is a text that must not be shown. The zero value is the empty text.
//
// The text hides behind a function: printers that walk unexported fields by
// reflection, and so never call the methods below, find an address there. For
// the same reason a String cannot be compared with ==; see [String.Equal].
type String struct {
	reveal func() string
}

// New wraps a text.
func New(text string) String {
	return String{reveal: func() string { return text }}
}

// Reveal gives the text itself.
func (s String) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsEmpty reports whether there is no text.
func (s String) IsEmpty() bool { return s.Reveal() == "" }

// Equal reports whether the text is candidate, in a time that does not tell how
// much of it matches.
func (s String) Equal(candidate string) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(candidate)) == 1
}

// String implements [fmt.Stringer].
func (s String) String() string { return Redacted }

// GoString implements [fmt.GoStringer].
func (s String) GoString() string { return Redacted }

// Format implements [fmt.Formatter], so that no verb, flag or width reaches the
// text.
func (s String) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, Redacted) // a printer has nobody to report to
}

// LogValue implements [slog.LogValuer].
func (s String) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements [encoding.TextMarshaler], which encoding/json and the
// YAML encoders go by.
func (s String) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalText implements [encoding.TextUnmarshaler], so that a String can be
// a field of a configuration read from the environment.
func (s *String) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}
