package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Marked returns the running processes whose environment holds the entry
// given, such as NAME=value. Processes that cannot be read are left out.
func Marked(entry string) ([]Identity, error) {
	pids, err := pids()
	if err != nil {
		return nil, err
	}
	var found []Identity
	for _, pid := range pids {
		id, err := Identify(pid)
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile(filepath.Join(procfs, strconv.Itoa(pid), "environ"))
		if err != nil {
			continue
		}
		if hasEntry(env, entry) && id.Alive() {
			found = append(found, id)
		}
	}
	return found, nil
}

// Descendants returns all running descendants of the processes given.
func Descendants(of []Identity) ([]Identity, error) {
	pids, err := pids()
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, pid := range pids {
		if st, err := readStat(pid); err == nil {
			children[st.parent] = append(children[st.parent], pid)
		}
	}
	var (
		found []Identity
		seen  = map[int]bool{}
		walk  func(pid int)
	)
	walk = func(pid int) {
		for _, child := range children[pid] {
			if seen[child] {
				continue
			}
			seen[child] = true
			if id, err := Identify(child); err == nil {
				found = append(found, id)
			}
			walk(child)
		}
	}
	for _, id := range of {
		if id.Alive() {
			walk(id.PID)
		}
	}
	return found, nil
}

func hasEntry(env []byte, entry string) bool {
	for e := range bytes.SplitSeq(env, []byte{0}) {
		if string(e) == entry {
			return true
		}
	}
	return false
}

func pids() ([]int, error) {
	entries, err := os.ReadDir(procfs)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
