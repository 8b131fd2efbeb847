package cli

import (
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// group is the process group that a started command leads. It is signalled only
// while its number belongs to it: until the leader is reaped.
type group struct {
	leader *exec.Cmd
	mu     sync.Mutex
	ended  bool
	kill   *time.Timer
}

// signal sends a signal to all of the group.
func (g *group) signal(signal syscall.Signal) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.send(signal)
}

// endIn asks the group to end by a signal, and kills it if it has not done so in
// time.
func (g *group) endIn(patience time.Duration, signal syscall.Signal) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kill = time.AfterFunc(patience, func() { _ = g.signal(syscall.SIGKILL) })
	return g.send(signal)
}

// awaitLeader waits until the leader has ended, and kills what it left behind: a
// child that holds restic's output open would keep it from ending. The leader is
// not reaped.
func (g *group) awaitLeader() {
	for errors.Is(unix.Waitid(unix.P_PID, g.leader.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
		continue
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.send(syscall.SIGKILL)
	g.ended = true
	if g.kill != nil {
		g.kill.Stop()
	}
}

func (g *group) send(signal syscall.Signal) error {
	if g.ended {
		return os.ErrProcessDone
	}
	err := syscall.Kill(-g.leader.Process.Pid, signal)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
