package addons

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
)

func TestRenderIsTheSameEachTime(t *testing.T) {
	l, err := layout.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	l.State = filepath.Join(t.TempDir(), ".cluster")
	l.Short = t.TempDir()
	if err := l.MakeFolders(); err != nil {
		t.Fatal(err)
	}
	a := Addons{Layout: l, Images: map[string]string{"coredns": "c", "versitygw": "v", "rest-server": "r", "longhorn": "l"}}
	first, err := a.render()
	if err != nil {
		t.Fatal(err)
	}
	second, err := a.render()
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Error("a second rendering has other credentials")
	}
	for _, want := range []string{"name: local-wffc", "name: longhorn-wffc", "clusterIP: 10.232.0.20", "clusterIP: 10.232.0.10", l.Path("s3"), "<no value>"} {
		if strings.Contains(string(first), want) != (want != "<no value>") {
			t.Errorf("the add-ons do or do not contain %q", want)
		}
	}
}
