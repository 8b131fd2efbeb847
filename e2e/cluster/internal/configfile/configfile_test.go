package configfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWriteTouchesOnlyWhatDiffers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	stat := func() os.FileInfo {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	write := func(content string) os.FileInfo {
		t.Helper()
		if err := Write(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		return stat()
	}
	first := write("a")
	if !os.SameFile(first, write("a")) {
		t.Error("a file with the same content was written anew")
	}
	if os.SameFile(first, write("b")) {
		t.Error("a file with another content was not replaced")
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "b" {
		t.Errorf("content %q, error %v", data, err)
	}
}
