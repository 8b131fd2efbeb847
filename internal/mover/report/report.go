package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Limit is the most that the kubelet keeps of a termination message.
const Limit = 4096

// wordLimit bounds an action, an id or a kind where space runs out: three of
// them fit even if JSON escapes each character.
const wordLimit = 100

// Progress is one line of a mover's standard output: what has been moved so
// far. Totals are zero until known.
type Progress struct {
	BytesDone  int64 `json:"bytes_done"`
	BytesTotal int64 `json:"bytes_total"`
	FilesDone  int64 `json:"files_done"`
	FilesTotal int64 `json:"files_total"`
	// Worked is how often the mover was seen to do something. It grows while a volume is
	// copied or compared, when the others do not.
	Worked int64 `json:"worked,omitempty"`
}

// Counts is what a volume or a snapshot holds: Files counts everything that is
// not a folder, Bytes sums the sizes of regular files, hard links once.
type Counts struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Result is how a mover's work ended.
type Result struct {
	// Action is the mover's subcommand: backup, restore or blank.
	Action string `json:"action"`
	// Snapshot is the full id of the restic snapshot that was made or restored.
	Snapshot string `json:"snapshot,omitempty"`
	// Seconds is how long the work took.
	Seconds float64 `json:"seconds"`
	// Backup is set once a backup made its snapshot.
	Backup *Backup `json:"backup,omitempty"`
	// Restored and Expected are set once a restore was verified: what was
	// counted on the volume, and what the snapshot lists.
	Restored *Counts `json:"restored,omitempty"`
	Expected *Counts `json:"expected,omitempty"`
	// Finding says what a fill found on its volume: [FindingOwn] or
	// [FindingForeign]; empty when it did not get to look.
	Finding string `json:"finding,omitempty"`
	// Partial is true when some of the data was moved and some could not be.
	Partial bool `json:"partial,omitempty"`
	// Problems are the files concerned and why, in restic's words; the first of
	// ProblemCount that fit.
	Problems     []string `json:"problems,omitempty"`
	ProblemCount int      `json:"problem_count,omitempty"`
	// Kind and Error say why the work failed, as a [backup.Kind] and in words
	// for the user; empty when it did not.
	Kind  string `json:"kind,omitempty"`
	Error string `json:"error,omitempty"`
}

// What a fill may find on its volume.
const (
	// FindingOwn: nothing, or what an earlier attempt of the same restore wrote.
	FindingOwn = "own"
	// FindingForeign: what was there before the restore. Nothing was written.
	FindingForeign = "foreign"
)

// Backup counts what a backup saw. Of an unchanged volume all Files are
// FilesUnmodified and none was read again.
type Backup struct {
	Files           int64 `json:"files"`
	Bytes           int64 `json:"bytes"`
	FilesNew        int64 `json:"files_new"`
	FilesChanged    int64 `json:"files_changed"`
	FilesUnmodified int64 `json:"files_unmodified"`
	// BytesAdded is what the repository grew by, before compression.
	BytesAdded int64 `json:"bytes_added"`
	// Void says what was lost when the backup holds so much less than the one
	// before it that it does not count; empty where it counts.
	Void string `json:"void,omitempty"`
	// Unrecorded says why the outcome is not recorded beside the backup; empty
	// where it is.
	Unrecorded string `json:"unrecorded,omitempty"`
	// Notes are what else a person should know, in sentences without a full stop.
	Notes []string `json:"notes,omitempty"`
}

// maxNotes bounds the notes of a backup.
const maxNotes = 4

// Note adds a note, as long as there is room.
func (b *Backup) Note(format string, args ...any) {
	if len(b.Notes) < maxNotes {
		b.Notes = append(b.Notes, clipped(format, args...))
	}
}

// Voided records that the backup does not count, and why.
func (b *Backup) Voided(format string, args ...any) { b.Void = clipped(format, args...) }

// NotRecorded records that the outcome could not be written beside the backup.
func (b *Backup) NotRecorded(err error) { b.Unrecorded = clipped("%s", backup.Message(err)) }

// clipped bounds words that are kept.
func clipped(format string, args ...any) string {
	const most = 400
	return backup.Clip(fmt.Sprintf(format, args...), most)
}

// shorter returns a backup with fewer words, and whether it had any to spare.
func (b *Backup) shorter() (*Backup, bool) {
	if b == nil || len(b.Notes)+len(b.Void)+len(b.Unrecorded) == 0 {
		return b, false
	}
	short := *b
	if n := len(b.Notes); n > 0 {
		short.Notes = b.Notes[:n-1]
		return &short, true
	}
	short.Void, short.Unrecorded = backup.Clip(b.Void, len(b.Void)/2), backup.Clip(b.Unrecorded, len(b.Unrecorded)/2)
	return &short, len(short.Void)+len(short.Unrecorded) < len(b.Void)+len(b.Unrecorded)
}

// Failed reports whether the work failed. A partial backup did not: it made a
// snapshot of all that could be read.
func (r Result) Failed() bool { return r.Error != "" }

// Fail records an error as the reason that the work failed.
func (r *Result) Fail(err error) {
	r.Kind = backup.KindOf(err).String()
	r.Error = backup.Message(err)
}

// Problem records a file that could not be moved. Only as many are kept as can
// ever fit into a termination message; all are counted.
func (r *Result) Problem(line string) {
	const worthKeeping = 50
	r.ProblemCount++
	if len(r.Problems) < worthKeeping {
		r.Problems = append(r.Problems, backup.Clip(line, Limit/8))
	}
}

// Summary says what went wrong in a few lines for a person, "" if nothing did.
func (r Result) Summary() string {
	var lines []string
	if r.Error != "" {
		lines = append(lines, r.Error)
	}
	lines = append(lines, r.Problems...)
	if more := r.ProblemCount - len(r.Problems); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "; ")
}

// Encode gives the result as one JSON object of at most [Limit] bytes: of a
// result too long for that, problems are dropped from the end, then a backup's
// notes, and the error is cut short last.
func (r Result) Encode() []byte {
	for {
		encoded, err := json.Marshal(r)
		shorter, spared := r.Backup.shorter()
		switch {
		case err != nil: // a number that JSON has no word for
			r = Result{Action: r.Action, Kind: backup.Internal.String(), Error: "the result cannot be written: " + err.Error()}
		case len(encoded) <= Limit:
			return encoded
		case len(r.Problems) > 0:
			r.Problems = r.Problems[:len(r.Problems)-1]
		case spared:
			r.Backup = shorter
		default:
			r.Error = backup.Clip(r.Error, len(r.Error)/2)
			r.Action, r.Snapshot, r.Kind = backup.Clip(r.Action, wordLimit), backup.Clip(r.Snapshot, wordLimit), backup.Clip(r.Kind, wordLimit)
		}
	}
}

// ErrNoResult says that a termination message holds no result: the mover did
// not live to leave one.
var ErrNoResult = errors.New("the mover left no result")

// Decode reads what Encode wrote. Anything else is [ErrNoResult].
func Decode(message string) (Result, error) {
	var r Result
	decoder := json.NewDecoder(strings.NewReader(message))
	if err := decoder.Decode(&r); err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrNoResult, err)
	}
	if decoder.More() || r.Action == "" {
		return Result{}, ErrNoResult
	}
	return r, nil
}

// LastProgress finds the last complete line of progress in the end of a log;
// lines of any other kind are passed over.
func LastProgress(log []byte) (Progress, bool) {
	for len(log) > 0 {
		end := bytes.LastIndexByte(bytes.TrimRight(log, "\n"), '\n')
		line := bytes.TrimSpace(log[end+1:])
		var p struct {
			Progress *Progress `json:"progress"`
		}
		if json.Unmarshal(line, &p) == nil && p.Progress != nil {
			return *p.Progress, true
		}
		log = log[:end+1]
	}
	return Progress{}, false
}

// Line gives the progress as the line that LastProgress looks for.
func (p Progress) Line() []byte {
	encoded, err := json.Marshal(map[string]Progress{"progress": p})
	if err != nil {
		panic(err) // integers always have a JSON form
	}
	return append(encoded, '\n')
}
