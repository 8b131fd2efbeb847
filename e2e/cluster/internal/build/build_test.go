package build

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const program = "package main\n\nfunc main() {}\n"

// module makes a tool's module and returns the folder that holds it.
func module(t *testing.T, name string) string {
	t.Helper()
	tools := t.TempDir()
	write(t, filepath.Join(tools, name, "go.mod"), "module example.test/"+name+"\n\ngo 1.26\n")
	write(t, filepath.Join(tools, name, "main.go"), program)
	return tools
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestKeyChangesWithAllThatDecides(t *testing.T) {
	tool := Tool{Name: "pause", Programs: map[string]string{"pause": "."}}
	dir := filepath.Join(module(t, "pause"), "pause")
	key := func(tool Tool, compiler string) string {
		t.Helper()
		k, err := Key(tool, dir, compiler)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	base := key(tool, "go1")
	if again := key(tool, "go1"); again != base {
		t.Errorf("same input, keys %s and %s", base, again)
	}
	write(t, filepath.Join(dir, "main_test.go"), "package main\n")
	if k := key(tool, "go1"); k != base {
		t.Error("a test file changed the key")
	}
	flagged := tool
	flagged.LDFlags = "-X main.version=1"
	seen := map[string]string{base: "base"}
	check := func(what, k string) {
		t.Helper()
		if other, dup := seen[k]; dup {
			t.Errorf("%s has the key of %s", what, other)
		}
		seen[k] = what
	}
	check("another compiler", key(tool, "go2"))
	check("other flags", key(flagged, "go1"))
	write(t, filepath.Join(dir, "go.sum"), "x")
	check("with go.sum", key(tool, "go1"))
	write(t, filepath.Join(dir, "main.go"), program+"// more\n")
	check("other source", key(tool, "go1"))
	if err := os.Rename(filepath.Join(dir, "main.go"), filepath.Join(dir, "other.go")); err != nil {
		t.Fatal(err)
	}
	check("renamed source", key(tool, "go1"))
}

func TestProgramsBuildsOnceAndSurvivesLeftovers(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	cache, err := NewCache(ctx, dir, module(t, "pause"))
	if err != nil {
		t.Fatal(err)
	}
	builds := 0
	cache.Report = func(string, time.Duration) { builds++ }
	write(t, filepath.Join(dir, "pause.building", "half"), "left by a crash")
	var path string
	for range 2 {
		paths, err := cache.Programs(ctx, "pause")
		if err != nil {
			t.Fatal(err)
		}
		path = paths["pause"]
	}
	if builds != 1 {
		t.Errorf("built %d times, want once", builds)
	}
	if out, err := exec.CommandContext(ctx, path).CombinedOutput(); err != nil {
		t.Errorf("run %s: %v\n%s", path, err, out)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "half")); err == nil {
		t.Error("a leftover of a crash is in the result")
	}
	for i := range 5 {
		write(t, filepath.Join(cache.Tools, "pause", "main.go"), program+"// "+string(rune('a'+i))+"\n")
		if _, err := cache.Programs(ctx, "pause"); err != nil {
			t.Fatal(err)
		}
	}
	results, err := filepath.Glob(filepath.Join(dir, "pause-*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != keep {
		t.Errorf("%d results are kept, want %d", len(results), keep)
	}
}

func TestProvidingUnknownProgramNamesTheKnown(t *testing.T) {
	if _, err := Providing("docker"); err == nil {
		t.Error("an unknown program was provided")
	}
	tool, err := Providing("kubelet")
	if err != nil || tool.Name != "kubernetes" {
		t.Errorf("kubelet is provided by %q, error %v", tool.Name, err)
	}
}
