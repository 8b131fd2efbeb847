package loglines

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Delay is how late a line is written, at most.
const Delay = 200 * time.Millisecond

// most is how many bytes are kept until they are written.
const most = 32 << 10

// Lines keeps lines for a moment and writes them together. It is safe for concurrent
// use.
type Lines struct {
	out io.Writer

	mu     sync.Mutex
	kept   []byte
	failed error
	// flush is set while lines are kept.
	flush *time.Timer
}

// New returns lines that are written to out. The caller calls [Lines.Flush] at the end.
func New(out io.Writer) *Lines { return &Lines{out: out} }

// Write implements [io.Writer]. The error is that of the last time lines were written.
func (l *Lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, line...)
	switch {
	case len(l.kept) >= most:
		l.write()
	case l.flush == nil:
		l.flush = time.AfterFunc(Delay, l.Flush)
	}
	if l.failed != nil {
		return 0, l.failed
	}
	return len(line), nil
}

// Flush writes the lines that are kept.
func (l *Lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
}

// write writes what is kept. The caller holds the lock.
func (l *Lines) write() {
	if l.flush != nil {
		l.flush.Stop()
		l.flush = nil
	}
	if len(l.kept) > 0 {
		_, l.failed = l.out.Write(l.kept)
		l.kept = l.kept[:0]
	}
}

// Together returns a handler that passes each record on to one that writes to the lines.
func (l *Lines) Together(writer slog.Handler) slog.Handler { return handler{writer, l} }

// handler has warnings and errors written at once.
type handler struct {
	slog.Handler
	lines *Lines
}

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, record slog.Record) error {
	err := h.Handler.Handle(ctx, record)
	if record.Level >= slog.LevelWarn {
		h.lines.Flush()
	}
	return err
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.lines}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.lines}
}
