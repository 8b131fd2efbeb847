//nolint:contextcheck // what the cluster does is no part of the call that it reacts to
package restore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/restore"
)

const (
	own        = "soteria-system"
	lock       = "soteria-aaaaaaaaaaaaaaaa"
	class      = "fast"
	provider   = "csi.example.com"
	admitted   = "Hold (BackupsUnknown)" // the stamp that admission left
	protection = "kubernetes.io/pvc-protection"
)

var (
	claimKey = types.NamespacedName{Namespace: "shop", Name: "db"}
	backupID = strings.Repeat("ab", 32)
	noon     = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)
	errDead  = errors.New("the process is dead")
)

// world is a small cluster: an API server (the fake client), and a binder, a
// provisioner, kubelets and Jobs that behave as the real ones were measured to.
// Everything that Soteria writes is counted, and may be the last thing that it
// does.
type world struct {
	// waiting counts the claims that wait for the same doubt; nil counts none.
	waiting func(context.Context, error) string
	t       *testing.T
	api     client.WithWatch
	// tracker is the store behind api, which is quicker to read.
	tracker clienttesting.ObjectTracker
	cache   client.Client
	clock   *clocktesting.FakeClock
	rec     *restore.Reconciler

	answers  func() backup.Answer
	silence  time.Duration // 0 for the default, longer than any test
	consumer time.Duration // how long the first consumer is waited for
	proofs   int
	named    []string // the ids of backups that were proved by themselves
	policy   kube.Policy
	events   *recorder
	attempts []string
	// fail makes attempts end otherwise than done, where it gives a state.
	fail func(attempt int32) *driver.FillState
	// refuses has the backup system refuse to make a volume of a backup.
	refuses func(backup.Backup) error

	backends map[string]string      // handle to data, "" while empty
	made     map[string]*madeVolume // by handle
	// warnings are what is told of each made volume.
	warnings   []string
	jobs       map[types.UID]*job
	requests   []driver.FillRequest
	looked     map[string]bool // handles of volumes that a fill has looked at
	left       []string        // volumes that the controller left as no fill had looked at them
	handles    int
	boundAt    map[string]string    // volume name to the claim's touch when it bound
	filled     map[types.UID]string // handle of the volume that was marked filled, by claim
	unattached bool                 // the storage needs no attachments
	idle       bool                 // the binder leaves touched claims alone
	lag        bool                 // the cache is refreshed only now and then
	passes     int
	other      *corev1.PersistentVolumeClaim // a prime of another claim's restore
	unprovided bool                          // no volume is made
	undetached bool                          // no volume is detached
	unreleased bool                          // Jobs that are deleted stay
	// unreadable is asked for an error before each list.
	unreadable func(client.ObjectList) error

	writes  []string
	crashAt int // the number of the last write; 0 for never
	lost    int // the number of the write whose answer is lost; 0 for none
	onWrite func(n int)
	refuse  string // the beginning of writes that the API server refuses
	dead    bool
}

// job is the Job of a fill, as the API would keep it.
type job struct {
	driver      string
	request     driver.FillRequest
	looks       int
	terminating bool
	counts      driver.Counts
	finding     driver.Finding
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{
		t: t, clock: clocktesting.NewFakeClock(noon), events: &recorder{},
		backends: map[string]string{}, made: map[string]*madeVolume{}, jobs: map[types.UID]*job{}, looked: map[string]bool{}, boundAt: map[string]string{}, filled: map[types.UID]string{},
	}
	w.answers = func() backup.Answer { return found(aBackup()) }
	w.tracker = newTracker()
	w.api = builder(w.tracker).WithObjects(objects...).Build()
	w.sync()
	w.boot()
	return w
}

// newTracker makes a plain store: the one that keeps managed fields would cost
// most of a test's time.
func newTracker() clienttesting.ObjectTracker {
	return clienttesting.NewObjectTracker(scheme(), decoder())
}

var decoder = sync.OnceValue(func() runtime.Decoder { return serializer.NewCodecFactory(scheme()).UniversalDecoder() })

func builder(tracker clienttesting.ObjectTracker) *fake.ClientBuilder {
	b := fake.NewClientBuilder().WithScheme(scheme()).WithObjectTracker(tracker).WithStatusSubresource(&v1alpha1.Restore{})
	for _, index := range restore.Indexes(own) {
		b = b.WithIndex(index.Object, index.Field, index.Extract)
	}
	b = b.WithIndex(&corev1.Event{}, "involvedObject.uid", func(obj client.Object) []string {
		e, ok := obj.(*corev1.Event)
		if !ok {
			return nil
		}
		return []string{string(e.InvolvedObject.UID)}
	})
	return b.WithIndex(&corev1.Pod{}, "status.phase", func(obj client.Object) []string {
		pod, ok := obj.(*corev1.Pod)
		if !ok {
			return nil
		}
		return []string{string(pod.Status.Phase)}
	})
}

func TestMain(m *testing.M) {
	logf.SetLogger(logr.Discard())
	// What a world leaves behind is small, and there are thousands of worlds: collected
	// less often, it costs a fifth of the time less.
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}

var scheme = sync.OnceValue(func() *runtime.Scheme {
	s := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(s), v1alpha1.AddToScheme(s)); err != nil {
		panic(err)
	}
	return s
})

// boot starts a new process of the controller.
func (w *world) boot() {
	w.dead = false
	w.sync()
	w.rec = restore.New(restore.Config{
		Namespace: own,
		Client:    w.process(func() client.Client { return w.cache }),
		Reader:    w.process(func() client.Client { return w.api }),
		Facts: func(_ context.Context, claim *corev1.PersistentVolumeClaim, r *v1alpha1.Restore) (decision.Facts, error) {
			return kube.Facts(claim, nil, r, w.policy), nil
		},
		Catalog:  proves{w},
		Fillers:  map[string]driver.Filler{"restic": filler{w, "restic"}},
		Makers:   map[string]driver.VolumeMaker{"longhorn": maker{w}},
		Blank:    filler{w, restore.BlankDriver},
		Events:   w.events,
		Observer: observer{w},
		Clock:    w.clock,
		Jitter:   func() float64 { return 0 },
		Silence:  w.silence,

		ConsumerWait: w.consumer,
		Waiting:      w.waiting,
	})
}

type proves struct{ w *world }

func (p proves) Prove(context.Context, backup.Claim) backup.Answer {
	p.w.proofs++
	return p.w.answers()
}

func (p proves) ProveBackup(ctx context.Context, claim backup.Claim, id string) backup.Answer {
	p.w.named = append(p.w.named, id)
	return p.Prove(ctx, claim)
}

func (p proves) Last(backup.Claim) backup.Answer { return p.w.answers() }

type observer struct{ w *world }

func (o observer) Attempted(driver, result string) {
	o.w.attempts = append(o.w.attempts, driver+" "+result)
}

func (o observer) Completed(driver string, _ time.Duration) {
	o.w.attempts = append(o.w.attempts, driver+" completed")
}

// sync refreshes the controller's cache, which holds only volumes with a label.
func (w *world) sync() {
	var all []client.Object
	for _, kind := range []client.Object{
		&corev1.PersistentVolumeClaim{}, &corev1.PersistentVolume{}, &v1alpha1.Restore{},
		&storagev1.VolumeAttachment{}, &storagev1.StorageClass{}, &batchv1.Job{},
	} {
		all = append(all, w.stored(kind)...)
	}
	all = slices.DeleteFunc(all, func(obj client.Object) bool {
		_, isVolume := obj.(*corev1.PersistentVolume)
		return isVolume && obj.GetLabels()[v1alpha1.ManagedByLabel] != v1alpha1.ManagedBy
	})
	w.cache = builder(newTracker()).WithObjects(all...).Build()
}

// stored lists all objects of a kind.
func (w *world) stored(kind client.Object) []client.Object {
	resource, gvk := kindOf(w.t, kind)
	list, err := w.tracker.List(resource, gvk, "")
	require.NoError(w.t, err)
	var all []client.Object
	require.NoError(w.t, meta.EachListItem(list, func(item runtime.Object) error {
		object, ok := item.(client.Object)
		require.True(w.t, ok)
		all = append(all, object)
		return nil
	}))
	return all
}

// kindOf is how the store names an object's kind.
func kindOf(t *testing.T, obj client.Object) (schema.GroupVersionResource, schema.GroupVersionKind) {
	t.Helper()
	gvk, err := apiutil.GVKForObject(obj, scheme())
	require.NoError(t, err)
	resource, _ := meta.UnsafeGuessKindToResource(gvk)
	return resource, gvk
}

// process is the API as one process sees it: reads come from where they are
// told, writes go to the API server and are counted, and nothing works once the
// process is dead.
func (w *world) process(reads func() client.Client) client.Client {
	return interceptor.NewClient(w.api, interceptor.Funcs{
		Get: func(ctx context.Context, _ client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if w.dead {
				return errDead
			}
			return reads().Get(ctx, key, obj, opts...)
		},
		List: func(ctx context.Context, _ client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if w.dead {
				return errDead
			}
			if w.unreadable != nil {
				if err := w.unreadable(list); err != nil {
					return err
				}
			}
			return reads().List(ctx, list, opts...)
		},
		Create: func(ctx context.Context, api client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			return w.write("create "+describe(obj), func() error {
				obj.SetUID(uuid.NewUUID())
				obj.SetCreationTimestamp(metav1.NewTime(w.clock.Now()))
				switch made := obj.(type) {
				case *corev1.PersistentVolumeClaim:
					made.Finalizers = []string{protection}
				case *corev1.PersistentVolume:
					w.checkHandover(made)
				}
				return api.Create(ctx, obj, opts...)
			})
		},
		Patch: func(ctx context.Context, api client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return w.write("patch "+describe(obj), func() error {
				if err := w.checkUID(obj, patch); err != nil {
					return err
				}
				return api.Patch(ctx, obj, patch, opts...)
			})
		},
		Delete: func(ctx context.Context, api client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			return w.write("delete "+describe(obj), func() error { return w.delete(ctx, api, obj, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, api client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			return w.write("patch status of "+describe(obj), func() error { return api.SubResource(sub).Patch(ctx, obj, patch, opts...) })
		},
	})
}

// checkHandover holds at the moment when a claim's volume is made: the claim
// lives, and nothing writes to the volume any more.
func (w *world) checkHandover(volume *corev1.PersistentVolume) {
	require.NotNil(w.t, volume.Spec.ClaimRef)
	uid := volume.Spec.ClaimRef.UID
	claim := w.claim()
	if volume.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleRetained {
		require.NotEqual(w.t, claim.UID, uid, "put the volume of a living claim aside")
		require.Equal(w.t, corev1.PersistentVolumeReclaimRetain, volume.Spec.PersistentVolumeReclaimPolicy)
		return
	}
	require.True(w.t, claim != nil && claim.UID == uid, "made a volume for a claim that is gone")
	require.Nil(w.t, w.jobs[uid], "handed over a volume that a Job still writes to")
	if made := w.made[volume.Spec.CSI.VolumeHandle]; made != nil {
		require.NotEmpty(w.t, w.backends[made.handle], "handed over a made volume before it held the backup")
		require.False(w.t, made.deleting, "handed over a made volume that is being deleted")
	}
}

// checkUID refuses a patch that names another uid than the claim has, as the API
// server does.
func (w *world) checkUID(obj client.Object, patch client.Patch) error {
	live := get(w, client.ObjectKeyFromObject(obj), &corev1.PersistentVolumeClaim{})
	if _, isClaim := obj.(*corev1.PersistentVolumeClaim); !isClaim || live == nil {
		return nil
	}
	content, err := patch.Data(obj)
	require.NoError(w.t, err)
	var wanted metav1.PartialObjectMetadata
	require.NoError(w.t, json.Unmarshal(content, &wanted))
	if wanted.UID != "" && wanted.UID != live.UID {
		return apierrors.NewConflict(schema.GroupResource{Resource: "persistentvolumeclaims"}, obj.GetName(), errors.New("another uid"))
	}
	return nil
}

func describe(obj client.Object) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", obj), "*") + " " + obj.GetName()
}

func (w *world) delete(ctx context.Context, api client.Client, obj client.Object, opts ...client.DeleteOption) error {
	options := client.DeleteOptions{}
	options.ApplyOptions(opts)
	require.NotNil(w.t, options.Preconditions, "deleted %s without preconditions", describe(obj))
	require.NotNil(w.t, options.Preconditions.UID, "deleted %s without its uid", describe(obj))
	live, ok := obj.DeepCopyObject().(client.Object)
	require.True(w.t, ok)
	if err := api.Get(ctx, client.ObjectKeyFromObject(obj), live); err != nil {
		return err
	}
	require.Nil(w.t, w.jobOn(obj.GetName()), "deleted a prime that a Job still writes to")
	if live.GetUID() != *options.Preconditions.UID {
		return apierrors.NewConflict(schema.GroupResource{Resource: "objects"}, obj.GetName(), errors.New("another uid"))
	}
	return api.Delete(ctx, obj, opts...)
}

// write does one write and lets the cluster react; it may be the process's last.
func (w *world) write(what string, do func() error) error {
	if w.dead {
		return errDead
	}
	if w.refuse != "" && strings.HasPrefix(what, w.refuse) {
		return errors.New("quota exceeded")
	}
	if err := do(); err != nil {
		return err
	}
	w.writes = append(w.writes, what)
	n := len(w.writes)
	if w.onWrite != nil {
		w.onWrite(n)
	}
	w.react()
	if n == w.crashAt {
		w.dead = true
		return errDead
	}
	if n == w.lost {
		return errors.New("the answer was lost")
	}
	return nil
}

// react is what the rest of the cluster does at once.
func (w *world) react() {
	for range 2 {
		w.provision()
		w.bind()
		w.reclaim()
		w.unprotect()
	}
	w.check()
}

func (w *world) claims() []corev1.PersistentVolumeClaim {
	all, err := w.tracker.List(corev1.SchemeGroupVersion.WithResource("persistentvolumeclaims"), corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"), "")
	require.NoError(w.t, err)
	list, ok := all.(*corev1.PersistentVolumeClaimList)
	require.True(w.t, ok)
	return list.Items
}

func (w *world) volumes() []corev1.PersistentVolume {
	all, err := w.tracker.List(corev1.SchemeGroupVersion.WithResource("persistentvolumes"), corev1.SchemeGroupVersion.WithKind("PersistentVolume"), "")
	require.NoError(w.t, err)
	list, ok := all.(*corev1.PersistentVolumeList)
	require.True(w.t, ok)
	return list.Items
}

// provision binds waiting primes to unclaimed volumes of their class or, failing
// that, makes volumes for them; in late classes only for a pod.
func (w *world) provision() {
	ctx := w.t.Context()
	for _, claim := range w.claims() {
		foreign := w.other != nil && claim.Name == w.other.Name
		if claim.Spec.VolumeName != "" || !claim.DeletionTimestamp.IsZero() || w.unprovided || foreign {
			continue
		}
		var sc storagev1.StorageClass
		if err := w.api.Get(ctx, types.NamespacedName{Name: *claim.Spec.StorageClassName}, &sc); err != nil {
			continue
		}
		if *sc.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer && w.jobOn(claim.Name) == nil {
			continue
		}
		volume := w.unclaimed(sc.Name)
		if volume == nil {
			w.handles++
			handle := fmt.Sprintf("handle-%d", w.handles)
			w.backends[handle] = ""
			volume = aVolume(fmt.Sprintf("pv-%d", w.handles), handle, sc.Name)
			volume.Annotations = map[string]string{"pv.kubernetes.io/provisioned-by": sc.Provisioner}
			volume.Spec.PersistentVolumeReclaimPolicy = *sc.ReclaimPolicy
			volume.Spec.VolumeMode = claim.Spec.VolumeMode
			if w.handles > 1 { // the first is on node-1, whatever becomes of that
				volume.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values = []string{w.aNodeName()}
			}
			require.NoError(w.t, w.api.Create(ctx, volume))
		}
		volume.Spec.ClaimRef = &corev1.ObjectReference{Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID}
		require.NoError(w.t, w.api.Update(ctx, volume))
		volume.Status.Phase = corev1.VolumeBound
		require.NoError(w.t, w.api.Status().Update(ctx, volume))
		claim.Spec.VolumeName = volume.Name
		require.NoError(w.t, w.api.Update(ctx, &claim))
		claim.Status.Phase = corev1.ClaimBound
		require.NoError(w.t, w.api.Status().Update(ctx, &claim))
	}
}

// aNodeName is a node to make volumes on: one that is there, or node-1 in a world
// without nodes.
func (w *world) aNodeName() string {
	var nodes corev1.NodeList
	require.NoError(w.t, w.api.List(w.t.Context(), &nodes))
	inService := slices.DeleteFunc(nodes.Items, func(n corev1.Node) bool {
		return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeOutOfService })
	})
	if len(inService) == 0 {
		return "node-1"
	}
	return inService[0].Name
}

func (w *world) unclaimed(class string) *corev1.PersistentVolume {
	for _, volume := range w.volumes() {
		if volume.Spec.ClaimRef == nil && volume.Spec.StorageClassName == class && !strings.HasPrefix(volume.Name, v1alpha1.LockPrefix) {
			return &volume
		}
	}
	return nil
}

// bind binds volumes that are reserved for a claim's uid, and the claim once it
// is touched after that.
func (w *world) bind() {
	ctx := w.t.Context()
	for _, claim := range w.claims() {
		for _, volume := range w.volumes() {
			if claim.Spec.VolumeName != volume.Name || volume.Spec.ClaimRef == nil || volume.Spec.ClaimRef.UID != claim.UID || claim.Status.Phase == corev1.ClaimBound {
				continue
			}
			touch := claim.Annotations[v1alpha1.TouchedAnnotation]
			if volume.Status.Phase != corev1.VolumeBound {
				volume.Status.Phase = corev1.VolumeBound
				require.NoError(w.t, w.api.Status().Update(ctx, &volume))
				w.boundAt[volume.Name] = touch
				continue
			}
			if w.idle || touch == w.boundAt[volume.Name] {
				continue
			}
			require.Equal(w.t, *claim.Spec.StorageClassName, volume.Spec.StorageClassName, "the binder refuses a volume of another class")
			claim.Status.Phase = corev1.ClaimBound
			require.NoError(w.t, w.api.Status().Update(ctx, &claim))
		}
	}
}

// reclaim does what the policy of a volume says once its claim is gone.
func (w *world) reclaim() {
	ctx := w.t.Context()
	live := map[types.UID]bool{}
	for _, claim := range w.claims() {
		live[claim.UID] = true
	}
	for _, volume := range w.volumes() {
		ref := volume.Spec.ClaimRef
		if ref == nil || ref.UID == "" || live[ref.UID] {
			continue
		}
		if volume.Status.Phase != corev1.VolumeReleased {
			volume.Status.Phase = corev1.VolumeReleased
			require.NoError(w.t, w.api.Status().Update(ctx, &volume))
		}
		if w.unseen(volume) {
			w.leave(volume)
		}
		if volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
			delete(w.backends, volume.Spec.CSI.VolumeHandle)
			delete(w.made, volume.Spec.CSI.VolumeHandle)
			require.NoError(w.t, w.api.Delete(ctx, &volume))
		}
	}
}

// unseen reports whether a volume is released, retains as its class says, and no fill
// ever looked at what it holds: the controller must leave it as it is.
func (w *world) unseen(volume corev1.PersistentVolume) bool {
	return volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain &&
		volume.Annotations[v1alpha1.ReclaimPolicyAnnotation] == "" && volume.Spec.ClaimRef.Namespace == own &&
		w.backends[volume.Spec.CSI.VolumeHandle] == "" && !w.looked[volume.Spec.CSI.VolumeHandle]
}

// leave is a person who clears a volume away that was left, so that what else there
// is can be told from it.
func (w *world) leave(volume corev1.PersistentVolume) {
	w.left = append(w.left, volume.Name)
	delete(w.backends, volume.Spec.CSI.VolumeHandle)
	require.NoError(w.t, w.api.Delete(w.t.Context(), &volume))
}

// unprotect lets claims go that no pod uses.
func (w *world) unprotect() {
	for _, claim := range w.claims() {
		if claim.DeletionTimestamp.IsZero() || !slices.Contains(claim.Finalizers, protection) || w.jobOn(claim.Name) != nil {
			continue
		}
		claim.Finalizers = nil
		require.NoError(w.t, w.api.Update(w.t.Context(), &claim))
	}
}

// check holds at every moment: data that was marked complete has a volume object
// that retains it or is bound to its living claim, as long as the claim lives.
func (w *world) check() {
	claim, prime := w.claim(), w.prime()
	if prime != nil && prime.Spec.VolumeName != prime.Name && prime.Annotations[v1alpha1.FilledAnnotation] != "" {
		served := types.UID(prime.Labels[v1alpha1.ClaimUIDLabel])
		w.filled[served] = w.volume(prime.Spec.VolumeName).Spec.CSI.VolumeHandle
	}
	if claim == nil || w.filled[claim.UID] == "" {
		return
	}
	handle := w.filled[claim.UID]
	if prime != nil && prime.Annotations[v1alpha1.AbandonedAnnotation] != "" {
		w.checkAbandoned(prime)
		delete(w.filled, claim.UID)
		return
	}
	require.Contains(w.t, w.backends, handle, "the storage of a complete restore was deleted after: %v", w.writes)
	require.True(w.t, slices.ContainsFunc(w.volumes(), func(v corev1.PersistentVolume) bool {
		if v.Spec.CSI.VolumeHandle != handle {
			return false
		}
		servesLiving := v.Spec.ClaimRef.UID == claim.UID || (prime != nil && v.Spec.ClaimRef.UID == prime.UID)
		return servesLiving || v.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain
	}), "no volume object keeps the data after: %v", w.writes)
}

// checkAbandoned holds of data that is given up: no node can reach it, it was not
// handed over, and the backup is there to restore it again.
func (w *world) checkAbandoned(prime *corev1.PersistentVolumeClaim) {
	volume := w.volume(prime.Spec.VolumeName)
	on := volume.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values[0]
	require.NotEqual(w.t, on, w.aNodeName(), "gave up a volume that can be reached")
	require.Nil(w.t, w.volume(lock), "gave up a volume that was handed over")
	require.True(w.t, slices.ContainsFunc(w.answers().Backups(), func(b backup.Backup) bool {
		return prime.Annotations[v1alpha1.BackupAnnotation] == b.Driver+"/"+b.ID
	}), "gave up what no backup holds")
}

func (w *world) claim() *corev1.PersistentVolumeClaim {
	return get(w, claimKey, &corev1.PersistentVolumeClaim{})
}

func (w *world) prime() *corev1.PersistentVolumeClaim {
	for _, claim := range w.claims() {
		if claim.Namespace == own && (w.other == nil || claim.Name != w.other.Name) {
			return &claim
		}
	}
	return nil
}

func (w *world) volume(name string) *corev1.PersistentVolume {
	return get(w, types.NamespacedName{Name: name}, &corev1.PersistentVolume{})
}

func (w *world) restore() *v1alpha1.Restore {
	return get(w, types.NamespacedName{Namespace: claimKey.Namespace, Name: lock}, &v1alpha1.Restore{})
}

func get[T client.Object](w *world, key types.NamespacedName, obj T) T {
	resource, _ := kindOf(w.t, obj)
	stored, err := w.tracker.Get(resource, key.Namespace, key.Name)
	if err != nil {
		require.True(w.t, apierrors.IsNotFound(err), "%v", err)
		var none T
		return none
	}
	found, ok := stored.(T)
	require.True(w.t, ok)
	return found
}

func (w *world) jobOn(prime string) *job {
	for _, j := range w.jobs {
		if j.request.Prime == prime {
			return j
		}
	}
	return nil
}

// tick is one moment: the caches catch up, nodes detach what nobody uses, and
// the controller makes a pass.
func (w *world) tick() (reconcile.Result, error) {
	w.passes++
	const seldom = 3
	if !w.lag || w.passes%seldom == 0 {
		w.sync()
	}
	result, err := w.rec.Reconcile(w.t.Context(), reconcile.Request{NamespacedName: claimKey})
	if w.dead {
		w.boot()
	}
	w.detach()
	w.react()
	w.clock.Step(max(result.RequeueAfter, time.Second))
	return result, err
}

// detach removes the attachments of volumes whose pod is gone.
func (w *world) detach() {
	var list storagev1.VolumeAttachmentList
	require.NoError(w.t, w.api.List(w.t.Context(), &list))
	for _, attachment := range list.Items {
		if w.jobOn(attachment.Annotations["prime"]) == nil && !w.undetached {
			require.NoError(w.t, w.api.Delete(w.t.Context(), &attachment))
		}
	}
}

// until makes passes until the condition holds.
func (w *world) until(condition func() bool, what string) {
	w.t.Helper()
	const patience = 120
	var last error
	for range patience {
		if condition() {
			return
		}
		_, last = w.tick()
	}
	require.FailNow(w.t, "never "+what, "last error: %v, status: %+v, writes: %s", last, w.restore(), strings.Join(w.writes, "\n"))
}

func (w *world) completed() bool {
	r := w.restore()
	return r != nil && r.Status.Phase == v1alpha1.PhaseCompleted
}

// filler is the driver: its Jobs live in the world and outlive the process.
type filler struct {
	w    *world
	name string
}

var _ driver.Filler = filler{}

func (f filler) Fill(_ context.Context, request driver.FillRequest) (driver.FillState, error) {
	w := f.w
	if w.dead {
		return driver.FillState{}, errDead
	}
	w.requests = append(w.requests, request)
	current := w.jobs[request.ClaimUID]
	if current == nil || current.request.Attempt < request.Attempt {
		err := w.write(fmt.Sprintf("start attempt %d", request.Attempt), func() error {
			for _, volume := range w.volumes() {
				require.False(w.t, volume.Spec.ClaimRef != nil && volume.Spec.ClaimRef.UID == request.ClaimUID, "filled again what was handed over")
			}
			w.jobs[request.ClaimUID] = &job{driver: f.name, request: request}
			return nil
		})
		return driver.FillState{Phase: driver.FillPending}, err
	}
	require.Equal(w.t, current.request.Attempt, request.Attempt, "an attempt of the past was asked for again")
	if w.fail != nil {
		if state := w.fail(request.Attempt); state != nil {
			current.finding = state.Finding
			w.look(request.Prime)
			return *state, nil
		}
	}
	current.looks++
	current.finding = driver.FindingOwn
	w.look(request.Prime)
	if current.looks == 1 {
		w.attach(request.Prime)
		return driver.FillState{Phase: driver.FillRunning, Finding: driver.FindingOwn, StartedAt: w.clock.Now(), Progress: driver.Progress{BytesDone: 50, BytesTotal: 100}}, nil
	}
	return w.fillDone(current), nil
}

func (w *world) fillDone(j *job) driver.FillState {
	prime := get(w, types.NamespacedName{Namespace: own, Name: j.request.Prime}, &corev1.PersistentVolumeClaim{})
	require.NotNil(w.t, prime)
	volume := w.volume(prime.Spec.VolumeName)
	require.NotNil(w.t, volume)
	w.backends[volume.Spec.CSI.VolumeHandle] = "data of " + j.request.Backup.ID
	counts := driver.Counts{Files: 3, Bytes: 100}
	if j.counts != (driver.Counts{}) {
		return driver.FillState{Phase: driver.FillDone, Restored: j.counts, Expected: counts}
	}
	return driver.FillState{Phase: driver.FillDone, Restored: counts, Expected: counts}
}

// look has a fill look at the prime's volume.
func (w *world) look(prime string) {
	if claim := get(w, types.NamespacedName{Namespace: own, Name: prime}, &corev1.PersistentVolumeClaim{}); claim != nil && claim.Spec.VolumeName != "" {
		w.looked[w.volume(claim.Spec.VolumeName).Spec.CSI.VolumeHandle] = true
	}
}

func (w *world) attach(prime string) {
	if w.unattached {
		return
	}
	claim := get(w, types.NamespacedName{Namespace: own, Name: prime}, &corev1.PersistentVolumeClaim{})
	require.NotNil(w.t, claim)
	attachment := &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "csi-" + claim.Spec.VolumeName, Annotations: map[string]string{"prime": prime}},
		Spec:       storagev1.VolumeAttachmentSpec{NodeName: "node-1", Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: ptr.To(claim.Spec.VolumeName)}},
	}
	if err := w.api.Create(w.t.Context(), attachment); err != nil {
		require.True(w.t, apierrors.IsAlreadyExists(err))
	}
}

func (f filler) Release(_ context.Context, uid types.UID) (bool, error) {
	w := f.w
	if w.dead {
		return false, errDead
	}
	current := w.jobs[uid]
	switch {
	case current == nil || current.driver != f.name:
		return true, nil
	case current.terminating && w.unreleased:
		return false, nil
	case current.terminating:
		delete(w.jobs, uid)
		return false, nil
	}
	return false, w.write("release", func() error {
		current.terminating = true
		return nil
	})
}

func (f filler) Finding(_ context.Context, uid types.UID) (driver.Finding, error) {
	current := f.w.jobs[uid]
	switch {
	case f.w.dead:
		return driver.FindingNone, errDead
	case current == nil || current.driver != f.name:
		return driver.FindingNone, nil
	}
	return current.finding, nil
}

// madeVolume is a volume of the backup system's own.
type madeVolume struct {
	handle   string
	uid      types.UID
	attempt  int32
	looks    int
	deleting bool
}

// maker is the driver of a backup system that makes volumes. They live in the
// world and outlive the process.
type maker struct{ w *world }

var _ driver.VolumeMaker = maker{}

func (maker) Provisioner() string { return provider }

func (m maker) MakeVolume(_ context.Context, request driver.VolumeRequest) (driver.VolumeState, error) {
	w := m.w
	if w.dead {
		return driver.VolumeState{}, errDead
	}
	if w.refuses != nil {
		if err := w.refuses(request.Backup); err != nil {
			return driver.VolumeState{}, err
		}
	}
	uid, attempt := request.Target.UID, request.Attempt
	for _, other := range w.made {
		require.LessOrEqual(w.t, other.attempt, attempt, "an attempt of the past was asked for again")
		if other.uid == uid && other.attempt < attempt {
			return driver.VolumeState{FillState: driver.FillState{Message: "the volume of an earlier attempt is being deleted"}}, w.discard(other)
		}
	}
	handle := fmt.Sprintf("made-%s-%d", uid, attempt)
	current := w.made[handle]
	switch {
	case current == nil:
		err := w.write(fmt.Sprintf("make volume %d", attempt), func() error {
			for _, volume := range w.volumes() {
				require.False(w.t, volume.Spec.ClaimRef != nil && volume.Spec.ClaimRef.UID == uid, "made a volume again for a claim that was handed one")
			}
			w.backends[handle] = ""
			w.made[handle] = &madeVolume{handle: handle, uid: uid, attempt: attempt}
			return nil
		})
		return driver.VolumeState{}, err
	case current.deleting:
		return driver.VolumeState{FillState: driver.FillState{Message: "the volume is being deleted"}}, w.discard(current)
	}
	if w.fail != nil {
		if state := w.fail(attempt); state != nil {
			return driver.VolumeState{FillState: *state}, nil
		}
	}
	current.looks++
	if current.looks == 1 {
		return driver.VolumeState{FillState: driver.FillState{Phase: driver.FillRunning, StartedAt: w.clock.Now()}}, nil
	}
	w.backends[handle] = "data of " + request.Backup.ID
	volume := aVolume("", handle, "")
	volume.Annotations = map[string]string{"pv.kubernetes.io/provisioned-by": provider}
	return driver.VolumeState{FillState: driver.FillState{Phase: driver.FillDone}, Volume: volume, Warnings: w.warnings}, nil
}

func (m maker) DiscardVolume(_ context.Context, uid types.UID) (bool, error) {
	w := m.w
	if w.dead {
		return false, errDead
	}
	for _, made := range w.made {
		if made.uid == uid {
			return false, w.discard(made)
		}
	}
	return true, nil
}

// discard begins to delete a made volume or, once begun, ends it.
func (w *world) discard(made *madeVolume) error {
	require.False(w.t, slices.ContainsFunc(w.volumes(), func(v corev1.PersistentVolume) bool { return v.Spec.CSI.VolumeHandle == made.handle }),
		"deleted a volume that was handed over")
	if made.deleting {
		delete(w.made, made.handle)
		delete(w.backends, made.handle)
		return nil
	}
	return w.write("discard "+made.handle, func() error {
		made.deleting = true
		return nil
	})
}

// recorder keeps events in the order of their telling.
type recorder struct {
	mu  sync.Mutex
	all []string
}

func (r *recorder) Eventf(regarding, _ runtime.Object, kind, reason, _, note string, args ...any) {
	object, ok := regarding.(client.Object)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, fmt.Sprintf("%s %s %s: %s", kind, reason, object.GetName(), fmt.Sprintf(note, args...)))
}

func (r *recorder) about(reason string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []string
	for _, e := range r.all {
		if strings.Contains(e, " "+reason+" ") {
			found = append(found, e)
		}
	}
	return found
}

// What the tests begin with.

func aClass(late bool, policy corev1.PersistentVolumeReclaimPolicy) *storagev1.StorageClass {
	mode := storagev1.VolumeBindingImmediate
	if late {
		mode = storagev1.VolumeBindingWaitForFirstConsumer
	}
	return &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: class, UID: "class"}, Provisioner: provider,
		VolumeBindingMode: &mode, ReclaimPolicy: &policy, Parameters: map[string]string{"tier": "ssd"},
	}
}

func aClaim(change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: claimKey.Namespace, Name: claimKey.Name, UID: "uid-1",
			CreationTimestamp: metav1.NewTime(noon),
			Labels:            map[string]string{v1alpha1.RestoreLabel: "auto"},
			Annotations:       map[string]string{v1alpha1.VerdictAnnotation: admitted},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName:       lock,
			DataSourceRef:    &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: lock},
			StorageClassName: ptr.To(class),
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}
	for _, c := range change {
		c(claim)
	}
	return claim
}

func aVolume(name, handle, class string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-of-" + name)},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			AccessModes:                   []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: provider, VolumeHandle: handle}},
			StorageClassName:              class,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
				{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{"node-1"}}}},
			}}},
		},
	}
}

func aBackup() backup.Backup {
	return backup.Backup{
		Claim: backup.Claim{Namespace: claimKey.Namespace, Name: claimKey.Name}, Driver: "restic", ID: backupID,
		TakenAt: noon.Add(-time.Hour), SizeBytes: 100, Files: 3,
	}
}

// aMadeBackup is one of the backup system that makes volumes.
func aMadeBackup() backup.Backup {
	b := aBackup()
	b.Driver = "longhorn"
	return b
}

func evidence() backup.Evidence {
	return backup.Evidence{Driver: "restic", Repository: "repository-1", BeganAt: noon, EndedAt: noon}
}

func found(backups ...backup.Backup) backup.Answer { return backup.FoundBackups(backups, evidence()) }

func none() backup.Answer { return backup.ProvedNone(evidence()) }

func unknown(kind backup.Kind, why string) backup.Answer {
	return backup.UnknownBecause(backup.Errorf(kind, "%s", why))
}
