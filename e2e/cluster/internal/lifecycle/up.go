package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/addons"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/controlplane"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/debian"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/health"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/image"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/kubectl"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/node"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/pki"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/process"
)

// readyTimeout is how long one part of the cluster may take to become ready.
const readyTimeout = 2 * time.Minute

// Up makes the cluster run and waits until it is ready.
func (c *Cluster) Up(ctx context.Context) error {
	began := time.Now()
	unlock, err := c.note.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()

	var paths map[string]string
	var plane controlplane.Plane
	var host node.Node
	steps := []struct {
		name string
		do   func() (string, error)
	}{
		{"packages", func() (string, error) {
			installed, err := debian.Install(ctx)
			return strings.Join(installed, " "), err
		}},
		{"machine", func() (string, error) { return c.claim(ctx) }},
		{"programs", func() (string, error) {
			var err error
			paths, err = c.cache.Programs(ctx, upPrograms()...)
			plane = controlplane.Plane{Layout: c.Layout, Paths: paths}
			host = node.New(c.Layout, layout.First, paths)
			return "", err
		}},
		{"configuration", func() (string, error) { return "", c.configure(plane, host) }},
		{"network", func() (string, error) { return "", node.EnsureBridge(ctx) }},
		{"control plane", func() (string, error) { return c.startPlane(ctx, plane) }},
		{"containerd", func() (string, error) {
			return c.startAndAwait(ctx, host.Containerd(), host.ContainerdReady)
		}},
		{"images", func() (string, error) { return c.putHelpers(ctx, paths) }},
		{"kubelet", func() (string, error) {
			return c.startAndAwait(ctx, host.Kubelet(), plainly(node.KubeletHealth))
		}},
		{"kube-proxy", func() (string, error) {
			return c.startAndAwait(ctx, host.Proxy(), plainly(node.ProxyHealth))
		}},
		{"storage drivers", func() (string, error) { return c.startDrivers(ctx, host, c.kubectl(paths)) }},
		{"node", func() (string, error) { return "", c.awaitNode(ctx, host.Place, c.kubectl(paths)) }},
		{"add-ons", func() (string, error) { return "", c.ensureAddons(ctx, paths) }},
	}
	for _, s := range steps {
		if err := c.step(s.name, s.do); err != nil {
			return err
		}
	}
	c.say("cluster is ready", time.Since(began), "KUBECONFIG="+c.Layout.Kubeconfig())
	return nil
}

// upPrograms are the programs without which a cluster cannot start.
func upPrograms() []string {
	programs := slices.Concat([]string{"kubectl"}, controlplane.Programs, node.Programs, image.HelperPrograms)
	// The drivers are built when they are started: they are not needed before.
	return slices.DeleteFunc(programs, func(p string) bool { return slices.Contains(node.DriverPrograms, p) })
}

// claim makes this cluster the machine's, and removes what is left of one that
// was the machine's before and is dead.
func (c *Cluster) claim(ctx context.Context) (string, error) {
	other, owned, err := c.note.Read()
	if err != nil {
		return "", err
	}
	switch {
	case !owned:
		if err := node.NetworkInUse(ctx); err != nil {
			return "", err
		}
	case other == c.Layout:
		return c.recover(ctx)
	default:
		if err := c.evict(ctx, other); err != nil {
			return "", err
		}
	}
	if err := c.Layout.MakeFolders(); err != nil {
		return "", err
	}
	return "", c.note.Write(c.Layout)
}

// recover stops processes of this cluster of which no record is left, and all
// of them if its folder was removed under them.
func (c *Cluster) recover(ctx context.Context) (string, error) {
	_, err := os.Stat(c.Layout.Path("pki"))
	if errors.Is(err, fs.ErrNotExist) {
		if err := node.Clear(ctx, c.Layout); err != nil {
			return "", err
		}
		return "", errors.Join(c.Layout.MakeFolders(), c.note.Write(c.Layout))
	}
	if err != nil {
		return "", fmt.Errorf("look for the cluster's certificates: %w", err)
	}
	if err := c.Layout.MakeFolders(); err != nil {
		return "", err
	}
	records, err := c.keeper.Records()
	if err != nil {
		return "", err
	}
	marked, err := process.Marked(c.Layout.Marker())
	if err != nil {
		return "", err
	}
	var orphans []process.Identity
	for _, id := range marked {
		known := slices.ContainsFunc(records, func(r process.Record) bool { return r.Identity == id })
		if !known && !node.IsShim(id) {
			orphans = append(orphans, id)
		}
	}
	if len(orphans) == 0 {
		return "", nil
	}
	return fmt.Sprintf("stopped %d processes without a record", len(orphans)),
		process.Stop(ctx, readyTimeout, orphans...)
}

// evict removes what is left of another clone's cluster, unless that runs and
// the clone, which alone can stop it, is still there.
func (c *Cluster) evict(ctx context.Context, other layout.Layout) error {
	running, err := process.Marked(other.Marker())
	if err != nil {
		return err
	}
	if len(running) > 0 && other.Exists() {
		return fmt.Errorf("the cluster of %s runs on this machine, which can run only one; stop it first: go run -C %s . down",
			other.Repo, filepath.Join(other.Repo, "e2e", "cluster"))
	}
	return node.Clear(ctx, other)
}

func (c *Cluster) configure(plane controlplane.Plane, host node.Node) error {
	var nodes []pki.NodeConfig
	for _, place := range []layout.Place{layout.First, layout.Second} {
		nodes = append(nodes, pki.NodeConfig{Name: place.Name, IP: net.IP(place.IP.AsSlice()), Prefix: node.Prefix(place)})
	}
	err := pki.Ensure(c.Layout.Path("pki"), pki.Config{
		Nodes:         nodes,
		ServiceIP:     net.IP(layout.APIService.AsSlice()),
		ServiceDomain: layout.DNSDomain,
	})
	if err != nil {
		return err
	}
	return errors.Join(plane.Configure(), host.Configure())
}

func (c *Cluster) startPlane(ctx context.Context, plane controlplane.Plane) (string, error) {
	var started []string
	for _, part := range plane.Parts() {
		client, err := plane.HealthClient(part)
		if err != nil {
			return "", err
		}
		what, err := c.startAndAwait(ctx, part.Daemon, func(ctx context.Context) error { return client.OK(ctx, part.Ready) })
		if err != nil {
			return "", err
		}
		if what != "" {
			started = append(started, what)
		}
	}
	return strings.Join(started, ", "), nil
}

// startAndAwait makes a daemon run and waits until it is ready.
func (c *Cluster) startAndAwait(ctx context.Context, d process.Daemon, check func(context.Context) error) (string, error) {
	started, err := c.keeper.Ensure(ctx, d)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	err = health.Wait(ctx, d.Name, func() error { return c.keeper.Dead(d) }, check)
	if err != nil || !started {
		return "", err
	}
	return "started " + d.Name, nil
}

// putHelpers imports the helper images that are missing or changed.
func (c *Cluster) putHelpers(ctx context.Context, paths map[string]string) (string, error) {
	helpers, err := image.Helpers(ctx, node.PauseImage, paths)
	if err != nil {
		return "", err
	}
	var imported []string
	for _, ref := range slices.Sorted(maps.Keys(helpers)) {
		_, fresh, err := c.images().Put(ctx, ref, helpers[ref])
		if err != nil {
			return "", err
		}
		if fresh {
			imported = append(imported, ref)
		}
	}
	if len(imported) == 0 {
		return "", nil
	}
	return "imported " + strings.Join(imported, " "), nil
}

// startDrivers makes the storage drivers and their sidecars run.
func (c *Cluster) startDrivers(ctx context.Context, host node.Node, kube kubectl.Client) (string, error) {
	paths, err := c.cache.Programs(ctx, node.DriverPrograms...)
	if err != nil {
		return "", err
	}
	maps.Copy(host.Paths, paths)
	var started []string
	for _, driver := range host.Drivers() {
		what, err := c.startDriver(ctx, host.Place, driver, kube)
		if err != nil {
			return "", err
		}
		started = append(started, what...)
	}
	return strings.Join(started, ", "), nil
}

func (c *Cluster) startDriver(ctx context.Context, place layout.Place, driver node.Driver, kube kubectl.Client) (started []string, err error) {
	what, err := c.startAndAwait(ctx, driver.Daemon, func(ctx context.Context) error {
		if err := driver.Answers(ctx); err != nil {
			return err
		}
		out, err := kube.Run(ctx, nil, "get", "csinode", place.Name, "--output", "jsonpath={.spec.drivers[*].name}")
		if err == nil && !slices.Contains(strings.Fields(out), driver.Name) {
			err = fmt.Errorf("the kubelet does not know the driver %s yet", driver.Name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if what != "" {
		started = append(started, what)
	}
	for _, sidecar := range driver.Sidecars {
		if what != "" {
			// It is about to end with the driver that was there before.
			if err := c.keeper.Stop(ctx, sidecar.Daemon.Name); err != nil {
				return nil, err
			}
		}
		one, err := c.startAndAwait(ctx, sidecar.Daemon, plainly(sidecar.Health))
		if err != nil {
			return nil, err
		}
		if one != "" {
			started = append(started, one)
		}
	}
	return started, nil
}

func (c *Cluster) awaitNode(ctx context.Context, place layout.Place, kube kubectl.Client) error {
	_, err := kube.Run(ctx, nil, "wait", "--for=condition=Ready", "--timeout="+readyTimeout.String(), "node/"+place.Name)
	return err
}

func (c *Cluster) kubectl(paths map[string]string) kubectl.Client {
	return kubectl.Client{Path: paths["kubectl"], Kubeconfig: c.Layout.Kubeconfig()}
}

func (c *Cluster) ensureAddons(ctx context.Context, paths map[string]string) error {
	longhorn, err := c.cache.Module(ctx, "longhorn", "github.com/longhorn/longhorn-manager")
	if err != nil {
		return err
	}
	return addons.Addons{
		Layout: c.Layout, Kubectl: c.kubectl(paths),
		Images: map[string]string{
			"coredns": image.CoreDNS, "versitygw": image.Versitygw, "rest-server": image.RestServer, "longhorn": image.Longhorn,
		},
		CRDs: filepath.Join(longhorn, "k8s", "crds.yaml"),
		// The folder's name holds a hash of all that the program is built from.
		LonghornBuild: filepath.Base(filepath.Dir(paths["longhorn-standin"])),
	}.Ensure(ctx)
}

// plainly returns a check that asks a health endpoint without TLS.
func plainly(url string) func(context.Context) error {
	return func(ctx context.Context) error { return (&health.Client{}).OK(ctx, url) }
}
