package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
)

// States of a backup. While it is made the state is empty, Pending or
// InProgress; the others are final.
const (
	BackupCompleted = "Completed"
	BackupError     = "Error"
	BackupUnknown   = "Unknown"
	BackupDeleting  = "Deleting"
)

// labelEncrypted is the label of a backup of an encrypted volume, from version
// 1.12 on.
const labelEncrypted = "volume-encrypted"

// LabelKubernetesStatus is the label of a backup that holds the volume's
// [KubernetesStatus] as JSON. Longhorn sets it; callers may not.
const LabelKubernetesStatus = "KubernetesStatus"

// Backup is a backup as Longhorn tells of it. URL, Labels and times are empty
// until it is complete or, where it was made elsewhere, has been read.
type Backup struct {
	Name  string `json:"name"`
	State string `json:"state"`
	// Progress is in percent.
	Progress     Int    `json:"progress"`
	Error        string `json:"error"`
	URL          string `json:"url"`
	SnapshotName string `json:"snapshotName"`
	// SnapshotCreated is when the data was as the backup holds it, Created when
	// the upload ended; RFC 3339.
	SnapshotCreated string `json:"snapshotCreated"`
	Created         string `json:"created"`
	// Size is what the backup's blocks take, in bytes; VolumeSize is the size of
	// the volume when it was last backed up, not at this backup.
	Size             Int               `json:"size"`
	VolumeSize       Int               `json:"volumeSize"`
	Labels           map[string]string `json:"labels"`
	VolumeName       string            `json:"volumeName"`
	BackupTargetName string            `json:"backupTargetName"`
	// BlockSize is the size of the backup's blocks in bytes; nil before version
	// 1.10, where it is 2 MiB. Longhorn writes -1 where it could not read it.
	BlockSize *Int `json:"blockSize"`
	// BackingImage is the backing image of the volume that was backed up; empty
	// where it had none. The backup does not hold it.
	BackingImage string `json:"volumeBackingImageName"`
}

func (b Backup) key() string { return b.Name }

// IsEncrypted reports whether the backup says that it is of an encrypted volume.
// Those that versions before 1.12 took do not say.
func (b Backup) IsEncrypted() bool { return b.Labels[labelEncrypted] == "enabled" }

// BackupTarget is a place that backups are kept in.
type BackupTarget struct {
	Name string `json:"name"`
	// URL is empty where no backup target is configured.
	URL string `json:"backupTargetURL"`
	// Available says that the target could be reached when Longhorn last tried,
	// which is not to say that its backups are known.
	Available bool   `json:"available"`
	Message   string `json:"message"`
}

func (b BackupTarget) key() string { return b.Name }

// UnmarshalJSON reads the name from the field id where there is none, as in
// versions 1.6.0 and 1.6.1.
func (t *BackupTarget) UnmarshalJSON(data []byte) error {
	type plain BackupTarget
	answer := struct {
		plain
		ID string `json:"id"`
	}{}
	if err := json.Unmarshal(data, &answer); err != nil {
		return err
	}
	*t = BackupTarget(answer.plain)
	t.Name = cmp.Or(t.Name, answer.ID)
	return nil
}

// BackupTargets lists the backup targets.
func (c *Client) BackupTargets(ctx context.Context) ([]BackupTarget, error) {
	return doList[BackupTarget](ctx, c, call{what: "listing backup targets", method: http.MethodGet, path: "backuptargets", reads: true})
}

// SyncBackupTarget asks Longhorn to read anew which backups a target holds, which
// goes on after the call. Within 10 s of anybody's last request it is
// [IsTooSoon]; versions before 1.6.2 answer [IsUnsupported].
func (c *Client) SyncBackupTarget(ctx context.Context, name string) error {
	if err := checkName("backup target", name); err != nil {
		return err
	}
	body := struct {
		Sync bool `json:"syncBackupTarget"`
	}{true}
	return c.do(ctx, call{
		what: "syncing backup target " + name, method: http.MethodPost, path: "backuptargets/" + name, action: "backupTargetSync", body: body,
	}, nil)
}

// BackupsOfVolume lists the backups of a volume that need not exist any more.
// No backup is no error, nor is a volume that never was. Version 1.8.0 answers
// [IsUnsupported].
func (c *Client) BackupsOfVolume(ctx context.Context, volume string) ([]Backup, error) {
	if err := checkName("volume", volume); err != nil {
		return nil, err
	}
	return doList[Backup](ctx, c, call{
		what: "listing backups of volume " + volume, method: http.MethodPost, path: "backupvolumes/" + volume,
		action: "backupListByVolume", body: named{volume}, reads: true,
	})
}

// Backup reads a backup of a volume. Longhorn finds it by its own name alone.
func (c *Client) Backup(ctx context.Context, volume, name string) (Backup, error) {
	if err := checkName("volume", volume); err != nil {
		return Backup{}, err
	}
	call := call{
		what: "reading backup " + name, method: http.MethodPost, path: "backupvolumes/" + volume,
		action: "backupGet", body: named{name}, reads: true,
	}
	var found Backup
	if err := c.do(ctx, call, &found); err != nil {
		return Backup{}, err
	}
	return found, checkAnswer(call, name, found.Name)
}

// DeleteBackup asks for a backup to be deleted, from its backup target too, which
// goes on after the call. It may be repeated; one that is gone is no error.
// Longhorn finds the backup by its own name alone: whose it is, is for the caller
// to know.
func (c *Client) DeleteBackup(ctx context.Context, volume, name string) error {
	if err := checkName("volume", volume); err != nil {
		return err
	}
	if err := checkName("backup", name); err != nil {
		return err
	}
	err := c.do(ctx, call{
		what: "deleting backup " + name + " of volume " + volume, method: http.MethodPost,
		path: "backupvolumes/" + volume, action: "backupDelete", body: named{name},
	}, nil)
	if IsNotFound(err) {
		return nil
	}
	return err
}
