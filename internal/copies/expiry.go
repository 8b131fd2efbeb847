package copies

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Expiry is when a copy that is asked for is to go: after a while or at a time. The zero
// value is never.
type Expiry struct {
	After time.Duration
	At    time.Time
}

const (
	// maxDays bounds a number of days: a time.Duration holds some 290 years.
	maxDays = 36500
	// maxYear is the last that RFC 3339 can write, in UTC as in any other zone.
	maxYear = 9999
)

// ParseExpiry reads a duration as Go writes it ("36h"), a number of days ("7d") or a time
// (RFC 3339), as annotation soteria.dev/expires has it; the empty text is never. The
// error is of kind Invalid.
func ParseExpiry(text string) (Expiry, error) {
	if text == "" {
		return Expiry{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil && !at.IsZero() && at.UTC().Year() <= maxYear {
		return Expiry{At: at}, nil
	}
	after, err := parseDuration(text)
	if err != nil || after <= 0 {
		return Expiry{}, &backup.Error{Kind: backup.Invalid, Field: "expires", Err: err, Message: fmt.Sprintf(
			"expires is %q; it must be a duration such as 24h or 7d, or a time such as 2026-04-12T15:30:00Z (RFC 3339)", backup.Clip(text, backup.MaxWord))}
	}
	return Expiry{After: after}, nil
}

func parseDuration(text string) (time.Duration, error) {
	number, days := strings.CutSuffix(text, "d")
	if !days {
		return time.ParseDuration(text) //nolint:wrapcheck // the caller says what it is of
	}
	count, err := strconv.ParseUint(number, 10, 32)
	if err != nil || count > maxDays {
		return 0, strconv.ErrRange
	}
	const day = 24 * time.Hour
	return time.Duration(count) * day, nil
}

// String returns the text that [ParseExpiry] reads.
func (e Expiry) String() string {
	switch {
	case e.After > 0:
		return e.After.String()
	case !e.At.IsZero():
		return e.At.Format(time.RFC3339Nano)
	default:
		return ""
	}
}

// From returns when a copy that is made now expires; zero for never. The error is of kind
// Invalid where that is not later than now.
func (e Expiry) From(now time.Time) (time.Time, error) {
	if e.After > 0 {
		return now.Add(e.After).UTC(), nil
	}
	if !e.At.IsZero() && !e.At.After(now) {
		return time.Time{}, &backup.Error{Kind: backup.Invalid, Field: "expires", Message: fmt.Sprintf(
			"expires is %s, which has passed; it must be a time to come", e.At.UTC().Format(time.RFC3339))}
	}
	return e.At.UTC(), nil
}
