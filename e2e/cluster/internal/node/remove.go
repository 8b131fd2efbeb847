package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/process"
)

// grace is how long processes may take to end before they are killed. Their
// data is not used again.
const grace = 2 * time.Second

// kubeletDevices is a folder that the kubelet makes, whatever its
// configuration says; containerLinks is where it puts links to pods' logs.
const (
	kubeletDevices = "/var/lib/kubelet/device-plugins"
	containerLinks = "/var/log/containers"
)

// tasks is where, below containerd's state, there is a folder for each
// container, named by its id.
const tasks = "io.containerd.runtime.v2.task/k8s.io"

// Clear stops all that a cluster started and removes what it left outside its
// state folder, and everything that is mounted below that.
func Clear(ctx context.Context, l layout.Layout) error {
	// Looked up first: a container's folder is gone as soon as it ends.
	t, err := tracesOf(l)
	if err != nil {
		return err
	}
	if err := stopAll(ctx, l, t); err != nil {
		return err
	}
	return remove(ctx, l, t)
}

// traces are what containers leave outside the cluster's folders.
type traces struct {
	cgroups []string
	// files are the sockets of shims and the notes of the CNI library.
	files []string
	// loops show volumes. Once all is unmounted they could not be told from
	// others.
	loops []loop
}

func tracesOf(l layout.Layout) (traces, error) {
	loops, err := loopsOf(l.State, l.Short)
	if err != nil {
		return traces{}, err
	}
	first, second := tracesOn(l), tracesOn(l.At(layout.Second))
	return traces{
		cgroups: slices.Concat(first.cgroups, second.cgroups), files: slices.Concat(first.files, second.files), loops: loops,
	}, nil
}

// tracesOn returns what the containers of one node leave; its loop devices are
// not looked for.
func tracesOn(l layout.Layout) traces {
	var t traces
	for _, container := range matches(filepath.Join(l.ContainerdState(), tasks, "*")) {
		id := filepath.Base(container)
		for _, parent := range cgroupParents {
			t.cgroups = append(t.cgroups, matches(filepath.Join(parent, id))...)
		}
		t.files = append(t.files, matches(filepath.Join(cniResults, "*-"+id+"-*"))...)
		address, err := os.ReadFile(filepath.Join(container, "address"))
		if socket, found := strings.CutPrefix(string(address), "unix://"); err == nil && found {
			t.files = append(t.files, socket)
		}
	}
	t.files = append(t.files, matches(filepath.Join(cniResults, l.Network()+"-*"))...)
	return t
}

// matches returns the paths that match a pattern that is known to be right.
func matches(pattern string) []string {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		panic(err)
	}
	return paths
}

// stopAll stops every process that a cluster started, in an order in which
// none starts another again: the kubelet, the containers, then the rest.
func stopAll(ctx context.Context, l layout.Layout, t traces) error {
	keeper := process.Keeper{Dir: l.Records(), Mark: l.Marker()}
	for _, place := range []layout.Place{layout.First, layout.Second} {
		if err := keeper.Stop(ctx, Prefix(place)+"kubelet"); err != nil {
			return err
		}
	}
	if err := killContainers(ctx, l.Marker(), t, IsShim); err != nil {
		return fmt.Errorf("kill the pods' containers: %w", err)
	}
	ours, err := process.Marked(l.Marker())
	if err != nil {
		return err
	}
	if err := process.Stop(ctx, grace, ours...); err != nil {
		return fmt.Errorf("stop the cluster's daemons: %w", err)
	}
	return nil
}

// killContainers kills what runs in containers: all below those of the cluster's
// processes that are their shims, and all in their control groups, where a shim
// is no more.
func killContainers(ctx context.Context, marker string, t traces, isShim func(process.Identity) bool) error {
	ours, err := process.Marked(marker)
	if err != nil {
		return err
	}
	var shims []process.Identity
	for _, id := range ours {
		if isShim(id) {
			shims = append(shims, id)
		}
	}
	inside, err := process.Descendants(shims)
	if err != nil {
		return err
	}
	grouped, err := inCgroups(t.cgroups)
	if err != nil {
		return err
	}
	return process.Kill(ctx, append(append(inside, grouped...), shims...)...)
}

// IsShim says whether a process is the shim of a pod, which containerd starts
// and which outlives it.
func IsShim(id process.Identity) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", id.PID))
	return err == nil && filepath.Base(exe) == "containerd-shim-runc-v2" && id.Alive()
}

// remove removes what a stopped cluster left.
func remove(ctx context.Context, l layout.Layout, t traces) error {
	var errs []error
	for _, dir := range []string{l.State, l.Short} {
		errs = append(errs, unmountBelow(dir))
	}
	errs = append(errs, detachLoops(t.loops), removeNetwork(ctx), removeCgroups(t.cgroups), removeLogLinks(l))
	for _, f := range t.files {
		errs = append(errs, removeFile(f))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove the cluster's traces: %w", err)
	}
	if err := os.RemoveAll(l.Short); err != nil {
		return fmt.Errorf("remove the cluster's short folder: %w", err)
	}
	return removeKubeletDevices(ctx)
}

// removeLogLinks removes the links to pods' logs that lead into our folder.
func removeLogLinks(l layout.Layout) error {
	var errs []error
	for _, link := range matches(filepath.Join(containerLinks, "*.log")) {
		target, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(target, l.State+"/") {
			errs = append(errs, removeFile(link))
		}
	}
	return errors.Join(errs...)
}

// removeKubeletDevices removes the folders that every kubelet makes, unless
// another one uses them: its socket there answers, or more than it is there.
func removeKubeletDevices(ctx context.Context) error {
	socket := filepath.Join(kubeletDevices, "kubelet.sock")
	conn, err := (&net.Dialer{Timeout: grace}).DialContext(ctx, "unix", socket)
	if err == nil {
		return conn.Close()
	}
	if err := removeFile(socket); err != nil {
		return fmt.Errorf("remove the kubelet's socket: %w", err)
	}
	for _, dir := range []string{kubeletDevices, filepath.Dir(kubeletDevices)} {
		_ = os.Remove(dir) // refused while another's are in it
	}
	return nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
