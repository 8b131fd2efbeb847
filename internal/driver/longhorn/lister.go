package longhorn

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// List implements [driver.Lister].
//
// The identity it gives names every backup target and its URL, but for those that
// the operator leaves out ([Config.IgnoreTargets]): nothing of them is told. What a listing
// rests on is read from Longhorn's custom resources in one look, after each
// backup target, then each backup volume in them, was synced by a sync that began
// after the call, and each backup was read at least once:
//
//   - A backup that is being taken in this cluster, by whomever, makes its claim
//     doubtful. So does one that is being deleted.
//   - A backup that Longhorn has not read 20 s after it read the last other one
//     makes the claim doubtful that its siblings attribute it to, or every claim.
//     Later listings do not wait for it again.
//   - A backup of which Longhorn lost track, or that failed after it had been on the
//     backup target, makes its claim doubtful: it may be there and whole. One that
//     failed casts no doubt on the newest of the others.
//   - One that cannot be read is older than the others only where its record in this
//     cluster is; else it may be the newest.
//   - So does a backup volume that is being deleted, with all that it holds.
//   - A backup that failed, and that the backup target never held, is nothing.
//
// A backup target that Longhorn cannot reach makes the listing incomplete, as does one
// that it has not read in time: what Longhorn knew of it before is told, and the
// others are told as they are. Where none could be read the listing fails.
//
// A listing costs one request for a sync per backup target, and Longhorn grants
// one each 10 s, so that the second of two listings within that time waits. Until
// it is done it costs a list of backup targets per look, each 0.5 to 2 s, then of
// backup volumes, then of backups, in pages of 500; of Leases once for each of the
// latter; and one of PersistentVolumes if there are backups that no label
// attributes. A quiet Longhorn takes about a second.
func (d *Driver) List(ctx context.Context, into driver.Listing) (string, error) {
	return d.ListShared(ctx, 0, nil, into)
}

// ListShared implements [driver.Sharer]. A sync that anybody asks for after the listing
// began counts: both replicas, which begin within their patience of each other, need one.
func (d *Driver) ListShared(ctx context.Context, patience time.Duration, hurry <-chan struct{}, into driver.Listing) (string, error) {
	inTime, cancel := leavingTimeToTell(ctx)
	defer cancel()
	known, identity, err := d.sync(ctx, inTime, patience, hurry)
	if err != nil {
		return "", presumablyThere(err)
	}
	owners := newAttribution(known.backups, known.volumes)
	if slices.ContainsFunc(known.backups, func(b backupRecord) bool { _, ok := owners.owner(b); return !ok }) {
		var volumes corev1.PersistentVolumeList
		if err := d.cluster.Reader.List(ctx, &volumes); err != nil {
			return "", backup.Errorf(backup.Unavailable, "listing PersistentVolumes: %w", err)
		}
		owners.live(volumes.Items)
	}
	if known.incomplete != nil {
		into.Incomplete(known.incomplete)
	}
	for _, r := range known.running {
		into.Doubt(r.claim, backup.UnderWay(r.why))
	}
	for _, v := range known.going {
		if own, ok := ownerByLabels(func(key string) string { return v.Status.Labels[key] }); ok {
			into.Doubt(own.claim, backup.UnderWay(backup.Errorf(backup.Unavailable, "Longhorn is deleting the backups of volume %s, which are of %s", v.volume(), own.claim)))
		}
	}
	teller := teller{into: into, owners: owners, policy: d.cfg.Unlabeled, clusters: d.cfg.Clusters}
	for _, b := range known.backups {
		teller.tell(b)
	}
	teller.tellUnowned()
	return identity, nil
}

// leavingTimeToTell ends the waiting of a listing shortly before its caller gives it
// up, so that the caller gets to know what it waited for, and the backups that can be
// told without it.
func leavingTimeToTell(ctx context.Context) (context.Context, context.CancelFunc) {
	const most = 5 * time.Second
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(time.Until(deadline)/10, most)))
}

// backupState is what a backup is good for.
type backupState uint8

const (
	// usableBackup: it can be restored.
	usableBackup backupState = iota
	// failedBackup: it came to nothing.
	failedBackup
	// runningBackup: this cluster is making it.
	runningBackup
	// unreadBackup: Longhorn has not read what it is, or there is no sense in it.
	unreadBackup
	// goingBackup: it is being deleted.
	goingBackup
	// unsureBackup: Longhorn does not know whether it came to something.
	unsureBackup
)

// stateOf says what a backup is good for.
func stateOf(b backupRecord) backupState {
	_, timed := b.takenAt()
	switch s := b.Status.State; {
	case b.isGoing(), s == api.BackupDeleting:
		return goingBackup
	case s == api.BackupUnknown, s == api.BackupError && b.Status.URL != "":
		return unsureBackup
	case s == api.BackupError:
		return failedBackup
	case s == api.BackupCompleted && b.Status.URL != "" && b.isRead() && timed:
		return usableBackup
	case s != api.BackupCompleted && b.Spec.Snapshot != "":
		return runningBackup
	default:
		return unreadBackup
	}
}

// teller tells a listing of backups.
type teller struct {
	into   driver.Listing
	owners attribution
	policy Unlabeled
	// clusters says whose backups are this cluster's own.
	clusters backup.Clusters
	// unowned are the backups that nothing attributes to a claim.
	unowned []backupRecord
}

func (t *teller) tell(b backupRecord) {
	own, owned := t.owners.owner(b)
	state := stateOf(b)
	doubt := func(format string, args ...any) {
		why := backup.TakenBy(backup.Errorf(backup.Unavailable, format, args...), b.takenBy())
		if state == runningBackup || state == goingBackup || b.Status.State == api.BackupError {
			why = backup.UnderWay(why)
		}
		t.into.Doubt(own.claim, why)
	}
	switch {
	case state == failedBackup:
	case state == unreadBackup && owned:
		doubt("Longhorn has not read backup %s of volume %s, which may be of %s%s: see to it in Longhorn, or delete it there",
			b.name(), b.volume(), own.claim, messages(b.Status.Messages))
	case state == unreadBackup:
		doubt("Longhorn has not read backup %s of volume %s, which may be of any claim%s: see to it in Longhorn, or delete it there",
			b.name(), b.volume(), messages(b.Status.Messages))
	case !owned:
		t.unowned = append(t.unowned, b)
	case state == runningBackup:
		doubt("a backup of %s is being taken: %s of Longhorn volume %s", own.claim, b.name(), b.volume())
	case state == unsureBackup:
		doubt("Longhorn does not know whether backup %s of volume %s, which is of %s, is whole; its state is %s: delete it in Longhorn if it is not needed",
			b.name(), b.volume(), own.claim, b.Status.State)
	case state == goingBackup:
		doubt("Longhorn is deleting backup %s, which is of %s", b.name(), own.claim)
	default:
		t.into.Backup(found(b, own, t.clusters))
	}
}

// tellUnowned tells of the backups that nothing attributes: they make every claim
// doubtful, unless the operator has said otherwise. Those that are being deleted
// are not counted, since nobody could end the doubt sooner.
func (t *teller) tellUnowned() {
	unowned := slices.DeleteFunc(t.unowned, func(b backupRecord) bool { return stateOf(b) == goingBackup })
	if len(unowned) == 0 || t.policy == Ignore {
		return
	}
	more := ""
	if n := len(unowned) - 1; n > 0 {
		more = fmt.Sprintf(" (and of %d more)", n)
	}
	t.into.Doubt(backup.Claim{}, backup.Errorf(backup.Unavailable,
		"nothing says which claim backup %s of Longhorn volume %s%s is of, so that it may be of any: delete it in Longhorn if nobody needs it, "+
			"or have such backups ignored with SOTERIA_LONGHORN_UNLABELED=ignore", unowned[0].name(), unowned[0].volume(), more))
}

// found describes a usable backup.
func found(b backupRecord, own owner, clusters backup.Clusters) backup.Backup {
	taken, _ := b.takenAt()
	size, err := strconv.ParseInt(b.Status.VolumeSize, 10, 64)
	if err != nil || size <= 0 {
		size = -1
	}
	data, err := strconv.ParseInt(b.Status.Size, 10, 64)
	if err != nil || data < 0 {
		data = -1
	}
	tags := tagsOf(b.Status.Labels)
	usable := backup.Backup{
		Claim: own.claim, Driver: Name, ID: b.name(), TakenAt: own.asOf(taken), Cluster: b.label(ClusterLabel),
		// Longhorn calls no other backup Completed than one of which every block is
		// in the store.
		Outcome: backup.OutcomeComplete, Tool: Name,
		// The size of the volume when it was last backed up, which is that of a
		// volume restored from any of its backups.
		SizeBytes: size, Files: -1, DataBytes: data, Snapshot: b.snapshot(), Locator: b.Status.URL, Tags: tags,
		Unreviewed: backup.IsUnreviewed(tags),
	}
	usable.Own = isBackupOf(own.claim, b) && clusters.Mine(usable)
	return usable
}

// tagsOf gives the caller's tags, then the labels that others put on the backup.
func tagsOf(labels map[string]string) []string {
	const longest = 128 // of a label's value; what is longer is data rather than a label
	tags := splitTags(labels[TagsLabel])
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		switch key {
		case NamespaceLabel, PVCLabel, ClusterLabel, TagsLabel, api.LabelKubernetesStatus:
		default:
			if len(labels[key]) <= longest {
				tags = append(tags, key+"="+labels[key])
			}
		}
	}
	return tags
}
