package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Browse runs some of the console's browser tests, by the name of their file in
// e2e/console/tests, against the Soteria at an address. They read what they are to
// look for from variables. "make e2e" sees to it that the browser is there.
func (c *Cluster) Browse(ctx context.Context, address, tests string, variables map[string]string) (report string, err error) {
	folder := filepath.Join(c.root, "e2e", "console")
	playwright := filepath.Join(folder, "node_modules", ".bin", "playwright")
	if _, err := os.Stat(playwright); err != nil {
		return "", fmt.Errorf("the browser tests are not installed: %w (make console-browser installs them)", err)
	}
	command := exec.CommandContext(ctx, playwright, "test", tests)
	command.Dir = folder
	command.Env = append(os.Environ(), "SOTERIA_URL="+address, "CI=true", "NO_COLOR=1")
	for name, value := range variables {
		command.Env = append(command.Env, name+"="+value)
	}
	out, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("the browser tests %s: %w\n%s", tests, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
