package longhorntest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// The minor versions, of 1, that brought what the double tells apart.
const (
	withTargets     = 8
	withBlockSizes  = 10
	withExclusive   = 11
	withTopology    = 11
	newest          = 12
	smallBlock      = int64(2) << 20
	largeBlock      = int64(16) << 20
	settingBlock    = "default-backup-block-size"
	settingTopology = "csi-allowed-topology-keys"
)

// maxName is the longest name of a volume that is not replaced by a hash.
const maxName = 40

var labelPattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// Release makes it version 1.<minor>, from now on; it begins as 1.12.
func (l *Longhorn) Release(minor int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.minor = minor
}

// Set changes one of Longhorn's settings.
func (l *Longhorn) Set(setting, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settings[setting] = value
}

// AddBackingImage adds a backing image.
func (l *Longhorn) AddBackingImage(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.images = append(l.images, name)
}

// Asked returns the body of the request that made a volume; nil if none did.
func (l *Longhorn) Asked(volume string) map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v := l.volumes[volume]; v != nil {
		return maps.Clone(v.asked)
	}
	return nil
}

// BackupTargetOf returns the name of the target that later backups of a volume go
// to.
func (l *Longhorn) BackupTargetOf(volume string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.volumes[volume].target
}

func (l *Longhorn) getSetting(name string) (any, *failure) {
	value, ok := l.settings[name]
	if !ok || name == settingTopology && l.minor < withTopology {
		return nil, refuse("failed to get setting %s: setting %s is not supported", name, name)
	}
	return map[string]any{"type": "setting", "id": name, "name": name, "value": value}, nil
}

// newVolume is the body of a request to make a volume, with the types that
// Longhorn reads.
type newVolume struct {
	Name, Size, FromBackup, DataEngine, AccessMode, Frontend, DataLocality, BackingImage string
	ReplicaZoneSoftAntiAffinity, BackupBlockSize, BackupTargetName                       string
	NumberOfReplicas, StaleReplicaTimeout, UblkQueueDepth, UblkNumberOfQueue             int
	Encrypted, Migratable                                                                bool
	DiskSelector, NodeSelector                                                           []string
	RecurringJobSelector                                                                 []struct {
		Name    string
		IsGroup bool
	}
	TopologyRequirement []struct{ Zone, Region string }
}

func (l *Longhorn) createVolume(body []byte) (any, *failure) {
	var in newVolume
	var asked map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, refuse("%v", err)
	}
	_ = json.Unmarshal(body, &asked)
	for _, tag := range in.DiskSelector {
		return nil, refuse("specified disk tag %s does not exist", tag)
	}
	for _, tag := range in.NodeSelector {
		return nil, refuse("specified node tag %s does not exist", tag)
	}
	size, err := strconv.ParseInt(in.Size, 10, 64)
	if in.Size != "" && err != nil {
		return nil, refuse("failed to parse size error parsing size '%s'", in.Size)
	}
	block, _ := strconv.ParseInt(cmp.Or(in.BackupBlockSize, "0"), 10, 64)
	v := &volume{
		name: in.Name, size: size, engine: in.DataEngine, access: in.AccessMode, replicas: in.NumberOfReplicas, encrypted: in.Encrypted, fromBackup: in.FromBackup,
		frontend: cmp.Or(in.Frontend, "blockdev"), image: in.BackingImage, target: cmp.Or(in.BackupTargetName, "default"), block: block, asked: asked, made: l.now(),
	}
	if len(v.name) > maxName {
		v.name = v.name[:31] + "-" + hash(v.name, 8)
	}
	if failed := l.admit(in, v); failed != nil {
		return nil, failed
	}
	l.volumes[v.name] = v
	return l.volumeJSON(v), nil
}

// admit does what the manager and the admission webhooks do to a new volume.
func (l *Longhorn) admit(in newVolume, v *volume) *failure {
	bad := func(format string, args ...any) *failure {
		return refuse("failed to create volume: unable to create volume "+in.Name+": "+format, args...)
	}
	denied := func(by, format string, args ...any) *failure {
		return bad(`admission webhook "`+by+`.longhorn.io" denied the request: `+format, args...)
	}
	if v.image != "" && !slices.Contains(l.images, v.image) {
		return bad("failed to restore backing image %s when create volume %s: failed to get backup backing image %s: backupbackingimage.longhorn.io %q not found", v.image, v.name, v.image, v.image)
	}
	switch old := l.volumes[v.name]; {
	case old != nil && !old.deleted.IsZero():
		return bad("object is being deleted: volumes.longhorn.io %q already exists", v.name)
	case old != nil:
		return bad("volumes.longhorn.io %q already exists", v.name)
	case v.replicas == 0 && v.engine == "":
		return denied("mutator", "failed to get valid number for setting default replica count")
	}
	if in.FromBackup != "" {
		if why := l.fromBackup(v); why != "" {
			return denied("mutator", "%s", why)
		}
	}
	l.complete(v)
	if why := l.invalid(in, v); why != "" {
		return denied("validator", "%s", why)
	}
	return nil
}

// complete fills in defaults.
func (l *Longhorn) complete(v *volume) {
	v.engine, v.access = cmp.Or(v.engine, "v1"), cmp.Or(v.access, "rwo")
	if v.replicas == 0 {
		v.replicas = 3
	}
	if v.block == 0 {
		megabytes, _ := strconv.ParseInt(l.settings[settingBlock], 10, 64)
		v.block = megabytes << 20
	}
	if v.fromBackup == "" {
		v.state, v.robustness, v.ready, v.engineSize = "detached", "unknown", true, v.size
	}
}

// invalid says why the validator refuses a volume, in the words of longhorn-manager's
// webhook/resources/volume/validator.go; "" if it does not.
func (l *Longhorn) invalid(in newVolume, v *volume) string {
	modes := []string{"rwo", "rwx"}
	if l.minor >= withExclusive {
		modes = append(modes, "rwop")
	}
	frontends := map[string][]string{"v1": {"blockdev", "iscsi"}, "v2": {"blockdev", "nvmf", "ublk"}}
	switch {
	case !labelPattern.MatchString(v.name):
		return "invalid name " + v.name
	case !slices.Contains([]string{"", "disabled", "best-effort", "strict-local"}, in.DataLocality):
		return "invalid data locality mode: " + in.DataLocality
	case !slices.Contains(modes, v.access):
		return "invalid access mode: " + v.access
	case !slices.Contains(frontends[v.engine], v.frontend):
		return fmt.Sprintf("invalid volume frontend specified: %s for data engine %s ", v.frontend, v.engine)
	case in.Migratable && v.access != "rwx":
		return "migratable volumes are only supported in ReadWriteMany (rwx) access mode"
	case in.ReplicaZoneSoftAntiAffinity == "disabled" && len(in.TopologyRequirement) > 0:
		return "zone anti-affinity cannot be satisfied in one zone"
	case l.targets[v.target] == nil:
		return fmt.Sprintf("failed to get backup target %s: backuptarget.longhorn.io %q not found", v.target, v.target)
	}
	return cmp.Or(badLocality(in, v), l.badBlockSize(v.size, v.block))
}

// badLocality says why a volume cannot be kept to one node; "" if it can or is not.
func badLocality(in newVolume, v *volume) string {
	switch {
	case in.DataLocality != "strict-local":
		return ""
	case v.replicas != 1:
		return "replica count should be 1 in data locality strict-local mode"
	case v.access == "rwx" && !in.Migratable:
		return "access mode rwx (migratable: false) is incompatible with data locality strict-local mode"
	}
	return ""
}

// badBlockSize says why a volume of this size cannot have this backup block size.
func (l *Longhorn) badBlockSize(size, block int64) string {
	switch {
	case l.minor < withBlockSizes:
		return ""
	case block != smallBlock && block != largeBlock:
		return fmt.Sprintf("unsupported BackupBlockSize: %d", block)
	case size%block != 0:
		return fmt.Sprintf("volume size %d must be an integer multiple of the backup block size %d", size, block)
	}
	return ""
}

// imageOf gives a volume the backing image that its backup was taken on. It
// returns the reason if it cannot.
func (l *Longhorn) imageOf(v *volume, b *backup) (why string) {
	v.image = cmp.Or(v.image, b.BackingImage)
	if v.image != "" && !slices.Contains(l.images, v.image) {
		return fmt.Sprintf("failed to get backing image %s: backingimage.longhorn.io %q not found", v.image, v.image)
	}
	return ""
}

func (l *Longhorn) retarget(v *volume, name string) (any, *failure) {
	if l.minor < withTargets {
		return nil, noSuchCall
	}
	if l.targets[name] == nil {
		return nil, refuse(`unable to update field BackupTargetName for volume %s: admission webhook "validator.longhorn.io" denied the request: `+
			`failed to get backup target %s: backuptarget.longhorn.io %q not found`, v.name, name, name)
	}
	v.target = name
	return l.volumeJSON(v), nil
}
