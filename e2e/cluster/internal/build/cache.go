package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const (
	// atOnce is how many tools are built at a time. One go build keeps all
	// cores busy while it compiles but not while it links.
	atOnce = 2
	// keep is how many results of a tool stay in the cache.
	keep = 3
)

// Cache builds tools and keeps the results.
type Cache struct {
	// Dir is the folder of the results.
	Dir string
	// Tools is the folder of the tools' modules.
	Tools string
	// Report, if set, is told of each tool that is being built.
	Report func(tool string, took time.Duration)

	compiler string
}

// DefaultDir returns the folder for results: soteria/bin in SOTERIA_CACHE or,
// if that is not set, in the user's cache folder.
func DefaultDir() (string, error) {
	base := os.Getenv("SOTERIA_CACHE")
	if base == "" {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("find the cache folder: %w", err)
		}
	}
	base, err := filepath.Abs(base)
	if err != nil {
		return "", fmt.Errorf("path of the cache folder: %w", err)
	}
	return filepath.Join(base, "soteria", "bin"), nil
}

// NewCache returns a cache in dir for the tools whose modules are in tools.
func NewCache(ctx context.Context, dir, tools string) (*Cache, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOOS", "GOARCH").Output()
	if err != nil {
		return nil, fmt.Errorf("ask the Go compiler its version: %w", err)
	}
	return &Cache{Dir: dir, Tools: tools, compiler: strings.Join(strings.Fields(string(out)), " ")}, nil
}

// Programs builds what is missing of the programs named and returns the path
// of each.
func (c *Cache) Programs(ctx context.Context, names ...string) (map[string]string, error) {
	tools := map[string]Tool{}
	for _, name := range names {
		tool, err := Providing(name)
		if err != nil {
			return nil, err
		}
		tools[tool.Name] = tool
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	dirs := make(map[string]string, len(tools))
	for _, tool := range Catalog { // in the catalog's order: the longest first
		if _, wanted := tools[tool.Name]; !wanted {
			continue
		}
		key, err := Key(tool, filepath.Join(c.Tools, tool.Name), c.compiler)
		if err != nil {
			return nil, err
		}
		dir := filepath.Join(c.Dir, tool.Name+"-"+key)
		dirs[tool.Name] = dir
		group.Go(func() error { return c.ensure(ctx, tool, dir) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	paths := make(map[string]string, len(names))
	for _, name := range names {
		tool, err := Providing(name)
		if err != nil {
			return nil, err
		}
		paths[name] = filepath.Join(dirs[tool.Name], name)
	}
	return paths, nil
}

// ensure builds a tool into dir unless that is there.
func (c *Cache) ensure(ctx context.Context, tool Tool, dir string) error {
	if built(dir) {
		return nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("make the cache of programs: %w", err)
	}
	unlock, err := lock(filepath.Join(c.Dir, tool.Name+".lock"))
	if err != nil {
		return fmt.Errorf("lock the build of %s: %w", tool.Name, err)
	}
	defer unlock()
	if built(dir) { // by another process, while this one waited
		return nil
	}
	began := time.Now()
	if err := c.build(ctx, tool, dir); err != nil {
		return fmt.Errorf("build %s: %w", tool.Name, err)
	}
	if c.Report != nil {
		c.Report(tool.Name, time.Since(began))
	}
	return c.prune(tool)
}

func (c *Cache) build(ctx context.Context, tool Tool, dir string) error {
	aside := filepath.Join(c.Dir, tool.Name+".building")
	if err := os.RemoveAll(aside); err != nil { // left by a crash: the lock is ours
		return err
	}
	if err := os.Mkdir(aside, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(tool.Programs)) {
		cmd := exec.CommandContext(ctx, "go", append(tool.arguments(filepath.Join(aside, name)), tool.Programs[name])...)
		cmd.Dir = filepath.Join(c.Tools, tool.Name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, bytes.TrimSpace(output.Bytes()))
		}
	}
	return os.Rename(aside, dir)
}

// prune removes all but the newest results of a tool. The tool is locked.
func (c *Cache) prune(tool Tool) error {
	const keyLength = 16
	dirs, err := filepath.Glob(filepath.Join(c.Dir, tool.Name+"-"+strings.Repeat("[0-9a-f]", keyLength)))
	if err != nil {
		return fmt.Errorf("list old results of %s: %w", tool.Name, err)
	}
	age := make(map[string]time.Time, len(dirs))
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("look at an old result of %s: %w", tool.Name, err)
		}
		age[dir] = info.ModTime()
	}
	slices.SortFunc(dirs, func(a, b string) int { return age[b].Compare(age[a]) })
	for _, dir := range dirs[min(keep, len(dirs)):] {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove an old result of %s: %w", tool.Name, err)
		}
	}
	return nil
}

// arguments returns what go build is called with, but for the package.
func (t Tool) arguments(out string) []string {
	return []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", strings.TrimSpace("-s -w " + t.LDFlags), "-o", out}
}

func built(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// lock waits for an exclusive lock on a file, which it makes if need be.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: path, Err: err}, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
