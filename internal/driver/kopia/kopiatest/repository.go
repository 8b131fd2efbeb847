package kopiatest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/tooltest"
)

// Password opens the repositories that tests make.
const Password = "a password of a test"

// Repository is a repository that a test works on with kopia itself, around the
// driver.
type Repository struct {
	// ID is its unique id.
	ID string
	// Folder is where it is, unless it is in S3.
	Folder string
	home   string
}

// KeyBy is the option that says how a key is derived from the password.
const KeyBy = "--format-block-key-derivation-algorithm"

// The ways to derive a key from a password. Kopia's own default is the second.
const (
	ByPBKDF2 = "pbkdf2-sha256-600000"
	ByScrypt = "scrypt-65536-8-1"
)

// S3 is where to make a repository in S3.
type S3 struct{ Host, Bucket, Prefix, AccessKey, SecretKey string }

// New makes a repository in a folder. Its key is derived by PBKDF2, since the race
// detector makes four seconds of scrypt.
func New(t testing.TB) *Repository {
	t.Helper()
	return NewWith(t, KeyBy, ByPBKDF2)
}

// NewWith makes a repository in a folder, with options of kopia's.
func NewWith(t testing.TB, options ...string) *Repository {
	t.Helper()
	r := &Repository{Folder: filepath.Join(t.TempDir(), "repository"), home: t.TempDir()}
	return r.create(t, append([]string{"filesystem", "--path", r.Folder}, options...)...)
}

// NewS3 makes a repository in S3.
func NewS3(t testing.TB, s S3) *Repository {
	t.Helper()
	r := &Repository{home: t.TempDir()}
	return r.create(t, "s3", KeyBy, ByPBKDF2, "--endpoint", s.Host, "--disable-tls", "--bucket", s.Bucket, "--prefix", s.Prefix,
		"--access-key", s.AccessKey, "--secret-access-key", s.SecretKey)
}

func (r *Repository) create(t testing.TB, args ...string) *Repository {
	t.Helper()
	r.Run(t, append([]string{"repository", "create"}, args...)...)
	// Kopia tidies up by itself now and then, of which tests want none.
	r.Run(t, "maintenance", "set", "--enable-quick", "false", "--enable-full", "false")
	var status struct {
		ID string `json:"uniqueIDHex"`
	}
	require.NoError(t, json.Unmarshal(r.Run(t, "repository", "status", "--json"), &status))
	require.NotEmpty(t, status.ID)
	r.ID = status.ID
	return r
}

// Connect gives the same repository as another client of it: whose backups are
// its user's and host's.
func (r *Repository) Connect(t testing.TB, user, host string) *Repository {
	t.Helper()
	other := &Repository{ID: r.ID, Folder: r.Folder, home: t.TempDir()}
	other.Run(t, "repository", "connect", "filesystem", "--path", r.Folder, "--override-username", user, "--override-hostname", host)
	return other
}

// Command makes a run of kopia.
func (r *Repository) Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), tooltest.Build(t, "kopia", "kopia"), args...)
	cmd.Env = append(os.Environ(), "KOPIA_PASSWORD="+Password, "KOPIA_CHECK_FOR_UPDATES=false",
		"KOPIA_CONFIG_PATH="+filepath.Join(r.home, "config"), "KOPIA_CACHE_DIRECTORY="+filepath.Join(r.home, "cache"), "KOPIA_LOG_DIR="+filepath.Join(r.home, "log"))
	return cmd
}

// Run runs kopia and gives what it printed; it must succeed.
func (r *Repository) Run(t testing.TB, args ...string) []byte {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := r.Command(t, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	require.NoError(t, cmd.Run(), "kopia %v: %s", args, complaint.String())
	return out.Bytes()
}

// Source is how a claim's snapshots name what they are of.
func Source(claim backup.Claim) string {
	return claim.Name + "-backup@" + claim.Namespace + ":/data"
}

// Backup makes a snapshot of a claim and gives its id.
func (r *Repository) Backup(t testing.TB, claim backup.Claim, takenAt time.Time) string {
	t.Helper()
	return r.Snapshot(t, Source(claim), takenAt)
}

// Snapshot makes a snapshot of a source and gives its id. It holds a folder with a
// file that names the source and the time.
func (r *Repository) Snapshot(t testing.TB, source string, takenAt time.Time, args ...string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file"), fmt.Appendln(nil, source, takenAt), 0o600))
	var made struct {
		ID string `json:"id"`
	}
	out := r.Run(t, append([]string{"snapshot", "create", folder, "--override-source=" + source,
		"--start-time", takenAt.UTC().Format("2006-01-02 15:04:05 MST"), "--json", "--no-progress"}, args...)...)
	require.NoError(t, json.Unmarshal(out, &made))
	require.NotEmpty(t, made.ID)
	return made.ID
}

// Copy gives a copy of the folder with the repository as it is now.
func (r *Repository) Copy(t testing.TB) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(folder, os.DirFS(r.Folder)))
	return folder
}

// Blobs gives the files below folder whose blobs' ids begin with prefix.
func Blobs(t testing.TB, folder, prefix string) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(filepath.Join(folder, prefix), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return err
	}))
	require.NotEmpty(t, found, "blobs %s… in %s", prefix, folder)
	return found
}
