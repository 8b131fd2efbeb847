// Package store is the backup store: what a bucket or an NFS export is to the real Longhorn, as a folder in a format of
// our own.
//
//	<target>/<volume>/<backup>/backup.json   see [Backup]
//	<target>/<volume>/<backup>/data.img      the whole volume at the time of its snapshot, sparse
//
// Each backup stands alone, so that removing one harms no other. What is known of a volume follows from its backups, as
// with the real store, where the last upload writes the volume's record.
package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/sparse"
)

const (
	record = "backup.json"
	data   = "data.img"
	// partial begins the name of a backup that is being uploaded or removed.
	partial  = "."
	fileMode = 0o600
	dirMode  = 0o750
)

// ErrNotFound is the absence of a backup or of a volume.
var ErrNotFound = errors.New("not in the backup store")

// Backup is what is recorded of one backup.
type Backup struct {
	Name         string            `json:"name"`
	Volume       string            `json:"volume"`
	Snapshot     string            `json:"snapshot"`
	Labels       map[string]string `json:"labels"`
	StorageClass string            `json:"storageClass"`
	// VolumeSize is how large the volume was, Bytes how much of it held data.
	VolumeSize int64 `json:"volumeSize"`
	Bytes      int64 `json:"bytes"`
	// Mode is how it was asked for: "incremental" or "full".
	Mode            string    `json:"mode"`
	VolumeCreated   time.Time `json:"volumeCreated"`
	SnapshotCreated time.Time `json:"snapshotCreated"`
	// Created is when the upload ended.
	Created time.Time `json:"created"`
}

// Volume is what is known of a volume.
type Volume struct {
	Name string
	// Last is the backup whose upload ended last; nil where none is left.
	Last *Backup
	// Bytes is what all backups take.
	Bytes int64
}

// Store is the folder.
type Store struct {
	root *os.Root
}

// Open opens the folder and removes what a crash left unfinished.
func Open(root *os.Root) (*Store, error) {
	store := &Store{root: root}
	return store, store.clean()
}

func (s *Store) clean() error {
	unfinished, err := fs.Glob(s.root.FS(), path.Join("*", "*", partial+"*"))
	if err != nil {
		return err
	}
	for _, name := range unfinished {
		if err := s.root.RemoveAll(name); err != nil {
			return fmt.Errorf("remove unfinished %s: %w", name, err)
		}
	}
	return nil
}

// Volumes names the volumes that a target has, in order.
func (s *Store) Volumes(target string) ([]string, error) {
	return s.list(target)
}

// Backups names the backups of a volume, in order.
func (s *Store) Backups(target, volume string) ([]string, error) {
	return s.list(path.Join(target, volume))
}

func (s *Store) list(dir string) ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	names := []string{}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), partial) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Get reads the record of a backup.
func (s *Store) Get(target, volume, backup string) (Backup, error) {
	content, err := s.root.ReadFile(path.Join(target, volume, backup, record))
	if err != nil {
		return Backup{}, notFound(err, backup)
	}
	var recorded Backup
	if err := json.Unmarshal(content, &recorded); err != nil {
		return Backup{}, fmt.Errorf("read the record of backup %q: %w", backup, err)
	}
	return recorded, nil
}

// Volume tells what is known of a volume that the target has.
func (s *Store) Volume(target, volume string) (Volume, error) {
	if _, err := s.root.Stat(path.Join(target, volume)); err != nil {
		return Volume{}, notFound(err, volume)
	}
	names, err := s.Backups(target, volume)
	if err != nil {
		return Volume{}, err
	}
	known := Volume{Name: volume}
	var backups []Backup
	for _, name := range names {
		backup, err := s.Get(target, volume, name)
		if err != nil {
			return Volume{}, err
		}
		known.Bytes += backup.Bytes
		backups = append(backups, backup)
	}
	if len(backups) > 0 {
		last := slices.MaxFunc(backups, later)
		known.Last = &last
	}
	return known, nil
}

func later(a, b Backup) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
}

// Put uploads a backup. now is asked when the upload ends; Bytes and Created of the record are filled in. Until all is
// written there is no backup.
func (s *Store) Put(ctx context.Context, target string, backup Backup, source *os.File, now func() time.Time, step sparse.Step) error {
	dir := path.Join(target, backup.Volume)
	unfinished := path.Join(dir, partial+backup.Name)
	if err := s.root.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("remove an unfinished upload of backup %q: %w", backup.Name, err)
	}
	if err := s.root.MkdirAll(unfinished, dirMode); err != nil {
		return fmt.Errorf("make the folder of backup %q: %w", backup.Name, err)
	}
	err := s.upload(ctx, unfinished, backup, source, now, step)
	if err == nil {
		err = s.root.Rename(unfinished, path.Join(dir, backup.Name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("upload backup %q: %w", backup.Name, err), s.root.RemoveAll(unfinished))
	}
	return nil
}

func (s *Store) upload(ctx context.Context, dir string, backup Backup, source *os.File, now func() time.Time, step sparse.Step) error {
	target, err := s.root.OpenFile(path.Join(dir, data), os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	backup.Bytes, err = sparse.Copy(ctx, target, source, step)
	if err := errors.Join(err, target.Close()); err != nil {
		return err
	}
	backup.Created = now()
	content, err := json.MarshalIndent(backup, "", "  ")
	if err != nil {
		return err
	}
	return s.root.WriteFile(path.Join(dir, record), content, fileMode)
}

// Fetch writes the data of a backup to an empty file.
func (s *Store) Fetch(ctx context.Context, target, volume, backup string, file *os.File, step sparse.Step) error {
	source, err := s.root.Open(path.Join(target, volume, backup, data))
	if err != nil {
		return notFound(err, backup)
	}
	defer source.Close() //nolint:errcheck // only read from
	if _, err := sparse.Copy(ctx, file, source, step); err != nil {
		return fmt.Errorf("fetch backup %q: %w", backup, err)
	}
	return nil
}

// Remove removes a backup. It need not be there. The volume stays known, even without backups.
func (s *Store) Remove(target, volume, backup string) error {
	dir := path.Join(target, volume)
	// Renamed first, so that a crash in the middle leaves no backup rather than half of one.
	err := s.root.Rename(path.Join(dir, backup), path.Join(dir, partial+backup))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove backup %q: %w", backup, err)
	}
	if err := s.root.RemoveAll(path.Join(dir, partial+backup)); err != nil {
		return fmt.Errorf("remove backup %q: %w", backup, err)
	}
	return nil
}

// RemoveVolume removes a volume with all its backups. It need not be there.
func (s *Store) RemoveVolume(target, volume string) error {
	if err := s.root.RemoveAll(path.Join(target, volume)); err != nil {
		return fmt.Errorf("remove volume %q: %w", volume, err)
	}
	return nil
}

func notFound(err error, name string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	return fmt.Errorf("%q in the backup store: %w", name, err)
}
