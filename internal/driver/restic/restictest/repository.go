package restictest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Password opens the repositories that tests make.
const Password = "a password of a test"

// Repository is a repository that a test works on with restic itself, around the
// driver.
type Repository struct {
	Restic  string
	Address string
	// Env is added to restic's environment.
	Env []string
	// CacheDir is restic's cache; a test gives each its own.
	CacheDir string
	// Folder is where the files of a repository that a server holds are on this
	// machine; empty for one whose address is a folder.
	Folder string
}

// Run runs restic and gives what it printed; it must succeed.
func (r Repository) Run(t testing.TB, args ...string) []byte {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(context.Background(), r.Restic, args...)
	cmd.Env = append(append(os.Environ(), "RESTIC_REPOSITORY="+r.Address, "RESTIC_PASSWORD="+Password, "RESTIC_CACHE_DIR="+r.CacheDir), r.Env...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	require.NoError(t, cmd.Run(), "restic %v: %s", args, complaint.String())
	return out.Bytes()
}

// Init makes the repository and returns its id. Where its files are on this machine
// it is a copy of one that this restic made, with an id of its own and a key that is
// cheap to open; elsewhere restic makes it.
func (r Repository) Init(t testing.TB) string {
	t.Helper()
	folder := r.Folder
	if folder == "" && filepath.IsAbs(r.Address) {
		folder = r.Address
	}
	if folder == "" {
		return r.make(t)
	}
	empty := !strings.HasPrefix(r.Address, "s3:") // an object store has no empty folders
	return template(t, r.Restic).copyTo(t, folder, empty)
}

// make has restic make the repository and returns its id.
func (r Repository) make(t testing.TB) string {
	t.Helper()
	var made struct{ ID string }
	require.NoError(t, json.Unmarshal(r.Run(t, "init", "--json"), &made))
	require.NotEmpty(t, made.ID)
	return made.ID
}

// Snapshot backs a folder up and gives the snapshot's id.
func (r Repository) Snapshot(t testing.TB, folder string, args ...string) string {
	t.Helper()
	out := r.Run(t, append(append([]string{"backup", "--json"}, args...), folder)...)
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	var summary struct {
		SnapshotID string `json:"snapshot_id"`
	}
	require.NoError(t, json.Unmarshal(lines[len(lines)-1], &summary))
	require.NotEmpty(t, summary.SnapshotID)
	return summary.SnapshotID
}

// Hold begins a backup that goes on, and holds its lock, until the function it
// gives is called, which must be before the test ends.
func Hold(t testing.TB, r Repository) (end func()) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), r.Restic, "backup", "--quiet", "--stdin")
	cmd.Env = append(append(os.Environ(), "RESTIC_REPOSITORY="+r.Address, "RESTIC_PASSWORD="+Password, "RESTIC_CACHE_DIR="+r.CacheDir), r.Env...)
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		return len(bytes.TrimSpace(r.Run(t, "list", "locks", "--no-lock", "--quiet"))) > 0
	}, time.Minute, 10*time.Millisecond, "the backup has its lock")
	return func() {
		require.NoError(t, input.Close())
		_ = cmd.Wait() // it may say that it read nothing
	}
}

// HoldAlone begins a check that goes on, and holds the repository's exclusive lock,
// until the function it returns is called, which must be before the test ends. The
// repository must hold some data: it is read a kilobyte a second.
func HoldAlone(t testing.TB, r Repository) (end func()) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), r.Restic, "check", "--read-data", "--limit-download", "1", "--no-cache")
	cmd.Env = append(append(os.Environ(), "RESTIC_REPOSITORY="+r.Address, "RESTIC_PASSWORD="+Password), r.Env...)
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		return len(bytes.TrimSpace(r.Run(t, "list", "locks", "--no-lock", "--quiet"))) > 0
	}, time.Minute, 10*time.Millisecond, "the check has its lock")
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
}
