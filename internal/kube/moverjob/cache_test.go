package moverjob_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

func TestACacheIsKeptWhereTheOperatorHasAPlaceForIt(t *testing.T) {
	both := moverjob.Cache{Folder: "/var/cache/soteria", Claim: "cache", Namespace: "soteria-system"}
	for name, c := range map[string]struct {
		cache     moverjob.Cache
		namespace string
		without   bool // a mover that caches nothing
		claim     string
		folder    string
	}{
		"nowhere": {namespace: "apps"},
		"in a folder of the node, one for each repository":   {cache: moverjob.Cache{Folder: "/var/cache/soteria"}, namespace: "apps", folder: "/var/cache/soteria/0123"},
		"in a claim, where that is":                          {cache: both, namespace: "soteria-system", claim: "cache"},
		"not in a claim of another namespace":                {cache: moverjob.Cache{Claim: "cache", Namespace: "soteria-system"}, namespace: "apps"},
		"in the folder, where the claim is not":              {cache: both, namespace: "apps", folder: "/var/cache/soteria/0123"},
		"not for a mover that has none":                      {cache: both, namespace: "apps", without: true},
		"not for a mover that has none in Soteria's, either": {cache: both, namespace: "soteria-system", without: true},
	} {
		t.Run(name, func(t *testing.T) {
			spec := moverjob.Spec{Namespace: c.namespace, Name: "backup", CachePath: "/tmp/restic-cache", CacheName: "0123", Settings: moverjob.Settings{Cache: c.cache}}
			if c.without {
				spec.CachePath, spec.CacheName = "", ""
			}
			pod := moverjob.Build(spec).Spec.Template.Spec
			at := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == "cache" })
			mounts := pod.Containers[0].VolumeMounts
			mounted := slices.IndexFunc(mounts, func(m corev1.VolumeMount) bool { return m.Name == "cache" })
			if c.claim == "" && c.folder == "" {
				assert.Negative(t, at)
				assert.Negative(t, mounted)
				return
			}
			require.GreaterOrEqual(t, at, 0)
			require.GreaterOrEqual(t, mounted, 0)
			assert.Equal(t, "/tmp/restic-cache", mounts[mounted].MountPath)
			if c.claim != "" {
				require.NotNil(t, pod.Volumes[at].PersistentVolumeClaim)
				assert.Equal(t, c.claim, pod.Volumes[at].PersistentVolumeClaim.ClaimName)
				assert.Equal(t, "0123", mounts[mounted].SubPath)
				return
			}
			require.NotNil(t, pod.Volumes[at].HostPath)
			assert.Equal(t, c.folder, pod.Volumes[at].HostPath.Path)
			assert.Equal(t, corev1.HostPathDirectoryOrCreate, *pod.Volumes[at].HostPath.Type)
			assert.Empty(t, mounts[mounted].SubPath)
		})
	}
}
