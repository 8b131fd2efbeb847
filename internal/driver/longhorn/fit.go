package longhorn

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// The sizes of blocks that backups are made of. The size of every volume is a
// multiple of the small one.
const (
	smallBlock = int64(2) << 20
	largeBlock = int64(16) << 20
)

// fitted takes into the description of a volume what depends on the backup and on
// Longhorn's settings rather than on the class alone. Errors of kind Invalid say
// that the class makes no volumes that could hold the backup.
func (d *Driver) fitted(ctx context.Context, req driver.VolumeRequest, wanted api.NewVolume) (api.NewVolume, error) {
	s, err := settingsOf(req.Class)
	if err != nil {
		return api.NewVolume{}, err
	}
	from, err := d.api.Backup(ctx, volumeOf(req.Backup.Locator), req.Backup.ID)
	if err != nil {
		return api.NewVolume{}, err
	}
	if from.IsEncrypted() && !s.Encrypted {
		return api.NewVolume{}, backup.Errorf(backup.Invalid,
			"backup %s is of an encrypted volume, and %s does not encrypt, so that what is restored could not be read: "+
				"apply the claim again with a class of Longhorn's that encrypts with the same Secret, or choose another backup", req.Backup.ID, classInWords(req.Class))
	}
	wanted.BackingImage, wanted.BackupTargetName = from.BackingImage, from.BackupTargetName
	wanted.BackupBlockSize = blockSize(s.BackupBlockSize, from.BlockSize, max(wanted.Size, int64(from.VolumeSize)))
	places, err := d.topologyOf(ctx, req.Class, s)
	if err != nil {
		return api.NewVolume{}, err
	}
	if term, ok := confined(s.VolumeTopology, places); ok {
		wanted.Topology = []api.TopologyTerm{term}
		if s.VolumeTopology == topologyZonal {
			wanted.ReplicaZoneSoftAntiAffinity = "enabled" // as Longhorn demands of zonal volumes
		}
	}
	return wanted, nil
}

// classInWords names the class of a volume. That of a volume which data is copied
// from, to one of another provisioner, has no name.
func classInWords(class *storagev1.StorageClass) string {
	if class.Name == "" {
		return "the volume that Soteria copies from to other provisioners' volumes"
	}
	return "storage class " + class.Name
}

// blockSize is the backup block size of a volume of this size, in bytes: what the
// class says where that divides the size, else the backup's own, which divided the
// size of the volume that was backed up. Longhorn's setting, which it would take
// otherwise, may not. It is 0 for versions of Longhorn that have one block size
// alone.
func blockSize(class int64, own *api.Int, size int64) int64 {
	if own == nil {
		return 0
	}
	for _, block := range []int64{class, int64(*own)} {
		if (block == smallBlock || block == largeBlock) && size%block == 0 {
			return block
		}
	}
	return smallBlock
}

// fullBlocks rounds a size up to whole blocks, of which volumes are made.
func fullBlocks(size, block int64) int64 {
	if block <= 0 {
		return size
	}
	return (size + block - 1) / block * block
}

// volumeOf returns the name of the volume in the URL of a backup; "" if there is
// none.
func volumeOf(locator string) string {
	u, err := url.Parse(locator)
	if err != nil {
		return ""
	}
	return u.Query().Get("volume")
}

// withoutImage explains that the backing image that a backup was taken on is
// missing. Soteria does not make it of the class's parameters: unless it is the
// same to the last byte, what is restored on it is damaged, and nothing notices.
func withoutImage(req driver.VolumeRequest, image string, err error) error {
	if image == "" || !api.IsMissingImage(err) {
		return err
	}
	return backup.Errorf(backup.Unavailable, "backup %s was taken of a volume on backing image %s, and Longhorn has neither that image nor a backup of it: "+
		"make it in Longhorn under that name, with the content that it had: %w", req.Backup.ID, image, err)
}

// warnings says what of the class does not hold for the volume that was restored,
// each a sentence for users.
func (d *Driver) warnings(ctx context.Context, req driver.VolumeRequest, volume api.Volume) ([]string, error) {
	s, err := settingsOf(req.Class)
	if err != nil {
		return nil, err
	}
	found := classWarnings(req.Class, s, volume)
	confining, pinning := s.VolumeTopology == topologyZonal || s.VolumeTopology == topologyRegional, pinsToNode(req.Class, s)
	if !confining && !pinning {
		return found, nil
	}
	places, err := d.topologyOf(ctx, req.Class, s)
	if err != nil {
		return nil, err
	}
	if _, ok := confined(s.VolumeTopology, places); confining && !ok {
		found = append(found, fmt.Sprintf("its data is not kept to one place, since nothing says to which: volumeTopology is %s, and the class's allowedTopologies, "+
			"of the labels in Longhorn's setting %s, name no single one", s.VolumeTopology, api.AllowedTopologyKeys))
	}
	if pinning && len(places) != 1 {
		found = append(found, "it is not pinned to where one node is, as strictTopology asks, since no node is chosen before a restored volume is there; the class's allowedTopologies hold")
	}
	return found, nil
}

// pinsToNode reports whether the class pins each volume to where the node is that
// the scheduler chose. It is so for classes that wait for the first consumer
// alone.
func pinsToNode(class *storagev1.StorageClass, s settings) bool {
	return class.Parameters["strictTopology"] == "true" && s.DataLocality != strictLocal &&
		ptr.Deref(class.VolumeBindingMode, storagev1.VolumeBindingImmediate) == storagev1.VolumeBindingWaitForFirstConsumer
}

// classWarnings is [Driver.warnings] for what the volume itself tells.
func classWarnings(class *storagev1.StorageClass, s settings, volume api.Volume) []string {
	var found []string
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if unknown := unknownParameters(class); len(unknown) > 0 {
		add("Soteria does not know the class's parameters %s and made the volume without them; correct them, or set in Longhorn what they are for", strings.Join(unknown, ", "))
	}
	for _, key := range []string{"fromBackup", "dataSource"} {
		if value := class.Parameters[key]; value != "" {
			add("it holds the backup that was restored and not what the class's parameter %s names", key)
		}
	}
	if image := class.Parameters["backingImage"]; image != "" && image != volume.BackingImage {
		add("its backing image is %q, on which its backup was taken, and not the class's %q", volume.BackingImage, image)
	}
	if block := int64(volume.BackupBlockSize); block > 0 && s.BackupBlockSize > 0 && block != s.BackupBlockSize {
		add("its backup block size is %d bytes, and not the %d of the class, which does not fit its size", block, s.BackupBlockSize)
	}
	return found
}
