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

// The values of --verify: what of each file is compared with the backup.
const (
	// VerifySizes compares names, types, sizes, owners, modes and times.
	VerifySizes = "sizes"
	// VerifyContents compares the contents too.
	VerifyContents = "contents"
)

// restoreWork is one restore of a snapshot to a volume.
type restoreWork struct {
	repository repository
	target     target
	snapshot   string
	// folder is the path that the snapshot says was backed up.
	folder string
	// root is which folder a person says was the volume's root: [RootTop],
	// [RootFolder], or "" where it must be found out.
	root   string
	verify string
	// room is whether the volume must be seen to have room for the backup first.
	room bool
}

// parseRestore reads `restore <flags>`.
func parseRestore(flags *flag.FlagSet, args []string) (work, error) {
	var w restoreWork
	w.repository.register(flags)
	w.target.register(flags)
	flags.StringVar(&w.snapshot, "snapshot", "", "the full `id` of the snapshot to restore")
	flags.StringVar(&w.folder, "folder", "", "the `path` that the snapshot is of")
	flags.StringVar(&w.root, "root", "", "which folder was the volume's root, where the snapshot does not tell: top or folder")
	flags.StringVar(&w.verify, "verify", VerifySizes, "what to compare with the backup: sizes or contents")
	flags.BoolVar(&w.room, "room", false, "refuse a volume that has no room for the backup before anything is written")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if err := require(flags, "repository", "credentials", "scratch", "snapshot", "folder", "target", "mark"); err != nil {
		return nil, err
	}
	switch {
	case !snapshotPattern.MatchString(w.snapshot):
		return nil, fmt.Errorf("--snapshot %q is not a full snapshot id", w.snapshot)
	case !path.IsAbs(w.folder) || path.Clean(w.folder) != w.folder:
		return nil, fmt.Errorf("--folder %q is not a clean absolute path", w.folder)
	case w.root != "" && w.root != RootTop && w.root != RootFolder:
		return nil, fmt.Errorf("--root %q is neither %s nor %s", w.root, RootTop, RootFolder)
	}
	if err := checkVerify(w.verify); err != nil {
		return nil, err
	}
	return w.run, w.target.validate()
}

func checkVerify(verify string) error {
	if verify != VerifySizes && verify != VerifyContents {
		return fmt.Errorf("--verify %q is neither %s nor %s", verify, VerifySizes, VerifyContents)
	}
	return nil
}

var snapshotPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// selinuxLabel is the label of a file under SELinux. It belongs to the node and
// the pod that the file was seen from, the kubelet sets it anew, and only few
// may set it at all.
const selinuxLabel = "security.selinux"

// run fills the volume and verifies it against the snapshot. Volume and snapshot
// are both looked at before anything is written or removed.
func (w restoreWork) run(ctx context.Context, p Process, result *report.Result) error {
	result.Snapshot = w.snapshot
	held, err := w.target.look()
	if err != nil {
		return err
	}
	program, err := w.repository.program(p)
	if err != nil {
		return err
	}
	root, err := w.findRoot(ctx, p, program)
	if err != nil {
		return err
	}
	if held.foreign() {
		return w.acceptWhole(ctx, p, program, root, held, result)
	}
	if err := w.checkRoom(ctx, p, program, held); err != nil {
		return err
	}
	if err := w.target.prepare(ctx, p, held, result); err != nil {
		return err
	}
	p, end := p.working(ctx)
	defer end()
	if err := w.fill(ctx, p, program, root, result); err != nil {
		return err
	}
	if err := w.compare(ctx, p, program, root, result); err != nil {
		return err
	}
	return w.target.finish(root.apply, result)
}

// acceptWhole looks at a volume that holds data and no mark. An attempt that ended
// before it could say that it was done leaves such a one: it removed the mark once
// everything was compared. It is accepted if nothing differs from the snapshot, and
// refused otherwise; nothing is written to its files either way.
func (w restoreWork) acceptWhole(ctx context.Context, p Process, program cli.Program, root snapshotRoot, held found, result *report.Result) error {
	compared := report.Result{Action: result.Action}
	err := w.compare(ctx, p, program, root, &compared)
	switch {
	case backup.KindOf(err) == backup.Partial:
		return held.refuse(result)
	case err != nil:
		return err
	}
	result.Expected, result.Restored = compared.Expected, compared.Restored
	return w.target.finish(root.apply, result)
}

// fill runs `restic restore`. A file that restic complains of makes it a failure
// that names the files, whatever restic's exit status.
//
// It takes no lock: restic 0.16 waits a minute for the lock of another restore
// that vanishes while it is read, and a lock would only keep a prune away, which
// cannot harm a restore that is verified and tried again.
func (w restoreWork) fill(ctx context.Context, p Process, program cli.Program, root snapshotRoot, result *report.Result) error {
	excludeXattr, err := canExcludeXattr(ctx, program)
	if err != nil {
		return err
	}
	args := []string{"restore", "--json", "--sparse", "--no-lock", "--target", w.target.volume, "--exclude", "/" + lostAndFound}
	if excludeXattr {
		args = append(args, "--exclude-xattr", selinuxLabel)
	}
	if w.verify == VerifyContents {
		args = append(args, "--verify")
	}
	var summary struct{}
	err = program.Run(ctx, cli.Invocation{
		Args: append(args, "--", subfolder(w.snapshot, root.path)),
		Stdout: func(stdout io.Reader) error {
			return readMessages(stdout, p.printer(p.Stdout), &summary)
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
