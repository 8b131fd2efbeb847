package restore_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/restore"
)

func TestTheControllerRegistersWithAManagerThatCachesOnlyWhatItNeeds(t *testing.T) {
	// Nothing is started, so nothing is ever asked of this address.
	mgr, err := manager.New(&rest.Config{Host: "http://127.0.0.1:1"}, manager.Options{
		Scheme:         scheme(),
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return mapper(), nil },
		Cache:          cache.Options{ByObject: restore.CacheByObject()},
		Metrics:        metricsserver.Options{BindAddress: "0"},
	})
	require.NoError(t, err)
	r := restore.New(restore.Config{Namespace: own, Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Events: &recorder{}})
	require.NoError(t, r.SetupWithManager(t.Context(), mgr))
}

func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion, v1alpha1.GroupVersion, storagev1.SchemeGroupVersion, batchv1.SchemeGroupVersion})
	m.Add(corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"), meta.RESTScopeNamespace)
	m.Add(corev1.SchemeGroupVersion.WithKind("PersistentVolume"), meta.RESTScopeRoot)
	m.Add(v1alpha1.GroupVersion.WithKind("Restore"), meta.RESTScopeNamespace)
	m.Add(storagev1.SchemeGroupVersion.WithKind("VolumeAttachment"), meta.RESTScopeRoot)
	m.Add(storagev1.SchemeGroupVersion.WithKind("StorageClass"), meta.RESTScopeRoot)
	m.Add(batchv1.SchemeGroupVersion.WithKind("Job"), meta.RESTScopeNamespace)
	return m
}

func TestIndexesFindOnlyWhatSoteriaMadeInItsOwnPlaces(t *testing.T) {
	prime := aClaim(func(c *corev1.PersistentVolumeClaim) {
		c.Namespace, c.Spec.DataSourceRef = own, nil
		c.Labels = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RolePrime}
		c.Annotations = map[string]string{v1alpha1.ClaimAnnotation: "shop/db"}
	})
	elsewhere := prime.DeepCopy()
	elsewhere.Namespace = "shop"
	found := map[string][][]string{}
	for _, index := range restore.Indexes(own) {
		if _, ofClaims := index.Object.(*corev1.PersistentVolumeClaim); ofClaims {
			found[index.Field] = [][]string{index.Extract(prime), index.Extract(elsewhere), index.Extract(aClaim())}
		}
	}
	assert.Equal(t, [][]string{{"shop/db"}, nil, nil}, found["soteria.dev/claim"])
	assert.Equal(t, [][]string{{lock}, nil, nil}, found["soteria.dev/volume"])
	assert.Equal(t, [][]string{nil, nil, {lock}}, found["soteria.dev/restore"])
}
