package backup

import "strings"

// Clip gives at most so many bytes of text that somebody else wrote, to be quoted
// where room is bounded: in messages, and in events (see [MaxNote]). No character
// is cut in two, bytes that are none are left out, and a "…" tells that there was
// more.
func Clip(text string, most int) string {
	const mark = "…"
	if len(text) <= most {
		return strings.ToValidUTF8(text, "")
	}
	return strings.ToValidUTF8(text[:max(0, most-len(mark))], "") + mark
}

// MaxNote is how long an event's text may be, in bytes: Kubernetes takes no longer
// one.
const MaxNote = 1024

// Bounds of what is quoted of users' own words.
const (
	// MaxWord bounds a name or value that is quoted in a message.
	MaxWord = 80
	// MaxCaller bounds what a caller says of itself, where it is written down.
	MaxCaller = 256
)
