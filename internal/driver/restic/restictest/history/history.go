package history

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/lightkey"
)

// History is what is written.
type History struct {
	// Claims are those whose backups are written, in turn.
	Claims []backup.Claim
	// Backups is how many of them there are.
	Backups int
	// Changed says that each so many-th backup found the file changed: 1 is all of them.
	// The first one always did.
	Changed int
	// Newest is when the last one was taken, and Every how long before it the one
	// before was.
	Newest time.Time
	Every  time.Duration
	// Cluster is the name of the cluster that took them; "" where it has none.
	Cluster string
}

// Write writes the backups into the repository in a folder, which restic made and whose
// one key the password opens. The files have the owner and mode of the repository's
// config, for the server that serves them.
func (h History) Write(folder, password string) error {
	r, err := open(folder, password)
	if err != nil {
		return err
	}
	var tree id
	for n := range h.Backups {
		at := h.Newest.Add(-time.Duration(h.Backups-1-n) * h.Every)
		if n%h.Changed == 0 {
			if tree, err = r.change(fmt.Sprintf("change %d of a history\n", n), at); err != nil {
				return err
			}
		}
		if err := r.snapshot(h.of(h.Claims[n%len(h.Claims)], at, tree)); err != nil {
			return err
		}
	}
	return nil
}

// snapshot is a file below snapshots/.
type snapshot struct {
	Time     time.Time `json:"time"`
	Tree     id        `json:"tree"`
	Paths    []string  `json:"paths"`
	Hostname string    `json:"hostname"`
	Username string    `json:"username"`
	Tags     []string  `json:"tags"`
	Version  string    `json:"program_version"`
	Summary  summary   `json:"summary"`
}

// summary is what restic counted, as it is kept since version 0.17.
type summary struct {
	Start time.Time `json:"backup_start"`
	End   time.Time `json:"backup_end"`
	Files int       `json:"total_files_processed"`
	Bytes int       `json:"total_bytes_processed"`
}

func (h History) of(claim backup.Claim, at time.Time, tree id) snapshot {
	tags := []string{"namespace=" + claim.Namespace, "pvc=" + claim.Name}
	if h.Cluster != "" {
		tags = append(tags, "cluster="+h.Cluster)
	}
	return snapshot{
		Time: at, Tree: tree, Paths: []string{"/" + root}, Hostname: claim.String(), Username: "root", Tags: tags, Version: "restic 0.16.4",
		Summary: summary{Start: at, End: at.Add(time.Second), Files: 1, Bytes: fileSize},
	}
}

// repository is a folder with the key to what is in it.
type repository struct {
	folder string
	master lightkey.Master
	mode   os.FileMode
	// user and group own the config; -1 where that cannot be told.
	user, group int
}

func open(folder, password string) (*repository, error) {
	keys, err := filepath.Glob(filepath.Join(folder, "keys", "*"))
	if err != nil || len(keys) != 1 {
		return nil, fmt.Errorf("repository %s has %d keys, not one (%w)", folder, len(keys), err)
	}
	key, err := os.ReadFile(keys[0])
	if err != nil {
		return nil, fmt.Errorf("reading the repository's key: %w", err)
	}
	master, err := lightkey.OpenMaster(key, password)
	if err != nil {
		return nil, err
	}
	config, err := os.Stat(filepath.Join(folder, "config"))
	if err != nil {
		return nil, fmt.Errorf("reading the repository: %w", err)
	}
	r := &repository{folder: folder, master: master, mode: config.Mode().Perm(), user: -1, group: -1}
	if owner, known := config.Sys().(*syscall.Stat_t); known {
		r.user, r.group = int(owner.Uid), int(owner.Gid)
	}
	return r, nil
}

// snapshot writes a snapshot's file.
func (r *repository) snapshot(s snapshot) error {
	return r.sealed("snapshots", s)
}

// sealed writes a document as restic does: its JSON, encrypted, under the hash of that.
func (r *repository) sealed(kind string, document any) error {
	plain, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("writing a file below %s: %w", kind, err)
	}
	content, err := r.master.Seal(plain)
	if err != nil {
		return err
	}
	return r.put(filepath.Join(kind, idOf(content).String()), content)
}

func (r *repository) put(path string, content []byte) error {
	path = filepath.Join(r.folder, path)
	folder := filepath.Dir(path)
	// A store that is no folder has none until a file is in it.
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		err = os.WriteFile(path, content, r.mode)
	}
	for _, made := range []string{filepath.Dir(folder), folder, path} {
		if err == nil {
			err = os.Chown(made, r.user, r.group)
		}
	}
	if err != nil {
		return fmt.Errorf("writing the repository: %w", err)
	}
	return nil
}
