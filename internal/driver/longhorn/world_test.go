package longhorn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/longhorntest"
	"github.com/soteria-dr/soteria/internal/stall"
)

const ownNamespace = "soteria-system"

// world is a cluster with Longhorn in it.
type world struct {
	*longhorntest.Longhorn
	cluster client.Client
	// hooks fail or delay calls of the Kubernetes API.
	hooks *hooks
	// ended hears how backups end, on whichever replica.
	ended *outcomes
}

type hooks struct {
	mu     sync.Mutex
	update func(client.Object) error
	delete func(client.Object) error
}

func (h *hooks) set(change func(*hooks)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
}

func (h *hooks) call(hook func(*hooks) func(client.Object) error, object client.Object) error {
	h.mu.Lock()
	f := hook(h)
	h.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(object)
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	h := &hooks{}
	cluster := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.CreateOption) error {
			object.SetUID(types.UID("uid-of-" + object.GetName())) // as the API server does
			return c.Create(ctx, object, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.UpdateOption) error {
			if err := h.call(func(h *hooks) func(client.Object) error { return h.update }, object); err != nil {
				return err
			}
			return c.Update(ctx, object, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.DeleteOption) error {
			if err := h.call(func(h *hooks) func(client.Object) error { return h.delete }, object); err != nil {
				return err
			}
			return c.Delete(ctx, object, opts...)
		},
	}).Build()
	return &world{Longhorn: longhorntest.New(t), cluster: cluster, hooks: h, ended: &outcomes{}}
}

// rest waits until Longhorn takes a request for a sync at once and does one for it: the
// last sync, with which a world begins, is of an earlier second by then.
func (w *world) rest(t *testing.T) {
	t.Helper()
	began := w.Clock().Now()
	require.Eventually(t, func() bool { return w.Clock().Since(began) > 12*time.Second }, time.Minute, time.Millisecond)
}

// driver makes a replica's driver.
func (w *world) driver(t *testing.T, identity string, change ...func(*longhorn.Config)) *longhorn.Driver {
	t.Helper()
	cfg := longhorn.Config{URL: w.URL(), OwnNamespace: ownNamespace}
	for _, f := range change {
		f(&cfg)
	}
	d, err := longhorn.New(cfg, longhorn.Cluster{
		Client: w.cluster, Reader: w.cluster, REST: w.REST(t), Identity: identity, Outcomes: w.ended, Clock: w.Clock(),
	})
	require.NoError(t, err)
	return d
}

// list lists and wants that to succeed.
func list(t *testing.T, d *longhorn.Driver) *drivertest.Listing {
	t.Helper()
	listing := &drivertest.Listing{}
	_, err := d.List(t.Context(), listing)
	require.NoError(t, err)
	return listing
}

// refused lists and wants that to fail, for this reason.
func refused(t *testing.T, d *longhorn.Driver, patience time.Duration, kind backup.Kind, words string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	repository, err := d.List(ctx, &drivertest.Listing{})
	require.Error(t, err)
	assert.Empty(t, repository)
	assert.Equal(t, kind, backup.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, words)
}

// ids gives the ids of a claim's backups, in the order of telling.
func ids(l *drivertest.Listing, claim backup.Claim) []string {
	var found []string
	for _, b := range l.Backups {
		if b.Claim == claim {
			found = append(found, b.ID)
		}
	}
	return found
}

// plex is a claim with a volume of Longhorn's.
var plex = backup.Claim{Namespace: "media", Name: "plex-config"}

// bound gives a claim that is bound to a volume of Longhorn's, and its
// PersistentVolume.
func bound(claim backup.Claim, volume string) []client.Object {
	return []client.Object{
		&corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, Name: claim.Name, UID: types.UID("uid-of-" + claim.Name)},
			Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: "pv-" + volume},
			Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
		},
		persistentVolume("pv-"+volume, longhorn.Provisioner, volume, claim),
	}
}

func persistentVolume(name, driver, handle string, claim backup.Claim) *corev1.PersistentVolume {
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: handle}},
	}}
	if claim != (backup.Claim{}) {
		pv.Spec.ClaimRef = &corev1.ObjectReference{Namespace: claim.Namespace, Name: claim.Name}
	}
	return pv
}

// outcome is how a backup ended.
type outcome struct {
	claim backup.Claim
	name  string
	err   error
}

type outcomes struct {
	mu      sync.Mutex
	all     []outcome
	stalled []stall.Mark
}

func (o *outcomes) BackupStalled(_ context.Context, _ backup.Claim, _ string, mark stall.Mark) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stalled = append(o.stalled, mark)
}

func (o *outcomes) stalls() []stall.Mark {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]stall.Mark(nil), o.stalled...)
}

func (o *outcomes) BackupEnded(_ context.Context, claim backup.Claim, name string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, outcome{claim, name, err})
}

func (o *outcomes) told() []outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]outcome(nil), o.all...)
}

func jsonBody(t *testing.T, body any) io.Reader {
	t.Helper()
	data, err := json.Marshal(body)
	require.NoError(t, err)
	return bytes.NewReader(data)
}
