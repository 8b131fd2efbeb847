package restictest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// program builds a tool once per test process and gives its path.
type program struct{ module, tool string }

var (
	mu    sync.Mutex
	built = map[program]string{}
)

// Versions are the versions of restic that everything must work with: the oldest
// one supported, the default of SOTERIA_RESTIC_IMAGE, and the newest one known.
var Versions = map[string]func(testing.TB) string{
	"restic 0.16":       func(t testing.TB) string { return build(t, program{"restic-0.16", "restic"}) },
	"the newest restic": Restic,
}

// Restic gives the newest restic.
func Restic(t testing.TB) string { return build(t, program{"restic", "restic"}) }

func build(t testing.TB, p program) string {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if path, done := built[p]; done {
		return path
	}
	// `go tool -n` builds the tool into Go's cache and prints where it is.
	cmd := exec.CommandContext(context.Background(), "go", "-C", filepath.Join(root(t), "e2e", "tools", p.module), "tool", "-n", p.tool)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err, "building %s from e2e/tools/%s", p.tool, p.module)
	path := strings.TrimSpace(string(out))
	built[p] = path
	return path
}

// root is the root of Soteria's repository.
func root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	require.True(t, ok)
	for folder := filepath.Dir(file); folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
	}
	require.Fail(t, "no go.mod above "+file)
	return ""
}
