package main

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"strings"
)

// newHandler returns what writes the log: a line of JSON each, durations with their
// unit ("1.5s"), which slog would write as a number of nanoseconds.
func newHandler(to io.Writer, level slog.Level) slog.Handler {
	return withUnits{slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level})}
}

// withUnits has durations written with their unit. It looks at each attribute and changes
// few lines: an option of slog's own that does the same makes each line, of which there
// may be one for each of thousands of requests a second, take several times as long.
type withUnits struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h withUnits) Handle(ctx context.Context, record slog.Record) error {
	changed := false
	record.Attrs(func(a slog.Attr) bool {
		_, changed = inUnits(a)
		return !changed
	})
	if !changed {
		return h.Handler.Handle(ctx, record)
	}
	with := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		a, _ = inUnits(a)
		with.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, with)
}

// WithAttrs implements [slog.Handler].
func (h withUnits) WithAttrs(attrs []slog.Attr) slog.Handler {
	all, _ := allInUnits(attrs)
	return withUnits{h.Handler.WithAttrs(all)}
}

// WithGroup implements [slog.Handler].
func (h withUnits) WithGroup(name string) slog.Handler { return withUnits{h.Handler.WithGroup(name)} }

// inUnits returns an attribute with each duration in it as a text, and reports whether
// there is one.
func inUnits(a slog.Attr) (slog.Attr, bool) {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindDuration:
		return slog.String(a.Key, value.Duration().String()), true
	case slog.KindGroup:
		if all, changed := allInUnits(value.Group()); changed {
			return slog.Attr{Key: a.Key, Value: slog.GroupValue(all...)}, true
		}
	case slog.KindAny, slog.KindBool, slog.KindFloat64, slog.KindInt64, slog.KindString, slog.KindTime, slog.KindUint64, slog.KindLogValuer:
	}
	return a, false
}

func allInUnits(attrs []slog.Attr) ([]slog.Attr, bool) {
	all, any := make([]slog.Attr, 0, len(attrs)), false
	for _, a := range attrs {
		a, changed := inUnits(a)
		all, any = append(all, a), any || changed
	}
	return all, any
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
