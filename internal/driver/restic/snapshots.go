package restic

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// snapshot is an element of what `restic snapshots --json` prints.
type snapshot struct {
	ID    string    `json:"id"`
	Time  time.Time `json:"time"`
	Paths []string  `json:"paths"`
	Tags  []string  `json:"tags"`
	Host  string    `json:"hostname"`
	// Summary is there since restic 0.17.
	Summary *struct {
		TotalFilesProcessed int64 `json:"total_files_processed"`
		TotalBytesProcessed int64 `json:"total_bytes_processed"`
	} `json:"summary"`
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

// backups gives the backups that a snapshot is: one for each claim it names.
// Only those of this cluster's are its own.
func (s snapshot) backups(clusters backup.Clusters) []backup.Backup {
	size, files := int64(unknownCount), int64(unknownCount)
	if s.Summary != nil {
		size, files = s.Summary.TotalBytesProcessed, s.Summary.TotalFilesProcessed
	}
	claims := claimsOf(s.Tags)
	backups := make([]backup.Backup, 0, len(claims))
	for _, claim := range claims {
		b := backup.Backup{
			Claim: claim, Driver: Name, ID: s.ID, TakenAt: s.Time, Cluster: clusterOf(s.Tags),
			SizeBytes: size, Files: files, DataBytes: size, Locator: s.locator(), Tags: s.Tags,
		}
		b.Own = s.isOwn() && clusters.Mine(b)
		backups = append(backups, b)
	}
	return backups
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
