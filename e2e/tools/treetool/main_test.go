package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunMakesAndLists(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	var out, errs bytes.Buffer
	if err := run([]string{"make", "-sparse-size", "1048576", dir}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"list", "-skip-root", filepath.Join(dir, "links")}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), `"absolute" type=link`) {
		t.Errorf("listing:\n%s", out.String())
	}
	for _, bad := range [][]string{nil, {"what"}, {"list"}, {"list", "-no", "x"}, {"make", "a", "b"}} {
		if err := run(bad, &out, &errs); !errors.Is(err, errUsage) {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}
