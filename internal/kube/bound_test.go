package kube_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
)

func boundTo(volume string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) {
		c.Name, c.Spec.VolumeName, c.Status.Phase = "cache-"+volume, volume, corev1.ClaimBound
	}
}

func TestBoundClaims(t *testing.T) {
	going := claim(boundTo("going"), func(c *corev1.PersistentVolumeClaim) {
		now := metav1.Now()
		c.DeletionTimestamp, c.Finalizers = &now, []string{"kubernetes.io/pvc-protection"}
	})
	prime := claim(boundTo("prime"), label(v1alpha1.ManagedByLabel, v1alpha1.ManagedBy))
	forged := prime.DeepCopy()
	prime.Namespace = "soteria-system"
	api := fake.NewClientBuilder().WithObjects(claim(boundTo("pv-1")), claim(), going, prime, forged).Build()
	claims := kube.Claims{Reader: api, OwnNamespace: "soteria-system"}

	found, err := claims.Bound(t.Context(), "ai")
	require.NoError(t, err)
	assert.ElementsMatch(t, []backup.Claim{{Namespace: "ai", Name: "cache-pv-1"}, {Namespace: "ai", Name: "cache-prime"}}, found,
		"a label of Soteria's counts only in its own namespace")
	for _, namespace := range []string{"soteria-system", "nowhere"} {
		_, err = claims.Bound(t.Context(), namespace)
		assert.Equal(t, backup.NotFound, backup.KindOf(err), namespace)
	}

	for name, volume := range map[string]string{"cache-pv-1": "pv-1", "cache": "", "gone": ""} {
		got, err := claims.VolumeOf(t.Context(), backup.Claim{Namespace: "ai", Name: name})
		require.NoError(t, err)
		assert.Equal(t, volume, got, name)
	}
}

// known are the uids of claims that are copies.
type known sets.Set[types.UID]

func (k known) Among(context.Context, []corev1.PersistentVolumeClaim) sets.Set[types.UID] {
	return sets.Set[types.UID](k)
}

func TestCopiesToLookAtAreNoBoundClaims(t *testing.T) {
	real, look := claim(boundTo("pv-1")), claim(boundTo("pv-2"))
	real.UID, look.UID = "real", "look"
	api := fake.NewClientBuilder().WithObjects(real, look).Build()
	found, err := kube.Claims{Reader: api, Copies: known{"look": {}}}.Bound(t.Context(), "ai")
	require.NoError(t, err)
	assert.Equal(t, []backup.Claim{{Namespace: "ai", Name: "cache-pv-1"}}, found)
	_, err = kube.Claims{Reader: api, Copies: known{"look": {}, "real": {}}}.Bound(t.Context(), "ai")
	assert.Equal(t, backup.NotFound, backup.KindOf(err))
	assert.ErrorContains(t, err, "copies to look at")
}

func TestClaimsThatCannotBeReadAreNotNone(t *testing.T) {
	away := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errors.New("away")
		},
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("away")
		},
	})
	_, err := kube.Claims{Reader: away}.Bound(t.Context(), "ai")
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	_, err = kube.Claims{Reader: away}.VolumeOf(t.Context(), backup.Claim{Namespace: "ai", Name: "cache"})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
}
