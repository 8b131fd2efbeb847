package node

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOwnLoopsAreThoseOfOurFilesAndThoseUponThem(t *testing.T) {
	shown := map[loop]string{
		0: "/srv/other.img",
		1: "/repo/.cluster/longhorn/volumes/a.img",
		2: "/dev/loop1",
		3: "/dev/loop0",
		4: "/repo/.cluster/longhorn/volumes/b.img (deleted)",
		5: "/repo/.cluster-of-another/volumes/c.img",
		6: "/dev/loop2",
	}
	own := ownLoops(shown, []string{"/repo/.cluster", "/var/lib/short"})
	if sorted := slices.Sorted(slices.Values(own)); !slices.Equal(sorted, []loop{1, 2, 4, 6}) {
		t.Fatalf("own loops are %v", sorted)
	}
	for _, pair := range [][2]loop{{2, 1}, {6, 2}} {
		if slices.Index(own, pair[0]) > slices.Index(own, pair[1]) {
			t.Errorf("%v: %d is upon %d and comes after it", own, pair[0], pair[1])
		}
	}
}

func TestLoopsOfAFolderAreDetached(t *testing.T) {
	dir := t.TempDir()
	image := filepath.Join(dir, "volume.img")
	if err := os.WriteFile(image, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "losetup", "--find", "--show", image).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	loops, err := loopsOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(loops) != 1 || loops[0].path() != strings.TrimSpace(string(out)) {
		t.Errorf("loops %v, want %s", loops, out)
	}
	if err := detachLoops(loops); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left, err := loopsOf(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("loops %v are left", left)
		}
	}
	if err := detachLoops(loops); err != nil {
		t.Errorf("detaching once more: %v", err)
	}
}
