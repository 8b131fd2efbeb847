package copies_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/intent"
	"github.com/soteria-dr/soteria/internal/kube"
)

const own = "soteria-system"

var (
	photos = backup.Claim{Namespace: "media", Name: "photos"}
	look   = backup.Claim{Namespace: "media", Name: "look"}
	taken  = backup.Backup{Claim: photos, Driver: "restic", ID: strings.Repeat("a", 64), TakenAt: noon.Add(-time.Hour), SizeBytes: 1 << 20, Files: 12}
)

var errKilled = errors.New("the process was killed")

// tester is a *testing.T or a *rapid.T.
type tester interface {
	require.TestingT
	Helper()
}

// world is a cluster with Soteria in it, which is killed after some writes where a test
// says so.
type world struct {
	// people write past Soteria.
	people client.WithWatch
	// soteria is the API server as Soteria sees it.
	soteria client.WithWatch
	clock   *testclock.FakeClock
	keeper  *copies.Keeper
	// failing are errors by verb and kind, such as "delete pvc".
	failing map[string]error
	// before is what happens before Soteria's writes, by verb and kind.
	before map[string]func()
	doubt  string

	// left is how many writes Soteria still makes, -1 for any number. With heard the last
	// one is made, and its answer lost.
	left  int
	heard bool
	dead  bool

	uids int
	// answered are the claims of which Soteria heard that it made them.
	answered map[types.UID]bool
	deleted  []*corev1.PersistentVolumeClaim
	events   []string
	removals []string
	reads    int
}

var scheme = func() *runtime.Scheme {
	all := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(all); err != nil {
			panic(err)
		}
	}
	return all
}()

func newWorld() *world {
	w := &world{clock: testclock.NewFakeClock(noon), failing: map[string]error{}, before: map[string]func(){}, left: -1, answered: map[types.UID]bool{}}
	w.people = fake.NewClientBuilder().WithScheme(scheme).WithObjects(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "media"}}).Build()
	w.soteria = interceptor.NewClient(w.people, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
			if _, book := object.(*corev1.ConfigMap); book {
				w.reads++
			}
			if err := w.fails("get", object); err != nil {
				return err
			}
			return c.Get(ctx, key, object, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if err := w.fails("list", list); err != nil {
				return err
			}
			return c.List(ctx, list, opts...)
		},
		Create: w.create, Update: w.update, Delete: w.delete,
	})
	w.restart()
	return w
}

// restart makes Soteria a new process.
func (w *world) restart() {
	w.dead, w.left = false, -1
	w.keeper = &copies.Keeper{
		Book: &copies.Book{Client: w.soteria, Reader: w.soteria, Namespace: own}, Client: w.soteria, Cache: w.soteria, Reader: w.soteria,
		Events: w, Clock: w.clock, ClockDoubt: func() string { return w.doubt }, Observer: w, Log: slog.New(slog.DiscardHandler),
	}
}

func (w *world) fails(verb string, object runtime.Object) error {
	if w.dead {
		return errKilled
	}
	return w.failing[verb+" "+kindName(object)]
}

func kindName(object runtime.Object) string {
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1."))
}

// write makes one write, unless Soteria is killed before it or does not hear its answer.
func (w *world) write(verb string, object client.Object, do func() error) error {
	if err := w.fails(verb, object); err != nil {
		return err
	}
	if meanwhile := w.before[verb+" "+kindName(object)]; meanwhile != nil {
		meanwhile()
	}
	if w.left == 0 {
		w.dead = true
		if w.heard {
			_ = do()
		}
		return errKilled
	}
	if w.left > 0 {
		w.left--
	}
	return do()
}

func (w *world) create(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.CreateOption) error {
	return w.write("create", object, func() error {
		claim, isClaim := object.(*corev1.PersistentVolumeClaim)
		if isClaim {
			w.stamp(claim)
		}
		err := c.Create(ctx, object, opts...)
		if isClaim && err == nil && !w.dead {
			w.answered[claim.UID] = true
		}
		return err
	})
}

// stamp gives a claim what the API server gives it.
func (w *world) stamp(claim *corev1.PersistentVolumeClaim) {
	w.uids++
	claim.UID, claim.CreationTimestamp = types.UID(fmt.Sprintf("uid-%d", w.uids)), metav1.NewTime(w.clock.Now())
}

func (w *world) update(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.UpdateOption) error {
	return w.write("update", object, func() error {
		if book, is := object.(*corev1.ConfigMap); is {
			for key := range book.Data {
				if wrong := validation.IsConfigMapKey(key); len(wrong) > 0 {
					return apierrors.NewInvalid(schema.GroupKind{Kind: "ConfigMap"}, book.Name, field.ErrorList{field.Invalid(field.NewPath("data"), key, wrong[0])})
				}
			}
		}
		return c.Update(ctx, object, opts...)
	})
}

// delete holds the preconditions as the API server does.
func (w *world) delete(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.DeleteOption) error {
	return w.write("delete", object, func() error {
		var asked client.DeleteOptions
		asked.ApplyOptions(opts)
		now := &corev1.PersistentVolumeClaim{}
		if err := c.Get(ctx, client.ObjectKeyFromObject(object), now); err != nil {
			return err
		}
		if asked.Preconditions == nil || asked.Preconditions.UID == nil || *asked.Preconditions.UID == "" {
			return errors.New("a claim is deleted whatever its uid is")
		}
		if *asked.Preconditions.UID != now.UID {
			return apierrors.NewConflict(schema.GroupResource{Resource: "persistentvolumeclaims"}, object.GetName(), errors.New("another uid"))
		}
		err := c.Delete(ctx, object, opts...)
		if err == nil {
			w.deleted = append(w.deleted, now)
		}
		return err
	})
}

func (w *world) Eventf(_, _ runtime.Object, kind, reason, _, _ string, args ...any) {
	w.events = append(w.events, fmt.Sprintf("%s %s: %s", kind, reason, args[0]))
}

func (w *world) CopyRemoved(by string, err error) {
	w.removals = append(w.removals, fmt.Sprintf("%s %s", by, kindOf(err)))
}

func kindOf(err error) string {
	if err == nil {
		return "ok"
	}
	return backup.KindOf(err).String()
}

// Known and Prove make the world the catalog: it knows one backup.
func (w *world) Known(context.Context, backup.Claim) backup.Answer {
	return backup.FoundBackups([]backup.Backup{taken}, backup.Evidence{Driver: "restic", Repository: "5e1f", BeganAt: noon, EndedAt: noon})
}

func (w *world) Prove(ctx context.Context, claim backup.Claim) backup.Answer {
	return w.Known(ctx, claim)
}

// ask asks for a copy as the API does.
func (w *world) ask(target backup.Claim, expires copies.Expiry) (intent.Made, error) {
	return w.requests(w.keeper.Book).Restore(context.Background(), intent.Wish{
		Source: photos, Target: target, Shape: intent.Shape{Size: "1Gi"}, RequestedBy: "ada", Copy: true, Expires: expires,
	})
}

// requests are what a replica with this book carries requests out with.
func (w *world) requests(book *copies.Book) *intent.Requests {
	return intent.New(intent.Config{
		Client: w.soteria, Reader: w.soteria, Catalog: w, Feasible: func(context.Context, *corev1.PersistentVolumeClaim, backup.Backup) error { return nil },
		Policy: kube.Policy{OwnNamespace: own, Rules: func() backup.Rules { return backup.Rules{Now: w.clock.Now()} }},
		Copies: book, Lock: kube.NewLock,
	})
}

// claim reads a claim; nil where there is none.
func (w *world) claim(t tester, name backup.Claim) *corev1.PersistentVolumeClaim {
	t.Helper()
	claim := &corev1.PersistentVolumeClaim{}
	err := w.people.Get(context.Background(), types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, claim)
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(t, err)
	return claim
}

// change has a person change a claim.
func (w *world) change(t tester, name backup.Claim, edit func(*corev1.PersistentVolumeClaim)) {
	t.Helper()
	claim := w.claim(t, name)
	edit(claim)
	status := claim.DeepCopy().Status
	require.NoError(t, w.people.Update(context.Background(), claim))
	claim.Status = status
	require.NoError(t, w.people.Status().Update(context.Background(), claim))
}

func bind(claim *corev1.PersistentVolumeClaim) { claim.Status.Phase = corev1.ClaimBound }

func keep(claim *corev1.PersistentVolumeClaim) {
	delete(claim.Annotations, v1alpha1.TestAnnotation)
}

func mark(claim *corev1.PersistentVolumeClaim) {
	metav1.SetMetaDataAnnotation(&claim.ObjectMeta, v1alpha1.TestAnnotation, claim.Spec.VolumeName)
}

// again has a person delete a claim and make it again from its manifest.
func (w *world) again(t tester, name backup.Claim) {
	t.Helper()
	claim := w.claim(t, name)
	require.NoError(t, w.people.Delete(context.Background(), claim))
	claim.ResourceVersion = ""
	w.stamp(claim)
	require.NoError(t, w.people.Create(context.Background(), claim))
}

// use has a pod use a claim.
func (w *world) use(t tester, name backup.Claim) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: "viewer-of-" + name.Name},
		Spec: corev1.PodSpec{Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name.Name}}}}},
	}
	require.NoError(t, client.IgnoreAlreadyExists(w.people.Create(context.Background(), pod)))
	return pod
}

func (w *world) tend(t tester) {
	t.Helper()
	require.NoError(t, w.keeper.Tend(context.Background()))
}

// made is a world with a copy that has its data and, unless it is zero, an expiry.
func made(t *testing.T, expires copies.Expiry) *world {
	t.Helper()
	w := newWorld()
	w.tend(t)
	_, err := w.ask(look, expires)
	require.NoError(t, err)
	w.change(t, look, bind)
	return w
}

func (w *world) list(t *testing.T) copies.List {
	t.Helper()
	list, err := w.keeper.List(t.Context())
	require.NoError(t, err)
	return list
}

// book is the ConfigMap as it is.
func (w *world) book(t *testing.T) *corev1.ConfigMap {
	t.Helper()
	stored := &corev1.ConfigMap{}
	require.NoError(t, w.people.Get(t.Context(), types.NamespacedName{Namespace: own, Name: "soteria-copies"}, stored))
	return stored
}
