package torture_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/e2e/tools/treetool/internal/listing"
	"github.com/soteria-dr/soteria/e2e/tools/treetool/internal/torture"
)

const sparseSize = 16 << 20

func tree(t *testing.T, seed uint64) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	if err := torture.Make(dir, torture.Options{Seed: seed, SparseSize: sparseSize}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func list(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	if err := listing.Write(&out, dir, listing.Options{SkipRoot: true}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// asRoot skips a test that needs to read all files and set owners.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func TestTreeIsTheSameEachTime(t *testing.T) {
	asRoot(t)
	first := list(t, tree(t, 1))
	if list(t, tree(t, 1)) != first {
		t.Error("two trees of one seed differ")
	}
	if list(t, tree(t, 2)) == first {
		t.Error("trees of two seeds are equal")
	}
	for _, want := range []string{
		`"holes/islands" type=file mode=0644 uid=0 gid=0`,
		`"modes/file-4755" type=file mode=4755`,
		`"modes/folder-1777" type=folder mode=1777`,
		`"modes/file-0000" type=file mode=0000`,
		`"owners/100000-2000000000/link" type=link mode=0777 uid=100000 gid=2000000000`,
		`"names/new\nline" type=file`,
		`"names/\xff\xfe\x80 is not UTF-8" type=file`,
		`"special/fifo" type=fifo mode=0640`,
		`mtime=1999-12-31T23:59:59.999999999Z`,
		`nlink=3 same-as="links/hard/a"`,
		`target="no such file"`,
		`xattr."user.binary"="\x00\x01\x02\xff\n\x00"`,
		`"contents/0" type=file mode=0644`,
	} {
		if !strings.Contains(first, want) {
			t.Errorf("the listing lacks %s", want)
		}
	}
	for line := range strings.Lines(first) {
		wantSparse := strings.HasPrefix(line, `"holes/islands"`) || strings.HasPrefix(line, `"holes/nothing"`)
		if strings.Contains(line, " sparse=yes ") != wantSparse {
			t.Errorf("sparse or not: %s", line)
		}
	}
}

func TestListingShowsEachChange(t *testing.T) {
	asRoot(t)
	for name, change := range map[string]func(dir string) error{
		"content": func(dir string) error {
			f, err := os.OpenFile(filepath.Join(dir, "contents/4096"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			if _, err := f.WriteAt([]byte("changed"), 100); err != nil {
				return err
			}
			return f.Close()
		},
		"mode":  func(dir string) error { return os.Chmod(filepath.Join(dir, "contents/4096"), 0o640) },
		"owner": func(dir string) error { return os.Lchown(filepath.Join(dir, "links/relative"), 5, 0) },
		"attribute": func(dir string) error {
			return unix.Lsetxattr(filepath.Join(dir, "attributes/file"), "user.note", []byte("another"), 0)
		},
		"nanosecond": func(dir string) error {
			path := filepath.Join(dir, "contents/511")
			when := time.Date(1999, time.December, 31, 23, 59, 59, 999999998, time.UTC)
			return os.Chtimes(path, when, when)
		},
		"missing": func(dir string) error { return os.Remove(filepath.Join(dir, "names/-rf")) },
		"extra":   func(dir string) error { return os.Mkdir(filepath.Join(dir, "extra"), 0o755) },
		"hole filled": func(dir string) error {
			path := filepath.Join(dir, "holes/nothing")
			return os.WriteFile(path, make([]byte, sparseSize/8), 0o644)
		},
		"hard link broken": func(dir string) error {
			path := filepath.Join(dir, "links/hard/b")
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.WriteFile(path, data, 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, 1)
			before := list(t, dir)
			if err := change(dir); err != nil {
				t.Fatal(err)
			}
			if list(t, dir) == before {
				t.Error("the listing is the same as before")
			}
		})
	}
}

func TestListingLeavesOutLostFoundAtTheTopOnly(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"lost+found", "sub/lost+found"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got := list(t, dir)
	if strings.Contains(got, `"lost+found"`) || !strings.Contains(got, `"sub/lost+found"`) {
		t.Errorf("listing:\n%s", got)
	}
}
