package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/process"
)

// cgroupParents match the control groups in which containerd makes one for each
// container, named by its id: in version 1, where each controller has a tree of
// its own, and in version 2.
var cgroupParents = []string{"/sys/fs/cgroup/*/k8s.io", "/sys/fs/cgroup/k8s.io"}

// inCgroups returns the processes in the control groups given and in those
// below.
func inCgroups(roots []string) ([]process.Identity, error) {
	var found []process.Identity
	for _, root := range roots {
		err := eachFolder(root, func(dir string) error {
			procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
				return nil
			}
			if err != nil {
				return err
			}
			for _, field := range strings.Fields(string(procs)) {
				pid, err := strconv.Atoi(field)
				if err != nil || pid == 0 {
					continue
				}
				if id, err := process.Identify(pid); err == nil && !slices.Contains(found, id) {
					found = append(found, id)
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look into control group %s: %w", root, err)
		}
	}
	return found, nil
}

// removeCgroups removes empty control groups, with those below, and their
// parents where nothing else is in them.
func removeCgroups(roots []string) error {
	var errs []error
	for _, root := range roots {
		var dirs []string
		err := eachFolder(root, func(dir string) error {
			dirs = append(dirs, dir)
			return nil
		})
		errs = append(errs, err)
		slices.Reverse(dirs) // those below before those above
		for _, dir := range dirs {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("remove control group: %w", err))
			}
		}
	}
	for _, root := range roots {
		_ = os.Remove(filepath.Dir(root)) // refused while another's are in it
	}
	return errors.Join(errs...)
}

// eachFolder calls do for the folder and all below, those above first. A
// folder that disappears meanwhile is no error.
func eachFolder(root string, do func(dir string) error) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !e.IsDir() {
			return err
		}
		return do(path)
	})
}
