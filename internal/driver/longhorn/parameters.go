package longhorn

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// parameter is a parameter of storage classes that Longhorn's CSI plugin reads.
type parameter struct {
	name string
	// since is the first version whose plugin reads it. The API of versions before
	// ignores what it is sent for it, as their plugins ignore the parameter.
	since string
	// read takes a value, never empty, into the settings. It returns what the value
	// should have been, or "". It is nil where the value is not used to make a
	// volume that is restored: at mount the plugin reads it from the volume's
	// attributes, which have all parameters, or the restore takes its place.
	read func(s *settings, value string) (wanted string)
}

// parameters are all that the plugins of versions 1.6 to 1.13 read, from csi/util.go
// (getVolumeOptions), csi/controller_server.go and csi/node_server.go in the
// module github.com/longhorn/longhorn-manager. Those from 1.12.1 on are taken from
// Longhorn's documentation of storage classes and its REST API's answers.
var parameters = []parameter{
	{"numberOfReplicas", "1.6", number(func(s *settings) *int { return &s.Replicas })},
	{"staleReplicaTimeout", "1.6", number(func(s *settings) *int { return &s.StaleReplicaTimeout })},
	{"dataEngine", "1.6", text(func(s *settings) *string { return &s.DataEngine })},
	{"dataLocality", "1.6", text(func(s *settings) *string { return &s.DataLocality })},
	{"replicaAutoBalance", "1.6", text(func(s *settings) *string { return &s.ReplicaAutoBalance })},
	{"diskSelector", "1.6", tags(func(s *settings) *[]string { return &s.DiskSelector })},
	{"nodeSelector", "1.6", tags(func(s *settings) *[]string { return &s.NodeSelector })},
	{"encrypted", "1.6", yes(func(s *settings) *bool { return &s.Encrypted })},
	{"migratable", "1.6", yes(func(s *settings) *bool { return &s.Migratable })},
	{"share", "1.6", yes(func(s *settings) *bool { return &s.Share })},
	{"exclusive", "1.11", yes(func(s *settings) *bool { return &s.Exclusive })},
	{"disableRevisionCounter", "1.6", yes(func(s *settings) *bool { return &s.RevisionCounterDisabled })},
	{"unmapMarkSnapChainRemoved", "1.6", text(func(s *settings) *string { return &s.UnmapMarkSnapChainRemoved })},
	{"replicaSoftAntiAffinity", "1.6", text(func(s *settings) *string { return &s.ReplicaSoftAntiAffinity })},
	{"replicaZoneSoftAntiAffinity", "1.6", text(func(s *settings) *string { return &s.ReplicaZoneSoftAntiAffinity })},
	{"replicaDiskSoftAntiAffinity", "1.6", text(func(s *settings) *string { return &s.ReplicaDiskSoftAntiAffinity })},
	{"freezeFilesystemForSnapshot", "1.7", text(func(s *settings) *string { return &s.FreezeFilesystemForSnapshot })},
	{"recurringJobSelector", "1.6", jobs},
	{"backupTargetName", "1.8", text(func(s *settings) *string { return &s.BackupTarget })},
	{"backupBlockSize", "1.10", quantity(func(s *settings) *int64 { return &s.BackupBlockSize })},
	{"frontend", "1.9", text(func(s *settings) *string { return &s.Frontend })},
	{"ublkNumberOfQueue", "1.11", number(func(s *settings) *int { return &s.UblkNumberOfQueue })},
	{"ublkQueueDepth", "1.11", number(func(s *settings) *int { return &s.UblkQueueDepth })},
	{"nvmeTcpNrIoQueues", "1.13", number(func(s *settings) *int { return &s.NVMeTCPQueues })},
	{"dataLayout.type", "1.12.1", text(func(s *settings) *string { return &s.DataLayout.Type })},
	{"dataLayout.mode", "1.12.1", text(func(s *settings) *string { return &s.DataLayout.Mode })},
	{"dataLayout.dataChunks", "1.12.1", number(func(s *settings) *int { return &s.DataLayout.DataChunks })},
	{"dataLayout.parityChunks", "1.12.1", number(func(s *settings) *int { return &s.DataLayout.ParityChunks })},
	{"dataLayout.stripSizeKB", "1.12.1", number(func(s *settings) *int { return &s.DataLayout.StripSizeKB })},
	{"volumeTopology", "1.13", topology},

	// A restored volume is on the backing image that its backup was taken on, see
	// [restoredOn]; the others make that image where Longhorn does not have it.
	{"backingImage", "1.6", nil},
	{"backingImageDataSourceType", "1.6", nil},
	{"backingImageDataSourceParameters", "1.6", nil},
	{"backingImageChecksum", "1.6", nil},
	{"backingImageMinNumberOfCopies", "1.7", nil},
	{"backingImageNodeSelector", "1.7", nil},
	{"backingImageDiskSelector", "1.7", nil},
	// It narrows the object's node affinity to the node that the scheduler chose;
	// none is chosen for a claim whose volume is restored first, see [pinsToNode].
	{"strictTopology", "1.11", nil},
	// A restore is another content than these.
	{"fromBackup", "1.6", nil},
	{"dataSource", "1.6", nil},
	{"cloneMode", "1.10", nil},
	// What the plugin reads at mount. A restored file system is not made again.
	{"mkfsParams", "1.6", nil},
	{"nfsOptions", "1.6", nil},
}

// unknownParameters returns the parameters of a class that no plugin is known to
// read, sorted.
func unknownParameters(class *storagev1.StorageClass) []string {
	unknown := maps.Clone(class.Parameters)
	maps.DeleteFunc(unknown, func(key, _ string) bool {
		return strings.HasPrefix(key, csiPrefix) || strings.EqualFold(key, "fstype") ||
			slices.ContainsFunc(parameters, func(p parameter) bool { return p.name == key })
	})
	return slices.Sorted(maps.Keys(unknown))
}

func text(field func(*settings) *string) func(*settings, string) string {
	return func(s *settings, value string) string {
		*field(s) = value
		return ""
	}
}

func number(field func(*settings) *int) func(*settings, string) string {
	return func(s *settings, value string) string {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return "a number"
		}
		*field(s) = n
		return ""
	}
}

func yes(field func(*settings) *bool) func(*settings, string) string {
	return func(s *settings, value string) string {
		is, err := strconv.ParseBool(value)
		if err != nil {
			return "true or false"
		}
		*field(s) = is
		return ""
	}
}

// tags reads words that are separated by commas.
func tags(field func(*settings) *[]string) func(*settings, string) string {
	return func(s *settings, value string) string {
		for each := range strings.SplitSeq(value, ",") {
			if each = strings.TrimSpace(each); each != "" {
				*field(s) = append(*field(s), each)
			}
		}
		return ""
	}
}

func quantity(field func(*settings) *int64) func(*settings, string) string {
	return func(s *settings, value string) string {
		q, err := resource.ParseQuantity(value)
		if err != nil || q.Sign() < 0 {
			return "a size, such as 2Mi"
		}
		*field(s) = q.Value()
		return ""
	}
}

// jobs reads the names of recurring jobs, a list in JSON.
func jobs(s *settings, value string) string {
	const wanted = `a list of recurring jobs, such as [{"name":"nightly","isGroup":true}]`
	var list []api.RecurringJob
	if err := json.Unmarshal([]byte(value), &list); err != nil {
		return wanted
	}
	if slices.ContainsFunc(list, func(j api.RecurringJob) bool { return j.Name == "" }) {
		return wanted
	}
	s.RecurringJobs = list
	return ""
}

func topology(s *settings, value string) string {
	switch value {
	case topologyAny, topologyZonal, topologyRegional:
		s.VolumeTopology = value
		return ""
	}
	return "any, zonal or regional"
}
