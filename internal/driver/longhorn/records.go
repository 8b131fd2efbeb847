package longhorn

import (
	"cmp"
	"context"
	"encoding/json"
	"path"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/soteria-dr/soteria/internal/backup"
)

// groupVersion is that of Longhorn's custom resources, in every version from 1.4
// on.
const groupVersion = "longhorn.io/v1beta2"

// pageSize is how many objects one call lists.
const pageSize = 500

// defaultTarget is the backup target that every Longhorn has.
const defaultTarget = "default"

// Labels that Longhorn puts on its objects.
const (
	targetLabel = "backup-target"
	volumeLabel = "backup-volume"
)

// record is what all of Longhorn's objects have that is read here.
type record struct {
	Metadata struct {
		Name              string            `json:"name"`
		Labels            map[string]string `json:"labels"`
		CreationTimestamp metav1.Time       `json:"creationTimestamp"`
		DeletionTimestamp *metav1.Time      `json:"deletionTimestamp"`
	} `json:"metadata"`
}

func (r record) name() string { return r.Metadata.Name }

// isGoing reports whether the object is being deleted.
func (r record) isGoing() bool { return r.Metadata.DeletionTimestamp != nil }

// targetRecord is a BackupTarget. Times are by Longhorn's clock and to the second.
type targetRecord struct {
	record
	Spec struct {
		URL             string      `json:"backupTargetURL"`
		SyncRequestedAt metav1.Time `json:"syncRequestedAt"`
	} `json:"spec"`
	Status struct {
		Available  bool `json:"available"`
		Conditions []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"conditions"`
		// LastSyncedAt is when the last sync that ended began.
		LastSyncedAt metav1.Time `json:"lastSyncedAt"`
	} `json:"status"`
}

// why gives Longhorn's words on why the target is not available, or "".
func (t targetRecord) why() string {
	for _, c := range t.Status.Conditions {
		if c.Type == "Unavailable" && c.Status == "True" {
			return c.Message
		}
	}
	return ""
}

// volumeRecord is a BackupVolume: a volume of which a backup target holds
// backups. There may be several for one volume, in one target even.
type volumeRecord struct {
	record
	Spec struct {
		// Target and Volume are absent before version 1.8.
		Target          string      `json:"backupTargetName"`
		Volume          string      `json:"volumeName"`
		SyncRequestedAt metav1.Time `json:"syncRequestedAt"`
	} `json:"spec"`
	Status struct {
		// Labels are those of the last backup.
		Labels   map[string]string `json:"labels"`
		Messages map[string]string `json:"messages"`
		// LastSyncedAt is when the last sync that ended began.
		LastSyncedAt metav1.Time `json:"lastSyncedAt"`
	} `json:"status"`
}

// target gives the name of the backup target.
func (v volumeRecord) target() string {
	return cmp.Or(v.Spec.Target, v.Metadata.Labels[targetLabel], defaultTarget)
}

// volume gives the name of the volume. Before version 1.8 the record has no other
// name.
func (v volumeRecord) volume() string {
	return cmp.Or(v.Spec.Volume, v.Metadata.Labels[volumeLabel], v.name())
}

// backupRecord is a Backup.
type backupRecord struct {
	record
	Spec struct {
		// Snapshot is set on backups that this cluster made.
		Snapshot string            `json:"snapshotName"`
		Labels   map[string]string `json:"labels"`
	} `json:"spec"`
	Status struct {
		State    string `json:"state"`
		Snapshot string `json:"snapshotName"`
		Error    string `json:"error"`
		// Progress is in percent of the volume.
		Progress          int               `json:"progress"`
		URL               string            `json:"url"`
		SnapshotCreatedAt string            `json:"snapshotCreatedAt"`
		BackupCreatedAt   string            `json:"backupCreatedAt"`
		Labels            map[string]string `json:"labels"`
		Messages          map[string]string `json:"messages"`
		Volume            string            `json:"volumeName"`
		VolumeSize        string            `json:"volumeSize"`
		// Size is what the backup's blocks take, in bytes, those that it shares
		// with other backups included.
		Size   string `json:"size"`
		Target string `json:"backupTargetName"`
		// LastSyncedAt is not set before the backup was read from the target.
		LastSyncedAt metav1.Time `json:"lastSyncedAt"`
	} `json:"status"`
}

// target gives the name of the backup target.
func (b backupRecord) target() string {
	return cmp.Or(b.Status.Target, b.Metadata.Labels[targetLabel], defaultTarget)
}

// volume gives the name of the volume, "" if nothing says.
func (b backupRecord) volume() string { return cmp.Or(b.Status.Volume, b.Metadata.Labels[volumeLabel]) }

// label gives a label of the backup. Those in the status are read from the
// target; until they are, a backup that this cluster made has those it was asked
// for.
func (b backupRecord) label(key string) string {
	return cmp.Or(b.Status.Labels[key], b.Spec.Labels[key])
}

// snapshot gives the name of the snapshot that the backup was made of.
func (b backupRecord) snapshot() string { return cmp.Or(b.Status.Snapshot, b.Spec.Snapshot) }

// isRead reports whether Longhorn has read the backup from the target.
func (b backupRecord) isRead() bool { return !b.Status.LastSyncedAt.IsZero() }

// takenAt is when the data was as the snapshot holds it; false if nothing says.
func (b backupRecord) takenAt() (time.Time, bool) {
	for _, text := range []string{b.Status.SnapshotCreatedAt, b.Status.BackupCreatedAt} {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// takenBy returns when the backup was taken at the latest: before this cluster had a
// record of it, where Longhorn does not say. The zero time stands for not known.
func (b backupRecord) takenBy() time.Time {
	if at, known := b.takenAt(); known {
		return at
	}
	return b.Metadata.CreationTimestamp.Time
}

// records reads Longhorn's custom resources.
type records struct {
	rest      rest.Interface
	namespace string
}

// targets reads all backup targets.
func (r records) targets(ctx context.Context) ([]targetRecord, error) {
	return listRecords[targetRecord](ctx, r, "backuptargets", "")
}

// volumes reads all backup volumes.
func (r records) volumes(ctx context.Context) ([]volumeRecord, error) {
	return listRecords[volumeRecord](ctx, r, "backupvolumes", "")
}

// backups reads all backups.
func (r records) backups(ctx context.Context) ([]backupRecord, error) {
	return listRecords[backupRecord](ctx, r, "backups", "")
}

// backupsOf reads the backups of a volume.
func (r records) backupsOf(ctx context.Context, volume string) ([]backupRecord, error) {
	return listRecords[backupRecord](ctx, r, "backups", volumeLabel+"="+volume)
}

// listRecords reads all objects of a resource, page by page and as they were at
// one moment after the call.
func listRecords[T interface{ name() string }](ctx context.Context, r records, resource, selector string) ([]T, error) {
	const attempts = 3 // a list that takes minutes can outlive what the API server keeps for it
	var err error
	for range attempts {
		var all []T
		if all, err = readPages[T](ctx, r, resource, selector); err == nil {
			return all, nil
		}
		if !apierrors.IsResourceExpired(err) {
			break
		}
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, backup.Errorf(backup.Unavailable, "this cluster has no %s of %s: Longhorn is not installed, or not yet", resource, groupVersion)
	case apierrors.IsForbidden(err):
		return nil, backup.Errorf(backup.Unavailable, "Soteria may not list Longhorn's %s: %w", resource, err)
	default:
		return nil, backup.Errorf(backup.Unavailable, "listing Longhorn's %s: %w", resource, err)
	}
}

func readPages[T interface{ name() string }](ctx context.Context, r records, resource, selector string) ([]T, error) {
	var all []T
	for next := ""; ; {
		request := r.rest.Get().AbsPath(path.Join("/apis", groupVersion, "namespaces", r.namespace, resource)).
			SetHeader("Accept", "application/json").
			VersionedParams(&metav1.ListOptions{LabelSelector: selector, Limit: pageSize, Continue: next}, metav1.ParameterCodec)
		result := request.Do(ctx)
		data, err := result.Raw()
		if err != nil {
			return nil, result.Error() // Raw's own error lacks the API server's words
		}
		var page struct {
			Metadata metav1.ListMeta `json:"metadata"`
			Items    *[]T            `json:"items"`
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return nil, backup.Errorf(backup.Unavailable, "the answer was not understood: %w", err)
		}
		if page.Items == nil {
			return nil, backup.Errorf(backup.Unavailable, "the answer holds no list")
		}
		all = append(all, *page.Items...)
		if next = page.Metadata.Continue; next == "" {
			return all, nil
		}
	}
}
