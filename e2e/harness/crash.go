package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// killedStatus is the exit status of a container whose process got SIGKILL.
const killedStatus = 137

// Killed gives the pod of a replica whose process was killed; "" if there is none.
func (c *Cluster) Killed(ctx context.Context) (pod string, err error) {
	replicas, err := c.Replicas(ctx)
	if err != nil {
		return "", err
	}
	if at := slices.IndexFunc(replicas, wasKilled); at >= 0 {
		return replicas[at].Name, nil
	}
	return "", nil
}

func wasKilled(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		return slices.ContainsFunc([]*corev1.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated}, func(t *corev1.ContainerStateTerminated) bool {
			return t != nil && t.ExitCode == killedStatus
		})
	})
}

// Replace deletes the pod of a replica that was killed, waits until it is gone,
// for its container was started again meanwhile, and frees the lease that it may
// have died with: neither a back-off nor the lease's time-out is waited for.
func (c *Cluster) Replace(ctx context.Context, pod string) error {
	doomed := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: SoteriaNamespace, Name: pod}}
	if err := c.Delete(ctx, doomed, client.GracePeriodSeconds(1)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting pod %s: %w", pod, err)
	}
	err := WaitFor(ctx, "pod "+pod+" to be gone", func(ctx context.Context) (bool, string, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(doomed), doomed)
		return apierrors.IsNotFound(err), string(doomed.Status.Phase), client.IgnoreNotFound(err)
	})
	if err != nil {
		return err
	}
	var lease coordinationv1.Lease
	if err := c.Get(ctx, client.ObjectKey{Namespace: SoteriaNamespace, Name: soteriaName}, &lease); err != nil {
		return fmt.Errorf("reading Soteria's lease: %w", err)
	}
	if holder, _, _ := strings.Cut(ptr.Deref(lease.Spec.HolderIdentity, ""), "_"); holder != pod {
		return nil
	}
	lease.Spec.HolderIdentity = ptr.To("")
	// A conflict means that another replica has taken it by itself.
	if err := c.Update(ctx, &lease); err != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("freeing the lease of %s: %w", pod, err)
	}
	return nil
}

// lookForProcessesEvery is how often a process is looked for that is to be caught.
const lookForProcessesEvery = 5 * time.Millisecond

// KillRestic kills every restic process of Soteria's replicas that runs a
// command, as soon as it is there, until ctx ends. It looks at the processes of
// this machine. It gives the number of processes that it killed.
func (c *Cluster) KillRestic(ctx context.Context, command string) (killed int, err error) {
	replicas, err := c.Replicas(ctx)
	if err != nil {
		return 0, err
	}
	var containers []string
	for _, pod := range replicas {
		for _, status := range pod.Status.ContainerStatuses {
			_, id, _ := strings.Cut(status.ContainerID, "://")
			containers = append(containers, id)
		}
	}
	ticker := time.NewTicker(lookForProcessesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return killed, nil
		case <-ticker.C:
		}
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return killed, fmt.Errorf("looking for restic: %w", err)
		}
		for _, entry := range entries {
			if pid, err := strconv.Atoi(entry.Name()); err == nil && kill(pid, command, containers) {
				killed++
			}
		}
	}
}

// kill kills a process if it is restic, with that command, in one of the
// containers. The process is held before it is looked at, so that it cannot be
// mistaken for another that got its id.
func kill(pid int, command string, containers []string) bool {
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer process.Release() //nolint:errcheck // only a handle
	argv := argvOf(pid)
	if filepath.Base(argv[0]) != "restic" || !slices.Contains(argv, command) {
		return false
	}
	cgroups := ofProcess(pid, "cgroup")
	ours := slices.ContainsFunc(containers, func(id string) bool { return id != "" && strings.Contains(cgroups, id) })
	return ours && process.Kill() == nil
}

// ofProcess reads a file that the system keeps of a process; "" if it has ended.
func ofProcess(pid int, file string) string {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
	if err != nil {
		return ""
	}
	return string(content)
}

func argvOf(pid int) []string { return strings.Split(ofProcess(pid, "cmdline"), "\x00") }

// HoldBackup waits for the restic that backs a claim up and stops it, so that it does
// nothing and does not end, until the function that it returns is called. It looks at
// the processes of this machine.
func (c *Cluster) HoldBackup(ctx context.Context, namespace, claim string) (goOn func() error, err error) {
	ticker := time.NewTicker(lookForProcessesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the restic that backs up %s/%s: %w", namespace, claim, ctx.Err())
		case <-ticker.C:
		}
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return nil, fmt.Errorf("looking for restic: %w", err)
		}
		for _, entry := range entries {
			pid, err := strconv.Atoi(entry.Name())
			if err != nil {
				continue
			}
			if held, ok := holdIf(pid, namespace+"/"+claim); ok {
				return func() error { return held.Signal(syscall.SIGCONT) }, nil
			}
		}
	}
}

// holdIf stops a process if it is the restic that backs a claim up. The process is held
// before it is looked at, so that it cannot be mistaken for another that got its id.
func holdIf(pid int, host string) (*os.Process, bool) {
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil, false
	}
	argv := argvOf(pid)
	backsUp := filepath.Base(argv[0]) == "restic" && slices.Contains(argv, "backup") && slices.Contains(argv, host)
	if !backsUp || process.Signal(syscall.SIGSTOP) != nil {
		_ = process.Release()
		return nil, false
	}
	return process, true
}

// StoredVolumes lists the folders of this machine that the storage driver keeps
// volumes in, by the volumes' handles.
func (c *Cluster) StoredVolumes() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(c.root, ".cluster", "volumes"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the volumes' folders: %w", err)
	}
	var handles []string
	for _, entry := range entries {
		if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			handles = append(handles, entry.Name())
		}
	}
	return handles, nil
}
