// Package images keeps volumes and snapshots as sparse files of exactly their size: see the layout in package longhorn.
package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/sparse"
)

const (
	volumes   = "volumes"
	snapshots = "snapshots"
	suffix    = ".img"
	// partial begins the name of what is not finished.
	partial  = "."
	fileMode = 0o600
	dirMode  = 0o750
)

// ErrNotFound is the absence of an image.
var ErrNotFound = errors.New("no such image")

// Images is the images of one data folder. Calls about different volumes may run beside each other.
type Images struct {
	root *os.Root
}

// Open makes the folders and removes what a crash left unfinished.
func Open(root *os.Root) (*Images, error) {
	images := &Images{root: root}
	for _, dir := range []string{volumes, snapshots} {
		if err := root.MkdirAll(dir, dirMode); err != nil {
			return nil, fmt.Errorf("make folder %s: %w", dir, err)
		}
	}
	return images, images.clean()
}

func (i *Images) clean() error {
	for _, dir := range []string{volumes, snapshots} {
		err := fs.WalkDir(i.root.FS(), dir, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasPrefix(entry.Name(), partial) {
				return err
			}
			return i.root.Remove(name)
		})
		if err != nil {
			return fmt.Errorf("remove unfinished %s: %w", dir, err)
		}
	}
	return nil
}

// Path is where the image of a volume is below the data folder.
func Path(volume string) string {
	return path.Join(volumes, volume+suffix)
}

func snapshotPath(volume, snapshot string) string {
	return path.Join(snapshots, volume, snapshot+suffix)
}

// Volumes names the volumes that have an image or a snapshot.
func (i *Images) Volumes() ([]string, error) {
	names := map[string]struct{}{}
	for _, dir := range []string{volumes, snapshots} {
		entries, err := fs.ReadDir(i.root.FS(), dir)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", dir, err)
		}
		for _, entry := range entries {
			names[strings.TrimSuffix(entry.Name(), suffix)] = struct{}{}
		}
	}
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	return list, nil
}

// Create makes the image of a volume, empty. One that is there is left alone.
func (i *Images) Create(volume string, size int64) error {
	if _, err := i.Size(volume); !errors.Is(err, ErrNotFound) {
		return err
	}
	return i.write(Path(volume), func(file *os.File) error { return file.Truncate(size) })
}

// Fill makes the image of a volume, of the size and with the content that fill gives the file. One that is there is
// replaced when all is written.
func (i *Images) Fill(volume string, fill func(*os.File) error) error {
	return i.write(Path(volume), fill)
}

// Size is the bytes of a volume's image.
func (i *Images) Size(volume string) (int64, error) {
	info, err := i.root.Stat(Path(volume))
	if err != nil {
		return 0, notFound(err, "volume", volume)
	}
	return info.Size(), nil
}

// Grow makes the image of a volume at least size bytes.
func (i *Images) Grow(volume string, size int64) error {
	file, err := i.root.OpenFile(Path(volume), os.O_RDWR, fileMode)
	if err != nil {
		return notFound(err, "volume", volume)
	}
	return errors.Join(GrowFile(file, size), file.Close())
}

// GrowFile makes a file at least size bytes.
func GrowFile(file *os.File, size int64) error {
	info, err := file.Stat()
	if err != nil || info.Size() >= size {
		return err
	}
	return file.Truncate(size)
}

// Remove removes the image of a volume and all its snapshots. There need be none.
func (i *Images) Remove(volume string) error {
	if err := i.root.RemoveAll(Path(volume)); err != nil {
		return fmt.Errorf("remove the image of volume %q: %w", volume, err)
	}
	if err := i.root.RemoveAll(path.Join(snapshots, volume)); err != nil {
		return fmt.Errorf("remove the snapshots of volume %q: %w", volume, err)
	}
	return nil
}

// Snapshot copies the image of a volume, unless the snapshot is there. Whoever calls has made the image hold still since
// taken, which the file keeps as its time.
func (i *Images) Snapshot(ctx context.Context, volume, snapshot string, taken time.Time) error {
	if _, err := i.root.Stat(snapshotPath(volume, snapshot)); err == nil {
		return nil
	}
	source, err := i.root.Open(Path(volume))
	if err != nil {
		return notFound(err, "volume", volume)
	}
	defer source.Close() //nolint:errcheck // only read from
	if err := i.root.MkdirAll(path.Join(snapshots, volume), dirMode); err != nil {
		return fmt.Errorf("make the folder for snapshots of volume %q: %w", volume, err)
	}
	name := snapshotPath(volume, snapshot)
	return i.write(name, func(target *os.File) error {
		if _, err := sparse.Copy(ctx, target, source, func(ctx context.Context, _, _ int) error { return ctx.Err() }); err != nil {
			return err
		}
		return i.root.Chtimes(unfinished(name), taken, taken)
	})
}

// OpenSnapshot opens a snapshot for reading.
func (i *Images) OpenSnapshot(volume, snapshot string) (*os.File, error) {
	file, err := i.root.Open(snapshotPath(volume, snapshot))
	if err != nil {
		return nil, notFound(err, "snapshot", snapshot)
	}
	return file, nil
}

// RemoveSnapshot removes a snapshot. It need not be there.
func (i *Images) RemoveSnapshot(volume, snapshot string) error {
	if err := i.root.RemoveAll(snapshotPath(volume, snapshot)); err != nil {
		return fmt.Errorf("remove snapshot %q: %w", snapshot, err)
	}
	return nil
}

// write makes a file under a partial name and gives it its own name last.
func (i *Images) write(name string, fill func(*os.File) error) error {
	file, err := i.root.OpenFile(unfinished(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return fmt.Errorf("make image %s: %w", name, err)
	}
	if err := errors.Join(fill(file), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("fill image %s: %w", name, err), i.root.Remove(unfinished(name)))
	}
	if err := i.root.Rename(unfinished(name), name); err != nil {
		return fmt.Errorf("finish image %s: %w", name, err)
	}
	return nil
}

func unfinished(name string) string {
	return path.Join(path.Dir(name), partial+path.Base(name))
}

func notFound(err error, kind, name string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s %q", ErrNotFound, kind, name)
	}
	return fmt.Errorf("%s %q: %w", kind, name, err)
}
