package inventory_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/inventory/inventorytest"
)

func scheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(s))
	require.NoError(t, v1alpha1.AddToScheme(s))
	return s
}

// desk is a running refresher with all that surrounds it, in a bubble of fake
// time.
type desk struct {
	*inventory.Refresher
	mu       sync.Mutex
	listings []inventory.Listing
	broken   error
	failures int
	made     []*inventory.Inventory
}

// open starts a refresher on a cluster, with an end to it at the end of the test.
func open(t *testing.T, listings []inventory.Listing, objects ...client.Object) *desk {
	t.Helper()
	d := &desk{listings: listings}
	reader := fake.NewClientBuilder().WithScheme(scheme(t)).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.broken != nil {
				return d.broken
			}
			return c.List(ctx, list, opts...)
		},
	}).Build()
	cfg := inventory.DefaultConfig()
	cfg.Settings = inventorytest.State().Settings
	sources := inventory.Sources{Cluster: inventory.Cluster{Reader: reader}, Listings: func() []inventory.Listing {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.listings
	}}
	d.Refresher = inventory.NewRefresher(cfg, sources, clock.RealClock{}, d, d.publish)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
	})
	synctest.Wait()
	return d
}

func (d *desk) publish(made *inventory.Inventory, _ *inventory.Plan) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made = append(d.made, made)
}

func (d *desk) InventoryFailed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failures++
}

func (d *desk) set(change func(*desk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *desk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.made)
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func inBubbles(t *testing.T, cases map[string]func(*testing.T)) {
	t.Helper()
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}
}

func TestARefresher(t *testing.T) {
	known := []inventory.Listing{empty("restic")}
	inBubbles(t, map[string]func(*testing.T){
		"makes an inventory of what the cluster holds at once": func(t *testing.T) {
			claim := inventorytest.Claim("media", "photos", inventorytest.Labelled(""))
			d := open(t, known, &claim, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
				Name: "media", Labels: map[string]string{v1alpha1.RestoreLabel: "required"},
			}})
			made, err := d.Latest()
			require.NoError(t, err)
			require.Len(t, made.Claims(), 1)
			assert.Equal(t, inventory.ProtectionRequired, made.Claims()[0].Protection, "the namespace's label was read")
			assert.Equal(t, time.Now(), made.GeneratedAt())
			assert.Equal(t, 1, d.count())
			assert.False(t, d.NeedLeaderElection())
		},
		"makes them anew at intervals": func(t *testing.T) {
			d := open(t, known)
			pass(15 * time.Minute)
			assert.Equal(t, 4, d.count())
		},
		"makes one soon after changes, and one for all of them": func(t *testing.T) {
			d := open(t, known)
			pass(time.Minute)
			for range 100 {
				d.Notify()
			}
			pass(time.Second)
			assert.Equal(t, 1, d.count(), "more changes may follow")
			d.Notify()
			pass(time.Second)
			assert.Equal(t, 2, d.count())
			pass(4 * time.Minute)
			assert.Equal(t, 2, d.count(), "what was told before is in it")
		},
		"never makes them without a rest, however much changes": func(t *testing.T) {
			d := open(t, known)
			for range 600 {
				d.Notify()
				pass(100 * time.Millisecond)
			}
			assert.LessOrEqual(t, d.count(), 31)
		},
		"has none before every repository was listed once": func(t *testing.T) {
			d := open(t, []inventory.Listing{empty("restic"), unlisted("longhorn")})
			pass(10 * time.Second)
			_, err := d.Latest()
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
			d.set(func(d *desk) { d.listings = []inventory.Listing{empty("restic"), empty("longhorn")} })
			d.Notify()
			synctest.Wait()
			_, err = d.Latest()
			assert.NoError(t, err)
		},
		"waits for a repository that fails no longer than until it failed": func(t *testing.T) {
			d := open(t, []inventory.Listing{failing(unlisted("longhorn"))})
			assert.Equal(t, 1, d.count())
		},
		"does not wait for a repository for ever": func(t *testing.T) {
			d := open(t, []inventory.Listing{unlisted("longhorn")})
			pass(29 * time.Second)
			_, err := d.Latest()
			require.Error(t, err)
			pass(time.Second)
			_, err = d.Latest()
			require.NoError(t, err)
		},
		"shows at once what is known, and says what was not listed yet": func(t *testing.T) {
			d := open(t, []inventory.Listing{empty("restic"), unlisted("longhorn")})
			require.Equal(t, 1, d.count())
			shown := d.made[0].Listings()
			assert.False(t, shown[0].ListedAt.IsZero())
			assert.True(t, shown[1].ListedAt.IsZero())
			assert.NoError(t, shown[1].Failure)
			for range 100 {
				d.Notify()
				pass(100 * time.Millisecond)
			}
			assert.LessOrEqual(t, d.count(), 6, "and again after changes, with rests")
			_, err := d.Latest()
			assert.Equal(t, backup.Unavailable, backup.KindOf(err), "health is not judged by it")
		},
		"ends while it waits for a repository": func(t *testing.T) {
			d := open(t, []inventory.Listing{unlisted("longhorn")})
			_, err := d.Latest()
			assert.Error(t, err)
		},
		"keeps the last inventory while it cannot make another, and tries again soon": func(t *testing.T) {
			d := open(t, known)
			first, err := d.Latest()
			require.NoError(t, err)
			d.set(func(d *desk) { d.broken = errors.New("the cache has gone") })
			pass(5*time.Minute + 25*time.Second)
			last, err := d.Latest()
			require.NoError(t, err)
			assert.Same(t, first, last)
			d.set(func(d *desk) {
				assert.Equal(t, 3, d.failures)
				d.broken = nil
			})
			pass(10 * time.Second)
			assert.Equal(t, 2, d.count())
		},
	})
}

// informers are fake ones that also know objects of which only the metadata is
// cached.
type informers struct{ informertest.FakeInformers }

func (i *informers) GetInformer(ctx context.Context, object client.Object, opts ...cache.InformerGetOption) (cache.Informer, error) {
	if metadata, only := object.(*metav1.PartialObjectMetadata); only {
		return i.FakeInformerForKind(ctx, metadata.GroupVersionKind())
	}
	return i.FakeInformers.GetInformer(ctx, object, opts...)
}

func TestWhatMakesAnInventoryFollow(t *testing.T) {
	informers := &informers{informertest.FakeInformers{Scheme: scheme(t)}}
	changes := 0
	require.NoError(t, inventory.Watch(t.Context(), informers, func() { changes++ }))
	claims, err := informers.FakeInformerFor(t.Context(), &corev1.PersistentVolumeClaim{})
	require.NoError(t, err)
	restores, err := informers.FakeInformerFor(t.Context(), &v1alpha1.Restore{})
	require.NoError(t, err)
	namespaces, err := informers.FakeInformerFor(t.Context(), &corev1.Namespace{})
	require.NoError(t, err)

	for name, informer := range map[string]*controllertest.FakeInformer{"claim": claims, "Restore": restores, "namespace": namespaces} {
		was, is := &metav1.PartialObjectMetadata{}, &metav1.PartialObjectMetadata{}
		was.ResourceVersion, is.ResourceVersion = "1", "2"
		changes = 0
		informer.Add(was)
		assert.Equal(t, 1, changes, "a new %s", name)
		informer.Update(was, is)
		assert.Equal(t, 2, changes, "a changed %s", name)
		informer.Update(is, is)
		assert.Equal(t, 2, changes, "a resync of a %s changes nothing", name)
		informer.Delete(is)
		assert.Equal(t, 3, changes, "a deleted %s", name)
	}
}

func TestAWatchThatCannotBeginSaysSo(t *testing.T) {
	informers := &informertest.FakeInformers{Scheme: scheme(t), Error: errors.New("no such kind")}
	assert.ErrorContains(t, inventory.Watch(t.Context(), informers, func() {}), "no such kind")
}
