package longhorn

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

var _ driver.VolumeMaker = (*Driver)(nil)

// volumePrefix begins the names of the volumes that are made for one claim.
func volumePrefix(claimUID types.UID) string {
	const digits = 24 // of a hash that nobody comes upon by chance; leaves room for the attempt
	sum := sha256.Sum256([]byte(claimUID))
	return "soteria-" + hex.EncodeToString(sum[:])[:digits] + "-"
}

// VolumeName is the name of the volume that an attempt makes for a claim. It fits
// into [api.MaxVolumeName], so that Longhorn keeps it.
func VolumeName(claimUID types.UID, attempt int32) string {
	return volumePrefix(claimUID) + strconv.Itoa(int(attempt))
}

// Provisioner implements [driver.VolumeMaker].
func (*Driver) Provisioner() string { return Provisioner }

// MakeVolume implements [driver.VolumeMaker]. It costs one GET per look, and before
// an attempt's volume is made one list of the volumes and one look at the backup.
// Classes with allowed topologies cost another GET at the making and at the end.
func (d *Driver) MakeVolume(ctx context.Context, req driver.VolumeRequest) (driver.VolumeState, error) {
	state, err := d.makeVolume(ctx, req)
	return state, presumablyThere(err)
}

// presumablyThere makes an error of kind Unavailable of one that says that
// Longhorn lacks something that was not what the caller asked for by name.
func presumablyThere(err error) error {
	if api.IsNotFound(err) {
		return backup.Errorf(backup.Unavailable, "%w", err)
	}
	return err
}

func (d *Driver) makeVolume(ctx context.Context, req driver.VolumeRequest) (driver.VolumeState, error) {
	if req.Backup.Locator == "" || req.Target.UID == "" {
		return driver.VolumeState{}, backup.Errorf(backup.Internal, "a Longhorn restore without the URL of its backup or the uid of its claim")
	}
	name := VolumeName(req.Target.UID, req.Attempt)
	volume, err := d.api.Volume(ctx, name)
	if api.IsNotFound(err) {
		return d.create(ctx, req, name)
	}
	if err != nil {
		return driver.VolumeState{}, err
	}
	if volume.State == api.StateDeleting {
		return waiting("Longhorn is deleting volume %s, to make it anew", name), nil
	}
	if volume.FromBackup != req.Backup.Locator {
		return driver.VolumeState{}, backup.Errorf(backup.Conflict,
			"Longhorn has a volume %s that is not made from backup %s; Soteria leaves it alone: delete it in Longhorn if nobody needs it", name, req.Backup.ID)
	}
	return d.observe(ctx, req, volume)
}

func waiting(format string, args ...any) driver.VolumeState {
	return driver.VolumeState{FillState: driver.FillState{Message: fmt.Sprintf(format, args...)}}
}

// create makes the volume of an attempt once those of all others are gone.
func (d *Driver) create(ctx context.Context, req driver.VolumeRequest, name string) (driver.VolumeState, error) {
	wanted, err := newVolume(req, name)
	if err != nil {
		return driver.VolumeState{}, err
	}
	if gone, err := d.DiscardVolume(ctx, req.Target.UID); err != nil || !gone {
		return waiting("Longhorn is deleting the volume of an earlier attempt"), err
	}
	if wanted, err = d.fitted(ctx, req, wanted); err != nil {
		return driver.VolumeState{}, err
	}
	made, err := d.createAs(ctx, wanted)
	switch {
	case api.IsBeingDeleted(err), api.IsAlreadyExists(err):
		return waiting("Longhorn has a volume %s already", name), nil
	case err != nil:
		return driver.VolumeState{}, withoutImage(req, wanted.BackingImage, err)
	case made.Name != name || made.FromBackup != req.Backup.Locator:
		// Longhorn is known to have made empty volumes of backups it did not find.
		return driver.VolumeState{}, backup.Errorf(backup.DriverFailed,
			"Longhorn made volume %s from %q instead of volume %s from backup %s; nothing of it is used", made.Name, made.FromBackup, name, req.Backup.ID)
	}
	state := waiting("Longhorn has made volume %s and begins to restore backup %s", name, req.Backup.ID)
	state.Warnings, err = d.warnings(ctx, req, made)
	return state, err
}

// createAs makes the volume, with what this version of Longhorn knows: rwop is
// rwo before 1.11, where the CSI plugin makes those volumes so, too; and a volume
// that its backup block size does not divide gets the one that divides all.
func (d *Driver) createAs(ctx context.Context, wanted api.NewVolume) (api.Volume, error) {
	made, err := d.api.CreateVolume(ctx, wanted)
	if api.IsBadAccessMode(err) && wanted.AccessMode == accessExclusive {
		wanted.AccessMode = accessOnce
		made, err = d.api.CreateVolume(ctx, wanted)
	}
	if api.IsBadBlockSize(err) && wanted.BackupBlockSize != smallBlock {
		wanted.BackupBlockSize = smallBlock
		made, err = d.api.CreateVolume(ctx, wanted)
	}
	return made, err
}

// newVolume describes the volume: as the class says, for the claim's access
// modes, with the backup's size, which Longhorn insists on.
func newVolume(req driver.VolumeRequest, name string) (api.NewVolume, error) {
	s, err := settingsOf(req.Class)
	if err != nil {
		return api.NewVolume{}, err
	}
	access, err := s.access(req.Class, req.Target.Spec.AccessModes)
	if err != nil {
		return api.NewVolume{}, err
	}
	if _, err := secretsOf(req.Class, req.Target); err != nil {
		return api.NewVolume{}, err
	}
	size := req.Backup.SizeBytes
	if size <= 0 {
		size = wantedSize(req.Target)
	}
	made := api.NewVolume{
		Name: name, FromBackup: req.Backup.Locator, Size: size, Frontend: cmp.Or(s.Frontend, defaultFrontend),
		AccessMode: access, NumberOfReplicas: s.Replicas, StaleReplicaTimeout: s.StaleReplicaTimeout,
		DataEngine: s.DataEngine, DataLocality: s.DataLocality, ReplicaAutoBalance: s.ReplicaAutoBalance,
		DiskSelector: s.DiskSelector, NodeSelector: s.NodeSelector, Encrypted: s.Encrypted, Migratable: s.Migratable && access == accessShared,
		RevisionCounterDisabled: s.RevisionCounterDisabled, UnmapMarkSnapChainRemoved: s.UnmapMarkSnapChainRemoved,
		ReplicaSoftAntiAffinity: s.ReplicaSoftAntiAffinity, ReplicaZoneSoftAntiAffinity: s.ReplicaZoneSoftAntiAffinity,
		ReplicaDiskSoftAntiAffinity: s.ReplicaDiskSoftAntiAffinity, FreezeFilesystemForSnapshot: s.FreezeFilesystemForSnapshot,
		RecurringJobs: s.RecurringJobs, UblkNumberOfQueue: s.UblkNumberOfQueue, UblkQueueDepth: s.UblkQueueDepth, NVMeTCPQueues: s.NVMeTCPQueues,
	}
	if s.DataLayout != (api.DataLayout{}) {
		made.DataLayout = &s.DataLayout
	}
	return made, nil
}

// wantedSize is what the claim asks for, in bytes, rounded up as Longhorn does.
func wantedSize(claim *corev1.PersistentVolumeClaim) int64 {
	const block = 2 << 20
	asked := claim.Spec.Resources.Requests.Storage().Value()
	return (asked + block - 1) / block * block
}

// observe reports how far the volume is and, once it is restored, has it grown and
// its backups go where the class says.
func (d *Driver) observe(ctx context.Context, req driver.VolumeRequest, volume api.Volume) (driver.VolumeState, error) {
	if words := failure(volume); words != "" {
		return driver.VolumeState{FillState: driver.FillState{Phase: driver.FillFailed, Message: fmt.Sprintf("Longhorn could not restore backup %s: %s", req.Backup.ID, words)}}, nil
	}
	if !restored(volume) {
		return driver.VolumeState{FillState: restoring(volume)}, nil
	}
	if wanted := fullBlocks(wantedSize(req.Target), int64(volume.BackupBlockSize)); int64(volume.Size) < wanted {
		if err := d.api.ExpandVolume(ctx, volume.Name, wanted); err != nil {
			return driver.VolumeState{}, err
		}
		return waiting("backup %s is restored; Longhorn grows the volume to what the claim asks for", req.Backup.ID), nil
	}
	if words, grown := expanded(volume); !grown {
		return waiting("backup %s is restored; Longhorn grows the volume to what the claim asks for%s", req.Backup.ID, words), nil
	}
	if err := d.retarget(ctx, req, volume); err != nil {
		return driver.VolumeState{}, err
	}
	return d.finished(ctx, req, volume)
}

// retarget has the volume's later backups go to the target that the class names.
// For a restore Longhorn sets the one that the backup is in.
func (d *Driver) retarget(ctx context.Context, req driver.VolumeRequest, volume api.Volume) error {
	s, err := settingsOf(req.Class)
	if err != nil {
		return err
	}
	if s.BackupTarget == "" || volume.BackupTargetName == "" || s.BackupTarget == volume.BackupTargetName {
		return nil
	}
	if err := d.api.UpdateBackupTarget(ctx, volume.Name, s.BackupTarget); err != nil {
		return backup.Errorf(backup.Unavailable,
			"backup %s is restored, but its volume's backups cannot go to backup target %s, which storage class %s names: %w; make that target in Longhorn, or the class again without it",
			req.Backup.ID, s.BackupTarget, req.Class.Name, err)
	}
	return nil
}

// finished describes a volume that can be handed over.
func (d *Driver) finished(ctx context.Context, req driver.VolumeRequest, volume api.Volume) (driver.VolumeState, error) {
	made, err := object(req, volume)
	if err != nil {
		return driver.VolumeState{}, err
	}
	s, err := settingsOf(req.Class)
	if err != nil {
		return driver.VolumeState{}, err
	}
	places, err := d.topologyOf(ctx, req.Class, s)
	if err != nil {
		return driver.VolumeState{}, err
	}
	made.Spec.NodeAffinity = affinity(narrowed(s.VolumeTopology, places))
	warnings, err := d.warnings(ctx, req, volume)
	if err != nil {
		return driver.VolumeState{}, err
	}
	size := int64(volume.Size)
	return driver.VolumeState{
		FillState: driver.FillState{Phase: driver.FillDone, Progress: driver.Progress{BytesDone: size, BytesTotal: size}},
		Volume:    made, Warnings: warnings,
	}, nil
}

// failure says why the restore will not succeed any more; "" as long as it may.
func failure(volume api.Volume) string {
	condition := volume.Conditions[api.ConditionRestore]
	if condition.Reason != api.ReasonRestoreFailure && volume.Robustness != api.RobustnessFaulted {
		return ""
	}
	words := []string{cmp.Or(condition.Message, volume.NotReadyMessage, "the volume is "+volume.Robustness)}
	for _, replica := range volume.RestoreStatus {
		if replica.Error != "" {
			words = append(words, fmt.Sprintf("replica %s: %s", replica.Replica, replica.Error))
		}
	}
	return strings.Join(words, "; ")
}

// restored reports whether Longhorn is done with the restore. Right after
// creation both flags are false.
func restored(volume api.Volume) bool {
	return volume.RestoreInitiated && !volume.RestoreRequired && volume.State == api.StateDetached && volume.Ready
}

// restoring tells how far a restore is: the mean of its replicas, in bytes of the
// volume's size.
func restoring(volume api.Volume) driver.FillState {
	const whole = 100
	state := driver.FillState{Message: obstacle(volume)}
	var percent, replicas int64
	for _, replica := range volume.RestoreStatus {
		percent += min(int64(replica.Progress), whole)
		replicas++
	}
	if replicas == 0 {
		return state
	}
	size := int64(volume.Size)
	state.Phase = driver.FillRunning
	state.Progress = driver.Progress{BytesDone: int64(math.Ceil(float64(size) * float64(percent) / float64(replicas*whole))), BytesTotal: size}
	return state
}

// obstacle is what Longhorn says of a restore that does not begin.
func obstacle(volume api.Volume) string {
	const unmet = "False"
	for _, condition := range []string{"Scheduled", "WaitForBackingImage"} {
		if c := volume.Conditions[condition]; c.Status == unmet && c.Message != "" {
			return fmt.Sprintf("Longhorn: %s: %s", cmp.Or(c.Reason, condition), c.Message)
		}
	}
	return cmp.Or(volume.NotReadyMessage, fmt.Sprintf("volume %s is %s", volume.Name, cmp.Or(volume.State, "new")))
}

// expanded reports whether the volume's engine has reached the volume's size,
// and what Longhorn complains of if it has not.
func expanded(volume api.Volume) (complaint string, done bool) {
	for _, controller := range volume.Controllers {
		if controller.IsExpanding || int64(controller.Size) < int64(volume.Size) {
			if controller.LastExpansionError != "" {
				return ": " + controller.LastExpansionError, false
			}
			return "", false
		}
	}
	return "", true
}

// object is the volume's PersistentVolume, as the external provisioner would make
// it of the class, but for its node affinity.
func object(req driver.VolumeRequest, volume api.Volume) (*corev1.PersistentVolume, error) {
	s, err := secretsOf(req.Class, req.Target)
	if err != nil {
		return nil, err
	}
	access, err := accessOf(req, volume)
	if err != nil {
		return nil, err
	}
	made := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": Provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:     corev1.ResourceList{corev1.ResourceStorage: *resource.NewQuantity(int64(volume.Size), resource.BinarySI)},
			AccessModes:  req.Target.Spec.AccessModes,
			VolumeMode:   ptr.To(ptr.Deref(req.Target.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)),
			MountOptions: req.Class.MountOptions,
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: Provisioner, VolumeHandle: volume.Name, VolumeAttributes: volumeAttributes(req.Class, access),
				ControllerPublishSecretRef: s.ControllerPublish, NodeStageSecretRef: s.NodeStage, NodePublishSecretRef: s.NodePublish,
				ControllerExpandSecretRef: s.ControllerExpand, NodeExpandSecretRef: s.NodeExpand,
			}},
		},
	}
	if *made.Spec.VolumeMode == corev1.PersistentVolumeFilesystem {
		made.Spec.CSI.FSType = fsType(req.Class)
	}
	if s.Provisioner != nil {
		made.Annotations["volume.kubernetes.io/provisioner-deletion-secret-name"] = s.Provisioner.Name
		made.Annotations["volume.kubernetes.io/provisioner-deletion-secret-namespace"] = s.Provisioner.Namespace
	}
	return made, nil
}

// accessOf is the access mode that the volume was made with, in Longhorn's word.
func accessOf(req driver.VolumeRequest, volume api.Volume) (string, error) {
	s, err := settingsOf(req.Class)
	if err != nil {
		return "", err
	}
	access, err := s.access(req.Class, req.Target.Spec.AccessModes)
	if access == accessExclusive && volume.AccessMode == accessOnce {
		access = accessOnce // this version of Longhorn knows no other
	}
	return access, err
}

// DiscardVolume implements [driver.VolumeMaker]. A volume counts as made for the
// claim by its name, which holds a hash of the claim's uid, and by being made
// from a backup.
func (d *Driver) DiscardVolume(ctx context.Context, claimUID types.UID) (gone bool, err error) {
	if claimUID == "" {
		return false, backup.Errorf(backup.Internal, "discarding a Longhorn volume without the uid of its claim")
	}
	volumes, err := d.api.Volumes(ctx)
	if err != nil {
		return false, err
	}
	gone = true
	for _, volume := range volumes {
		if !strings.HasPrefix(volume.Name, volumePrefix(claimUID)) || volume.FromBackup == "" {
			continue
		}
		gone = false
		if volume.State == api.StateDeleting {
			continue
		}
		if err := d.unreferenced(ctx, volume); err != nil {
			return false, err
		}
		if err := d.api.DeleteVolume(ctx, volume.Name); err != nil && !api.IsNotFound(err) {
			return false, err
		}
	}
	return gone, nil
}

// unreferenced is an error of kind Conflict if a PersistentVolume stands for the
// volume and is there to stay.
func (d *Driver) unreferenced(ctx context.Context, volume api.Volume) error {
	name := volume.KubernetesStatus.PVName
	if name == "" {
		return nil
	}
	var object corev1.PersistentVolume
	err := d.cluster.Reader.Get(ctx, types.NamespacedName{Name: name}, &object)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return backup.Errorf(backup.Unavailable, "reading volume %s: %w", name, err)
	case object.Spec.CSI == nil || object.Spec.CSI.VolumeHandle != volume.Name || object.DeletionTimestamp != nil:
		return nil
	}
	return backup.Errorf(backup.Conflict, "Longhorn volume %s is not deleted: PersistentVolume %s stands for it", volume.Name, name)
}
