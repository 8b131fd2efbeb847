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
)

// loop is a loop device, by its number.
type loop int

func (l loop) path() string { return fmt.Sprintf("/dev/loop%d", int(l)) }

// loopsOf returns the loop devices that show a file below one of the folders,
// and those that show such a loop device: the kubelet puts one of its own upon
// that of a volume that a pod uses as a block device.
func loopsOf(dirs ...string) ([]loop, error) {
	shown, err := shownByLoops()
	if err != nil {
		return nil, err
	}
	return ownLoops(shown, dirs), nil
}

// ownLoops returns those of the loop devices that have to do with the folders,
// the ones upon others first.
func ownLoops(shown map[loop]string, dirs []string) []loop {
	var own []loop
	var files []string
	for more := true; more; {
		more = false
		for l, file := range shown {
			if slices.Contains(own, l) || !slices.Contains(files, file) && !below(file, dirs) {
				continue
			}
			own, files, more = append(own, l), append(files, l.path()), true
		}
	}
	slices.Reverse(own)
	return own
}

func below(file string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/") })
}

// shownByLoops returns what each loop device in use shows.
func shownByLoops() (map[loop]string, error) {
	shown := map[loop]string{}
	for _, file := range matches("/sys/block/loop[0-9]*/loop/backing_file") {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) {
			continue // detached meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read what a loop device shows: %w", err)
		}
		number, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(filepath.Dir(file))), "loop"))
		if err != nil {
			return nil, fmt.Errorf("read the number of a loop device: %w", err)
		}
		shown[loop(number)] = strings.TrimSuffix(string(content), "\n")
	}
	return shown, nil
}

// detachLoops takes their files away from loop devices, at once or when their
// last user ends.
func detachLoops(loops []loop) error {
	var errs []error
	for _, l := range loops {
		if err := l.detach(); err != nil {
			errs = append(errs, fmt.Errorf("detach %s: %w", l.path(), err))
		}
	}
	return errors.Join(errs...)
}

func (l loop) detach() error {
	file, err := os.Open(l.path())
	if err != nil {
		return err
	}
	err = unix.IoctlSetInt(int(file.Fd()), unix.LOOP_CLR_FD, 0)
	if errors.Is(err, unix.ENXIO) { // it shows nothing
		err = nil
	}
	return errors.Join(err, file.Close())
}
