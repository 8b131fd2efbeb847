// Package kubectl runs the kubectl that belongs to the cluster.
package kubectl

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Client runs kubectl as the cluster's administrator.
type Client struct {
	// Path is the program, Kubeconfig the file that names the cluster.
	Path, Kubeconfig string
}

// Run runs kubectl with the input and arguments given and returns its output.
func (c Client) Run(ctx context.Context, input []byte, args ...string) (string, error) {
	cmd := c.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}

// Attach runs kubectl in dir, connected to the streams given.
func (c Client) Attach(ctx context.Context, dir string, in io.Reader, out, errs io.Writer, args ...string) error {
	cmd := c.command(ctx, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, in, out, errs
	return cmd.Run()
}

func (c Client) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Path, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig)
	return cmd
}
