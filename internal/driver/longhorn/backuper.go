package longhorn

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Backup implements [driver.Backuper].
//
// It works for volumes that are attached or not, with a file system or without.
// The snapshot is named soteria-backup-<namespace>-<pvc>-<time>, and the backup
// carries Soteria's labels, so that it is found again whatever becomes of
// Longhorn's. Of two requests for one claim at a time, to any replicas, one finds
// the Lease taken and gets a Conflict.
//
// It waits up to 20 s for the backup to get its name, which takes until the
// snapshot is ready; afterwards Backup is empty in what it returns although the
// backup goes on. A backup that fails within that time is an error of kind
// DriverFailed.
func (d *Driver) Backup(ctx context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
	if err := req.Claim.Validate(); err != nil {
		return driver.BackupStarted{}, err
	}
	if err := checkTags(req.Claim, req.Tags); err != nil {
		return driver.BackupStarted{}, err
	}
	claim, err := kube.Backupable(ctx, d.cluster.Reader, req.Claim)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	volume, err := d.backupableVolume(ctx, claim)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	if err := d.checkTarget(ctx, cmp.Or(volume.BackupTargetName, defaultTarget)); err != nil {
		return driver.BackupStarted{}, err
	}
	if err := d.checkIdle(ctx, req.Claim, claim.UID); err != nil {
		return driver.BackupStarted{}, err
	}
	started := driver.BackupStarted{Driver: Name, Namespace: req.Claim.Namespace, Volume: volume.Name}
	if req.DryRun {
		return started, nil
	}
	snapshot, err := d.freeSnapshotName(ctx, req.Claim, volume.Name)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	run, err := d.begin(ctx, ticket{
		claim: req.Claim, uid: claim.UID, volume: volume.Name, snapshot: snapshot, mode: string(d.cfg.BackupMode),
		tags: joinTags(req.Tags), requestedBy: backup.Clip(req.RequestedBy, backup.MaxCaller), started: d.cluster.Clock.Now(), stage: stageSnapshot,
	})
	if err != nil {
		return driver.BackupStarted{}, err
	}
	started.Backup, err = run.awaitName(ctx)
	return started, err
}

// failedIfRefused is of kind DriverFailed for what Longhorn was reached for and
// could not do, which is not the same to who asked as a Longhorn that is away.
func failedIfRefused(err error) error {
	var refused *api.RefusalError
	if errors.As(err, &refused) && refused.Stated {
		return backup.Errorf(backup.DriverFailed, "%w", err)
	}
	return presumablyThere(err)
}

// backupableVolume finds the Longhorn volume behind a bound claim and refuses one
// that cannot be backed up.
func (d *Driver) backupableVolume(ctx context.Context, claim *corev1.PersistentVolumeClaim) (api.Volume, error) {
	name := claim.Namespace + "/" + claim.Name
	var pv corev1.PersistentVolume
	if err := d.cluster.Reader.Get(ctx, types.NamespacedName{Name: claim.Spec.VolumeName}, &pv); err != nil {
		return api.Volume{}, backup.Errorf(backup.Unavailable, "reading PersistentVolume %s of claim %s: %w", claim.Spec.VolumeName, name, err)
	}
	if pv.Spec.CSI == nil || pv.Spec.CSI.Driver != Provisioner {
		kind := "no CSI driver"
		if pv.Spec.CSI != nil {
			kind = "CSI driver " + pv.Spec.CSI.Driver
		}
		return api.Volume{}, &backup.Error{Kind: backup.Unprocessable, Field: "pvc", Message: "claim " + name + " is on a volume of " + kind +
			"; Longhorn backs up volumes of its own driver, " + Provisioner + ", alone"}
	}
	volume, err := d.api.Volume(ctx, pv.Spec.CSI.VolumeHandle)
	conflict := func(why string) error {
		return backup.Errorf(backup.Conflict, "Longhorn volume %s of claim %s %s", pv.Spec.CSI.VolumeHandle, name, why)
	}
	switch {
	case api.IsNotFound(err):
		return api.Volume{}, conflict("does not exist")
	case err != nil:
		return api.Volume{}, failedIfRefused(err)
	case volume.State == api.StateDeleting:
		return api.Volume{}, conflict("is being deleted")
	case volume.Standby:
		return api.Volume{}, conflict("is a standby volume, which Longhorn does not back up")
	case volume.RestoreRequired:
		return api.Volume{}, conflict("is being restored")
	case volume.Robustness == api.RobustnessFaulted:
		return api.Volume{}, conflict("is faulted")
	}
	return volume, nil
}

// checkTarget refuses a backup that has nowhere to go.
func (d *Driver) checkTarget(ctx context.Context, name string) error {
	if d.cfg.ignores(name) {
		return backup.Errorf(backup.Conflict, "the volume's backups go to Longhorn's backup target %s, which SOTERIA_LONGHORN_IGNORE_TARGETS leaves out, so that none would be found again: "+
			"give the volume another backup target in Longhorn, or do not leave that one out", name)
	}
	targets, err := d.api.BackupTargets(ctx)
	if err != nil {
		return failedIfRefused(err)
	}
	i := slices.IndexFunc(targets, func(t api.BackupTarget) bool { return t.Name == name })
	switch {
	case i < 0 || targets[i].URL == "":
		return backup.Errorf(backup.RepositoryAbsent, "Longhorn's backup target %s has no URL: set it in Longhorn's settings", name)
	case !targets[i].Available:
		return backup.Errorf(backup.Unavailable, "Longhorn's backup target %s (%s) is not available: %s", name, targets[i].URL,
			cmp.Or(targets[i].Message, "Longhorn does not say why"))
	}
	return nil
}

// checkIdle refuses a second backup of a claim at a time. It is no guard, only
// sooner than one: the Lease is made but once.
func (d *Driver) checkIdle(ctx context.Context, claim backup.Claim, uid types.UID) error {
	var lease coordinationv1.Lease
	err := d.cluster.Reader.Get(ctx, types.NamespacedName{Namespace: d.cfg.OwnNamespace, Name: leaseName(uid)}, &lease)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return backup.Errorf(backup.Unavailable, "looking for a running backup of %s: %w", claim, err)
	}
	return alreadyRunning(claim, &lease)
}

func alreadyRunning(claim backup.Claim, lease *coordinationv1.Lease) error {
	return backup.Errorf(backup.Conflict, "a backup of %s is running already: Longhorn volume %s, snapshot %s, stage %s", claim,
		lease.Annotations[VolumeAnnotation], lease.Annotations[SnapshotAnnotation], lease.Annotations[StageAnnotation])
}

// freeSnapshotName finds a name for a snapshot that is taken now. Names are to
// the second, unique in all of Longhorn, and may be taken by the claim's own last
// backup or by that of another claim whose name reads the same.
func (d *Driver) freeSnapshotName(ctx context.Context, claim backup.Claim, volume string) (string, error) {
	const names = 10
	at := d.cluster.Clock.Now()
	for n := range names {
		name := snapshotName(claim, at.Add(time.Duration(n)*time.Second))
		_, err := d.api.Snapshot(ctx, volume, name)
		switch {
		case api.IsNotFound(err):
			return name, nil
		case err != nil:
			return "", err
		}
	}
	return "", backup.Errorf(backup.Conflict, "Longhorn has snapshots %s and of the seconds after it already", snapshotName(claim, at))
}

// running is a backup that Soteria is taking.
type running struct {
	// claim is the zero claim where the record of the backup makes no sense.
	claim backup.Claim
	why   error
}

// runningBackups reads which backups Soteria is taking.
func (d *Driver) runningBackups(ctx context.Context) ([]running, error) {
	leases, err := d.leases(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]running, 0, len(leases))
	for i := range leases {
		t, err := readTicket(&leases[i])
		if err == nil {
			err = backup.Errorf(backup.Unavailable, "a backup of %s is being taken: Longhorn volume %s", t.claim, t.volume)
		}
		all = append(all, running{claim: t.claim, why: err})
	}
	return all, nil
}

func (d *Driver) leases(ctx context.Context) ([]coordinationv1.Lease, error) {
	var leases coordinationv1.LeaseList
	if err := d.cluster.Reader.List(ctx, &leases, client.InNamespace(d.cfg.OwnNamespace), client.MatchingLabels(leaseLabels())); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "looking for running backups: %w", err)
	}
	return slices.DeleteFunc(leases.Items, func(l coordinationv1.Lease) bool { return !strings.HasPrefix(l.Name, leasePrefix) }), nil
}
