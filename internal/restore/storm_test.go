package restore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	crevent "sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/blank"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/mover/report"
	"github.com/soteria-dr/soteria/internal/restore"
)

// How long the cluster of a storm takes for its own work.
const (
	provisionTakes = 300 * time.Millisecond
	podTakes       = 50 * time.Millisecond
	startTakes     = time.Second
	moveTakes      = time.Second
	settleTakes    = time.Second
	collectTakes   = 300 * time.Millisecond
	detachTakes    = 3 * time.Second
	bindTakes      = 30 * time.Millisecond
	removeTakes    = 50 * time.Millisecond
	deliverTakes   = 5 * time.Millisecond
	backoff        = time.Second
)

// storm is a cluster in which many claims are restored by the real drivers' Jobs, with
// a queue that starts passes as a manager's does: by the controller's own watches and
// timers. Time is simulated, and each call to the API server is counted.
type storm struct {
	t     *testing.T
	api   client.WithWatch // as the rest of the cluster uses it
	clock *clocktesting.FakeClock
	rec   *restore.Reconciler

	agenda  []item
	due     map[types.NamespacedName]time.Time
	seen    map[string]client.Object
	calls   map[string]int
	refused map[string]int // calls that ended in a conflict
	passes  int
	boundAt map[types.UID]time.Time
	// running counts the movers that run, and most is the most that ever did.
	running, most int
	began         []string // claims, in the order in which their Jobs were made

	attach bool
	// starts is asked whether the pod of a Job finds a node; nil is always.
	starts func(*batchv1.Job) bool
	// node is where the pod of a Job runs; nil is node-1.
	node func(*batchv1.Job) string
	// hangs is asked whether the pod of a Job never gets further than its node; nil is no.
	hangs func(*batchv1.Job) bool
	// moves is how long the mover of a Job moves data; nil is [moveTakes].
	moves func(*batchv1.Job) time.Duration
	// settles reports whether Jobs are ever settled after their mover.
	unsettled bool
	answer    func() backup.Answer
	configure func(*restore.Config)
	// spare is a volume that bears no claim's name any more, which the binder gives to
	// the next claim of its class; nil is none.
	spare *corev1.PersistentVolume
}

type item struct {
	at   time.Time
	what func()
}

func newStorm(t *testing.T, objects ...client.Object) *storm {
	t.Helper()
	s := &storm{
		t: t, clock: clocktesting.NewFakeClock(noon), due: map[types.NamespacedName]time.Time{}, seen: map[string]client.Object{},
		calls: map[string]int{}, refused: map[string]int{}, boundAt: map[types.UID]time.Time{},
	}
	s.answer = func() backup.Answer { return found(aBackup()) }
	standing := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: claimKey.Namespace}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "soteria-restic"}, Data: map[string][]byte{"RESTIC_PASSWORD": []byte("x")}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{corev1.LabelHostname: "node-1"}}},
	}
	store := builder(newTracker()).WithObjects(append(standing, objects...)...).Build()
	s.api = interceptor.NewClient(store, s.noticing())
	return s
}

// boot starts the controller.
func (s *storm) boot() {
	counted := interceptor.NewClient(s.api, s.counting())
	cached := interceptor.NewClient(s.api, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if s.listSeen(list, opts...) {
				return nil
			}
			return c.List(ctx, list, opts...)
		},
		Create: func(ctx context.Context, _ client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			return counted.Create(ctx, obj, opts...)
		},
		Patch: func(ctx context.Context, _ client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return counted.Patch(ctx, obj, patch, opts...)
		},
		Delete: func(ctx context.Context, _ client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			return counted.Delete(ctx, obj, opts...)
		},
		SubResourcePatch: func(ctx context.Context, _ client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			return counted.SubResource(sub).Patch(ctx, obj, patch, opts...)
		},
	})
	fills := moverjob.Fills{Client: cached, Reader: counted, Cache: cached, Namespace: own, Clock: s.clock, Logs: quiet{s}}
	c := restore.Config{
		Namespace: own, Client: cached, Reader: counted, Cache: cached,
		Facts: func(ctx context.Context, claim *corev1.PersistentVolumeClaim, r *v1alpha1.Restore) (decision.Facts, error) {
			return kube.ReadFacts(ctx, counted, claim, r, kube.Policy{OwnNamespace: own})
		},
		Catalog: says{s}, Fillers: map[string]driver.Filler{"restic": jobs{counted, fills}},
		Blank:  blank.New(blank.Config{SoteriaImage: "soteria:test"}, fills),
		Events: told{s}, Clock: s.clock, Jitter: func() float64 { return 0 },
	}
	if s.configure != nil {
		s.configure(&c)
	}
	s.rec = restore.New(c)
}

// listSeen lists what the watches have seen, which is quicker than asking the store; false
// for what is searched by a field.
func (s *storm) listSeen(list client.ObjectList, opts ...client.ListOption) bool {
	options := (&client.ListOptions{}).ApplyOptions(opts)
	if options.FieldSelector != nil {
		return false
	}
	kind := strings.TrimSuffix(fmt.Sprintf("%T", list), "List")
	var found []runtime.Object
	for _, key := range slices.Sorted(maps.Keys(s.seen)) {
		obj := s.seen[key]
		inNamespace := options.Namespace == "" || obj.GetNamespace() == options.Namespace
		if fmt.Sprintf("%T", obj) != kind || !inNamespace || options.LabelSelector != nil && !options.LabelSelector.Matches(labels.Set(obj.GetLabels())) {
			continue
		}
		found = append(found, obj.DeepCopyObject())
	}
	require.NoError(s.t, meta.SetList(list, found))
	return true
}

// says is the catalog.
type says struct{ s *storm }

func (c says) Prove(_ context.Context, claim backup.Claim) backup.Answer {
	answer := c.s.answer()
	var own []backup.Backup
	for _, b := range answer.Backups() {
		b.Claim = claim
		own = append(own, b)
	}
	if len(own) > 0 {
		return backup.FoundBackups(own, evidence())
	}
	return answer
}

func (c says) ProveBackup(ctx context.Context, claim backup.Claim, _ string) backup.Answer {
	return c.Prove(ctx, claim)
}

func (c says) Last(claim backup.Claim) backup.Answer { return c.Prove(context.Background(), claim) }

// told counts events, each of which is a call.
type told struct{ s *storm }

func (e told) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...any) {
	e.s.calls["create events"]++
}

// quiet are logs without progress.
type quiet struct{ s *storm }

func (q quiet) Tail(context.Context, string, string, string) ([]byte, error) {
	q.s.calls["get pods/log"]++
	return nil, nil
}

// jobs fills as restic does: by a Job with a copy of the credentials.
type jobs struct {
	reader client.Reader
	moverjob.Fills
}

func (f jobs) Fill(ctx context.Context, req driver.FillRequest) (driver.FillState, error) {
	spec := f.FillSpec(req)
	spec.SoteriaImage, spec.Args, spec.MountPath, spec.Deadline = "soteria:test", []string{"restore"}, "/restore", time.Hour
	spec.Credentials = moverjob.CredentialsName(spec.Name)
	return f.Ensure(ctx, req, moverjob.Build(spec), func() (*corev1.Secret, error) {
		var from corev1.Secret
		if err := f.reader.Get(ctx, types.NamespacedName{Namespace: own, Name: "soteria-restic"}, &from); err != nil {
			return nil, err
		}
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: spec.Credentials}, Data: from.Data}, nil
	})
}

// resourceOf names a kind as the API does.
func resourceOf(obj runtime.Object) string {
	switch o := obj.(type) {
	case *metav1.PartialObjectMetadata:
		return strings.ToLower(o.Kind) + "s"
	case *metav1.PartialObjectMetadataList:
		return strings.ToLower(strings.TrimSuffix(o.Kind, "List")) + "s"
	}
	name := fmt.Sprintf("%T", obj)
	name = strings.ToLower(strings.TrimSuffix(name[strings.LastIndex(name, ".")+1:], "List"))
	if strings.HasSuffix(name, "s") {
		return name + "es"
	}
	return name + "s"
}

// counting counts each call by verb and resource, and what ended in a conflict.
func (s *storm) counting() interceptor.Funcs {
	count := func(verb, resource string, err error) error {
		s.calls[verb+" "+resource]++
		if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
			s.refused[verb+" "+resource]++
		}
		return err
	}
	return interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			return count("get", resourceOf(obj), c.Get(ctx, key, obj, opts...))
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			return count("list", resourceOf(list), c.List(ctx, list, opts...))
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			obj.SetUID(uuid.NewUUID())
			obj.SetCreationTimestamp(metav1.NewTime(s.clock.Now()))
			switch obj.(type) {
			case *corev1.PersistentVolumeClaim, *corev1.PersistentVolume:
				obj.SetFinalizers([]string{protection})
			}
			return count("create", resourceOf(obj), c.Create(ctx, obj, opts...))
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return count("patch", resourceOf(obj), c.Patch(ctx, obj, patch, opts...))
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			return count("delete", resourceOf(obj), c.Delete(ctx, obj, opts...))
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			return count("patch", resourceOf(obj)+"/"+sub, c.SubResource(sub).Patch(ctx, obj, patch, opts...))
		},
	}
}

// noticing has the watches, and the rest of the cluster, notice each write.
func (s *storm) noticing() interceptor.Funcs {
	after := func(c client.Client, obj client.Object, err error) error {
		if err == nil {
			s.notice(c, obj)
		}
		return err
	}
	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			return after(c, obj, c.Create(ctx, obj, opts...))
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return after(c, obj, c.Update(ctx, obj, opts...))
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return after(c, obj, c.Patch(ctx, obj, patch, opts...))
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			live, ok := obj.DeepCopyObject().(client.Object)
			require.True(s.t, ok)
			if c.Get(ctx, client.ObjectKeyFromObject(obj), live) == nil && !live.GetDeletionTimestamp().IsZero() {
				return nil // the real server changes nothing then
			}
			return after(c, obj, c.Delete(ctx, obj, opts...))
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption) error {
			return after(c, obj, c.SubResource(sub).Update(ctx, obj, opts...))
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			return after(c, obj, c.SubResource(sub).Patch(ctx, obj, patch, opts...))
		},
	}
}

func (s *storm) after(d time.Duration, what func()) {
	s.agenda = append(s.agenda, item{s.clock.Now().Add(d), what})
}

// notice finds out what became of an object, starts the passes that its change starts,
// and has the cluster react.
func (s *storm) notice(c client.Client, obj client.Object) {
	key := fmt.Sprintf("%T %s", obj, client.ObjectKeyFromObject(obj))
	was := s.seen[key]
	now, ok := obj.DeepCopyObject().(client.Object)
	require.True(s.t, ok)
	err := c.Get(context.Background(), client.ObjectKeyFromObject(obj), now)
	gone := apierrors.IsNotFound(err)
	if was != nil && !s.cached(was) {
		was = nil // as the controller sees it
	}
	if gone {
		delete(s.seen, key)
	} else {
		require.NoError(s.t, err)
		if was != nil && was.GetResourceVersion() == now.GetResourceVersion() {
			return
		}
		s.seen[key] = now
	}
	for _, w := range restore.WatchesOf(s.rec) {
		if fmt.Sprintf("%T", w.Object) != fmt.Sprintf("%T", obj) || !s.cached(obj) {
			continue
		}
		if about := s.matters(w.Matters, was, now, gone); about != nil {
			for _, request := range w.Claims(context.Background(), about) {
				s.enqueue(request.NamespacedName, deliverTakes)
			}
		}
	}
	s.react(was, now, gone)
}

// cached reports whether the controller's cache holds such an object.
func (s *storm) cached(obj client.Object) bool {
	switch obj.(type) {
	case *corev1.PersistentVolume, *batchv1.Job:
		return obj.GetLabels()[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy
	case *corev1.Pod:
		return obj.GetNamespace() == own && obj.GetLabels()[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy
	}
	return true
}

// matters returns the object that a change is about if it starts passes.
func (s *storm) matters(p predicate.Predicate, was, now client.Object, gone bool) client.Object {
	switch {
	case gone && was != nil && p.Delete(crevent.DeleteEvent{Object: was}):
		return was
	case gone:
		return nil
	case was == nil && p.Create(crevent.CreateEvent{Object: now}):
		return now
	case was != nil && p.Update(crevent.UpdateEvent{ObjectOld: was, ObjectNew: now}):
		return now
	}
	return nil
}

func (s *storm) enqueue(key types.NamespacedName, after time.Duration) {
	at := s.clock.Now().Add(after)
	if before, waits := s.due[key]; !waits || at.Before(before) {
		s.due[key] = at
	}
}

// step does what is due next, and reports whether there was anything.
func (s *storm) step() bool {
	var next types.NamespacedName
	var at time.Time
	for _, key := range slices.SortedFunc(maps.Keys(s.due), func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) }) {
		if due := s.due[key]; at.IsZero() || due.Before(at) {
			next, at = key, due
		}
	}
	first := -1
	for i := range s.agenda {
		if first < 0 || s.agenda[i].at.Before(s.agenda[first].at) {
			first = i
		}
	}
	switch {
	case first >= 0 && (at.IsZero() || !s.agenda[first].at.After(at)):
		todo := s.agenda[first]
		s.agenda = slices.Delete(s.agenda, first, first+1)
		s.forward(todo.at)
		todo.what()
	case !at.IsZero():
		delete(s.due, next)
		s.forward(at)
		s.pass(next)
	default:
		return false
	}
	return true
}

func (s *storm) forward(to time.Time) {
	if to.After(s.clock.Now()) {
		s.clock.SetTime(to)
	}
}

func (s *storm) pass(key types.NamespacedName) {
	s.passes++
	result, err := s.rec.Reconcile(context.Background(), reconcile.Request{NamespacedName: key})
	for _, request := range restore.TurnsOf(s.rec) {
		s.enqueue(request.NamespacedName, deliverTakes)
	}
	switch {
	case err != nil:
		s.enqueue(key, backoff)
	case result.RequeueAfter > 0:
		s.enqueue(key, result.RequeueAfter)
	}
}

// until goes on until the condition holds.
func (s *storm) until(condition func() bool, what string) {
	s.t.Helper()
	const patience = 200_000
	for range patience {
		if condition() {
			return
		}
		if !s.step() {
			break
		}
	}
	require.FailNow(s.t, "never "+what, "calls: %s", s.table(1))
}

// lasts goes on for a time.
func (s *storm) lasts(d time.Duration) {
	end := s.clock.Now().Add(d)
	s.after(d, func() {})
	for s.clock.Now().Before(end) && s.step() {
	}
}

// table lists the calls by verb and resource, for each of n claims.
func (s *storm) table(n int) string {
	var text strings.Builder
	for _, call := range slices.Sorted(maps.Keys(s.calls)) {
		fmt.Fprintf(&text, "\n%8.2f %s", float64(s.calls[call])/float64(n), call)
		if s.refused[call] > 0 {
			fmt.Fprintf(&text, " (%d conflicts)", s.refused[call])
		}
	}
	return text.String()
}

func (s *storm) total() (calls int) {
	for _, n := range s.calls {
		calls += n
	}
	return calls
}

func (s *storm) conflicts() (n int) {
	for _, refused := range s.refused {
		n += refused
	}
	return n
}

// stormClaim is the i-th locked claim of a storm.
func stormClaim(i int) *corev1.PersistentVolumeClaim {
	return aClaim(func(c *corev1.PersistentVolumeClaim) {
		c.Name, c.UID = fmt.Sprintf("db-%d", i), types.UID(fmt.Sprintf("uid-%d", i))
		c.Spec.VolumeName = fmt.Sprintf("soteria-lock%012d", i)
		c.Spec.DataSourceRef.Name = c.Spec.VolumeName
	})
}

// apply makes locked claims.
func (s *storm) apply(claims ...*corev1.PersistentVolumeClaim) {
	for _, claim := range claims {
		claim.CreationTimestamp = metav1.NewTime(s.clock.Now())
		require.NoError(s.t, s.api.Create(context.Background(), claim))
		require.NoError(s.t, s.api.Status().Update(context.Background(), claim))
	}
}

// completed reports whether n restores have ended, and nothing is left of them.
func (s *storm) completed(n int) func() bool {
	return func() bool {
		var done int
		for _, obj := range s.seen {
			switch o := obj.(type) {
			case *v1alpha1.Restore:
				if o.Status.Phase == v1alpha1.PhaseCompleted {
					done++
				}
			case *batchv1.Job:
				return false
			case *corev1.Pod:
				if o.Namespace == own {
					return false
				}
			}
		}
		return done == n
	}
}

// What the cluster does.

func (s *storm) react(was, now client.Object, gone bool) {
	switch obj := now.(type) {
	case *corev1.PersistentVolumeClaim:
		s.reactClaim(was, obj, gone)
	case *corev1.PersistentVolume:
		s.reactVolume(was, obj, gone)
	case *batchv1.Job:
		s.reactJob(was, obj, gone)
	}
}

func going(was, now client.Object) bool {
	return !now.GetDeletionTimestamp().IsZero() && (was == nil || was.GetDeletionTimestamp().IsZero())
}

func (s *storm) reactClaim(was client.Object, claim *corev1.PersistentVolumeClaim, gone bool) {
	switch {
	case gone:
		s.after(removeTakes, func() { s.released(claim) })
	case going(was, claim):
		s.after(removeTakes, func() { s.unprotect(claim) })
	case was == nil && claim.Namespace == own:
		late := s.late(*claim.Spec.StorageClassName)
		if !late {
			s.after(provisionTakes, func() { s.provision(claim.Name) })
		}
	case claim.Annotations[v1alpha1.TouchedAnnotation] != "" && claim.Status.Phase == corev1.ClaimPending:
		s.after(bindTakes, func() { s.bindClaim(client.ObjectKeyFromObject(claim)) })
	}
}

func (s *storm) late(class string) bool {
	var sc storagev1.StorageClass
	require.NoError(s.t, s.api.Get(context.Background(), types.NamespacedName{Name: class}, &sc))
	return *sc.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
}

func (s *storm) unprotect(obj client.Object) {
	live, ok := obj.DeepCopyObject().(client.Object)
	require.True(s.t, ok)
	if s.api.Get(context.Background(), client.ObjectKeyFromObject(obj), live) == nil {
		live.SetFinalizers(nil)
		require.NoError(s.t, s.api.Update(context.Background(), live))
	}
}

func (s *storm) provision(prime string) {
	ctx := context.Background()
	claim := &corev1.PersistentVolumeClaim{}
	if s.api.Get(ctx, types.NamespacedName{Namespace: own, Name: prime}, claim) != nil || claim.Spec.VolumeName != "" {
		return
	}
	volume := aVolume("pv-of-"+prime, "handle-"+prime, *claim.Spec.StorageClassName)
	if s.spare != nil {
		volume = s.spare
	}
	if volume.CreationTimestamp.IsZero() {
		volume.CreationTimestamp = metav1.NewTime(s.clock.Now())
	}
	volume.Annotations = map[string]string{"pv.kubernetes.io/provisioned-by": provider}
	volume.Finalizers = []string{protection}
	volume.Spec.ClaimRef = &corev1.ObjectReference{Namespace: own, Name: prime, UID: claim.UID}
	var class storagev1.StorageClass
	require.NoError(s.t, s.api.Get(ctx, types.NamespacedName{Name: *claim.Spec.StorageClassName}, &class))
	volume.Spec.PersistentVolumeReclaimPolicy = *class.ReclaimPolicy
	require.NoError(s.t, s.api.Create(ctx, volume))
	volume.Status.Phase = corev1.VolumeBound
	require.NoError(s.t, s.api.Status().Update(ctx, volume))
	claim.Spec.VolumeName = volume.Name
	metav1.SetMetaDataAnnotation(&claim.ObjectMeta, "pv.kubernetes.io/bind-completed", "yes")
	require.NoError(s.t, s.api.Update(ctx, claim))
	claim.Status.Phase = corev1.ClaimBound
	require.NoError(s.t, s.api.Status().Update(ctx, claim))
}

func (s *storm) reactVolume(was client.Object, volume *corev1.PersistentVolume, gone bool) {
	switch {
	case gone:
	case going(was, volume):
		s.after(removeTakes, func() { s.unprotect(volume) })
	case was == nil && volume.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleRestored:
		s.after(bindTakes, func() {
			live := &corev1.PersistentVolume{}
			require.NoError(s.t, s.api.Get(context.Background(), client.ObjectKeyFromObject(volume), live))
			live.Status.Phase = corev1.VolumeBound
			require.NoError(s.t, s.api.Status().Update(context.Background(), live))
		})
	}
}

// bindClaim binds a touched claim whose volume is bound.
func (s *storm) bindClaim(key types.NamespacedName) {
	ctx := context.Background()
	claim, volume := &corev1.PersistentVolumeClaim{}, &corev1.PersistentVolume{}
	require.NoError(s.t, s.api.Get(ctx, key, claim))
	require.NoError(s.t, s.api.Get(ctx, types.NamespacedName{Name: claim.Spec.VolumeName}, volume))
	if claim.Status.Phase == corev1.ClaimBound || volume.Status.Phase != corev1.VolumeBound {
		return
	}
	metav1.SetMetaDataAnnotation(&claim.ObjectMeta, "pv.kubernetes.io/bind-completed", "yes")
	require.NoError(s.t, s.api.Update(ctx, claim))
	claim.Status.Phase = corev1.ClaimBound
	require.NoError(s.t, s.api.Status().Update(ctx, claim))
	s.boundAt[claim.UID] = s.clock.Now()
}

// released releases the volumes of a claim that is gone.
func (s *storm) released(claim *corev1.PersistentVolumeClaim) {
	var volumes corev1.PersistentVolumeList
	require.NoError(s.t, s.api.List(context.Background(), &volumes))
	for i := range volumes.Items {
		volume := &volumes.Items[i]
		if volume.Spec.ClaimRef == nil || volume.Spec.ClaimRef.UID != claim.UID {
			continue
		}
		volume.Status.Phase = corev1.VolumeReleased
		require.NoError(s.t, s.api.Status().Update(context.Background(), volume))
		if volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
			require.NoError(s.t, s.api.Delete(context.Background(), volume))
		}
	}
}

func (s *storm) reactJob(was client.Object, job *batchv1.Job, gone bool) {
	switch {
	case gone:
		s.after(collectTakes, func() { s.collect(job) })
	case was == nil:
		s.began = append(s.began, job.Annotations[v1alpha1.ClaimAnnotation])
		s.after(podTakes, func() { s.startPod(job) })
	}
}

// podKey is the pod of a Job.
func podKey(job *batchv1.Job) types.NamespacedName {
	return types.NamespacedName{Namespace: own, Name: job.Name + "-pod"}
}

func (s *storm) startPod(job *batchv1.Job) {
	ctx := context.Background()
	labels := maps.Clone(job.Spec.Template.Labels)
	labels[batchv1.JobNameLabel] = job.Name
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: own, Name: podKey(job).Name, UID: uuid.NewUUID(), CreationTimestamp: metav1.NewTime(s.clock.Now()),
			Labels: labels, Annotations: job.Spec.Template.Annotations, Finalizers: []string{"batch.kubernetes.io/job-tracking"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))},
		},
		Spec:   job.Spec.Template.Spec,
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
	require.NoError(s.t, s.api.Create(ctx, pod))
	s.jobStatus(job, func(status *batchv1.JobStatus) {
		status.Active, status.StartTime = 1, ptr.To(metav1.NewTime(s.clock.Now()))
	})
	s.schedule(job)
}

// schedule finds a node for a pod, which the kubelet then starts.
func (s *storm) schedule(job *batchv1.Job) {
	if s.starts != nil && !s.starts(job) {
		s.podStatus(job, func(pod *corev1.Pod) {
			pod.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available", LastTransitionTime: pod.CreationTimestamp,
			}}
		})
		s.after(startTakes, func() { s.schedule(job) })
		return
	}
	s.place(job)
	s.podStatus(job, func(pod *corev1.Pod) {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}
	})
	s.provision(job.Spec.Template.Spec.Volumes[0].PersistentVolumeClaim.ClaimName)
	if s.hangs != nil && s.hangs(job) {
		return
	}
	s.after(startTakes/2, func() {
		s.podStatus(job, func(pod *corev1.Pod) {
			pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "install", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
		})
	})
	s.after(startTakes, func() { s.run(job) })
}

// place binds a pod to its node.
func (s *storm) place(job *batchv1.Job) {
	pod := &corev1.Pod{}
	if s.api.Get(context.Background(), podKey(job), pod) != nil {
		return
	}
	pod.Spec.NodeName = "node-1"
	if s.node != nil {
		pod.Spec.NodeName = s.node(job)
	}
	require.NoError(s.t, s.api.Update(context.Background(), pod))
}

// record is the Restore of the i-th claim; nil before there is one.
func (s *storm) record(i int) *v1alpha1.Restore {
	record := &v1alpha1.Restore{}
	err := s.api.Get(context.Background(), types.NamespacedName{Namespace: claimKey.Namespace, Name: stormClaim(i).Spec.VolumeName}, record)
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(s.t, err)
	return record
}

func (s *storm) run(job *batchv1.Job) {
	began := metav1.NewTime(s.clock.Now())
	s.running++
	s.most = max(s.most, s.running)
	s.podStatus(job, func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodRunning
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: moverjob.Container, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}}}}
	})
	s.jobStatus(job, func(status *batchv1.JobStatus) { status.Ready = ptr.To[int32](1) })
	if s.attach {
		s.attachPrime(job)
	}
	takes := moveTakes
	if s.moves != nil {
		takes = s.moves(job)
	}
	s.after(takes, func() { s.end(job, began) })
}

func (s *storm) attachPrime(job *batchv1.Job) {
	prime := &corev1.PersistentVolumeClaim{}
	require.NoError(s.t, s.api.Get(context.Background(), types.NamespacedName{Namespace: own, Name: job.Spec.Template.Spec.Volumes[0].PersistentVolumeClaim.ClaimName}, prime))
	require.NoError(s.t, s.api.Create(context.Background(), &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "csi-" + job.Name, UID: uuid.NewUUID()},
		Spec:       storagev1.VolumeAttachmentSpec{NodeName: "node-1", Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &prime.Spec.VolumeName}},
	}))
}

// end ends a mover well; its Job is settled later.
func (s *storm) end(job *batchv1.Job, began metav1.Time) {
	s.running--
	counts := &report.Counts{Files: 1, Bytes: 100}
	if job.Spec.Template.Spec.Containers[0].Args[1] == "blank" {
		counts = &report.Counts{}
	}
	result, err := json.Marshal(report.Result{Action: "restore", Restored: counts, Expected: counts, Finding: report.FindingOwn})
	require.NoError(s.t, err)
	s.podStatus(job, func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodSucceeded
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: moverjob.Container, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{StartedAt: began, FinishedAt: metav1.NewTime(s.clock.Now()), Message: string(result)},
		}}}
	})
	if s.unsettled {
		return
	}
	s.after(settleTakes, func() {
		s.jobStatus(job, func(status *batchv1.JobStatus) {
			status.Active, status.Ready, status.Terminating = 0, ptr.To[int32](0), ptr.To[int32](0)
		})
	})
	s.after(2*settleTakes, func() {
		s.jobStatus(job, func(status *batchv1.JobStatus) {
			status.Succeeded = 1
			status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
		})
	})
}

// collect deletes the pod of a Job that is gone, as the garbage collector and the
// kubelet do.
func (s *storm) collect(job *batchv1.Job) {
	ctx := context.Background()
	pod := &corev1.Pod{}
	if s.api.Get(ctx, podKey(job), pod) != nil {
		return
	}
	require.NoError(s.t, s.api.Delete(ctx, pod))
	s.after(removeTakes, func() { s.unprotect(pod) })
	s.after(removeTakes+detachTakes, func() {
		err := s.api.Delete(ctx, &storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: "csi-" + job.Name}})
		require.NoError(s.t, client.IgnoreNotFound(err))
	})
}

func (s *storm) podStatus(job *batchv1.Job, change func(*corev1.Pod)) {
	pod := &corev1.Pod{}
	if err := s.api.Get(context.Background(), podKey(job), pod); err != nil {
		require.True(s.t, apierrors.IsNotFound(err))
		return
	}
	change(pod)
	require.NoError(s.t, s.api.Status().Update(context.Background(), pod))
}

func (s *storm) jobStatus(job *batchv1.Job, change func(*batchv1.JobStatus)) {
	live := &batchv1.Job{}
	err := s.api.Get(context.Background(), client.ObjectKeyFromObject(job), live)
	if apierrors.IsNotFound(err) || err == nil && live.UID != job.UID {
		return
	}
	require.NoError(s.t, errors.Join(err))
	change(&live.Status)
	require.NoError(s.t, s.api.Status().Update(context.Background(), live))
}

// consumer is a pod that waits for a claim.
func consumer(name, claim string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: claimKey.Namespace, Name: name, UID: types.UID(name)},
		Spec: corev1.PodSpec{Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}}}},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
}
