package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/image"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/node"
)

// SecondOn switches the second node on, with all images that the first one has,
// and waits until it is ready.
func (c *Cluster) SecondOn(ctx context.Context) error {
	return c.withSecond(ctx, c.switchOn)
}

func (c *Cluster) switchOn(ctx context.Context, second node.Node) error {
	kube := c.kubectl(second.Paths)
	steps := []struct {
		name string
		do   func() (string, error)
	}{
		{"configuration", func() (string, error) { return "", errors.Join(second.Layout.MakeFolders(), second.Configure()) }},
		{"network", func() (string, error) { return "", second.EnsureNetwork(ctx) }},
		{"containerd", func() (string, error) {
			return c.startAndAwait(ctx, second.Containerd(), second.ContainerdReady)
		}},
		{"images", func() (string, error) { return "", c.copyImages(ctx, second) }},
		{"kubelet", func() (string, error) {
			return c.startAndAwait(ctx, second.Kubelet(), func(ctx context.Context) error { return c.awaitNode(ctx, second.Place, kube) })
		}},
		{"kube-proxy", func() (string, error) {
			_, err := c.keeper.Ensure(ctx, second.Proxy())
			return "", err
		}},
		{"storage drivers", func() (string, error) { return c.startDrivers(ctx, second, kube) }},
	}
	for _, s := range steps {
		if err := c.step(s.name, s.do); err != nil {
			return err
		}
	}
	return nil
}

// SecondOff cuts the second node's power.
func (c *Cluster) SecondOff(ctx context.Context) error {
	return c.withSecond(ctx, func(ctx context.Context, second node.Node) error {
		return c.step("power off", func() (string, error) { return "", second.PowerOff(ctx, c.keeper) })
	})
}

// withSecond does something with the second node while no one else changes the
// cluster.
func (c *Cluster) withSecond(ctx context.Context, do func(context.Context, node.Node) error) error {
	unlock, err := c.note.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	second, err := c.second(ctx)
	if err != nil {
		return err
	}
	return do(ctx, second)
}

func (c *Cluster) second(ctx context.Context) (node.Node, error) {
	if _, err := os.Stat(c.Layout.Containerd()); err != nil {
		return node.Node{}, ErrDown
	}
	paths, err := c.cache.Programs(ctx, upPrograms()...)
	if err != nil {
		return node.Node{}, err
	}
	return node.New(c.Layout, layout.Second, paths), nil
}

// copyImages gives the second node what apps and movers are started from.
func (c *Cluster) copyImages(ctx context.Context, second node.Node) error {
	to := image.Store{Address: second.Layout.Containerd(), Dir: second.Layout.Path("images")}
	for _, ref := range []string{node.PauseImage, soteriaImage, image.Busybox, image.Restic} {
		if err := to.Copy(ctx, c.images(), ref); err != nil {
			return fmt.Errorf("copy image %s to the second node: %w", ref, err)
		}
	}
	return nil
}
