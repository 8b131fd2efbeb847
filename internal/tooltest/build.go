package tooltest

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

// program is a tool of a module.
type program struct{ module, tool string }

var (
	mu    sync.Mutex
	built = map[program]string{}
)

// Build builds a tool of the module e2e/tools/<module>, once per test process,
// and gives its path.
func Build(t testing.TB, module, tool string) string {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	p := program{module, tool}
	if path, done := built[p]; done {
		return path
	}
	// `go tool -n` builds the tool into Go's cache and prints where it is.
	cmd := exec.CommandContext(context.Background(), "go", "-C", filepath.Join(root(t), "e2e", "tools", module), "tool", "-n", tool)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err, "building %s from e2e/tools/%s", tool, module)
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
