package owner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
)

func TestNoteIsReadAsWritten(t *testing.T) {
	n := Note{Dir: t.TempDir()}
	check := func(want layout.Layout, wantOwned bool) {
		t.Helper()
		got, owned, err := n.Read()
		if err != nil || owned != wantOwned || got != want {
			t.Errorf("got %+v, owned %v, error %v", got, owned, err)
		}
	}
	check(layout.Layout{}, false)
	l := layout.New("/some/clone/.cluster")
	if err := n.Write(l); err != nil {
		t.Fatal(err)
	}
	check(l, true)
	if err := os.WriteFile(filepath.Join(n.Dir, "owner"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check(layout.Layout{}, false)
	for range 2 {
		if err := n.Clear(); err != nil {
			t.Fatal(err)
		}
	}
	check(layout.Layout{}, false)
}

func TestLockKeepsOthersOut(t *testing.T) {
	n := Note{Dir: t.TempDir()}
	unlock, err := n.Lock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := n.Lock(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second lock: %v", err)
	}
	unlock()
	again, err := n.Lock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	again()
}
