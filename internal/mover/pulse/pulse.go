package pulse

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// When the container of a mover stops to be ready.
const (
	// QuietAfter is how long nothing may have moved before a probe fails.
	QuietAfter = time.Minute
	// Period is how often the kubelet probes.
	Period = 30 * time.Second
	// Failures is how many probes must fail one after the other. One may fail because
	// its node is busy.
	Failures = 2
	// Start is how long a mover may take to begin its record, before which there is
	// nothing to run.
	Start = 5 * time.Second
	// Timeout is how long one probe may take.
	Timeout = 10 * time.Second

	// Delay is how long nothing has moved, at least, when a container stops to be
	// ready.
	Delay = QuietAfter + (Failures-1)*Period
)

// The files of a record.
const (
	recordName = "soteria-pulse"
	linkName   = "soteria"
)

// Action is the subcommand of `soteria mover` that probes.
const Action = "pulse"

// Command is the command of the probe of a mover with that scratch folder. It runs the
// binary that the mover runs, through a link that [Keep] makes: where that binary is
// depends on the image.
func Command(scratch string) []string {
	return []string{filepath.Join(scratch, linkName), "mover", Action, "--scratch", scratch}
}

// IsCommand reports whether a probe's command is one that [Command] returns. Movers of
// earlier versions have none.
func IsCommand(command []string) bool {
	return len(command) > 2 && command[1] == "mover" && command[2] == Action
}

// Record is the record that a mover keeps. Its methods may not be called from several
// goroutines at once.
type Record struct{ folder string }

// Keep begins a record in a folder; something moved at now.
func Keep(folder string, now time.Time) (Record, error) {
	r := Record{folder}
	if err := r.Waits("", now); err != nil {
		return Record{}, err
	}
	own, err := os.Executable()
	if err != nil {
		return Record{}, fmt.Errorf("looking for the own executable: %w", err)
	}
	link := filepath.Join(folder, linkName)
	if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
		return Record{}, fmt.Errorf("removing the link to an earlier executable: %w", err)
	}
	if err := os.Symlink(own, link); err != nil {
		return Record{}, fmt.Errorf("linking the own executable: %w", err)
	}
	return r, nil
}

// Moved records that something moved. It needs no room in the folder, which restic's
// cache may fill.
func (r Record) Moved(at time.Time) error { return os.Chtimes(r.path(), at, at) }

// Waits records what the mover waits for, in words for people, since something moved.
func (r Record) Waits(words string, moved time.Time) error {
	unfinished := r.path() + ".unfinished"
	if err := os.WriteFile(unfinished, []byte(words), 0o600); err != nil {
		return fmt.Errorf("recording what is waited for: %w", err)
	}
	if err := os.Chtimes(unfinished, moved, moved); err != nil {
		return fmt.Errorf("recording when something moved: %w", err)
	}
	return os.Rename(unfinished, r.path())
}

func (r Record) path() string { return filepath.Join(r.folder, recordName) }

// Quiet is a mover that moves nothing.
type Quiet struct {
	// Since is when something last moved.
	Since time.Time
	// Words say what the mover waits for; empty where it did not say.
	Words string
}

// String returns what a probe says.
func (q Quiet) String() string {
	text := "nothing has moved since " + q.Since.UTC().Format(time.RFC3339)
	if q.Words == "" {
		return text
	}
	return text + ": " + q.Words
}

// Look reads the record in a folder; false where something moved lately, and where
// that cannot be told.
func Look(folder string, now time.Time) (Quiet, bool) {
	path := Record{folder}.path()
	info, err := os.Stat(path)
	if err != nil || now.Sub(info.ModTime()) < QuietAfter {
		return Quiet{}, false
	}
	words, err := os.ReadFile(path) // #nosec G304 -- the mover's own folder
	if err != nil {
		words = nil
	}
	return Quiet{Since: info.ModTime(), Words: strings.TrimSpace(string(words))}, true
}
