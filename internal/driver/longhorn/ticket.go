package longhorn

import (
	"strconv"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// What a running backup's Lease carries beside its holder.
const (
	// StageAnnotation says how far the backup is: snapshot, request or upload.
	StageAnnotation = "soteria.dev/stage"
	// VolumeAnnotation, SnapshotAnnotation and BackupAnnotation name Longhorn's
	// objects; the last one once it is there.
	VolumeAnnotation   = "soteria.dev/longhorn-volume"
	SnapshotAnnotation = "soteria.dev/longhorn-snapshot"
	BackupAnnotation   = "soteria.dev/longhorn-backup"

	modeAnnotation    = "soteria.dev/longhorn-backup-mode"
	tagsAnnotation    = "soteria.dev/tags"
	startedAnnotation = "soteria.dev/started-at"
	askedAnnotation   = "soteria.dev/asked-at"
	asksAnnotation    = "soteria.dev/asks"
)

// leasePrefix begins the names of Leases of running backups.
const leasePrefix = "soteria-longhorn-backup-"

func leaseName(claimUID types.UID) string { return leasePrefix + string(claimUID) }

// The stages of a backup.
const (
	stageSnapshot = "snapshot"
	stageRequest  = "request"
	stageUpload   = "upload"
)

// ticket is the record of a running backup, kept in its Lease. It holds what
// cannot be observed: what was asked for, and what may have been asked of Longhorn
// without showing yet.
type ticket struct {
	claim       backup.Claim
	uid         types.UID
	volume      string
	snapshot    string
	mode        string
	tags        string // as in TagsLabel
	requestedBy string
	started     time.Time

	stage string
	// asks counts the requests for a backup that Longhorn may have taken; askedAt
	// is when the last one was about to be made.
	asks    int
	askedAt time.Time
	// backup is the name of Longhorn's backup, "" until it has shown.
	backup string
}

// labels are those of the snapshot and the backup that a cluster of this name takes.
func (t ticket) labels(cluster string) map[string]string {
	labels := map[string]string{NamespaceLabel: t.claim.Namespace, PVCLabel: t.claim.Name}
	if t.tags != "" {
		labels[TagsLabel] = t.tags
	}
	if cluster != "" {
		labels[ClusterLabel] = cluster
	}
	return labels
}

// lease makes the Lease that records the ticket, held by nobody yet.
func (t ticket) lease(namespace string) *coordinationv1.Lease {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: leaseName(t.uid), Labels: leaseLabels(), Annotations: map[string]string{},
	}}
	lease.Labels[v1alpha1.ClaimUIDLabel] = string(t.uid)
	t.write(lease)
	return lease
}

// leaseLabels are on the Lease of every running backup.
func leaseLabels() map[string]string {
	return map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup}
}

// write records the ticket in its Lease.
func (t ticket) write(lease *coordinationv1.Lease) {
	for key, value := range map[string]string{
		v1alpha1.ClaimAnnotation: t.claim.String(), v1alpha1.RequestedByAnnotation: t.requestedBy, StageAnnotation: t.stage,
		VolumeAnnotation: t.volume, SnapshotAnnotation: t.snapshot, BackupAnnotation: t.backup,
		modeAnnotation: t.mode, tagsAnnotation: t.tags, asksAnnotation: strconv.Itoa(t.asks),
		startedAnnotation: writeTime(t.started), askedAnnotation: writeTime(t.askedAt),
	} {
		if value == "" {
			delete(lease.Annotations, key)
			continue
		}
		lease.Annotations[key] = value
	}
}

// readTicket reads what write wrote. The error is of kind Invalid.
func readTicket(lease *coordinationv1.Lease) (ticket, error) {
	a := lease.Annotations
	claim, err := backup.ParseClaim(a[v1alpha1.ClaimAnnotation])
	if err != nil {
		return ticket{}, backup.Errorf(backup.Invalid, "Lease %s/%s: %w", lease.Namespace, lease.Name, err)
	}
	t := ticket{
		claim: claim, uid: types.UID(lease.Labels[v1alpha1.ClaimUIDLabel]), requestedBy: a[v1alpha1.RequestedByAnnotation], stage: a[StageAnnotation],
		volume: a[VolumeAnnotation], snapshot: a[SnapshotAnnotation], backup: a[BackupAnnotation],
		mode: a[modeAnnotation], tags: a[tagsAnnotation],
	}
	if lease.Name != leaseName(t.uid) || t.volume == "" || t.snapshot == "" {
		return ticket{}, backup.Errorf(backup.Invalid, "Lease %s/%s is no record of a backup of %s", lease.Namespace, lease.Name, claim)
	}
	if t.asks, err = strconv.Atoi(a[asksAnnotation]); err != nil {
		return ticket{}, backup.Errorf(backup.Invalid, "Lease %s/%s: annotation %s: %w", lease.Namespace, lease.Name, asksAnnotation, err)
	}
	for key, at := range map[string]*time.Time{startedAnnotation: &t.started, askedAnnotation: &t.askedAt} {
		if *at, err = readTime(a[key]); err != nil {
			return ticket{}, backup.Errorf(backup.Invalid, "Lease %s/%s: annotation %s: %w", lease.Namespace, lease.Name, key, err)
		}
	}
	return t, nil
}

func writeTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

func readTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, text)
}

// Running reads the Lease of a running backup: whose backup it is, and a name for
// it that no other backup of the claim has. It is false for any other Lease.
func Running(lease *coordinationv1.Lease) (claim backup.Claim, name string, ok bool) {
	if lease.Labels[v1alpha1.RoleLabel] != v1alpha1.RoleBackup || lease.Labels[v1alpha1.ManagedByLabel] != v1alpha1.ManagedBy {
		return backup.Claim{}, "", false
	}
	t, err := readTicket(lease)
	return t.claim, t.snapshot, err == nil
}
