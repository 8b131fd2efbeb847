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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/restore"
)

func TestTheControllerRegistersWithAManagerThatCachesOnlyWhatItNeeds(t *testing.T) {
	// Nothing is started, so nothing is ever asked of this address.
	mgr, err := manager.New(&rest.Config{Host: "http://127.0.0.1:1"}, manager.Options{
		Scheme:         scheme(),
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return mapper(), nil },
		Cache:          cache.Options{ByObject: restore.CacheByObject(own)},
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
	m.Add(corev1.SchemeGroupVersion.WithKind("Pod"), meta.RESTScopeNamespace)
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

func TestWhateverChangesAboutARestoreIsAPassOverItsClaim(t *testing.T) {
	served := metav1.ObjectMeta{
		Namespace: own, Name: "something",
		Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy},
		Annotations: map[string]string{v1alpha1.ClaimAnnotation: "shop/db"},
	}
	with := func(role string) metav1.ObjectMeta {
		made := *served.DeepCopy()
		made.Labels[v1alpha1.RoleLabel] = role
		return made
	}
	stranger := metav1.ObjectMeta{Namespace: own, Name: "something", Annotations: served.Annotations}
	attachment := func(volume string) *storagev1.VolumeAttachment {
		return &storagev1.VolumeAttachment{Spec: storagev1.VolumeAttachmentSpec{Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume}}}
	}
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.until(func() bool { return w.prime() != nil }, "made a prime")
	w.sync()
	maps := restore.MapsOf(w.rec)
	tests := map[string]struct {
		by   string
		obj  client.Object
		want bool
	}{
		"the locked claim":                    {"claim", aClaim(), true},
		"its prime":                           {"claim", &corev1.PersistentVolumeClaim{ObjectMeta: with(v1alpha1.RolePrime)}, true},
		"a claim that is not locked":          {"claim", aClaim(func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "" }), false},
		"a volume that serves it":             {"served", &corev1.PersistentVolume{ObjectMeta: with(v1alpha1.RoleRestored)}, true},
		"a volume of somebody else's":         {"served", &corev1.PersistentVolume{ObjectMeta: stranger}, false},
		"a Job that fills":                    {"fill", &batchv1.Job{ObjectMeta: with(v1alpha1.RoleFill)}, true},
		"a Job that backs up":                 {"fill", &batchv1.Job{ObjectMeta: with(v1alpha1.RoleBackup)}, false},
		"the Restore that it refers to":       {"restore", &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: lock}}, true},
		"the Restore that was made for it":    {"restore", &v1alpha1.Restore{ObjectMeta: with(v1alpha1.RoleLocked)}, true},
		"a Restore that nobody refers to":     {"restore", &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "other"}}, false},
		"an attachment of the prime's volume": {"attachment", attachment("pv-1"), true},
		"an attachment of another volume":     {"attachment", attachment("pv-2"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := maps[test.by](t.Context(), test.obj)
			if !test.want {
				assert.Empty(t, got)
				return
			}
			assert.Equal(t, []reconcile.Request{{NamespacedName: claimKey}}, got)
		})
	}
}

func TestClaimsThatWaitForABackupAreLookedAtAgainWhenMoreIsKnown(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.answers = func() backup.Answer { return unknown(backup.Unavailable, "connection refused") }
	_, err := w.tick()
	require.NoError(t, err)
	w.sync()
	woken := func() []reconcile.Request { return restore.MapsOf(w.rec)["unsettled"](t.Context(), nil) }
	assert.Equal(t, []reconcile.Request{{NamespacedName: claimKey}}, woken())

	w.answers = func() backup.Answer { return found(aBackup()) }
	w.until(w.completed, "completed")
	w.sync()
	assert.Empty(t, woken(), "a claim whose backup is settled is left alone")

	for range 10 {
		w.rec.Wake() // never blocks, though nobody listens
	}
}

func TestAnErrorOfTheAPIServerIsToldAndRetried(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.refuse = "create v1.PersistentVolumeClaim"
	w.until(func() bool { return len(w.events.about("RestoreError")) > 0 }, "told")
	assert.Contains(t, w.restore().Status.Message, "make the prime soteria-system/prime-uid-1: quota exceeded; retried by itself")
	_, err := w.tick()
	require.Error(t, err, "the queue backs off")
	w.refuse = ""
	w.until(w.completed, "completed")
}
