package layout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// longestSocket is the longest path of a Unix socket.
const longestSocket = 107

func TestSocketsOfADeepCloneAreShort(t *testing.T) {
	l := New("/" + strings.Repeat("deep/", 100) + ".cluster")
	for _, node := range []Layout{l, l.At(Second)} {
		for _, socket := range []string{
			node.Containerd() + ".ttrpc",
			filepath.Join(node.Kubelet(), "plugins", CSIDriver, "csi.sock"),
			filepath.Join(node.Kubelet(), "plugins_registry", CSIDriver+"-reg.sock"),
			filepath.Join(node.Kubelet(), "pod-resources", "kubelet.sock"),
		} {
			if len(socket) > longestSocket {
				t.Errorf("%s has %d bytes", socket, len(socket))
			}
		}
	}
}

func TestTwoClonesShareNothing(t *testing.T) {
	a, b := New("/a/.cluster"), New("/b/.cluster")
	if a.Short == b.Short || a.Network() == b.Network() || a.Marker() == b.Marker() {
		t.Errorf("%+v and %+v share a name", a, b)
	}
}

func TestFindGoesUpToTheRepository(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	module := filepath.Join(root, "e2e", "cluster")
	if err := os.MkdirAll(module, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(module); err == nil {
		t.Error("a repository was found where none is")
	}
	if err := os.WriteFile(filepath.Join(module, "go.mod"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{root, module} {
		l, err := Find(from)
		if err != nil || l.Repo != root || l.State != filepath.Join(root, ".cluster") {
			t.Errorf("from %s: %+v, error %v", from, l, err)
		}
	}
}
