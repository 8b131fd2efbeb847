package mover

import (
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/memory"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/mover/past"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// rememberWork writes what is remembered of each claim's backups beside them.
type rememberWork struct {
	repository repository
	identity   string
	owner      memory.Owner
	from       string
	// notes are the ids of the copies that are there, [past.None] where there are none, or
	// "" where that is not known.
	notes string
}

func parseRemember(flags *flag.FlagSet, args []string) (work, error) {
	var w rememberWork
	w.repository.register(flags)
	flags.StringVar(&w.identity, "identity", "", "the `id` that the repository must have")
	flags.StringVar(&w.owner.Cluster, "cluster", "", "the `name` of the cluster whose memory it is; may be empty")
	flags.StringVar(&w.owner.Instance, "instance", "", "the `id` of the installation of Soteria that writes it")
	flags.StringVar(&w.from, "from", "", "the `folder` that holds the memory, compressed and in parts")
	flags.StringVar(&w.notes, "notes", "", "the `ids` of the copies that are there, with commas between them, or "+past.None+"; without it they are looked for among all snapshots")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return w.run, require(flags, "repository", "credentials", "scratch", "identity", "instance", "from")
}

// run joins the memory with the copies in the repository and writes the union. The
// repository must be the one that the memory is of: in another it would have claims
// wait for backups that never were there.
func (w rememberWork) run(ctx context.Context, p Process, result *report.Result) error {
	claims, err := unpack(w.from)
	if err != nil {
		return err
	}
	program, err := w.repository.program(p)
	if err != nil {
		return err
	}
	id, err := cli.Identity(ctx, program)
	if err != nil {
		return err
	}
	if id != w.identity {
		return backup.Errorf(backup.RepositoryChanged, "the repository is %.12s, and what is remembered is of %.12s: nothing is written to it", id, w.identity)
	}
	if err := removeStaleLocks(ctx, p, program); err != nil {
		return err
	}
	written, err := w.write(ctx, patiently{p, program}, claims, p.Clock.Now())
	if err != nil {
		return err
	}
	result.Snapshot = written.ID
	if written.Untidy != nil {
		result.Problem(backup.Message(written.Untidy))
	}
	return nil
}

// write writes the copy over those that it was told of. Where they are not there any more,
// or it was not told, it looks for them among all snapshots.
func (w rememberWork) write(ctx context.Context, restic cli.Runner, claims expectation.Claims, now time.Time) (memory.Written, error) {
	if w.notes == "" {
		return memory.Write(ctx, restic, w.owner, claims, now)
	}
	var ids []string
	if w.notes != past.None {
		ids = strings.Split(w.notes, ",")
	}
	notes, err := note.Named(ctx, restic, note.Expectations, ids)
	if err != nil {
		return memory.Write(ctx, restic, w.owner, claims, now)
	}
	return memory.WriteOver(ctx, restic, w.owner, claims, notes, now)
}

// patiently runs restic beside others that use the repository.
type patiently struct {
	process Process
	program cli.Program
}

// Run implements [cli.Runner].
func (r patiently) Run(ctx context.Context, in cli.Invocation) error {
	if in.Stderr == nil {
		in.Stderr = tell(r.process)
	}
	return besideOthers(ctx, r.process, r.program, in)
}

// unpack reads what a memory was packed into: gzip, cut into files that follow each
// other in the order of their names.
func unpack(folder string) (expectation.Claims, error) {
	parts, err := filepath.Glob(filepath.Join(folder, "part-*"))
	if err != nil || len(parts) == 0 {
		return nil, backup.Errorf(backup.Internal, "%s holds no part of a memory", folder)
	}
	slices.Sort(parts)
	var packed bytes.Buffer
	for _, part := range parts {
		content, err := os.ReadFile(part) // #nosec G304 -- the mover's own mount
		if err != nil {
			return nil, backup.Errorf(backup.Internal, "reading what is remembered: %w", err)
		}
		packed.Write(content)
	}
	reader, err := gzip.NewReader(&packed)
	if err != nil {
		return nil, fmt.Errorf("unpacking what is remembered: %w", err)
	}
	claims, err := expectation.Decode(reader)
	if err != nil {
		return nil, err
	}
	return claims, reader.Close()
}
