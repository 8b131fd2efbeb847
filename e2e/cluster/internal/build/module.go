package build

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Module returns the folder with the sources of a Go module, in the version
// that a tool is built from. It is downloaded if need be.
func (c *Cache) Module(ctx context.Context, tool, module string) (dir string, err error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir = filepath.Join(c.Tools, tool)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find module %s of tool %s: %w\n%s", module, tool, err, bytes.TrimSpace(stderr.Bytes()))
	}
	var found struct{ Dir string }
	if err := json.Unmarshal(out, &found); err != nil {
		return "", fmt.Errorf("read where module %s is: %w", module, err)
	}
	return found.Dir, nil
}
