package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Spec is what a volume is asked to be. A second Create of the same handle must ask for the same.
type Spec struct {
	// CapacityBytes is what the volume claims to hold; nothing enforces it.
	CapacityBytes int64 `json:"capacityBytes"`
	// LostAndFound puts a lost+found folder into the fresh volume, as mkfs.ext4 does.
	LostAndFound bool `json:"lostAndFound"`
	// Holds puts a file of this name into the fresh volume, as if it were a folder that existed before; "" does not.
	Holds string `json:"holds,omitempty"`
}

// UsersFunc lists the places at which a folder, or part of it, is mounted.
type UsersFunc func(dir string) ([]string, error)

// Store is the volumes of one data directory. It is safe for concurrent use by one process.
type Store struct {
	dir   string
	root  *os.Root
	users UsersFunc

	// mu makes "not mounted anywhere, so remove" and "still there, so mount" one step each.
	mu sync.Mutex
}

// Open makes the data directory if need be and opens the store in it. Close ends it.
func Open(dir string, users UsersFunc) (*Store, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("resolve the data directory: %w", err)
	}
	root, err := os.OpenRoot(resolved)
	if err != nil {
		return nil, fmt.Errorf("open the data directory: %w", err)
	}
	return &Store{dir: resolved, root: root, users: users}, nil
}

// Close releases the data directory.
func (s *Store) Close() error {
	return s.root.Close()
}

// Clean removes what a crash left half made or half removed, and returns the names of what it removed. It must not run
// beside other calls: use it once, before serving.
func (s *Store) Clean() ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("list the data directory: %w", err)
	}
	var removed []string
	var failed []error
	for _, entry := range entries {
		name := entry.Name()
		if !isHalfMade(name) && !s.isOrphanRecord(name) {
			continue
		}
		if err := s.remove(name); err != nil {
			failed = append(failed, err)
			continue
		}
		removed = append(removed, name)
	}
	return removed, errors.Join(failed...)
}

// isOrphanRecord tells whether a name is of a record whose volume is not there.
func (s *Store) isOrphanRecord(name string) bool {
	handle, ok := recordOf(name)
	return ok && errors.Is(s.exists(handle), ErrNotFound)
}

// Create makes a volume, empty, owned by root and with mode 0755 as a fresh filesystem is. It does nothing if the
// volume is there and was asked to be the same, and fails with [ErrConflict] if it was asked to be something else.
func (s *Store) Create(handle string, spec Spec) error {
	if err := CheckHandle(handle); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()

	switch err := s.exists(handle); {
	case err == nil:
		return s.compare(handle, spec)
	case !errors.Is(err, ErrNotFound):
		return err
	}
	if err := s.make(handle, spec); err != nil {
		return errors.Join(fmt.Errorf("make volume %q: %w", handle, err), s.remove(partialName(handle)))
	}
	return nil
}

// compare checks that an existing volume was asked to be spec.
func (s *Store) compare(handle string, spec Spec) error {
	content, err := s.root.ReadFile(recordName(handle))
	if err != nil {
		return fmt.Errorf("read the record of volume %q: %w", handle, err)
	}
	var recorded Spec
	if err := json.Unmarshal(content, &recorded); err != nil {
		return fmt.Errorf("read the record of volume %q: %w", handle, err)
	}
	if recorded != spec {
		return fmt.Errorf("%w: volume %q was made as %+v and is asked for as %+v", ErrConflict, handle, recorded, spec)
	}
	return nil
}

// make builds the volume under its partial name and gives it its own name last.
func (s *Store) make(handle string, spec Spec) error {
	partial := partialName(handle)
	if err := s.remove(partial); err != nil {
		return err
	}
	if err := s.mkdir(partial, 0o755); err != nil {
		return err
	}
	if spec.LostAndFound {
		if err := s.mkdir(filepath.Join(partial, "lost+found"), 0o700); err != nil {
			return err
		}
	}
	if spec.Holds != "" {
		if !filepath.IsLocal(spec.Holds) || spec.Holds == "." || strings.ContainsRune(spec.Holds, filepath.Separator) {
			return fmt.Errorf("%w: %q is not the name of a file", ErrInvalid, spec.Holds)
		}
		if err := s.root.WriteFile(filepath.Join(partial, spec.Holds), []byte("from before\n"), 0o600); err != nil {
			return err
		}
	}
	record, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	if err := s.root.WriteFile(recordName(handle), record, 0o600); err != nil {
		return err
	}
	return s.root.Rename(partial, handle)
}

// mkdir makes a folder with exactly the mode given, whatever the process's umask.
func (s *Store) mkdir(name string, mode fs.FileMode) error {
	if err := s.root.Mkdir(name, mode); err != nil {
		return err
	}
	return s.root.Chmod(name, mode)
}

// Delete removes a volume and everything in it. It does nothing if the volume is not there, and fails with [ErrInUse]
// while it is mounted anywhere or anything is mounted in it.
func (s *Store) Delete(handle string) error {
	if err := CheckHandle(handle); err != nil {
		return err
	}
	if err := s.condemn(handle); err != nil {
		return err
	}
	if err := s.remove(deletedName(handle)); err != nil {
		return fmt.Errorf("delete volume %q: %w", handle, err)
	}
	return nil
}

// condemn takes the volume its name and its record, unless it is in use. From then on nobody can mount it, so that the
// slow part of the removal needs no lock.
func (s *Store) condemn(handle string) error {
	s.mu.Lock()
	defer s.mu.Unlock()

	switch err := s.exists(handle); {
	case errors.Is(err, ErrNotFound):
		return s.remove(recordName(handle))
	case err != nil:
		return err
	}
	users, err := s.users(filepath.Join(s.dir, handle))
	if err != nil {
		return fmt.Errorf("find the mounts of volume %q: %w", handle, err)
	}
	if len(users) > 0 {
		return fmt.Errorf("%w: volume %q is mounted at %s", ErrInUse, handle, strings.Join(users, ", "))
	}
	if err := s.root.Rename(handle, deletedName(handle)); err != nil {
		return fmt.Errorf("delete volume %q: %w", handle, err)
	}
	return s.remove(recordName(handle))
}

// Check says whether a volume exists: [ErrNotFound] if not.
func (s *Store) Check(handle string) error {
	if err := CheckHandle(handle); err != nil {
		return err
	}
	return s.exists(handle)
}

// Use calls do with the folder of a volume. The volume cannot be deleted before do returns; what do mounts keeps it
// from being deleted afterwards.
func (s *Store) Use(handle string, do func(dir string) error) error {
	if err := CheckHandle(handle); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()

	if err := s.exists(handle); err != nil {
		return err
	}
	return do(filepath.Join(s.dir, handle))
}

// exists looks for the folder of a valid handle. A symbolic link or a file in its place is an error, not a volume.
func (s *Store) exists(handle string) error {
	switch info, err := s.root.Lstat(handle); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %q", ErrNotFound, handle)
	case err != nil:
		return fmt.Errorf("look for volume %q: %w", handle, err)
	case !info.IsDir():
		return fmt.Errorf("volume %q is not a folder", handle)
	}
	return nil
}

// remove removes a file or folder of the data directory, if it is there.
func (s *Store) remove(name string) error {
	if err := s.root.RemoveAll(name); err != nil {
		return fmt.Errorf("remove %q: %w", name, err)
	}
	return nil
}
