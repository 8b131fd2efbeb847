package kube_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

func waitingWorld(t *testing.T, objects ...client.Object) *fake.ClientBuilder {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, corev1.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...)
}

func pending(volume string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db", UID: "uid"},
		Spec: corev1.PersistentVolumeClaimSpec{VolumeName: volume, DataSourceRef: &corev1.TypedObjectReference{
			APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: "soteria-abc",
		}},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}
}

func restoreFor(uid types.UID, change func(*v1alpha1.RestoreStatus)) *v1alpha1.Restore {
	r := &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "soteria-abc"}}
	r.Status.Claim = &v1alpha1.ClaimReference{Name: "db", UID: uid}
	r.Status.Phase = v1alpha1.PhaseSelecting
	change(&r.Status)
	return r
}

func TestAClaimWaitsUntilItIsBoundOrSettled(t *testing.T) {
	same := func(*v1alpha1.RestoreStatus) {}
	for name, test := range map[string]struct {
		claim   func(*corev1.PersistentVolumeClaim)
		restore *v1alpha1.Restore
		waits   bool
	}{
		"locked, without a Restore yet":         {waits: true},
		"locked, its Restore selects":           {restore: restoreFor("uid", same), waits: true},
		"locked, its data moves":                {restore: restoreFor("uid", func(s *v1alpha1.RestoreStatus) { s.Phase = v1alpha1.PhaseTransferring }), waits: true},
		"locked, settled in an earlier life":    {restore: restoreFor("earlier", func(s *v1alpha1.RestoreStatus) { s.Empty = true }), waits: true},
		"locked by a name alone":                {claim: func(c *corev1.PersistentVolumeClaim) { c.Spec.DataSourceRef = nil }, waits: true},
		"referring to a Restore without a lock": {claim: func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "" }, waits: true},
		"settled to start empty":                {restore: restoreFor("uid", func(s *v1alpha1.RestoreStatus) { s.Empty = true })},
		"being handed its volume":               {restore: restoreFor("uid", func(s *v1alpha1.RestoreStatus) { s.Phase = v1alpha1.PhaseHandingOver })},
		"bound":                                 {claim: func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound }},
		"another's": {claim: func(c *corev1.PersistentVolumeClaim) {
			c.Spec.VolumeName, c.Spec.DataSourceRef = "pv", nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			claim := pending("soteria-abc")
			if test.claim != nil {
				test.claim(claim)
			}
			objects := []client.Object{claim}
			if test.restore != nil {
				objects = append(objects, test.restore)
			}
			waiting, err := kube.Waiting(t.Context(), waitingWorld(t, objects...).Build())
			require.NoError(t, err)
			var want []backup.Claim
			if test.waits {
				want = []backup.Claim{{Namespace: "shop", Name: "db"}}
			}
			assert.Equal(t, want, waiting)
		})
	}
}

func TestWhetherAClaimWaitsIsUnknownWhereNothingCanBeRead(t *testing.T) {
	for _, broken := range []client.ObjectList{&corev1.PersistentVolumeClaimList{}, &v1alpha1.RestoreList{}} {
		c := waitingWorld(t, pending("soteria-abc")).WithInterceptorFuncs(interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if assert.ObjectsAreEqual(typeOf(list), typeOf(broken)) {
					return errors.New("no answer")
				}
				return c.List(ctx, list, opts...)
			},
		}).Build()
		_, err := kube.Waiting(t.Context(), c)
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	}
}

func typeOf(list client.ObjectList) string {
	switch list.(type) {
	case *corev1.PersistentVolumeClaimList:
		return "claims"
	case *v1alpha1.RestoreList:
		return "restores"
	default:
		return "others"
	}
}
