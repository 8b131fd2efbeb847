// Package configfile writes configuration files. A file that already has the
// content is not touched: some daemons watch theirs, and end when it is
// written.
package configfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write makes the file have the content, readable by its owner only.
func Write(path string, content []byte) error {
	name := filepath.Base(path)
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	aside := path + ".new"
	if err := os.WriteFile(aside, content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(aside, path); err != nil {
		return fmt.Errorf("put %s in place: %w", name, err)
	}
	return nil
}
