package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/build"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/image"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/kubectl"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/owner"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/process"
)

// ErrDown is returned by commands that need a running cluster.
var ErrDown = errors.New("no cluster of this repository runs; start it with: go run -C e2e/cluster . up")

// Cluster is the cluster of one clone of the repository.
type Cluster struct {
	Layout layout.Layout
	// Out is told of every step.
	Out io.Writer

	note   owner.Note
	keeper process.Keeper
	cache  *build.Cache
}

// New returns the cluster of the repository that holds the folder given.
func New(ctx context.Context, dir string, out io.Writer) (*Cluster, error) {
	l, err := layout.Find(dir)
	if err != nil {
		return nil, err
	}
	cacheDir, err := build.DefaultDir()
	if err != nil {
		return nil, err
	}
	cache, err := build.NewCache(ctx, cacheDir, l.Tools())
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		Layout: l, Out: out, cache: cache,
		note:   owner.Note{Dir: layout.MachineDir},
		keeper: process.Keeper{Dir: l.Records(), Mark: l.Marker()},
	}
	cache.Report = func(tool string, took time.Duration) { c.say("built "+tool, took, "") }
	return c, nil
}

// Tool returns the path of a program, built if need be.
func (c *Cluster) Tool(ctx context.Context, name string) (string, error) {
	paths, err := c.cache.Programs(ctx, name)
	if err != nil {
		return "", err
	}
	return paths[name], nil
}

// Kubectl returns the cluster's kubectl.
func (c *Cluster) Kubectl(ctx context.Context) (kubectl.Client, error) {
	if _, err := os.Stat(c.Layout.Kubeconfig()); err != nil {
		return kubectl.Client{}, ErrDown
	}
	path, err := c.Tool(ctx, "kubectl")
	if err != nil {
		return kubectl.Client{}, err
	}
	return kubectl.Client{Path: path, Kubeconfig: c.Layout.Kubeconfig()}, nil
}

func (c *Cluster) images() image.Store {
	return image.Store{Address: c.Layout.Containerd(), Dir: c.Layout.Path("images")}
}

// step runs a step and tells how long it took. What it returns is told too.
func (c *Cluster) step(name string, do func() (note string, err error)) error {
	began := time.Now()
	note, err := do()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.say(name, time.Since(began), note)
	return nil
}

func (c *Cluster) say(name string, took time.Duration, note string) {
	_, _ = fmt.Fprintf(c.Out, "%-24s %7.2fs  %s\n", name, took.Seconds(), note)
}
