package lightkey

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Replace replaces each key of the repository in a folder by a light one, of the
// same owner and mode; one that is light already stays. The new file is there before the old one goes. All keys must
// have the same password.
func Replace(repository, password string) error {
	folder := filepath.Join(repository, "keys")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("listing the repository's keys: %w", err)
	}
	if len(entries) == 0 {
		return fmt.Errorf("repository %s has no key", repository)
	}
	for _, entry := range entries {
		if err := replace(folder, entry.Name(), password); err != nil {
			return fmt.Errorf("replacing key %s: %w", entry.Name(), err)
		}
	}
	return nil
}

func replace(folder, name, password string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	old, err := root.ReadFile(name)
	if err != nil {
		return err
	}
	if isLight(old) {
		return nil
	}
	lightName, light, err := Lighten(old, password)
	if err != nil {
		return err
	}
	if err := root.WriteFile(lightName, light, 0o600); err != nil {
		return err
	}
	if err := likeness(root, name, lightName); err != nil {
		return err
	}
	return root.Remove(name)
}

// likeness sets a file's owner and mode to those of another one.
func likeness(root *os.Root, of, to string) error {
	info, err := root.Stat(of)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := root.Chown(to, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return root.Chmod(to, info.Mode().Perm())
}
