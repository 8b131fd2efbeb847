package lifecycle

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/image"
)

// soteriaImage is the name of Soteria's own image in the cluster.
const soteriaImage = "localhost/soteria:e2e"

// Image builds Soteria's image as deploy/Dockerfile says and imports it. Tags
// are build tags for the program.
func (c *Cluster) Image(ctx context.Context, tags string) error {
	if _, err := os.Stat(c.Layout.Containerd()); err != nil {
		return ErrDown
	}
	if err := c.step("console", func() (string, error) { return c.console(ctx) }); err != nil {
		return err
	}
	var sources image.Sources
	err := c.step("program", func() (string, error) {
		var err error
		sources, err = c.sources(ctx, tags)
		return "", err
	})
	if err != nil {
		return err
	}
	return c.step("image", func() (string, error) {
		dockerfile, err := os.Open(filepath.Join(c.Layout.Repo, "deploy", "Dockerfile"))
		if err != nil {
			return "", fmt.Errorf("open Dockerfile: %w", err)
		}
		defer func() { _ = dockerfile.Close() }()
		followed, err := image.Follow(dockerfile, sources)
		if err != nil {
			return "", err
		}
		digest, imported, err := c.images().Put(ctx, soteriaImage, followed)
		if err != nil {
			return "", err
		}
		how := "unchanged"
		if imported {
			how = "imported"
		}
		return fmt.Sprintf("%s %s (%s)", soteriaImage, digest, how), nil
	})
}

// Images imports the helper images.
func (c *Cluster) Images(ctx context.Context) error {
	if _, err := os.Stat(c.Layout.Containerd()); err != nil {
		return ErrDown
	}
	return c.step("images", func() (string, error) {
		paths, err := c.cache.Programs(ctx, image.HelperPrograms...)
		if err != nil {
			return "", err
		}
		return c.putHelpers(ctx, paths)
	})
}

// Kyverno builds Kyverno's image and imports it. It gives the file with the
// manifests that Kyverno's own module installs it by.
func (c *Cluster) Kyverno(ctx context.Context) (manifests string, err error) {
	if _, err := os.Stat(c.Layout.Containerd()); err != nil {
		return "", ErrDown
	}
	err = c.step("kyverno", func() (string, error) {
		program, err := c.Tool(ctx, "kyverno")
		if err != nil {
			return "", err
		}
		if _, _, err := c.images().Put(ctx, image.Kyverno, image.OfKyverno(program)); err != nil {
			return "", err
		}
		sources, err := c.cache.Module(ctx, "kyverno", "github.com/kyverno/kyverno")
		manifests = filepath.Join(sources, "config", "install-latest-testing.yaml")
		return image.Kyverno, err
	})
	return manifests, err
}

// console builds the pages that the program embeds, where there is Node; elsewhere
// the program embeds a page that tells how to build them.
func (c *Cluster) console(ctx context.Context) (string, error) {
	if _, err := exec.LookPath("npm"); err != nil {
		return "left out: there is no npm on this machine", nil
	}
	cmd := exec.CommandContext(ctx, "make", "console-build")
	cmd.Dir = c.Layout.Repo
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the console: %w\n%s", err, bytes.TrimSpace(out))
	}
	return "built", nil
}

// sources makes what the stages of the Dockerfile before the last would make.
func (c *Cluster) sources(ctx context.Context, tags string) (image.Sources, error) {
	restic, err := c.Tool(ctx, "restic")
	if err != nil {
		return nil, err
	}
	soteria := c.Layout.Path("build", "soteria")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-buildvcs=false", "-tags", tags, "-o", soteria, "./cmd/soteria")
	cmd.Dir = c.Layout.Repo
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build soteria: %w\n%s", err, bytes.TrimSpace(out))
	}
	return image.Sources{
		"build:/out/soteria":          soteria,
		"restic:/out/restic":          restic,
		"certs:" + image.Certificates: image.Certificates,
	}, nil
}
