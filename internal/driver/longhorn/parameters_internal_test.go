package longhorn

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// effects are, for each parameter that makes a volume, a value and what is asked of
// Longhorn for it: field and value of the request's body.
var effects = map[string]struct {
	value, field string
	sent         any
}{
	"numberOfReplicas":            {"5", "numberOfReplicas", 5.0},
	"staleReplicaTimeout":         {"30", "staleReplicaTimeout", 30.0},
	"dataEngine":                  {"v2", "dataEngine", "v2"},
	"dataLocality":                {"best-effort", "dataLocality", "best-effort"},
	"replicaAutoBalance":          {"least-effort", "replicaAutoBalance", "least-effort"},
	"diskSelector":                {"ssd,fast", "diskSelector", []any{"ssd", "fast"}},
	"nodeSelector":                {"storage", "nodeSelector", []any{"storage"}},
	"encrypted":                   {"true", "encrypted", true},
	"share":                       {"true", "accessMode", "rwx"},
	"exclusive":                   {"true", "accessMode", "rwop"},
	"disableRevisionCounter":      {"false", "revisionCounterDisabled", false},
	"unmapMarkSnapChainRemoved":   {"enabled", "unmapMarkSnapChainRemoved", "enabled"},
	"replicaSoftAntiAffinity":     {"enabled", "replicaSoftAntiAffinity", "enabled"},
	"replicaZoneSoftAntiAffinity": {"disabled", "replicaZoneSoftAntiAffinity", "disabled"},
	"replicaDiskSoftAntiAffinity": {"enabled", "replicaDiskSoftAntiAffinity", "enabled"},
	"freezeFilesystemForSnapshot": {"enabled", "freezeFilesystemForSnapshot", "enabled"},
	"recurringJobSelector": {
		`[{"name":"nightly","isGroup":true},{"name":"weekly"}]`, "recurringJobSelector",
		[]any{map[string]any{"name": "nightly", "isGroup": true}, map[string]any{"name": "weekly", "isGroup": false}},
	},
	"frontend":                {"iscsi", "frontend", "iscsi"},
	"ublkNumberOfQueue":       {"4", "ublkNumberOfQueue", 4.0},
	"ublkQueueDepth":          {"128", "ublkQueueDepth", 128.0},
	"nvmeTcpNrIoQueues":       {"8", "nvmeTcpNrIoQueues", 8.0},
	"dataLayout.type":         {"sharded", "dataLayout", map[string]any{"type": "sharded"}},
	"dataLayout.mode":         {"erasureCoding", "dataLayout", map[string]any{"mode": "erasureCoding"}},
	"dataLayout.dataChunks":   {"4", "dataLayout", map[string]any{"dataChunks": 4.0}},
	"dataLayout.parityChunks": {"2", "dataLayout", map[string]any{"parityChunks": 2.0}},
	"dataLayout.stripSizeKB":  {"64", "dataLayout", map[string]any{"stripSizeKB": 64.0}},
}

// elsewhere are the parameters that are seen to after the volume is described, with
// the test that shows it, if not to be ignored.
var elsewhere = []string{
	"migratable",                                            // TestAMigratableClassMakesMigratableVolumesOnlyWhereTheyAreShared
	"backupTargetName", "backupBlockSize", "volumeTopology", // the tests of the same words in volume_test.go
}

func body(t require.TestingT, parameters map[string]string) map[string]any {
	req := aRequest()
	req.Class = aClass(parameters)
	made, err := newVolume(req, "soteria-x-1")
	require.NoError(t, err)
	data, err := json.Marshal(made)
	require.NoError(t, err)
	var sent map[string]any
	require.NoError(t, json.Unmarshal(data, &sent))
	return sent
}

func TestEveryParameterThatMakesAVolumeReachesLonghorn(t *testing.T) {
	plain := body(t, nil)
	for _, p := range parameters {
		if p.read == nil {
			continue
		}
		t.Run(p.name+", since "+p.since, func(t *testing.T) {
			effect, ok := effects[p.name]
			if !ok {
				assert.Contains(t, elsewhere, p.name, "nothing shows what becomes of it")
				return
			}
			sent := body(t, map[string]string{p.name: effect.value})
			assert.Equal(t, effect.sent, sent[effect.field])
			assert.NotEqual(t, plain[effect.field], sent[effect.field], "the value is not the default one")
		})
	}
}

func TestNoParameterIsInTheTableTwice(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range parameters {
		assert.False(t, seen[p.name], p.name)
		assert.Regexp(t, `^1\.[0-9]+(\.[0-9]+)?$`, p.since)
		seen[p.name] = true
	}
}

func TestAParameterThatIsNotUnderstoodIsRefusedAndNamed(t *testing.T) {
	for key, value := range map[string]string{
		"recurringJobSelector": "nightly", "backupBlockSize": "large", "volumeTopology": "planetary", "ublkQueueDepth": "deep",
		"dataLayout.dataChunks": "-1", "share": "perhaps", "exclusive": "2",
	} {
		_, err := settingsOf(aClass(map[string]string{key: value}))
		assert.Equal(t, backup.Invalid, backup.KindOf(err))
		require.ErrorContains(t, err, "storage class longhorn: parameter "+key+" is ")
		assert.ErrorContains(t, err, value)
	}
	_, err := settingsOf(aClass(map[string]string{"recurringJobSelector": `[{"isGroup":true}]`}))
	assert.Equal(t, backup.Invalid, backup.KindOf(err), "a job without a name is none")
	_, err = settingsOf(aClass(map[string]string{"volumeTopology": "zonal", "replicaZoneSoftAntiAffinity": "disabled"}))
	assert.ErrorContains(t, err, "all replicas of a zonal volume are in one zone")
}

func TestNoParametersAreReadWithoutAnErrorThatNamesTheClassOrAVolume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := map[string]string{}
		for _, p := range parameters {
			if rapid.Bool().Draw(t, "has "+p.name) {
				given[p.name] = rapid.OneOf(rapid.SampledFrom([]string{"", "true", "false", "3", "16Mi", "zonal", "[]", "rwx"}), rapid.String()).Draw(t, p.name)
			}
		}
		req := aRequest()
		req.Class = aClass(given)
		made, err := newVolume(req, "soteria-x-1")
		if err != nil {
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.ErrorContains(t, err, "storage class longhorn")
			return
		}
		assert.False(t, made.Migratable && made.AccessMode != "rwx", "which Longhorn refuses")
		assert.Equal(t, req.Backup.Locator, made.FromBackup)
		assert.NotEmpty(t, made.Frontend)
		assert.Positive(t, made.StaleReplicaTimeout)
	})
}

func TestAMigratableClassMakesMigratableVolumesOnlyWhereTheyAreShared(t *testing.T) {
	for mode, want := range map[corev1.PersistentVolumeAccessMode]bool{corev1.ReadWriteOnce: false, corev1.ReadWriteOncePod: false, corev1.ReadWriteMany: true} {
		req := aRequest()
		req.Class.Parameters["migratable"] = "true"
		req.Target.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{mode}
		made, err := newVolume(req, "soteria-x-1")
		require.NoError(t, err)
		assert.Equal(t, want, made.Migratable, mode)
		pv, err := object(req, api.Volume{Name: "soteria-x-1", Size: 1 << 30})
		require.NoError(t, err)
		assert.Equal(t, want, pv.Spec.CSI.VolumeAttributes["migratable"] == "true", "as the plugin writes it down")
	}
}

func TestAClassAndAClaimThatContradictEachOtherAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		parameters map[string]string
		mode       corev1.PersistentVolumeAccessMode
	}{
		"both in the class":              {map[string]string{"share": "true", "exclusive": "true"}, corev1.ReadWriteOnce},
		"a shared class, one pod":        {map[string]string{"share": "true"}, corev1.ReadWriteOncePod},
		"an exclusive class, many nodes": {map[string]string{"exclusive": "true"}, corev1.ReadWriteMany},
	} {
		t.Run(name, func(t *testing.T) {
			req := aRequest()
			req.Class = aClass(c.parameters)
			req.Target.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{c.mode}
			_, err := newVolume(req, "soteria-x-1")
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.ErrorContains(t, err, "correct the parameters share and exclusive")
		})
	}
}

func TestUnknownParametersAreFound(t *testing.T) {
	assert.Empty(t, unknownParameters(aClass(map[string]string{
		"numberOfReplicas": "2", "fsType": "xfs", "FSTYPE": "xfs", "mkfsParams": "x", "nfsOptions": "y", "csi.storage.k8s.io/fstype": "xfs", "backingImage": "b", "strictTopology": "true",
	})))
	// The first two are as in Longhorn's own documentation, but not as its plugin reads them.
	assert.Equal(t, []string{"backingImageName", "freezeFSForSnapshot", "numberofReplicas"}, unknownParameters(aClass(map[string]string{
		"freezeFSForSnapshot": "enabled", "backingImageName": "x", "numberofReplicas": "2", "dataEngine": "v1",
	})))
}

func TestTheBlockSizeIsTheClasssWhereItFitsElseTheBackups(t *testing.T) {
	const small, large = int64(2) << 20, int64(16) << 20
	own := func(n int64) *api.Int { i := api.Int(n); return &i }
	for name, c := range map[string]struct {
		class int64
		own   *api.Int
		size  int64
		want  int64
	}{
		"a version with one block size is not told any": {large, nil, 64 << 20, 0},
		"the backup's":                              {0, own(small), 66 << 20, small},
		"the backup's large one":                    {0, own(large), 64 << 20, large},
		"the class's":                               {large, own(small), 64 << 20, large},
		"the class's small one":                     {small, own(large), 64 << 20, small},
		"the backup's where the class's is no fit":  {large, own(small), 66 << 20, small},
		"the small one where Longhorn did not read": {0, own(-1), 64 << 20, small},
		"the small one where Longhorn has none":     {0, own(0), 64 << 20, small},
		"the small one where nothing else fits":     {large, own(large), 66 << 20, small},
		"none that Longhorn does not have":          {4 << 20, own(small), 64 << 20, small},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, blockSize(c.class, c.own, c.size)) })
	}
}

func TestASizeIsRoundedUpToWholeBlocks(t *testing.T) {
	assert.EqualValues(t, 80<<20, fullBlocks(66<<20, 16<<20))
	assert.EqualValues(t, 64<<20, fullBlocks(64<<20, 16<<20))
	assert.EqualValues(t, 66<<20, fullBlocks(66<<20, 0), "before 1.10")
}

func TestWhatOfAClassDoesNotHoldIsSaid(t *testing.T) {
	warn := func(parameters map[string]string, volume api.Volume) []string {
		class := aClass(parameters)
		s, err := settingsOf(class)
		require.NoError(t, err)
		return classWarnings(class, s, volume)
	}
	assert.Empty(t, warn(map[string]string{"numberOfReplicas": "2", "fromBackup": "", "backingImage": "b"}, api.Volume{BackingImage: "b"}))
	for words, found := range map[string][]string{
		"does not know the class's parameters zebra": warn(map[string]string{"zebra": "1"}, api.Volume{}),
		"parameter fromBackup names":                 warn(map[string]string{"fromBackup": "s3://x"}, api.Volume{}),
		"parameter dataSource names":                 warn(map[string]string{"dataSource": "vol://x"}, api.Volume{}),
		`its backing image is "", on which`:          warn(map[string]string{"backingImage": "golden"}, api.Volume{}),
		"its backup block size is 2097152 bytes":     warn(map[string]string{"backupBlockSize": "16Mi"}, api.Volume{BackupBlockSize: 2 << 20}),
	} {
		require.Len(t, found, 1, words)
		assert.Contains(t, found[0], words)
	}
}
