package mover

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"

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

// run fills the volume and verifies it against the snapshot. The volume is looked at
// before anything is written or removed.
//
// Each restic that opens the repository derives its key and reads its index, which is
// most of the time of a small restore. So the snapshot is studied beside the restore
// where memory allows, and before it where the volume must be seen to have room.
func (w restoreWork) run(ctx context.Context, p Process, result *report.Result) error {
	result.Snapshot = w.snapshot
	p.Stderr = &oneByOne{to: p.Stderr}
	held, err := w.target.look()
	if err != nil {
		return err
	}
	program, err := w.repository.program(p)
	if err != nil {
		return err
	}
	var snapshot *studied
	memory, enough := memoryBeside(cli.Room())
	if held.foreign() || w.room || !enough {
		if snapshot, err = w.study(ctx, p, program); err != nil {
			return err
		}
		defer snapshot.close()
	}
	if held.foreign() {
		return w.acceptWhole(ctx, snapshot, held, result)
	}
	if w.room {
		if err := w.checkRoom(snapshot, held); err != nil {
			return err
		}
	}
	version := beside(func() (bool, error) { return canExcludeXattr(ctx, program) })
	err = w.target.prepare(ctx, p, held, result)
	excludeXattr, versionErr := version()
	if err := errors.Join(err, versionErr); err != nil {
		return err
	}
	p, end := p.working(ctx)
	defer end()
	f := filler{restoreWork: w, process: p, program: program, excludeXattr: excludeXattr}
	return f.run(ctx, snapshot, memory, result)
}

// acceptWhole looks at a volume that holds data and no mark. An attempt that ended
// before it could say that it was done leaves such a one: it removed the mark once
// everything was compared. It is accepted if nothing differs from the snapshot, and
// refused otherwise; nothing is written to its files either way.
func (w restoreWork) acceptWhole(ctx context.Context, snapshot *studied, held found, result *report.Result) error {
	compared := report.Result{Action: result.Action}
	err := w.compare(ctx, snapshot, &compared)
	switch {
	case backup.KindOf(err) == backup.Partial:
		return held.refuse(result)
	case err != nil:
		return err
	}
	result.Expected, result.Restored = compared.Expected, compared.Restored
	return w.target.finish(snapshot.root.apply, result)
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
