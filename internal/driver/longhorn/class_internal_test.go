package longhorn

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/backup"
)

func aClass(parameters map[string]string) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "longhorn"}, Provisioner: Provisioner, Parameters: parameters}
}

func TestAClassWithoutParametersMakesWhatLonghornWould(t *testing.T) {
	s, err := settingsOf(aClass(nil))
	require.NoError(t, err)
	assert.Equal(t, settings{
		StaleReplicaTimeout: 2880, DataEngine: "v1", RevisionCounterDisabled: true, DiskSelector: []string{}, NodeSelector: []string{},
	}, s)
}

func TestAClassSaysHowItsVolumesAreMade(t *testing.T) {
	s, err := settingsOf(aClass(map[string]string{
		"numberOfReplicas": "3", "staleReplicaTimeout": "30", "dataEngine": "v2", "dataLocality": "best-effort", "encrypted": "true",
		"migratable": "true", "diskSelector": "ssd, fast,", "nodeSelector": "storage", "disableRevisionCounter": "false", "replicaAutoBalance": "least-effort",
		"unmapMarkSnapChainRemoved": "enabled", "somethingNew": "is left to the plugin",
	}))
	require.NoError(t, err)
	assert.Equal(t, settings{
		Replicas: 3, StaleReplicaTimeout: 30, DataEngine: "v2", DataLocality: "best-effort", Encrypted: true, Migratable: true,
		DiskSelector: []string{"ssd", "fast"}, NodeSelector: []string{"storage"}, ReplicaAutoBalance: "least-effort", UnmapMarkSnapChainRemoved: "enabled",
	}, s)
}

func TestAParameterThatMakesNoSenseIsNamed(t *testing.T) {
	for key, value := range map[string]string{"numberOfReplicas": "three", "staleReplicaTimeout": "-1", "encrypted": "perhaps", "migratable": "2"} {
		_, err := settingsOf(aClass(map[string]string{key: value}))
		assert.Equal(t, backup.Invalid, backup.KindOf(err))
		assert.ErrorContains(t, err, "storage class longhorn: parameter "+key+" is ")
	}
}

func TestAccessModesInLonghornsWords(t *testing.T) {
	for word, modes := range map[string][]corev1.PersistentVolumeAccessMode{
		"rwo":  {corev1.ReadWriteOnce},
		"rwop": {corev1.ReadWriteOncePod},
		"rwx":  {corev1.ReadWriteOnce, corev1.ReadWriteMany},
	} {
		assert.Equal(t, word, accessMode(modes))
	}
	assert.Equal(t, "rwx", accessMode([]corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany}))
}

func TestTheFileSystemIsTheOneOfTheClass(t *testing.T) {
	assert.Equal(t, "ext4", fsType(aClass(nil)))
	assert.Equal(t, "xfs", fsType(aClass(map[string]string{"fsType": "xfs"})))
	assert.Equal(t, "xfs", fsType(aClass(map[string]string{"csi.storage.k8s.io/fstype": "xfs", "fsType": "ext4"})))
}

func TestThePluginGetsTheClasssParametersButNotThoseOfTheSidecars(t *testing.T) {
	class := aClass(map[string]string{"numberOfReplicas": "2", "mkfsParams": "-O ^metadata_csum", "csi.storage.k8s.io/node-stage-secret-name": "crypto"})
	assert.Equal(t, map[string]string{"numberOfReplicas": "2", "mkfsParams": "-O ^metadata_csum"}, volumeAttributes(class, "rwo"))
	assert.Equal(t, "true", volumeAttributes(class, "rwx")["share"])
	assert.NotContains(t, class.Parameters, "share", "the class itself is not changed")
}

func TestSecretsAreThoseThatTheClassNames(t *testing.T) {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "photos", Annotations: map[string]string{"team": "blue"}},
		Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: "soteria-abc"},
	}
	t.Run("with placeholders filled in", func(t *testing.T) {
		s, err := secretsOf(aClass(map[string]string{
			"csi.storage.k8s.io/provisioner-secret-name": "crypto", "csi.storage.k8s.io/provisioner-secret-namespace": "longhorn-system",
			"csi.storage.k8s.io/node-stage-secret-name": "${pvc.name}-${pvc.annotations['team']}", "csi.storage.k8s.io/node-stage-secret-namespace": "${pvc.namespace}",
			"csi.storage.k8s.io/node-publish-secret-name": "${pv.name}", "csi.storage.k8s.io/node-publish-secret-namespace": "longhorn-system",
		}), claim)
		require.NoError(t, err)
		assert.Equal(t, secrets{
			Provisioner: &corev1.SecretReference{Namespace: "longhorn-system", Name: "crypto"},
			NodeStage:   &corev1.SecretReference{Namespace: "media", Name: "photos-blue"},
			NodePublish: &corev1.SecretReference{Namespace: "longhorn-system", Name: "soteria-abc"},
		}, s)
	})
	for name, parameters := range map[string]map[string]string{
		"without a namespace":            {"csi.storage.k8s.io/node-stage-secret-name": "crypto"},
		"with a placeholder of no kind":  {"csi.storage.k8s.io/node-stage-secret-name": "${node.name}", "csi.storage.k8s.io/node-stage-secret-namespace": "x"},
		"with an annotation it lacks":    {"csi.storage.k8s.io/node-stage-secret-name": "${pvc.annotations['none']}", "csi.storage.k8s.io/node-stage-secret-namespace": "x"},
		"with a name that cannot be one": {"csi.storage.k8s.io/node-stage-secret-name": "../x", "csi.storage.k8s.io/node-stage-secret-namespace": "x"},
	} {
		t.Run(name+" it is refused, naming the class", func(t *testing.T) {
			_, err := secretsOf(aClass(parameters), claim)
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.ErrorContains(t, err, "storage class longhorn: the node-stage secret: ")
		})
	}
}

func TestASizeIsRoundedUpToLonghornsBlocks(t *testing.T) {
	assert.EqualValues(t, 2<<20, wantedSize(claimOf("1")))
	assert.EqualValues(t, 64<<20, wantedSize(claimOf("64Mi")))
	assert.EqualValues(t, 66<<20, wantedSize(claimOf("67108865")))
}
