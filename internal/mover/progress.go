package mover

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/mover/report"
)

// progressInterval bounds how often progress is printed: logs are kept.
const progressInterval = 5 * time.Second

// status is a message of type "status" of `restic backup` or `restic restore`,
// which name the same things differently.
type status struct {
	TotalBytes    int64 `json:"total_bytes"`
	TotalFiles    int64 `json:"total_files"`
	BytesDone     int64 `json:"bytes_done"`
	FilesDone     int64 `json:"files_done"`
	BytesRestored int64 `json:"bytes_restored"`
	FilesRestored int64 `json:"files_restored"`
}

func (s status) progress() report.Progress {
	return report.Progress{
		BytesDone: max(s.BytesDone, s.BytesRestored), BytesTotal: s.TotalBytes,
		FilesDone: max(s.FilesDone, s.FilesRestored), FilesTotal: s.TotalFiles,
	}
}

// printer prints progress, now and then.
type printer struct {
	to    io.Writer
	clock clock.PassiveClock
	// senses see what is not printed, too.
	senses *senses
	// seen is called with all progress, also with what is not printed; nil is no one.
	seen func(report.Progress)
	// moved keeps what was printed last, for who prints more of it; nil is no one.
	moved *atomic.Pointer[report.Progress]
	last  time.Time
}

func (p Process) printer(to io.Writer) *printer {
	return &printer{to: to, clock: p.Clock, senses: p.senses, moved: p.moved}
}

func (p *printer) print(progress report.Progress) error {
	p.senses.counts(progress)
	if p.seen != nil {
		p.seen(progress)
	}
	now := p.clock.Now()
	if !p.last.IsZero() && now.Sub(p.last) < progressInterval {
		return nil
	}
	p.last = now
	if p.moved != nil {
		if before := p.moved.Load(); before != nil {
			progress.Worked = before.Worked
		}
		p.moved.Store(&progress)
	}
	_, err := p.to.Write(progress.Line())
	return err
}

// readMessages reads restic's --json output: it prints progress, and passes the
// message of type "summary" to summary. What is no JSON message is left alone,
// since old versions mix other lines in.
func readMessages(from io.Reader, progress *printer, summary any) error {
	return eachLine(from, func(line []byte) error {
		var kind struct {
			Type string `json:"message_type"`
		}
		if !json.Valid(line) {
			return nil
		}
		if err := json.Unmarshal(line, &kind); err != nil {
			return fmt.Errorf("restic's message: %w", err)
		}
		switch kind.Type {
		case "status":
			var s status
			if err := json.Unmarshal(line, &s); err != nil {
				return fmt.Errorf("restic's progress: %w", err)
			}
			return progress.print(s.progress())
		case "summary":
			if err := json.Unmarshal(line, summary); err != nil {
				return fmt.Errorf("restic's summary: %w", err)
			}
		}
		return nil
	})
}

// eachLine calls do with each line that is not empty, however long.
func eachLine(from io.Reader, do func(line []byte) error) error {
	lines := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 {
			if err := do(trimmed); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
