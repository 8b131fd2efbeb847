package restic

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
)

// snapshot is an element of what `restic snapshots --json` prints.
type snapshot struct {
	ID string `json:"id"`
	// Original is the id that the snapshot had before it was retagged, rewritten
	// or copied.
	Original string `json:"original"`
	// Tree is the id of what the snapshot holds: names, attributes and content.
	Tree  string    `json:"tree"`
	Time  time.Time `json:"time"`
	Paths []string  `json:"paths"`
	Tags  []string  `json:"tags"`
	Host  string    `json:"hostname"`
	// Program is the restic that made it, such as "restic 0.16.4".
	Program string `json:"program_version"`
	// Summary is there since restic 0.17.
	Summary *summary `json:"summary"`
}

// summary is what restic counted while it made a snapshot.
type summary struct {
	TotalFilesProcessed int64 `json:"total_files_processed"`
	TotalBytesProcessed int64 `json:"total_bytes_processed"`
}

// unknownCount is a size or number that the driver does not know.
const unknownCount = -1

// readSnapshots reads the array that `restic snapshots --json` prints, one
// element at a time. Anything but one whole array of snapshots is an error:
// what was yielded until then must be thrown away.
func readSnapshots(from io.Reader, each func(snapshot)) error {
	decoder := json.NewDecoder(from)
	if err := expect(decoder, json.Delim('[')); err != nil {
		return err
	}
	for decoder.More() {
		var s snapshot
		if err := decoder.Decode(&s); err != nil {
			return fmt.Errorf("the list of snapshots: %w", whole(err))
		}
		if !idPattern.MatchString(s.ID) || s.Time.IsZero() {
			return fmt.Errorf("the list of snapshots holds one without an id or time")
		}
		each(s)
	}
	if err := expect(decoder, json.Delim(']')); err != nil {
		return err
	}
	if token, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the list of snapshots is followed by %v", token)
	}
	return nil
}

func expect(decoder *json.Decoder, delim json.Delim) error {
	token, err := decoder.Token()
	switch {
	case err != nil:
		return fmt.Errorf("the list of snapshots: %w", whole(err))
	case token != delim:
		return fmt.Errorf("the list of snapshots has %v where %v was expected", token, delim)
	default:
		return nil
	}
}

// whole turns an end of input, which a decoder reports plainly between tokens,
// into what it is here: a list cut short.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// backups returns the backups that a snapshot is: one for each of these claims. How
// they ended, and how much those hold that restic itself does not say it of, is in
// the records; ahead says when those were begun that are dated ahead. Only those of this cluster's are its own.
func (s snapshot) backups(clusters backup.Clusters, claims []backup.Claim, records outcome.Records, ahead map[string]time.Time) []backup.Backup {
	backups := make([]backup.Backup, 0, len(claims))
	for _, claim := range claims {
		b := backup.Backup{
			Claim: claim, Driver: Name, ID: s.ID, TakenAt: s.Time, SizeBytes: unknownCount, Files: unknownCount,
			Cluster: clusterOf(s.Tags), Tool: s.Program, Origin: s.Original, Content: s.Tree, Locator: s.locator(), Tags: s.Tags,
			Unreviewed: backup.IsUnreviewed(s.Tags), Unrestorable: unrestorable(s.Paths),
		}
		if r, recorded := records.For(claim, s.ID, s.Original); recorded {
			b.Outcome, b.SizeBytes, b.Files = r.Outcome(), r.Bytes, r.Files
		}
		if begun, wrong := ahead[s.ID]; wrong {
			b.TakenAt, b.DatedAt = begun, s.Time
		}
		if s.Summary != nil {
			b.SizeBytes, b.Files = s.Summary.TotalBytesProcessed, s.Summary.TotalFilesProcessed
		}
		b.DataBytes = b.SizeBytes
		b.Own = s.isOwn() && clusters.Mine(b)
		backups = append(backups, b)
	}
	return backups
}

// joiner joins snapshots with the records of how they ended, in whatever order they
// come. Soteria's own backups are held back until all was read, which takes about
// 250 bytes for each meanwhile; no one keeps records of others.
type joiner struct {
	cfg     Config
	into    func(backup.Backup)
	strays  []attribution.Stray
	records outcome.Records
	held    []snapshot
	// ahead is what [backup.Ahead] says of those that were held back.
	ahead map[string]time.Time
	// files are the ids of the records' own snapshots, by what each is of.
	files map[string][]string
}

func newJoiner(cfg Config, into func(backup.Backup)) *joiner {
	return &joiner{cfg: cfg, into: into, records: outcome.Records{}, files: map[string][]string{}}
}

func (j *joiner) add(s snapshot) {
	switch r, recorded := outcome.Parse(s.Host, s.Tags); {
	case recorded:
		j.records.Add(r)
		j.files[r.Of] = append(j.files[r.Of], s.ID)
	case s.isOwn():
		j.held = append(j.held, s)
	default:
		j.tell(s)
	}
}

func (j *joiner) tell(s snapshot) {
	claims, stray := j.cfg.attribute(s)
	for _, b := range s.backups(j.cfg.Clusters, claims, j.records, j.ahead) {
		j.into(b)
	}
	if stray != nil {
		j.strays = append(j.strays, *stray)
	}
}

// end reports the backups that were held back. The list must have been whole.
func (j *joiner) end() {
	starts := make([]backup.Start, 0, len(j.held))
	for _, s := range j.held {
		claim := claimsOf(s.Tags)[0]
		if r, recorded := j.records.For(claim, s.ID, s.Original); recorded {
			starts = append(starts, backup.Start{ID: s.ID, Claim: claim, Cluster: clusterOf(s.Tags), Begun: r.Begun, Dated: s.Time})
		}
	}
	j.ahead = backup.Ahead(starts)
	for _, s := range j.held {
		j.tell(s)
	}
}

// filesOf returns the ids of the records of a snapshot's outcome.
func (j *joiner) filesOf(s snapshot) []string {
	return append(slices.Clone(j.files[s.ID]), j.files[s.Original]...)
}

// note returns the note of Soteria's own that the snapshot is, and reports whether it
// is one. A note is no backup, and nothing that should be attributed to a claim.
func (s snapshot) note() (note.Note, bool) {
	return note.Parse(note.Snapshot{ID: s.ID, Time: s.Time, Host: s.Host, Paths: s.Paths, Tags: s.Tags})
}

// isOwn reports whether a backup Job of Soteria's made the snapshot: it is of one
// claim alone, and names it as its host too.
func (s snapshot) isOwn() bool {
	claims := claimsOf(s.Tags)
	return len(claims) == 1 && s.Host == claims[0].String() &&
		len(valuesOf(s.Tags, namespaceTag)) == 1 && len(valuesOf(s.Tags, pvcTag)) == 1
}

// locator is the folder within the snapshot that was the claim's root. It is
// empty for a snapshot of several folders, of which nobody can tell the root.
func (s snapshot) locator() string {
	if len(s.Paths) != 1 {
		return ""
	}
	return s.Paths[0]
}

// unrestorable says why a snapshot of these paths cannot be restored to a volume; ""
// if it can, as far as the paths tell.
func unrestorable(paths []string) string {
	switch {
	case len(paths) == 0 || paths[0] == "":
		return "it does not say which folder it is of"
	case len(paths) > 1:
		const shown = 3
		list := strings.Join(paths[:min(shown, len(paths))], ", ")
		if len(paths) > shown {
			list += ", …"
		}
		return fmt.Sprintf("it is of %d paths (%s), and which of them was the volume cannot be told", len(paths), list)
	case !path.IsAbs(paths[0]) || path.Clean(paths[0]) != paths[0]:
		return fmt.Sprintf("it is of %s, which is no folder of a Unix system", paths[0])
	}
	return ""
}
