package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/soteria-dr/soteria/internal/backup"
)

// MaxVolumeName is the longest name that a volume keeps. Longhorn replaces a
// longer one by a hash of it and answers with that.
const MaxVolumeName = 40

// States of a volume that are acted upon.
const (
	StateAttached = "attached"
	StateDetached = "detached"
	StateDeleting = "deleting"
)

// RobustnessFaulted is the robustness of a volume that has lost its data.
const RobustnessFaulted = "faulted"

// What a volume's condition Restore says of a restore that failed.
const (
	ConditionRestore     = "Restore"
	ReasonRestoreFailure = "RestoreFailure"
)

// Volume is a volume as Longhorn tells of it.
type Volume struct {
	Name string `json:"name"`
	// Size is in bytes. It changes at once when an expansion is asked for; how far
	// that is, Controllers tell.
	Size Int `json:"size"`
	// State is one of the State constants, or attaching, detaching, creating, or
	// empty right after creation. Robustness is healthy, degraded, faulted, or
	// unknown while the volume is detached.
	State      string `json:"state"`
	Robustness string `json:"robustness"`
	// Ready is false while the volume cannot be attached by a user;
	// NotReadyMessage says why, from version 1.12.1 on.
	Ready           bool   `json:"ready"`
	NotReadyMessage string `json:"notReadyMessage"`
	// RestoreRequired and RestoreInitiated are both false for a moment after
	// creation: a restore is over when it was initiated and is not required.
	RestoreRequired  bool `json:"restoreRequired"`
	RestoreInitiated bool `json:"restoreInitiated"`
	Standby          bool `json:"standby"`
	// FromBackup is the URL of the backup that the volume is restored from.
	FromBackup string `json:"fromBackup"`
	// AccessMode is rwo, rwop or rwx.
	AccessMode       string `json:"accessMode"`
	Encrypted        bool   `json:"encrypted"`
	DataEngine       string `json:"dataEngine"`
	Frontend         string `json:"frontend"`
	NumberOfReplicas Int    `json:"numberOfReplicas"`
	// BackupTargetName is where later backups go; versions before 1.8 have none.
	BackupTargetName string `json:"backupTargetName"`
	// BackupBlockSize is in bytes; the volume's size is a multiple of it. Zero
	// before version 1.10.
	BackupBlockSize Int    `json:"backupBlockSize"`
	BackingImage    string `json:"backingImage"`
	// Image is the engine that the volume is to have, and CurrentImage the one that it
	// has; "" while it is detached.
	Image            string               `json:"image"`
	CurrentImage     string               `json:"currentImage"`
	Conditions       map[string]Condition `json:"conditions"`
	KubernetesStatus KubernetesStatus     `json:"kubernetesStatus"`
	Controllers      []Controller         `json:"controllers"`
	RestoreStatus    []RestoreStatus      `json:"restoreStatus"`
}

func (v Volume) key() string { return v.Name }

// Condition is one of a volume's conditions.
type Condition struct {
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Controller is the engine of a volume.
type Controller struct {
	// Size is the size in bytes that the engine has reached.
	Size               Int    `json:"size"`
	IsExpanding        bool   `json:"isExpanding"`
	LastExpansionError string `json:"lastExpansionError"`
}

// RestoreStatus is how far a replica's restore is.
type RestoreStatus struct {
	Replica     string `json:"replica"`
	IsRestoring bool   `json:"isRestoring"`
	// Progress is in percent.
	Progress Int    `json:"progress"`
	State    string `json:"state"`
	Error    string `json:"error"`
}

// KubernetesStatus is what Longhorn knows of a volume's claim. Backups carry it
// too, as JSON in a label.
type KubernetesStatus struct {
	PVName    string `json:"pvName"`
	PVStatus  string `json:"pvStatus"`
	Namespace string `json:"namespace"`
	PVCName   string `json:"pvcName"`
	// LastPVCRefAt is set once the claim is no longer the volume's.
	LastPVCRefAt string `json:"lastPVCRefAt"`
}

// NewVolume describes a volume to be made. Empty fields get Longhorn's defaults
// unless said otherwise.
type NewVolume struct {
	// Name is a DNS-1123 label; see [MaxVolumeName].
	Name string `json:"name"`
	// FromBackup is the URL of the backup to restore. Bucket and path in it are
	// not checked by Longhorn, only the names of volume and backup.
	FromBackup string `json:"fromBackup,omitempty"`
	// Size is in bytes. For a restore Longhorn takes the backup's own instead.
	Size int64 `json:"size,string"`
	// NumberOfReplicas zero is Longhorn's default, but only with a DataEngine.
	NumberOfReplicas int `json:"numberOfReplicas"`
	// DataEngine is v1 or v2.
	DataEngine string `json:"dataEngine"`
	Frontend   string `json:"frontend,omitempty"`
	// AccessMode is rwo, rwop or rwx; empty takes the backup's.
	AccessMode string `json:"accessMode"`
	Migratable bool   `json:"migratable"`
	// Encrypted is never taken from the backup.
	Encrypted bool `json:"encrypted"`
	// StaleReplicaTimeout is in minutes.
	StaleReplicaTimeout     int  `json:"staleReplicaTimeout"`
	RevisionCounterDisabled bool `json:"revisionCounterDisabled"`
	// NodeSelector and DiskSelector are tags, which must exist.
	NodeSelector []string `json:"nodeSelector"`
	DiskSelector []string `json:"diskSelector"`
	DataLocality string   `json:"dataLocality,omitempty"`

	ReplicaAutoBalance          string `json:"replicaAutoBalance,omitempty"`
	ReplicaSoftAntiAffinity     string `json:"replicaSoftAntiAffinity,omitempty"`
	ReplicaZoneSoftAntiAffinity string `json:"replicaZoneSoftAntiAffinity,omitempty"`
	ReplicaDiskSoftAntiAffinity string `json:"replicaDiskSoftAntiAffinity,omitempty"`
	UnmapMarkSnapChainRemoved   string `json:"unmapMarkSnapChainRemoved,omitempty"`
	FreezeFilesystemForSnapshot string `json:"freezeFilesystemForSnapshot,omitempty"`
	// BackupTargetName is that of later backups; for a restore Longhorn takes the
	// backup's own instead, see [Client.UpdateBackupTarget]. BackupBlockSize is in
	// bytes and divides Size; versions before 1.10 ignore it, later ones take that
	// of a setting for zero.
	BackupTargetName string `json:"backupTargetName,omitempty"`
	BackupBlockSize  int64  `json:"backupBlockSize,string,omitempty"`
	// BackingImage is what the volume's unwritten blocks read as. For a restore
	// it has to be the one that the backup was taken on; empty takes that one, but
	// only where it exists, while a name also restores the image from its backup.
	BackingImage string `json:"backingImage,omitempty"`
	// RecurringJobs are the recurring jobs, and groups of them, of the volume.
	RecurringJobs []RecurringJob `json:"recurringJobSelector,omitempty"`
	// UblkQueueDepth and UblkNumberOfQueue are of the frontend ublk, from version
	// 1.11 on; NVMeTCPQueues is of version 1.13. Zero is Longhorn's setting.
	UblkQueueDepth    int `json:"ublkQueueDepth,omitempty"`
	UblkNumberOfQueue int `json:"ublkNumberOfQueue,omitempty"`
	NVMeTCPQueues     int `json:"nvmeTcpNrIoQueues,omitempty"`
	// DataLayout is how a volume of the engine v2 is spread, from version 1.12.1
	// on; nil is replicas.
	DataLayout *DataLayout `json:"dataLayout,omitempty"`
	// Topology keeps all of the volume's data to one zone or region, from version
	// 1.13 on.
	Topology []TopologyTerm `json:"topologyRequirement,omitempty"`
}

// RecurringJob names a recurring job of Longhorn's, or a group of them.
type RecurringJob struct {
	Name    string `json:"name"`
	IsGroup bool   `json:"isGroup"`
}

// DataLayout is how the data of a volume is spread over disks.
type DataLayout struct {
	// Type is replicated or sharded, Mode raid1 or erasureCoding.
	Type string `json:"type,omitempty"`
	Mode string `json:"mode,omitempty"`
	// DataChunks, ParityChunks and StripSizeKB, in KiB, are of sharded volumes.
	DataChunks   int `json:"dataChunks,omitempty"`
	ParityChunks int `json:"parityChunks,omitempty"`
	StripSizeKB  int `json:"stripSizeKB,omitempty"`
}

// TopologyTerm is a zone, or a region, by the values of Kubernetes' labels of
// nodes.
type TopologyTerm struct {
	Zone   string `json:"zone,omitempty"`
	Region string `json:"region,omitempty"`
}

// Volume reads one volume. One that is being deleted may still be told.
func (c *Client) Volume(ctx context.Context, name string) (Volume, error) {
	if err := checkName("volume", name); err != nil {
		return Volume{}, err
	}
	call := call{what: "reading volume " + name, method: http.MethodGet, path: "volumes/" + name, reads: true}
	var volume Volume
	if err := c.do(ctx, call, &volume); err != nil {
		if IsNotFound(err) { // its body is empty
			return Volume{}, &backup.Error{Kind: backup.NotFound, Message: "Longhorn has no volume " + name, Err: err}
		}
		return Volume{}, err
	}
	return volume, checkAnswer(call, name, volume.Name)
}

// Volumes lists all volumes.
func (c *Client) Volumes(ctx context.Context) ([]Volume, error) {
	return doList[Volume](ctx, c, call{what: "listing volumes", method: http.MethodGet, path: "volumes", reads: true})
}

// CreateVolume makes a volume and returns it as Longhorn took it, which is not
// always as it was asked for: name, size and FromBackup must be looked at.
// Controllers are not there yet. A name that is taken is [IsAlreadyExists].
func (c *Client) CreateVolume(ctx context.Context, volume NewVolume) (Volume, error) {
	if err := checkName("volume", volume.Name); err != nil {
		return Volume{}, err
	}
	call := call{what: "making volume " + volume.Name, method: http.MethodPost, path: "volumes", body: volume}
	var made Volume
	if err := c.do(ctx, call, &made); err != nil {
		return Volume{}, err
	}
	if made.Name == "" {
		return Volume{}, checkAnswer(call, volume.Name, "")
	}
	return made, nil
}

// DeleteVolume asks for a volume and its data to be deleted, which goes on after
// the call. It may be repeated; of one that is gone it is an error of kind
// NotFound.
func (c *Client) DeleteVolume(ctx context.Context, name string) error {
	if err := checkName("volume", name); err != nil {
		return err
	}
	return c.do(ctx, call{what: "deleting volume " + name, method: http.MethodDelete, path: "volumes/" + name}, nil)
}

// ExpandVolume asks for a volume to become this large, in bytes, which goes on
// after the call. A smaller size changes nothing. It is refused while the volume
// is restored. An error of kind NotFound may be about the claim that the volume
// belongs to rather than the volume.
func (c *Client) ExpandVolume(ctx context.Context, name string, size int64) error {
	if err := checkName("volume", name); err != nil {
		return err
	}
	body := struct {
		Size string `json:"size"`
	}{strconv.FormatInt(size, 10)}
	// The answer tells of no controllers, so it is of no use.
	return c.do(ctx, call{what: "expanding volume " + name, method: http.MethodPost, path: "volumes/" + name, action: "expand", body: body}, nil)
}

// UpdateBackupTarget has the later backups of a volume go to another backup
// target, which must exist. Versions before 1.8 answer [IsUnsupported].
func (c *Client) UpdateBackupTarget(ctx context.Context, name, target string) error {
	if err := checkName("volume", name); err != nil {
		return err
	}
	body := struct {
		Target string `json:"backupTargetName"`
	}{target}
	return c.do(ctx, call{
		what: "setting the backup target of volume " + name, method: http.MethodPost, path: "volumes/" + name, action: "updateBackupTargetName", body: body,
	}, nil)
}
