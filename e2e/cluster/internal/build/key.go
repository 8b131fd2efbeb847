package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Key returns a hash of all that decides what is built from the tool whose
// module is in dir: its sources, go.mod and go.sum, the flags, and the
// compiler.
func Key(tool Tool, dir, compiler string) (string, error) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "compiler %q\narguments %q\n", compiler, tool.arguments("OUT"))
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(h, "file %q\n", name)
		return hashFile(h, path)
	})
	if err != nil {
		return "", fmt.Errorf("hash the sources of %s: %w", tool.Name, err)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

func hashFile(h io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	inner := sha256.New()
	if _, err := io.Copy(inner, f); err != nil {
		return err
	}
	_, err = h.Write(inner.Sum(nil))
	return err
}

func sortedList(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}
