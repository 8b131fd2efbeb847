package mover

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/mover/pulse"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

const (
	// lookEvery is how often it is looked whether anything moves.
	lookEvery = 10 * time.Second
	// explainAfter is how long nothing may have moved before it is found out why: soon
	// enough that the first probe which fails can say so.
	explainAfter = 40 * time.Second
	// explainAgain is how often it is found out again.
	explainAgain = 5 * time.Minute
	// askLocks bounds how long it may take to find out who holds the repository.
	askLocks = 15 * time.Second
	// mostLocks is how many locks are read for that.
	mostLocks = 5
)

// senses sees whether a backup moves anything and keeps the record of it that the
// probe reads, see package pulse.
type senses struct {
	clock  clock.WithTicker
	log    io.Writer
	record pulse.Record

	// asks is the program that is asked who holds the repository.
	asks atomic.Pointer[cli.Program]

	mu       sync.Mutex
	activity activity
	// process is restic's id while it runs, printed what was read of its output.
	process int
	printed int64
}

// watched returns a process that is watched, with that scratch folder, until end is
// called. Where no record can be kept, it goes on without.
func (p Process) watched(ctx context.Context, scratch string) (watched Process, end func()) {
	ticks := p.Ticks
	if ticks == nil {
		ticks = clock.RealClock{}
	}
	now := ticks.Now()
	record, err := pulse.Keep(scratch, now)
	if err != nil {
		fmt.Fprintf(p.Stderr, "soteria mover: that nothing moves would not be seen: %v\n", err)
		return p, func() {}
	}
	p.Stderr = &oneByOne{to: p.Stderr}
	s := &senses{clock: ticks, log: p.Stderr, record: record, activity: activity{moved: now}}
	p.senses = s
	ctx, stop := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() { s.watch(ctx, now) })
	return p, func() {
		stop()
		ended.Wait()
	}
}

// oneByOne is a writer for several goroutines.
type oneByOne struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements [io.Writer].
func (w *oneByOne) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// watch keeps the record, which was begun at a time, until ctx ends.
func (s *senses) watch(ctx context.Context, recorded time.Time) {
	ticker := s.clock.NewTicker(lookEvery)
	defer ticker.Stop()
	var explained time.Time
	words := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
		now, moved := s.look()
		switch {
		case moved.After(recorded):
			recorded, explained = moved, time.Time{}
			s.complainOf(s.record.Moved(moved))
		case now.Sub(moved) >= explainAfter && (explained.IsZero() || now.Sub(explained) >= explainAgain):
			before := words
			words, explained = s.explain(ctx), now
			s.complainOf(s.record.Waits(words, moved))
			if words != before {
				fmt.Fprintf(s.log, "nothing has moved since %s: %s\n", moved.UTC().Format(time.RFC3339), words)
			}
		}
	}
}

func (s *senses) complainOf(err error) {
	if err != nil {
		fmt.Fprintf(s.log, "soteria mover: keeping the record of what moves: %v\n", err)
	}
}

// look looks at restic and returns the time and when something last moved.
func (s *senses) look() (now, moved time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now = s.clock.Now()
	if s.process != 0 {
		seen, known := observeProcess(s.process)
		seen.bytes -= s.printed
		s.activity.sees(now, seen, known)
	}
	return now, s.activity.moved
}

// explain finds out what is waited for.
func (s *senses) explain(ctx context.Context) string {
	s.mu.Lock()
	asks, words, locked := s.asks.Load(), s.activity.waitsFor(), s.activity.mayWaitForLock()
	s.mu.Unlock()
	if !locked || asks == nil {
		return words
	}
	ctx, stop := context.WithTimeout(ctx, askLocks)
	defer stop()
	switch holder, err := holderOf(ctx, *asks); {
	case err != nil:
		return "the backup store does not answer: " + backup.Message(err)
	case holder != "":
		return "restic waits for the repository, which " + holder + " has locked for itself alone"
	default:
		return words
	}
}

// over returns the program so that the runs of it are watched.
func (s *senses) over(program cli.Program) cli.Program {
	if s == nil {
		return program
	}
	asks := program
	asks.Patient, asks.Grace = false, 0 // it takes no lock
	s.asks.Store(&asks)
	program.Watcher = s
	return program
}

// counts notes how far restic says that it is.
func (s *senses) counts(p report.Progress) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.activity.counts(s.clock.Now(), p.BytesDone+p.FilesDone+p.BytesTotal+p.FilesTotal)
}

// Watch implements [cli.Watcher].
func (s *senses) Watch(in cli.Invocation) (watched cli.Invocation, began func(pid int), ended func()) {
	s.mu.Lock()
	s.activity.begins(s.clock.Now(), in.Args[0], slices.Contains(in.Args, "--retry-lock"))
	s.printed = 0
	s.mu.Unlock()

	stdout, stderr := in.Stdout, in.Stderr
	in.Stdout = func(from io.Reader) error {
		along := &readAlong{from: from, senses: s}
		if stdout == nil {
			_, err := io.Copy(io.Discard, along)
			return err
		}
		return stdout(along)
	}
	in.Stderr = func(line string) {
		s.mu.Lock()
		s.activity.says(s.clock.Now(), line)
		s.mu.Unlock()
		if stderr != nil {
			stderr(line)
		}
	}
	return in, s.runs, func() { s.runs(0) }
}

// runs notes the id of restic's process; 0 is that it has ended.
func (s *senses) runs(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = pid
	if pid == 0 {
		s.activity.moved = s.clock.Now()
	}
}

// readAlong is a reader of restic's output that notes how much is read.
type readAlong struct {
	from   io.Reader
	senses *senses
}

// Read implements [io.Reader].
func (r *readAlong) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if n > 0 {
		r.senses.mu.Lock()
		r.senses.printed += int64(n)
		r.senses.activity.printed = true
		r.senses.mu.Unlock()
	}
	return n, err
}

// observeProcess returns what a process has done since it began, from /proc; false
// where that cannot be told.
func observeProcess(pid int) (sample, bool) {
	folder := "/proc/" + strconv.Itoa(pid)
	inout, err := os.ReadFile(folder + "/io") // #nosec G304 -- a number
	if err != nil {
		return sample{}, false
	}
	stat, err := os.ReadFile(folder + "/stat") // #nosec G304 -- likewise
	if err != nil {
		return sample{}, false
	}
	moved, counted := parseInOut(inout)
	computed, timed := parseCPU(stat)
	return sample{moved, computed}, counted && timed
}

// parseInOut reads /proc/<pid>/io: what the process read and wrote by system calls,
// connections included.
func parseInOut(text []byte) (total int64, ok bool) {
	found := 0
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if name != "rchar" && name != "wchar" {
			continue
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return 0, false
		}
		total += n
		found++
	}
	return total, found == 2
}

// parseCPU reads from /proc/<pid>/stat for how long a process computed: its fields 14
// and 15, in hundredths of a second. The name in parentheses may hold anything.
func parseCPU(text []byte) (time.Duration, bool) {
	const tick, user, system = 10 * time.Millisecond, 11, 12
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return 0, false
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) <= system {
		return 0, false
	}
	u, errU := strconv.ParseInt(fields[user], 10, 64)
	s, errS := strconv.ParseInt(fields[system], 10, 64)
	return time.Duration(u+s) * tick, errU == nil && errS == nil
}

// lock is a lock of a repository.
type lock struct {
	Time      time.Time `json:"time"`
	Exclusive bool      `json:"exclusive"`
	Hostname  string    `json:"hostname"`
	PID       int       `json:"pid"`
}

// holderOf says who has locked the repository for itself alone; "" where no one is
// found. It takes no lock.
func holderOf(ctx context.Context, program cli.Program) (string, error) {
	var ids []string
	err := program.Run(ctx, cli.Invocation{
		Args: []string{"list", "locks", "--no-lock", "--quiet"},
		Stdout: func(stdout io.Reader) error {
			lines := bufio.NewScanner(stdout)
			for lines.Scan() && len(ids) < mostLocks {
				ids = append(ids, strings.TrimSpace(lines.Text()))
			}
			return lines.Err()
		},
		Otherwise: backup.Unavailable,
	})
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		var held lock
		err := program.Run(ctx, cli.Invocation{
			Args:      []string{"cat", "lock", "--no-lock", "--quiet", id},
			Stdout:    func(stdout io.Reader) error { return json.NewDecoder(stdout).Decode(&held) },
			Otherwise: backup.Unavailable,
		})
		if err == nil && held.Exclusive { // one that cannot be read may be gone
			return fmt.Sprintf("a restic on host %q (process %d, last seen %s)", held.Hostname, held.PID, held.Time.UTC().Format(time.RFC3339)), nil
		}
	}
	return "", nil
}
