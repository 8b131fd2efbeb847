// Package owner keeps two clusters on one machine apart.
//
// A machine can run one cluster at a time, since kube-proxy's nftables tables
// have fixed names. A note outside all repositories says whose it is, and a
// lock keeps two commands from working on clusters at the same time.
package owner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
)

// lockPoll is how often a lock that another process holds is tried again.
const lockPoll = 100 * time.Millisecond

// Note says whose the machine's cluster is. Dir is layout.MachineDir, but in
// tests.
type Note struct{ Dir string }

// Lock waits until no other command works on a cluster of this machine.
func (n Note) Lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(n.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the clusters' folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(n.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the clusters' lock: %w", err)
	}
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock the clusters: %w", err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("another command works on a cluster of this machine: %w", ctx.Err()), f.Close())
		case <-tick.C:
		}
	}
}

// Read returns the layout of the cluster that owns the machine.
func (n Note) Read() (l layout.Layout, owned bool, err error) {
	data, err := os.ReadFile(n.file())
	if errors.Is(err, fs.ErrNotExist) {
		return layout.Layout{}, false, nil
	}
	if err != nil {
		return layout.Layout{}, false, fmt.Errorf("read whose the machine's cluster is: %w", err)
	}
	state := strings.TrimSpace(string(data))
	if !filepath.IsAbs(state) {
		return layout.Layout{}, false, nil // written when the machine went down
	}
	return layout.New(state), true, nil
}

// Write notes that the machine's cluster is this one.
func (n Note) Write(l layout.Layout) error {
	if err := os.WriteFile(n.file(), []byte(l.State+"\n"), 0o600); err != nil {
		return fmt.Errorf("note whose the machine's cluster is: %w", err)
	}
	return nil
}

// Clear notes that no cluster owns the machine.
func (n Note) Clear() error {
	if err := os.Remove(n.file()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("note that the machine has no cluster: %w", err)
	}
	return nil
}

func (n Note) file() string { return filepath.Join(n.Dir, "owner") }
