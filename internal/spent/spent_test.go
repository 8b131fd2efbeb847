package spent_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/spent"
)

const (
	lock = "soteria-aaaaaaaaaaaaaaaa"
	old  = "0123456789abcdef0123456789abcdef"
)

var noon = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)

// restored is a claim as the API makes it, which has its data.
func restored(change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "media", Name: "photos", UID: "1", Labels: map[string]string{v1alpha1.RestoreLabel: "required", "app": "photos"},
			Annotations: map[string]string{
				v1alpha1.RequestedByAnnotation: "ada", v1alpha1.RestoreBackupAnnotation: old, v1alpha1.RestoreFromAnnotation: "media/pictures", "note": "mine",
			},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName: lock, DataSourceRef: &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: lock},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
	for _, f := range change {
		f(claim)
	}
	return claim
}

func completed(change ...func(*v1alpha1.Restore)) *v1alpha1.Restore {
	restore := &v1alpha1.Restore{
		ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: lock},
		Status: v1alpha1.RestoreStatus{
			Phase: v1alpha1.PhaseCompleted, Claim: &v1alpha1.ClaimReference{Name: "photos", UID: "1", Lock: lock},
			Backup: &v1alpha1.PinnedBackup{Driver: "restic", ID: old, ShortID: old[:8], TakenAt: metav1.NewTime(noon), Source: v1alpha1.SourceClaim{Namespace: "media", Name: "pictures"}},
		},
	}
	for _, f := range change {
		f(restore)
	}
	return restore
}

type world struct {
	cluster client.Client
	events  *events.FakeRecorder
	patches int
}

func newWorld(objects ...client.Object) *world {
	return newWorldIn(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "media"}}, objects...)
}

func newWorldIn(namespace *corev1.Namespace, objects ...client.Object) *world {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	w := &world{events: events.NewFakeRecorder(10)}
	w.cluster = fake.NewClientBuilder().WithScheme(scheme).WithObjects(append(objects, namespace)...).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			w.patches++
			return c.Patch(ctx, obj, patch, opts...)
		},
	}).Build()
	return w
}

// look has the claim looked at three times: what is done is done once.
func (w *world) look(t *testing.T) *corev1.PersistentVolumeClaim {
	t.Helper()
	reconciler := spent.Reconciler{Client: w.cluster, Events: w.events, Policy: kube.Policy{
		OwnNamespace: "soteria-system", Rules: func() backup.Rules { return backup.Rules{Now: noon} },
	}}
	name := client.ObjectKey{Namespace: "media", Name: "photos"}
	for range 3 {
		_, err := reconciler.Reconcile(t.Context(), reconcile.Request{NamespacedName: name})
		require.NoError(t, err)
	}
	var claim corev1.PersistentVolumeClaim
	require.NoError(t, w.cluster.Get(t.Context(), name, &claim))
	return &claim
}

func TestARestoreLeavesNoPinBehind(t *testing.T) {
	w := newWorld(restored(), completed())
	claim := w.look(t)
	assert.Equal(t, 1, w.patches)
	assert.Equal(t, map[string]string{v1alpha1.RestoreLabel: "auto", "app": "photos"}, claim.Labels, "it stays protected")
	assert.NotContains(t, claim.Annotations, v1alpha1.RestoreBackupAnnotation)
	assert.NotContains(t, claim.Annotations, v1alpha1.RestoreFromAnnotation)
	assert.Equal(t, "restic backup 01234567 of media/pictures, taken 2026-04-12T12:00:00Z", claim.Annotations[v1alpha1.RestoredAnnotation])
	assert.Equal(t, "mine", claim.Annotations["note"])
	assert.Equal(t, "ada", claim.Annotations[v1alpha1.RequestedByAnnotation])
	assert.Empty(t, w.events.Events)

	again := kube.Facts(kube.AsWritten(claim), nil, nil, kube.Policy{})
	assert.Equal(t, decision.Auto, again.Mode)
	assert.Equal(t, backup.Selector{}, again.Selector, "made anew, it gets its newest backup")
	assert.Equal(t, again.Claim, again.Source)
}

func TestWhatANamespaceDemandsOfItsClaimsIsNotTakenBack(t *testing.T) {
	media := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "media", Labels: map[string]string{v1alpha1.RestoreLabel: "required"}}}
	claim := newWorldIn(media, restored(), completed()).look(t)
	assert.NotContains(t, claim.Annotations, v1alpha1.RestoreBackupAnnotation)
	again := kube.Facts(kube.AsWritten(claim), media.Labels, nil, kube.Policy{})
	assert.Equal(t, decision.Required, again.Mode, "made anew, it does not start empty by itself")
}

func TestNothingIsTakenOffBeforeTheDataIsThere(t *testing.T) {
	for name, objects := range map[string][]client.Object{
		"while the claim is not bound":  {restored(func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimPending }), completed()},
		"while the restore goes on":     {restored(), completed(func(r *v1alpha1.Restore) { r.Status.Phase = v1alpha1.PhaseHandingOver })},
		"for a restore of another life": {restored(), completed(func(r *v1alpha1.Restore) { r.Status.Claim.UID = "2" })},
		"of a claim that is being deleted": {restored(func(c *corev1.PersistentVolumeClaim) {
			c.DeletionTimestamp, c.Finalizers = ptr.To(metav1.NewTime(noon)), []string{"kubernetes.io/pvc-protection"}
		}), completed()},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(objects...)
			claim := w.look(t)
			assert.Zero(t, w.patches)
			assert.Equal(t, "required", claim.Labels[v1alpha1.RestoreLabel])
			assert.Equal(t, old, claim.Annotations[v1alpha1.RestoreBackupAnnotation])
		})
	}
}

func TestWhatSomebodyWroteOverItStays(t *testing.T) {
	w := newWorld(restored(func(c *corev1.PersistentVolumeClaim) {
		c.Annotations[v1alpha1.RestoreBackupAnnotation], c.Labels[v1alpha1.RestoreLabel] = "fedcba9876543210", "skip"
	}), completed())
	claim := w.look(t)
	assert.Equal(t, "fedcba9876543210", claim.Annotations[v1alpha1.RestoreBackupAnnotation])
	assert.Equal(t, "skip", claim.Labels[v1alpha1.RestoreLabel])

	claim.Labels[v1alpha1.RestoreLabel] = "required"
	require.NoError(t, w.cluster.Update(t.Context(), claim))
	assert.Equal(t, "required", w.look(t).Labels[v1alpha1.RestoreLabel], "what a person writes after it is the person's")
}

func TestWhatAPersonWroteIsToldOfOnceAndNeverChanged(t *testing.T) {
	byHand := func(label string, annotations map[string]string) *corev1.PersistentVolumeClaim {
		return restored(func(c *corev1.PersistentVolumeClaim) {
			c.Spec, c.Labels, c.Annotations = corev1.PersistentVolumeClaimSpec{VolumeName: "pvc-1"}, map[string]string{v1alpha1.RestoreLabel: label}, annotations
		})
	}
	for name, test := range map[string]struct {
		claim *corev1.PersistentVolumeClaim
		says  string
	}{
		"a point in time": {byHand("auto", map[string]string{v1alpha1.RestoreAsOfAnnotation: "2026-04-01T00:00:00Z"}),
			"gets the newest backup taken at or before 2026-04-01T00:00:00Z, and not its newest backup"},
		"an id": {byHand("auto", map[string]string{v1alpha1.RestoreBackupAnnotation: old}), "kubectl -n media annotate pvc photos soteria.dev/restore-backup-"},
		"a skip": {byHand("skip", map[string]string{v1alpha1.SkipReasonAnnotation: "scratch"}),
			"kubectl -n media label --overwrite pvc photos soteria.dev/restore=auto && kubectl -n media annotate pvc photos soteria.dev/skip-reason-"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(test.claim)
			before := test.claim.DeepCopy()
			claim := w.look(t)
			require.Len(t, w.events.Events, 1)
			event := <-w.events.Events
			assert.Contains(t, event, spent.EventReason)
			assert.Contains(t, event, test.says)
			delete(claim.Annotations, v1alpha1.ChoiceToldAnnotation)
			assert.Equal(t, before.Annotations, claim.Annotations)
			assert.Equal(t, before.Labels, claim.Labels)
		})
	}
	wish := func(annotations map[string]string) *v1alpha1.Restore {
		return &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "wish", Annotations: annotations}, Spec: v1alpha1.RestoreSpec{Backup: old}}
	}
	referring := func(annotations map[string]string) *corev1.PersistentVolumeClaim {
		claim := byHand("auto", annotations)
		claim.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: "wish"}
		return claim
	}
	t.Run("in a Restore, too", func(t *testing.T) {
		w := newWorld(referring(nil), wish(nil))
		claim := w.look(t)
		require.Len(t, w.events.Events, 1)
		assert.Contains(t, <-w.events.Events, `remove that from Restore wish, and from its manifest in Git, or bound it with the annotation soteria.dev/expires: `+
			`kubectl -n media patch restores.soteria.dev wish --type=merge -p '{"spec":{"backup":null}}'`)
		require.NoError(t, w.cluster.Update(t.Context(), func() *v1alpha1.Restore {
			var found v1alpha1.Restore
			require.NoError(t, w.cluster.Get(t.Context(), client.ObjectKey{Namespace: "media", Name: "wish"}, &found))
			assert.Equal(t, old, found.Spec.Backup, "it is never changed")
			found.Spec.Backup = "fedcba9876543210"
			return &found
		}()))
		assert.NotEqual(t, claim.Annotations[v1alpha1.ChoiceToldAnnotation], w.look(t).Annotations[v1alpha1.ChoiceToldAnnotation])
		require.Len(t, w.events.Events, 1, "another choice is told of, too")
	})
	t.Run("but not of a Restore whose choice ends by itself, or that is gone", func(t *testing.T) {
		bounded := map[string]string{v1alpha1.ExpiresAnnotation: "2026-05-01T00:00:00Z"}
		for _, objects := range [][]client.Object{{referring(nil), wish(bounded)}, {referring(bounded), wish(nil)}, {referring(nil)}} {
			w := newWorld(objects...)
			w.look(t)
			assert.Zero(t, w.patches)
			assert.Empty(t, w.events.Events)
		}
	})
	t.Run("but what ends by itself is not told of", func(t *testing.T) {
		w := newWorld(byHand("auto", map[string]string{v1alpha1.RestoreBackupAnnotation: old, v1alpha1.ExpiresAnnotation: "2026-05-01T00:00:00Z"}))
		w.look(t)
		assert.Zero(t, w.patches)
		assert.Empty(t, w.events.Events)
	})
	t.Run("nor a claim that asks for nothing", func(t *testing.T) {
		w := newWorld(byHand("required", nil))
		w.look(t)
		assert.Zero(t, w.patches)
		assert.Empty(t, w.events.Events)
	})
}
