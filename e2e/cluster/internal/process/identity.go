package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// procfs is the folder of the proc file system.
const procfs = "/proc"

// Identity tells one process from every other that the machine ever ran.
type Identity struct {
	PID int `json:"pid"`
	// Start is the start time in clock ticks since the boot.
	Start uint64 `json:"start"`
	// Boot is the kernel's id of the boot.
	Boot string `json:"boot"`
}

// ErrGone is returned for a process that no longer runs.
var ErrGone = errors.New("process is gone")

// Identify returns the identity of a running process, or ErrGone.
func Identify(pid int) (Identity, error) {
	boot, err := bootID()
	if err != nil {
		return Identity{}, err
	}
	st, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	if st.state == 'Z' || st.state == 'X' {
		return Identity{}, ErrGone
	}
	return Identity{PID: pid, Start: st.start, Boot: boot}, nil
}

// Alive says whether this very process still runs.
func (id Identity) Alive() bool {
	if id.PID <= 0 {
		return false
	}
	now, err := Identify(id.PID)
	return err == nil && now == id
}

// Signal sends a signal to this very process. It returns ErrGone if it no
// longer runs, also when its pid now belongs to another one.
func (id Identity) Signal(sig syscall.Signal) error {
	p, err := os.FindProcess(id.PID)
	if err != nil {
		return fmt.Errorf("find process %d: %w", id.PID, err)
	}
	defer func() { _ = p.Release() }()
	if !id.Alive() {
		return ErrGone
	}
	err = p.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		return ErrGone
	}
	if err != nil {
		return fmt.Errorf("signal process %d: %w", id.PID, err)
	}
	return nil
}

// stat is the part of /proc/PID/stat that is used here.
type stat struct {
	state  byte
	parent int
	start  uint64
}

func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(filepath.Join(procfs, strconv.Itoa(pid), "stat"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return stat{}, ErrGone
	}
	if err != nil {
		return stat{}, fmt.Errorf("read process %d: %w", pid, err)
	}
	return parseStat(data)
}

// parseStat reads a line of /proc/PID/stat. The second field, the command's
// name in parentheses, may itself hold spaces and parentheses, so the other
// fields are counted from the last closing one.
func parseStat(data []byte) (stat, error) {
	const startField = 22 - 3 // counted from the state, which is field 3
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("process status %q has no command name", data)
	}
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) <= startField || len(fields[0]) != 1 {
		return stat{}, fmt.Errorf("process status %q is too short", data)
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, fmt.Errorf("parent in process status: %w", err)
	}
	start, err := strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("start time in process status: %w", err)
	}
	return stat{state: fields[0][0], parent: parent, start: start}, nil
}

func bootID() (string, error) {
	data, err := os.ReadFile(filepath.Join(procfs, "sys", "kernel", "random", "boot_id"))
	if err != nil {
		return "", fmt.Errorf("read the boot's id: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
