package note

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
)

// maxSize bounds what is read of a note, in bytes: hundreds of times what the
// memory of ten thousand claims takes.
const maxSize = 256 << 20

var idPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// List returns every note of a kind, of all clusters. It takes no lock. Anything
// but the whole list is an error.
func List(ctx context.Context, restic cli.Runner, kind Kind) ([]Note, error) {
	return list(ctx, restic, kind, "--tag", KindTag+string(kind))
}

// Named returns the notes of a kind that have these ids. One that is not there any more is
// an error. restic reads no other snapshot.
func Named(ctx context.Context, restic cli.Runner, kind Kind, ids []string) ([]Note, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	for _, id := range ids {
		if !idPattern.MatchString(id) {
			return nil, backup.Errorf(backup.Invalid, "%q is not the id of a snapshot", id)
		}
	}
	notes, err := list(ctx, restic, kind, ids...)
	if err == nil && len(notes) != len(ids) {
		err = backup.Errorf(backup.NotFound, "of %d of Soteria's own snapshots %d are there", len(ids), len(notes))
	}
	return notes, err
}

// list returns the notes of a kind that restic's filter lets through.
func list(ctx context.Context, restic cli.Runner, kind Kind, filter ...string) ([]Note, error) {
	var found []Snapshot
	err := cli.RunWhole(ctx, restic, cli.Invocation{
		Args: append([]string{"snapshots", "--json", "--no-lock"}, filter...),
		Stdout: func(stdout io.Reader) error {
			text, err := io.ReadAll(stdout)
			if err != nil {
				return err
			}
			return json.Unmarshal(text, &found)
		},
		Otherwise: backup.Unavailable,
	}, "the list of Soteria's own snapshots")
	if err != nil {
		return nil, err
	}
	var notes []Note
	for _, s := range found {
		if n, is := Parse(s); is && n.Kind == kind && idPattern.MatchString(n.ID) {
			notes = append(notes, n)
		}
	}
	return notes, nil
}

// Read returns what a note holds. It takes no lock, and loads the repository's
// index.
func Read(ctx context.Context, restic cli.Runner, n Note) ([]byte, error) {
	var content []byte
	err := restic.Run(ctx, cli.Invocation{
		Args: []string{"dump", "--no-lock", n.ID, "/" + n.Kind.file()},
		Stdout: func(stdout io.Reader) (err error) {
			content, err = io.ReadAll(io.LimitReader(stdout, maxSize+1))
			if err == nil && len(content) > maxSize {
				err = fmt.Errorf("it holds more than %d MiB", maxSize>>20)
			}
			return err
		},
		Otherwise: backup.Unavailable,
	})
	if err != nil {
		return nil, backup.Errorf(backup.KindOf(err), "reading Soteria's own snapshot %s: %w", backup.ShortID(n.ID), err)
	}
	return content, nil
}

// Write writes a note and returns the id of its snapshot. After an error it may be
// there nevertheless, which does no harm. patience is how long restic waits for
// another's exclusive lock, as it takes it ("10m").
func Write(ctx context.Context, restic cli.Runner, d Draft, content []byte, patience string) (string, error) {
	tags, err := d.tags()
	if err != nil {
		return "", backup.Errorf(backup.Invalid, "%w", err)
	}
	// A file, and not a pipe from this process: restic would take the end of this
	// process for the end of the note.
	folder, err := os.MkdirTemp("", "soteria-note-")
	if err != nil {
		return "", backup.Errorf(backup.Internal, "making a folder for a note: %w", err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // what stays is in a temporary folder
	path := filepath.Join(folder, d.Kind.file())
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return "", backup.Errorf(backup.Internal, "keeping a note until it is written: %w", err)
	}
	args := []string{"backup", "--json", "--retry-lock", patience, "--host", Host, "--stdin", "--stdin-filename", d.Kind.file()}
	for _, tag := range tags {
		args = append(args, "--tag", tag)
	}
	id := ""
	err = restic.Run(ctx, cli.Invocation{
		Args: args, InputFile: path, Otherwise: backup.DriverFailed,
		Stdout: func(stdout io.Reader) (err error) {
			id, err = snapshotID(stdout)
			return err
		},
	})
	if err != nil {
		return "", backup.Errorf(backup.KindOf(err), "writing Soteria's own snapshot of its %s: %w", d.Kind, err)
	}
	return id, nil
}

// snapshotID finds the id in what `restic backup --json` prints.
func snapshotID(stdout io.Reader) (string, error) {
	text, err := io.ReadAll(stdout)
	if err != nil {
		return "", err
	}
	for line := range bytes.Lines(text) {
		var summary struct {
			Type string `json:"message_type"`
			ID   string `json:"snapshot_id"`
		}
		if json.Unmarshal(line, &summary) == nil && summary.Type == "summary" && idPattern.MatchString(summary.ID) {
			return summary.ID, nil
		}
	}
	return "", fmt.Errorf("restic did not say which snapshot it made")
}

// Forget removes exactly these notes. It takes an exclusive lock for a moment, and
// waits for one no longer than patience.
func Forget(ctx context.Context, restic cli.Runner, ids []string, patience string) error {
	if len(ids) == 0 {
		return nil
	}
	args := []string{"forget", "--retry-lock", patience, "--"}
	for _, id := range ids {
		if !idPattern.MatchString(id) {
			return backup.Errorf(backup.Internal, "%q is not the id of a snapshot", id)
		}
	}
	err := restic.Run(ctx, cli.Invocation{Args: append(args, ids...), Otherwise: backup.Unavailable})
	if err != nil {
		return backup.Errorf(backup.KindOf(err), "removing %d old snapshots of Soteria's own: %w", len(ids), err)
	}
	return nil
}
