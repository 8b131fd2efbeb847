package mover

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/mover/past"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// backupWork is one backup of a volume.
type backupWork struct {
	repository repository
	source     string
	host       string
	tags       []string
	// extra are the operator's own options for `restic backup`.
	extra []string
	// judged is what the backup is held against.
	judged judgement
	// known is what was known of earlier backups when the Job was made.
	known past.Known
}

// noGuard is the percentage with which a backup always counts.
const noGuard = 100

// parseBackup reads `backup <flags> [-- <options of restic backup>]`.
func parseBackup(flags *flag.FlagSet, args []string) (work, error) {
	var w backupWork
	w.repository.register(flags)
	flags.StringVar(&w.source, "source", "", "the `folder` to back up")
	flags.StringVar(&w.host, "host", "", "the `host` that restic keeps the snapshot under, and looks for its parent under")
	flags.Func("tag", "a `tag` of the snapshot; may be repeated", func(tag string) error {
		w.tags = append(w.tags, tag)
		return nil
	})
	flags.IntVar(&w.judged.shrinkPercent, "shrink-percent", noGuard, "by how many `percent` the backup may hold less than the one before it and still count")
	flags.StringVar(&w.judged.accept, "accept", "", "the `id` of a void backup that is to count, or the beginning of it")
	flags.Func("since", "the `time` (RFC 3339) from which on backups are compared with", func(text string) (err error) {
		w.judged.since, err = time.Parse(time.RFC3339, text)
		return err
	})
	w.known.Register(flags)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	w.extra = flags.Args()
	claim, err := backup.ParseClaim(w.host)
	if err != nil && w.host != "" {
		return nil, fmt.Errorf("--host: %w", err)
	}
	w.judged.claim = claim
	for _, tag := range w.tags {
		if name, ok := strings.CutPrefix(tag, clusterTag); ok {
			w.judged.cluster = name
		}
	}
	return w.run, require(flags, "repository", "credentials", "scratch", "source", "host")
}

// backupSummary is the message of type "summary" of `restic backup`.
type backupSummary struct {
	SnapshotID          string `json:"snapshot_id"`
	FilesNew            int64  `json:"files_new"`
	FilesChanged        int64  `json:"files_changed"`
	FilesUnmodified     int64  `json:"files_unmodified"`
	DataAdded           int64  `json:"data_added"`
	TotalFilesProcessed int64  `json:"total_files_processed"`
	TotalBytesProcessed int64  `json:"total_bytes_processed"`
}

// lockWarning is told of a backup that was saved and left its lock behind.
const lockWarning = "restic may not remove its lock, which stays behind: let the repository's keys delete what is below locks/"

// savedSummary is a summary that tells, from any goroutine, that it was read.
type savedSummary struct {
	backupSummary
	saved atomic.Bool
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *savedSummary) UnmarshalJSON(line []byte) error {
	err := json.Unmarshal(line, &s.backupSummary)
	s.saved.Store(err == nil && s.SnapshotID != "")
	return err
}

// run backs the volume up. restic decides by size, times and inode which files
// it must read again; options that make it look less closely are the operator's
// choice. A backup without some of the files is not a failure, since trying
// again would not help, but says which.
func (w backupWork) run(ctx context.Context, p Process, result *report.Result) error {
	p, end := p.watched(ctx, w.repository.scratch)
	defer end()
	if err := checkReadable(w.source); err != nil {
		return err
	}
	program, err := w.repository.program(p)
	if err != nil {
		return err
	}
	clock, wrong := w.repository.clock(p.Clock)
	p.Clock = clock
	if err := removeStaleLocks(ctx, p, program); err != nil {
		return err
	}
	summary, lockStays, note, err := w.besideItsParent(ctx, p, program, dated(p, wrong), result)
	result.Snapshot = summary.SnapshotID
	switch {
	case err != nil && !cli.Incomplete(err):
		return err
	case summary.SnapshotID == "":
		return backup.Errorf(backup.DriverFailed, "restic made no snapshot")
	}
	// A restic that was ended after its work did not say so by its status.
	result.Partial = err != nil || result.ProblemCount > 0
	result.Backup = &report.Backup{
		Files: summary.TotalFilesProcessed, Bytes: summary.TotalBytesProcessed,
		FilesNew: summary.FilesNew, FilesChanged: summary.FilesChanged, FilesUnmodified: summary.FilesUnmodified,
		BytesAdded: summary.DataAdded,
	}
	if wrong != "" {
		result.Backup.Note("%s", wrong)
	}
	if note != "" {
		result.Backup.Note("%s", note)
	}
	if lockStays {
		result.Backup.Note("%s", lockWarning)
	}
	w.recordOutcome(ctx, p, program, result)
	return nil
}

// resticArgs are the arguments of restic; dated are those that date the backup.
func (w backupWork) resticArgs(dated []string) []string {
	args := []string{"backup", "--json", "--host", w.host, "--retry-lock", lockPatience, "--exclude", path.Join(w.source, lostAndFound)}
	args = append(append(args, dated...), w.parentArgs()...)
	for _, tag := range w.tags {
		args = append(args, "--tag", tag)
	}
	return append(append(args, w.extra...), "--", w.source)
}

// checkReadable refuses a volume whose root cannot be read: restic would make a
// snapshot of nothing out of it and call that incomplete.
func checkReadable(source string) error {
	folder, err := os.Open(source) // #nosec G304 -- the volume's mount
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "opening the volume: %w", err)
	}
	defer folder.Close() //nolint:errcheck // only read from
	if _, err := folder.Readdirnames(1); err != nil && !errors.Is(err, io.EOF) {
		return backup.Errorf(backup.DriverFailed, "reading the volume: %w", err)
	}
	return nil
}

// noteProblems passes on what restic says, and keeps which files it speaks of.
func noteProblems(p Process, result *report.Result) func(line string) {
	return func(line string) {
		fmt.Fprintln(p.Stderr, line)
		if item, reason, found := cli.FileError(line); found {
			result.Problem(item + ": " + reason)
		}
	}
}
