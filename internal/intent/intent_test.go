package intent_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/intent"
	"github.com/soteria-dr/soteria/internal/kube"
)

const gibi = int64(1) << 30

var (
	noon     = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)
	photos   = backup.Claim{Namespace: "media", Name: "photos"}
	photos2  = backup.Claim{Namespace: "media", Name: "photos-restored"}
	evidence = backup.Evidence{Driver: "restic", Repository: "5e1f", BeganAt: noon, EndedAt: noon}
	newest   = backup.Backup{Claim: photos, Driver: "restic", ID: strings.Repeat("a", 64), TakenAt: noon, SizeBytes: 3 * gibi, Files: 12, Locator: "/data"}
	image    = backup.Backup{
		Claim: photos, Driver: "longhorn", ID: "backup-0123456789abcdef", TakenAt: noon.Add(-time.Hour), SizeBytes: 8 * gibi, Files: -1,
		Snapshot: "soteria-backup-media-photos-20260412-110000", Locator: "s3://bucket@region/?backup=backup-0123456789abcdef&volume=vol-1",
	}
	oldest = backup.Backup{Claim: photos, Driver: "restic", ID: strings.Repeat("b", 64), TakenAt: noon.Add(-2 * time.Hour), SizeBytes: -1, Files: -1}
)

// world is a small cluster with a catalog.
type world struct {
	api      client.WithWatch
	answer   backup.Answer
	proved   *backup.Answer // what is proved, where that is another answer
	proofs   int
	backedUp []backup.Claim
	doubt    []string
	unlisted error
	blocked  error
	policy   kube.Policy
	hooks    interceptor.Funcs
	locks    atomic.Int32
	written  []string // what was written down of copies, in order
	record   copies.Record
	full     error
	spared   sets.Set[types.UID]
	asked    atomic.Int32
}

func newWorld(objects ...client.Object) *world {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	w := &world{answer: backup.FoundBackups([]backup.Backup{newest, image, oldest}, evidence), policy: kube.Policy{OwnNamespace: "soteria-system"}}
	objects = append(objects, namespace("media"), namespace("lab"), namespace("kube-system"))
	for _, class := range []string{"fast", "slow", "old"} {
		objects = append(objects, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: class}})
	}
	w.api = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	return w
}

func (w *world) Known(context.Context, backup.Claim) backup.Answer {
	w.asked.Add(1)
	return w.answer
}

func (w *world) Prove(context.Context, backup.Claim) backup.Answer {
	w.proofs++
	if w.proved != nil {
		return *w.proved
	}
	return w.answer
}

func (w *world) Begin(_ context.Context, r copies.Record) error {
	w.written, w.record = append(w.written, "begin "+r.Claim.Name+string(r.UID)), r
	return w.full
}

func (w *world) Made(_ context.Context, r copies.Record) error {
	w.written, w.record = append(w.written, "made "+r.Claim.Name), r
	return w.full
}

func (w *world) Drop(_ context.Context, lock string) error {
	w.written = append(w.written, "drop "+lock)
	return nil
}

func (w *world) Among(context.Context, []corev1.PersistentVolumeClaim) sets.Set[types.UID] {
	return w.spared
}

func (w *world) requests() *intent.Requests {
	api := interceptor.NewClient(w.api, w.hooks)
	return intent.New(intent.Config{
		Client: api, Reader: api, Catalog: w, Policy: w.policy, Copies: w, Spared: w,
		BackedUp: func(namespace string) ([]backup.Claim, []string, error) { return w.backedUp, w.doubt, w.unlisted },
		Feasible: func(context.Context, *corev1.PersistentVolumeClaim, backup.Backup) error { return w.blocked },
		Lock:     func() string { return "soteria-lock" + string('a'+w.locks.Add(1)) },
	})
}

func (w *world) claims(t *testing.T) []corev1.PersistentVolumeClaim {
	t.Helper()
	var list corev1.PersistentVolumeClaimList
	require.NoError(t, w.api.List(t.Context(), &list))
	return list.Items
}

func (w *world) claim(t *testing.T, name backup.Claim) *corev1.PersistentVolumeClaim {
	t.Helper()
	var claim corev1.PersistentVolumeClaim
	require.NoError(t, w.api.Get(t.Context(), types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, &claim))
	return &claim
}

func namespace(name string) client.Object {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelMetadataName: name}}}
}

func bound(name backup.Claim, change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, Labels: map[string]string{
			"app": "photos", "argocd.argoproj.io/instance": "media", "app.kubernetes.io/instance": "media"}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: ptr.To("fast"), AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, VolumeName: "pvc-1",
			VolumeMode: ptr.To(corev1.PersistentVolumeFilesystem),
			Resources:  corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("5Gi")}},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
	for _, f := range change {
		f(claim)
	}
	return claim
}

func wish(change ...func(*intent.Wish)) intent.Wish {
	w := intent.Wish{Source: photos, Target: photos2, RequestedBy: "ada"}
	for _, f := range change {
		f(&w)
	}
	return w
}

func TestARestoreMakesOneLockedClaimThatTheControllerWouldRestore(t *testing.T) {
	w := newWorld(bound(photos))
	made, err := w.requests().Restore(t.Context(), wish())
	require.NoError(t, err)
	assert.Equal(t, newest, made.Backup)
	assert.Equal(t, "5Gi", made.Size)
	assert.Equal(t, "fast", made.StorageClass)

	target := w.claim(t, photos2)
	lock, restore, locked := kube.LockOf(target)
	require.True(t, locked)
	assert.Equal(t, lock, restore)
	assert.Equal(t, lock, made.Restore)
	assert.Equal(t, map[string]string{v1alpha1.RestoreLabel: "required"}, target.Labels, "no label of the source, least of all a GitOps tool's")
	assert.Equal(t, "media/photos", target.Annotations[v1alpha1.RestoreFromAnnotation])
	assert.Equal(t, newest.ID, target.Annotations[v1alpha1.RestoreBackupAnnotation])
	assert.Equal(t, "ada", target.Annotations[v1alpha1.RequestedByAnnotation])
	assert.Equal(t, "Restore (BackupFound)", target.Annotations[v1alpha1.VerdictAnnotation])
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, target.Spec.AccessModes)

	facts, err := kube.ReadFacts(t.Context(), w.api, target, nil, w.policy)
	require.NoError(t, err)
	facts.Answer = backup.FoundBackups([]backup.Backup{{Claim: photos, Driver: "restic", ID: strings.Repeat("c", 64), TakenAt: noon.Add(time.Hour)}, newest}, evidence)
	verdict := decision.Decide(facts)
	assert.Equal(t, decision.Restore, verdict.Kind)
	assert.Equal(t, newest, verdict.Backup, "the backup that was chosen, though a newer one has come")
}

func TestACopyIsWrittenDownBeforeItIsMade(t *testing.T) {
	w := newWorld(bound(photos))
	w.policy.Rules = func() backup.Rules { return backup.Rules{Now: noon} }
	copyFor := func(after time.Duration) intent.Wish {
		return wish(func(w *intent.Wish) { w.Copy, w.Expires = true, copies.Expiry{After: after} })
	}
	w.hooks.Create = func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.CreateOption) error {
		w.written = append(w.written, "create "+object.GetName())
		object.SetUID("uid-1")
		return c.Create(ctx, object, opts...)
	}
	made, err := w.requests().Restore(t.Context(), copyFor(time.Hour))
	require.NoError(t, err)
	assert.Equal(t, []string{"begin photos-restored", "create photos-restored", "made photos-restored"}, w.written)
	assert.Equal(t, copies.Record{
		Lock: made.Restore, Claim: photos2, UID: "uid-1", Source: photos, Driver: "restic", Backup: newest.ID, TakenAt: noon,
		RequestedBy: "ada", MadeAt: noon, ExpiresAt: noon.Add(time.Hour),
	}, w.record)
	assert.True(t, made.Copy)
	assert.Equal(t, noon.Add(time.Hour), made.ExpiresAt)

	w.written = nil
	dry := copyFor(time.Hour)
	dry.DryRun, dry.Target.Name = true, "another"
	made, err = w.requests().Restore(t.Context(), dry)
	require.NoError(t, err)
	assert.Equal(t, []string{"create another"}, w.written, "a dry run writes nothing down")
	assert.True(t, made.Copy)
	assert.Equal(t, noon.Add(time.Hour), made.ExpiresAt)
}

func TestACopyIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		rules   backup.Rules
		expires copies.Expiry
		full    error
		kind    backup.Kind
		field   string
	}{
		"that expires before it is made":   {backup.Rules{Now: noon}, copies.Expiry{At: noon}, nil, backup.Invalid, "expires"},
		"that expires by a clock in doubt": {backup.Rules{Now: noon, ClockDoubt: true}, copies.Expiry{After: time.Hour}, nil, backup.Unavailable, "expires"},
		"that expires by no clock":         {backup.Rules{}, copies.Expiry{After: time.Hour}, nil, backup.Unavailable, "expires"},
		"where it cannot be written down":  {backup.Rules{Now: noon}, copies.Expiry{}, backup.Errorf(backup.Unavailable, "away"), backup.Unavailable, ""},
		"where there are too many":         {backup.Rules{Now: noon}, copies.Expiry{}, backup.Errorf(backup.Conflict, "too many"), backup.Conflict, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(photos))
			w.policy.Rules, w.full = func() backup.Rules { return test.rules }, test.full
			_, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Copy, w.Expires = true, test.expires }))
			assert.Equal(t, test.kind, backup.KindOf(err))
			assert.Equal(t, test.field, backup.FieldOf(err))
			assert.Len(t, w.claims(t), 1, "nothing is made")
		})
	}
}

func TestACopyDoesNotTakeTheClaimsOwnPlace(t *testing.T) {
	w := newWorld()
	inPlace := wish(func(w *intent.Wish) { w.Copy, w.Target, w.Shape.Size = true, w.Source, "10Gi" })
	_, err := w.requests().Restore(t.Context(), inPlace)
	assert.Equal(t, backup.Invalid, backup.KindOf(err), "though the claim is gone")
	assert.Equal(t, "target_pvc", backup.FieldOf(err))
	assert.ErrorContains(t, err, "not backed up")
	inPlace.Copy = false
	_, err = w.requests().Restore(t.Context(), inPlace)
	require.NoError(t, err, "that is what restores are for")
}

func TestACopyThatDoesNotExpireNeedsNoClock(t *testing.T) {
	w := newWorld(bound(photos))
	made, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Copy = true }))
	require.NoError(t, err)
	assert.True(t, made.ExpiresAt.IsZero())
}

func TestTheTargetOfATestIsMarkedForThisLifeOfIt(t *testing.T) {
	w := newWorld(bound(photos))
	_, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Copy = true }))
	require.NoError(t, err)
	target := w.claim(t, photos2)
	assert.True(t, kube.IsTest(target))
	again := target.DeepCopy()
	again.Spec.VolumeName = kube.NewLock()
	assert.False(t, kube.IsTest(again), "what is made from its manifest is protected as any claim")

	w = newWorld(bound(photos))
	_, err = w.requests().Restore(t.Context(), wish())
	require.NoError(t, err)
	assert.False(t, kube.IsTest(w.claim(t, photos2)), "a restore is no test")
}

func TestARestoreUnderTheOldNameIsOfTheClaimItself(t *testing.T) {
	w := newWorld()
	_, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Target = photos }))
	require.NoError(t, err)
	assert.NotContains(t, w.claim(t, photos).Annotations, v1alpha1.RestoreFromAnnotation)
}

func TestADryRunMakesNothing(t *testing.T) {
	w := newWorld(bound(photos))
	asked := false
	w.hooks.Create = func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
		asked = true
		return c.Create(ctx, obj, opts...)
	}
	made, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.DryRun = true }))
	require.NoError(t, err)
	assert.Empty(t, made.Restore, "the lock is drawn when it is real")
	assert.Equal(t, newest, made.Backup)
	assert.True(t, asked, "the API server checks it too")
	assert.Len(t, w.claims(t), 1)
}

func TestTheBackupIsTheOneThatIsAskedFor(t *testing.T) {
	tests := map[string]struct {
		choice intent.Choice
		want   backup.Backup
		kind   backup.Kind
		field  string
	}{
		"the newest by default":                           {want: newest},
		"the newest by its word":                          {choice: intent.Choice{Snapshot: "latest"}, want: newest},
		"by its id":                                       {choice: intent.Choice{Snapshot: oldest.ID}, want: oldest},
		"by the beginning of its id":                      {choice: intent.Choice{Snapshot: "bbbbbbbb"}, want: oldest},
		"by the name of its snapshot":                     {choice: intent.Choice{Snapshot: image.Snapshot}, want: image},
		"by its URL":                                      {choice: intent.Choice{URL: image.Locator}, want: image},
		"never by too little of an id":                    {choice: intent.Choice{Snapshot: "bbbb"}, kind: backup.NotFound, field: "snapshot"},
		"never the newest in the place of a missing one":  {choice: intent.Choice{Snapshot: "cccccccc"}, kind: backup.NotFound, field: "snapshot"},
		"never by the beginning of a snapshot's name":     {choice: intent.Choice{Snapshot: "soteria-backup-media"}, kind: backup.NotFound, field: "snapshot"},
		"never by a URL of another claim's backup":        {choice: intent.Choice{URL: "s3://bucket@region/?backup=other"}, kind: backup.NotFound, field: "backup_url"},
		"never by a folder, which many backups are of":    {choice: intent.Choice{URL: "/data"}, kind: backup.Invalid, field: "backup_url"},
		"never by a snapshot and a URL that may disagree": {choice: intent.Choice{URL: image.Locator, Snapshot: "latest"}, kind: backup.Invalid, field: "backup_url"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(photos))
			made, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Choice = test.choice }))
			if test.field != "" {
				assert.Equal(t, test.kind, backup.KindOf(err))
				assert.Equal(t, test.field, backup.FieldOf(err))
				assert.Len(t, w.claims(t), 1, "nothing is made")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, made.Backup)
		})
	}
}

func TestANewestBackupInDoubtIsNotChosenAndOneThatIsNamedIs(t *testing.T) {
	missing := backup.Errorf(backup.BackupMissing, "the backup 1a2b3c4d is gone")
	for name, test := range map[string]struct {
		choice  intent.Choice
		refused bool
	}{
		"the newest":             {intent.Choice{}, true},
		"the newest by its word": {intent.Choice{Snapshot: intent.Latest}, true},
		"one by its id":          {intent.Choice{Snapshot: oldest.ID}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(photos))
			w.answer = w.answer.Doubting(missing)
			_, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Choice = test.choice }))
			if !test.refused {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, backup.BackupMissing, backup.KindOf(err))
			assert.ErrorContains(t, err, "name one by its id")
		})
	}
}

// A system that could not tell is asked again only where what is known does not settle the
// choice; by then it may have listed what is wanted, or still not.
func TestWhatIsKnownSettlesARestoreAndElseEverySystemIsAsked(t *testing.T) {
	down := backup.Errorf(backup.Unavailable, "longhorn does not answer")
	inPart := backup.Combine(backup.FoundBackups([]backup.Backup{newest, oldest}, evidence), backup.UnknownBecause(down))
	whole := backup.Combine(backup.FoundBackups([]backup.Backup{newest, oldest}, evidence), backup.FoundBackups([]backup.Backup{image}, evidence))
	for name, test := range map[string]struct {
		choice      intent.Choice
		known       backup.Answer
		proved      *backup.Answer
		asked, made bool
	}{
		"one by its id, though a system is down":                      {choice: intent.Choice{Snapshot: oldest.ID}, known: inPart, made: true},
		"the newest, where all could tell":                            {known: whole, asked: true, made: true},
		"the newest, once all can tell":                               {known: inPart, proved: &whole, asked: true, made: true},
		"the newest, while one cannot":                                {known: inPart, proved: &inPart, asked: true},
		"one by its id that the slow system has":                      {choice: intent.Choice{Snapshot: image.ID}, known: inPart, proved: &whole, asked: true, made: true},
		"one by its id that the system may have which is down":        {choice: intent.Choice{Snapshot: image.ID}, known: inPart, proved: &inPart, asked: true},
		"one by the beginning of its id, which may be that of two":    {choice: intent.Choice{Snapshot: oldest.ID[:8]}, known: inPart, proved: &whole, asked: true, made: true},
		"one by the beginning of its id, where one system stays down": {choice: intent.Choice{Snapshot: oldest.ID[:8]}, known: inPart, proved: &inPart, asked: true, made: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(photos))
			w.answer, w.proved = test.known, test.proved
			_, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Choice = test.choice }))
			assert.Equal(t, test.asked, w.proofs > 0)
			if test.made {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, backup.Unavailable, backup.KindOf(err), "and not that there is none: %v", err)
			assert.ErrorContains(t, err, "longhorn does not answer")
			assert.Len(t, w.claims(t), 1, "nothing is made")
		})
	}
}

func TestWhatIsNotKnownHidesNoBackupThatIsNamed(t *testing.T) {
	unreachable := backup.Errorf(backup.Unavailable, "longhorn does not answer")
	for name, test := range map[string]struct {
		choice intent.Choice
		made   bool
	}{
		"one by its id":                        {intent.Choice{Snapshot: oldest.ID}, true},
		"one by the beginning of its id":       {intent.Choice{Snapshot: oldest.ID[:8]}, true},
		"the newest":                           {intent.Choice{}, false},
		"an id that is not among those listed": {intent.Choice{Snapshot: strings.Repeat("9", 64)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(photos))
			w.answer = backup.UnknownBecause(unreachable).WithOthers([]backup.Backup{oldest})
			made, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Choice = test.choice }))
			if !test.made {
				assert.Equal(t, backup.Unavailable, backup.KindOf(err), "it may be where no one could look")
				assert.ErrorContains(t, err, "longhorn does not answer")
				assert.Len(t, w.claims(t), 1, "nothing is made")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, oldest.ID, made.Backup.ID)
		})
	}
}

func TestADryRunSaysThatTheNamedBackupHoldsFarLessThanAnEarlierOne(t *testing.T) {
	w := newWorld(bound(photos))
	small, full := newest, oldest
	small.Files, small.DataBytes, full.Files, full.DataBytes = 1, 10, 1000, 1_000_000
	full.Driver = small.Driver
	w.answer = backup.FoundBackups([]backup.Backup{small, full}, backup.Evidence{Driver: small.Driver})
	made, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.DryRun, w.Choice = true, intent.Choice{Snapshot: small.ID} }))
	require.NoError(t, err)
	assert.Contains(t, strings.Join(made.Notes, "; "), "holds far less than backup "+backup.ShortID(full.ID))
}

func TestTheTargetIsShaped(t *testing.T) {
	gone := func(b backup.Backup) func(*world) {
		return func(w *world) { w.answer = backup.FoundBackups([]backup.Backup{b}, evidence) }
	}
	sized := func(size int64) backup.Backup {
		b := newest
		b.SizeBytes = size
		return b
	}
	tests := map[string]struct {
		source *corev1.PersistentVolumeClaim
		world  func(*world)
		shape  intent.Shape
		size   string
		class  string
		mode   string
		field  string
	}{
		"as the source": {source: bound(photos), size: "5Gi", class: "fast", mode: "Filesystem"},
		"larger than a source that the backup outgrew": {source: bound(photos), world: gone(sized(7 * gibi)), size: "7Gi", class: "fast", mode: "Filesystem"},
		"as asked, whatever the source is":             {source: bound(photos), shape: intent.Shape{Size: "20Gi", StorageClass: "slow"}, size: "20Gi", class: "slow", mode: "Filesystem"},
		"with room for a lost claim's files":           {size: "4Gi", mode: "Filesystem"},
		"never without room":                           {world: gone(sized(4 * gibi)), size: "6Gi", mode: "Filesystem"},
		"at least a gibibyte":                          {world: gone(sized(1)), size: "1Gi", mode: "Filesystem"},
		"as large as the volume that an image is of":   {world: gone(image), size: "8Gi", mode: "Filesystem"},
		"as a block device on request":                 {world: gone(image), shape: intent.Shape{VolumeMode: "Block"}, size: "8Gi", mode: "Block"},
		"not without knowing how large":                {world: gone(oldest), field: "size"},
		"as large as asked where nothing tells":        {world: gone(oldest), shape: intent.Shape{Size: "2Gi"}, size: "2Gi", mode: "Filesystem"},
		"not smaller than the backup":                  {source: bound(photos), shape: intent.Shape{Size: "2Gi"}, field: "size"},
		"not of a size that is none":                   {source: bound(photos), shape: intent.Shape{Size: "large"}, field: "size"},
		"not of no size":                               {source: bound(photos), shape: intent.Shape{Size: "0"}, field: "size"},
		"not of a negative size":                       {world: gone(oldest), shape: intent.Shape{Size: "-1Gi"}, field: "size"},
		"not with an access mode that does not exist":  {source: bound(photos), shape: intent.Shape{AccessModes: []string{"ReadWrite"}}, field: "access_modes"},
		"not with a volume mode that does not exist":   {source: bound(photos), shape: intent.Shape{VolumeMode: "Tape"}, field: "volume_mode"},
		"as a source that is a block device":           {source: bound(photos, func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock) }), size: "5Gi", class: "fast", mode: "Block"},
		"of the class that a source's annotation names": {source: bound(photos, func(c *corev1.PersistentVolumeClaim) {
			c.Annotations = map[string]string{corev1.BetaStorageClassAnnotation: "old"}
		}), size: "5Gi", class: "old", mode: "Filesystem"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if test.source != nil {
				w = newWorld(test.source)
			}
			if test.world != nil {
				test.world(w)
			}
			made, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Shape = test.shape }))
			if test.field != "" {
				assert.Equal(t, backup.Invalid, backup.KindOf(err))
				assert.Equal(t, test.field, backup.FieldOf(err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.size, made.Size)
			assert.Equal(t, test.class, made.StorageClass)
			assert.Equal(t, test.mode, made.VolumeMode)
			target := w.claim(t, photos2)
			assert.Equal(t, test.class == "", target.Spec.StorageClassName == nil, "the cluster's default is the API server's to fill in")
		})
	}
}

func TestAStorageClassThatTheClusterHasNotIsNamedBeforeAClaimWaitsForIt(t *testing.T) {
	for name, w := range map[string]*world{
		"asked for":                      newWorld(bound(photos)),
		"that the source claim once had": newWorld(bound(photos, func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = ptr.To("gold") })),
	} {
		t.Run(name, func(t *testing.T) {
			asked := intent.Shape{}
			if name == "asked for" {
				asked.StorageClass = "gold"
			}
			_, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Shape = asked }))
			assert.Equal(t, backup.NotFound, backup.KindOf(err))
			assert.Equal(t, "storage_class", backup.FieldOf(err))
			assert.ErrorContains(t, err, `"gold"`)
		})
	}
}

func TestRestoresAreRefused(t *testing.T) {
	refusesCreate := func(err error) func(*world) {
		return func(w *world) {
			w.hooks.Create = func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return err }
		}
	}
	claims := schema.GroupResource{Resource: "persistentvolumeclaims"}
	tests := map[string]struct {
		wish  func(*intent.Wish)
		world func(*world)
		kind  backup.Kind
		field string
		says  string
		// unasked is true where nothing may be looked up in the catalog.
		unasked bool
	}{
		"to a name that Kubernetes would refuse": {
			wish: func(w *intent.Wish) { w.Target.Name = strings.Repeat("a", 254) }, kind: backup.Invalid, field: "target_pvc", unasked: true},
		"to a namespace's name that Kubernetes would refuse": {
			wish: func(w *intent.Wish) { w.Target.Namespace = "a.b" }, kind: backup.Invalid, field: "target_namespace", unasked: true},
		"of a source that cannot be": {
			wish: func(w *intent.Wish) { w.Source.Name = "../x" }, kind: backup.Invalid, field: "pvc", unasked: true},
		"to a claim that exists": {
			wish: func(w *intent.Wish) { w.Target = photos }, kind: backup.Conflict, field: "target_pvc", says: "exists", unasked: true},
		"to a namespace that does not exist": {
			wish: func(w *intent.Wish) { w.Target.Namespace = "nowhere" }, kind: backup.NotFound, field: "target_namespace", says: "make it first", unasked: true},
		"across namespaces": {
			wish: func(w *intent.Wish) { w.Target.Namespace = "lab" }, kind: backup.Denied, field: "target_namespace", says: "SOTERIA_CROSS_NAMESPACE", unasked: true},
		"to a namespace that Soteria keeps out of": {
			wish: func(w *intent.Wish) { w.Target.Namespace, w.Source.Namespace = "kube-system", "kube-system" }, kind: backup.Denied, says: "keeps out", unasked: true},
		"without a backup": {
			world: func(w *world) { w.answer = backup.ProvedNone(evidence) }, kind: backup.NotFound, says: "no backup of media/photos exists"},
		"while it cannot be told which backups exist": {
			world: func(w *world) { w.answer = backup.UnknownBecause(errors.New("surprise")) }, kind: backup.Unavailable, says: "surprise"},
		"while a secret is missing": {
			world: func(w *world) { w.answer = backup.UnknownBecause(backup.Errorf(backup.Credentials, "no Secret")) }, kind: backup.Credentials, says: "no Secret"},
		"where no way leads to a volume": {
			world: func(w *world) {
				w.blocked = &backup.Error{Kind: backup.Invalid, Field: "volume_mode", Message: "block"}
			}, kind: backup.Invalid, field: "volume_mode"},
		"beyond a quota": {
			world: refusesCreate(apierrors.NewForbidden(claims, "photos-restored", errors.New("exceeded quota"))), kind: backup.Denied, says: "exceeded quota"},
		"that the API server finds invalid": {
			world: refusesCreate(apierrors.NewInvalid(schema.GroupKind{Kind: "PersistentVolumeClaim"}, "photos-restored", nil)), kind: backup.Invalid},
		"to a claim that somebody else has just made": {
			world: refusesCreate(apierrors.NewAlreadyExists(claims, "photos-restored")), kind: backup.Conflict, field: "target_pvc"},
		"while the API server is away": {
			world: refusesCreate(errors.New("connection refused")), kind: backup.Unavailable},
		"while claims cannot be read": {
			world: func(w *world) {
				w.hooks.Get = func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
					return errors.New("connection refused")
				}
			}, kind: backup.Unavailable, unasked: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(photos))
			if test.world != nil {
				test.world(w)
			}
			asked := wish()
			if test.wish != nil {
				test.wish(&asked)
			}
			made, err := w.requests().Restore(t.Context(), asked)
			require.Error(t, err)
			assert.Equal(t, test.kind, backup.KindOf(err), err)
			if test.field != "" {
				assert.Equal(t, test.field, backup.FieldOf(err))
			}
			assert.Contains(t, err.Error(), test.says)
			assert.Zero(t, made)
			assert.Equal(t, test.unasked, w.asked.Load() == 0, "the catalog is asked only where the answer matters")
			assert.Len(t, w.claims(t), 1, "nothing is made, and what was there stays")
		})
	}
}

func TestABackupThatAClaimCouldNotNameIsRefused(t *testing.T) {
	w := newWorld(bound(photos))
	w.answer = backup.FoundBackups([]backup.Backup{{Claim: photos, Driver: "s3", ID: "short", TakenAt: noon, SizeBytes: -1}}, evidence)
	_, err := w.requests().Restore(t.Context(), wish())
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "it would wait for ever")
	assert.Len(t, w.claims(t), 1)
}

func TestRestoresCrossNamespacesWhereTheOperatorAllowsIt(t *testing.T) {
	w := newWorld(bound(photos))
	w.policy.CrossNamespace = true
	target := backup.Claim{Namespace: "lab", Name: "photos"}
	_, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Target = target }))
	require.NoError(t, err)
	assert.Equal(t, "media/photos", w.claim(t, target).Annotations[v1alpha1.RestoreFromAnnotation])
}

func TestFiftyRestoresToOneTargetMakeOne(t *testing.T) {
	w := newWorld(bound(photos))
	requests := w.requests()
	var started, conflicts atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			switch _, err := requests.Restore(t.Context(), wish()); {
			case err == nil:
				started.Add(1)
			case backup.KindOf(err) == backup.Conflict:
				conflicts.Add(1)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, started.Load())
	assert.EqualValues(t, 49, conflicts.Load())
	assert.Len(t, w.claims(t), 2)
}

func TestWhoAsksIsBounded(t *testing.T) {
	w := newWorld(bound(photos))
	_, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.RequestedBy = strings.Repeat("ä", 300) }))
	require.NoError(t, err)
	assert.LessOrEqual(t, len(w.claim(t, photos2).Annotations[v1alpha1.RequestedByAnnotation]), 256)
}

func TestAWishWithALockOfItsOwnIsCarriedOutOnce(t *testing.T) {
	w := newWorld(bound(photos))
	locked := wish(func(w *intent.Wish) { w.Lock = "soteria-abcdefghij" })
	first, err := w.requests().Restore(t.Context(), locked)
	require.NoError(t, err)
	assert.Equal(t, "soteria-abcdefghij", first.Restore)
	again, err := w.requests().Restore(t.Context(), locked)
	require.NoError(t, err, "it finds what the first time made")
	assert.Equal(t, first.Restore, again.Restore)
	assert.Equal(t, newest.ID, again.Backup.ID)
	assert.Len(t, w.claims(t), 2)

	_, err = w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Lock = "soteria-klmnopqrst" }))
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "another one's target is not taken for its own")
}

func TestAnAnswerThatWasLostIsLookedUp(t *testing.T) {
	w := newWorld(bound(photos))
	w.hooks.Create = func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
		require.NoError(t, c.Create(ctx, obj, opts...))
		return errors.New("connection reset")
	}
	made, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.Lock = "soteria-abcdefghij" }))
	require.NoError(t, err)
	assert.Equal(t, "soteria-abcdefghij", made.Restore)
}
