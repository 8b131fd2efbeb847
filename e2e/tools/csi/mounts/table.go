package mounts

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// Table is the mounts of this process's mount namespace, in the order in which they were made.
type Table []*mountinfo.Info

// Read reads the table from the kernel.
func Read() (Table, error) {
	infos, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("read the mount table: %w", err)
	}
	return infos, nil
}

// Place is where a folder lies, told by its filesystem rather than by a path that mounts may shadow.
type Place struct {
	Major, Minor int
	// Path is the folder's path from the root of the filesystem.
	Path string
}

// holds tells whether other is the same folder or one inside it.
func (p Place) holds(other Place) bool {
	return p.Major == other.Major && p.Minor == other.Minor && under(other.Path, p.Path)
}

// placeOf is the place of the folder that a mount shows.
func placeOf(mount *mountinfo.Info) Place {
	return Place{Major: mount.Major, Minor: mount.Minor, Path: mount.Root}
}

// At returns the mount whose mount point is exactly target, the topmost if there are several, or nil.
// The target must be free of symbolic links.
func (t Table) At(target string) *mountinfo.Info {
	for _, mount := range slices.Backward(t) {
		if mount.Mountpoint == target {
			return mount
		}
	}
	return nil
}

// Locate returns the place of a folder. The path must be absolute and free of symbolic links.
func (t Table) Locate(dir string) (Place, error) {
	home := t.home(dir)
	if home == nil {
		return Place{}, fmt.Errorf("no mount holds %s", dir)
	}
	inside, err := filepath.Rel(home.Mountpoint, dir)
	if err != nil {
		return Place{}, fmt.Errorf("locate %s: %w", dir, err)
	}
	place := placeOf(home)
	place.Path = path.Join(place.Path, inside)
	return place, nil
}

// home returns the mount on which a folder lies: the deepest, and of those at one point the topmost.
func (t Table) home(dir string) *mountinfo.Info {
	var home *mountinfo.Info
	for _, mount := range t {
		if under(dir, mount.Mountpoint) && (home == nil || len(mount.Mountpoint) >= len(home.Mountpoint)) {
			home = mount
		}
	}
	return home
}

// Users returns the mount points that show the folder or a folder inside it, and those that lie in it: everything that
// would suffer if the folder were removed. The path must be absolute and free of symbolic links.
func (t Table) Users(dir string) ([]string, error) {
	place, err := t.Locate(dir)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, mount := range t {
		if under(mount.Mountpoint, dir) || place.holds(placeOf(mount)) {
			users = append(users, mount.Mountpoint)
		}
	}
	return users, nil
}

// Users reads the mount table and returns [Table.Users].
func Users(dir string) ([]string, error) {
	table, err := Read()
	if err != nil {
		return nil, err
	}
	return table.Users(dir)
}

// under tells whether name is dir or lies inside it.
func under(name, dir string) bool {
	return name == dir || dir == "/" || strings.HasPrefix(name, dir+"/")
}
