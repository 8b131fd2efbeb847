package cli

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// reserve is what stays free for this process and for a listing beside a run that is
// bounded by [Room].
const reserve = 128 << 20

// least is what a run may always have: restic's key derivation alone takes 64 MiB.
const least = 128 << 20

// Room returns how much memory a run of restic may take without bringing the whole
// container to its limit, at which the kernel would end this process too; 0 where
// there is no limit, or none that can be read. It reads the container's own cgroup
// (version 2).
func Room() int64 { return room("/sys/fs/cgroup") }

func room(cgroup string) int64 {
	limit, limited := number(cgroup, "memory.max")
	used, known := number(cgroup, "memory.current")
	if !limited || !known {
		return 0
	}
	return max(limit-used+reclaimable(cgroup)-reserve, least)
}

// number reads a file that holds one number.
func number(cgroup, name string) (int64, bool) {
	text, err := os.ReadFile(filepath.Join(cgroup, name)) // #nosec G304 -- the kernel's files
	if err != nil {
		return 0, false
	}
	value, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return value, err == nil
}

// reclaimable is how much of what is used are copies of files, which the kernel drops
// when it needs room.
func reclaimable(cgroup string) int64 {
	text, err := os.ReadFile(filepath.Join(cgroup, "memory.stat")) // #nosec G304 -- the kernel's file
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), "inactive_file "); found {
			if bytes, err := strconv.ParseInt(value, 10, 64); err == nil {
				return bytes
			}
		}
	}
	return 0
}

// bound keeps a process that has just begun from taking more memory than that.
func bound(pid int, bytes int64) error {
	limit := &unix.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)} //nolint:gosec // never negative, see room
	return unix.Prlimit(pid, unix.RLIMIT_DATA, limit, nil)
}
