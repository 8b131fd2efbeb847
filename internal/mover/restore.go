package mover

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// restoreWork is one restore of a snapshot to a volume.
type restoreWork struct {
	repository repository
	snapshot   string
	// folder is the folder of the snapshot that was the volume's root.
	folder string
	target string
}

// parseRestore reads `restore <flags>`.
func parseRestore(flags *flag.FlagSet, args []string) (work, error) {
	var w restoreWork
	w.repository.register(flags)
	flags.StringVar(&w.snapshot, "snapshot", "", "the full `id` of the snapshot to restore")
	flags.StringVar(&w.folder, "folder", "", "the `folder` of the snapshot that was the volume's root")
	flags.StringVar(&w.target, "target", "", "the `folder` to restore to: the volume's mount, which is emptied first")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if err := require(flags, "repository", "credentials", "scratch", "snapshot", "folder", "target"); err != nil {
		return nil, err
	}
	switch {
	case !snapshotPattern.MatchString(w.snapshot):
		return nil, fmt.Errorf("--snapshot %q is not a full snapshot id", w.snapshot)
	case !path.IsAbs(w.folder) || path.Clean(w.folder) != w.folder:
		return nil, fmt.Errorf("--folder %q is not a clean absolute path", w.folder)
	}
	return w.run, nil
}

var snapshotPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// selinuxLabel is the label of a file under SELinux. It belongs to the node and
// the pod that the file was seen from, the kubelet sets it anew, and only few
// may set it at all.
const selinuxLabel = "security.selinux"

// run empties the volume, fills it, and verifies it against the snapshot. The
// snapshot is read before anything is removed.
func (w restoreWork) run(ctx context.Context, p Process, result *report.Result) error {
	result.Snapshot = w.snapshot
	program, err := w.repository.program()
	if err != nil {
		return err
	}
	root, err := readRoot(ctx, p, program, w.snapshot, w.folder)
	if err != nil {
		return err
	}
	if err := empty(ctx, w.target); err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	if err := w.fill(ctx, p, program, result); err != nil {
		return err
	}
	if root != nil {
		if err := root.apply(w.target); err != nil {
			result.Partial = true
			return backup.Errorf(backup.Partial, "the volume's root folder: %w", err)
		}
	}
	if err := flush(w.target); err != nil {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	return w.verify(ctx, p, program, result)
}

// fill runs `restic restore`. A file that restic complains of makes it a failure
// that names the files, whatever restic's exit status.
//
// It takes no lock: restic 0.16 waits a minute for the lock of another restore
// that vanishes while it is read, and a lock would only keep a prune away, which
// cannot harm a restore that is verified and tried again.
func (w restoreWork) fill(ctx context.Context, p Process, program cli.Program, result *report.Result) error {
	excludeXattr, err := canExcludeXattr(ctx, program)
	if err != nil {
		return err
	}
	args := []string{"restore", "--json", "--sparse", "--no-lock", "--target", w.target, "--exclude", "/" + lostAndFound}
	if excludeXattr {
		args = append(args, "--exclude-xattr", selinuxLabel)
	}
	var summary struct{}
	err = program.Run(ctx, cli.Invocation{
		Args: append(args, "--", subfolder(w.snapshot, w.folder)),
		Stdout: func(stdout io.Reader) error {
			return readMessages(stdout, &printer{to: p.Stdout, clock: p.Clock}, &summary)
		},
		Stderr:    noteProblems(p, result),
		Otherwise: backup.DriverFailed,
	})
	if result.ProblemCount == 0 || ctx.Err() != nil {
		return err
	}
	result.Partial = true
	message := fmt.Sprintf("restic could not restore all of the data: %d problems", result.ProblemCount)
	if !excludeXattr && strings.Contains(strings.Join(result.Problems, "\n"), selinuxLabel) {
		message += " (SELinux labels cannot be left out before restic 0.18: set SOTERIA_RESTIC_IMAGE to a newer one)"
	}
	return &backup.Error{Kind: backup.Partial, Message: message, Err: err}
}

// subfolder is how restic is told of a folder of a snapshot.
func subfolder(snapshot, folder string) string {
	if folder == "/" {
		return snapshot
	}
	return snapshot + ":" + folder
}

var versionPattern = regexp.MustCompile(`^restic (\d+)\.(\d+)\.`)

// canExcludeXattr reports whether this restic can leave extended attributes out
// of a restore (0.18).
func canExcludeXattr(ctx context.Context, program cli.Program) (bool, error) {
	var version []byte
	err := program.Run(ctx, cli.Invocation{
		Args: []string{"version"},
		Stdout: func(stdout io.Reader) (err error) {
			version, err = io.ReadAll(io.LimitReader(stdout, 1<<10))
			return err
		},
		Otherwise: backup.DriverFailed,
	})
	if err != nil {
		return false, err
	}
	match := versionPattern.FindSubmatch(version)
	if match == nil {
		return false, nil
	}
	major, _ := strconv.Atoi(string(match[1])) // digits
	minor, _ := strconv.Atoi(string(match[2]))
	return major > 0 || minor >= 18, nil
}
