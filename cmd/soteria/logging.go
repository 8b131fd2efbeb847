package main

import (
	"io"
	"log/slog"
	"maps"
	"strings"
)

// newHandler returns what writes the log: a line of JSON each, durations with their
// unit ("1.5s"), which slog would write as a number of nanoseconds.
func newHandler(to io.Writer, level slog.Level) slog.Handler {
	return slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			a.Value = slog.StringValue(a.Value.Duration().String())
		}
		return a
	}})
}

// levelVariable is the variable that says what is logged.
const levelVariable = "SOTERIA_LOG_LEVEL"

// withLevel returns the environment with the level as slog knows it: "warning", as most
// other programs call it, is "warn".
func withLevel(environment map[string]string) map[string]string {
	if !strings.EqualFold(environment[levelVariable], "warning") {
		return environment
	}
	with := maps.Clone(environment)
	with[levelVariable] = "warn"
	return with
}
