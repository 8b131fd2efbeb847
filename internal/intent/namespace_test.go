package intent_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/intent"
)

func media(name string) backup.Claim { return backup.Claim{Namespace: "media", Name: name} }

func pending(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimPending }

func batch(change ...func(*intent.NamespaceWish)) intent.NamespaceWish {
	asked := intent.NamespaceWish{Namespace: "media", TargetNamespace: "media", TargetPrefix: "restore-20260412-", RequestedBy: "ada"}
	for _, f := range change {
		f(&asked)
	}
	return asked
}

func sourcesOf(plan intent.Plan) []string {
	var names []string
	for _, wish := range plan.Wishes {
		names = append(names, wish.Source.Name+" to "+wish.Target.String())
	}
	return names
}

func TestAPlanHasEveryBoundClaim(t *testing.T) {
	w := newWorld(bound(media("photos")), bound(media("books")), bound(media("films"), pending), bound(backup.Claim{Namespace: "lab", Name: "other"}))
	w.backedUp = []backup.Claim{media("lost")}
	plan, err := w.requests().Plan(t.Context(), batch())
	require.NoError(t, err)
	assert.Empty(t, plan.Conflicts)
	assert.Equal(t, []string{"books to media/restore-20260412-books", "photos to media/restore-20260412-photos"}, sourcesOf(plan))
	assert.Equal(t, "ada", plan.Wishes[0].RequestedBy)
}

func TestAPlanLeavesCopiesOutUnlessTheyAreNamed(t *testing.T) {
	w := newWorld(bound(media("photos")), bound(media("look"), func(c *corev1.PersistentVolumeClaim) { c.UID = "copy" }))
	w.spared = sets.New(types.UID("copy"))
	plan, err := w.requests().Plan(t.Context(), batch())
	require.NoError(t, err)
	assert.Equal(t, []string{"photos to media/restore-20260412-photos"}, sourcesOf(plan))

	w.backedUp = []backup.Claim{media("look")}
	plan, err = w.requests().Plan(t.Context(), batch(func(a *intent.NamespaceWish) { a.Orphans = true }))
	require.NoError(t, err)
	assert.Equal(t, []string{"look to media/restore-20260412-look", "photos to media/restore-20260412-photos"}, sourcesOf(plan),
		"backups under a copy's name are of a claim that is gone")

	plan, err = w.requests().Plan(t.Context(), batch(func(a *intent.NamespaceWish) { a.Claims = []intent.ClaimWish{{Name: "look"}} }))
	require.NoError(t, err)
	assert.Equal(t, []string{"look to media/restore-20260412-look"}, sourcesOf(plan))
	assert.Empty(t, plan.Conflicts)
}

func TestAPlanHasTheOrphansOnRequest(t *testing.T) {
	w := newWorld(bound(media("photos")), bound(media("films"), pending))
	w.backedUp, w.doubt = []backup.Claim{media("films"), media("lost"), media("photos")}, []string{"the last listing failed"}
	plan, err := w.requests().Plan(t.Context(), batch(func(a *intent.NamespaceWish) { a.Orphans = true }))
	require.NoError(t, err)
	assert.Equal(t, []string{"lost to media/restore-20260412-lost", "photos to media/restore-20260412-photos"}, sourcesOf(plan),
		"a claim that exists and waits for its volume is no orphan")
	assert.Equal(t, []string{"the last listing failed"}, plan.Warnings)
}

func TestALostNamespaceComesBackUnderItsOwnNames(t *testing.T) {
	w := newWorld()
	w.backedUp = []backup.Claim{media("books"), media("photos")}
	plan, err := w.requests().Plan(t.Context(), batch(func(a *intent.NamespaceWish) { a.Orphans, a.TargetPrefix = true, "" }))
	require.NoError(t, err)
	assert.Empty(t, plan.Conflicts)
	assert.Equal(t, []string{"books to media/books", "photos to media/photos"}, sourcesOf(plan))
}

func TestConflictsAreFoundBeforeAnythingStarts(t *testing.T) {
	long := strings.Repeat("a", 240)
	w := newWorld(bound(media("photos")), bound(media("restore-20260412-photos"), pending), bound(media(long)))
	plan, err := w.requests().Plan(t.Context(), batch())
	require.NoError(t, err)
	require.Len(t, plan.Conflicts, 2)
	assert.Equal(t, media(long), plan.Conflicts[0].Wish.Source)
	assert.Equal(t, backup.Invalid, backup.KindOf(plan.Conflicts[0].Err))
	assert.Equal(t, "target_pvc", backup.FieldOf(plan.Conflicts[0].Err))
	assert.Equal(t, media("photos"), plan.Conflicts[1].Wish.Source)
	assert.Equal(t, backup.Conflict, backup.KindOf(plan.Conflicts[1].Err))
	assert.Len(t, w.claims(t), 3)
}

func TestTwoSourcesForOneTargetAreAConflict(t *testing.T) {
	w := newWorld()
	w.backedUp = []backup.Claim{media("photos"), media("photos")}
	plan, err := w.requests().Plan(t.Context(), batch(func(a *intent.NamespaceWish) { a.Orphans = true }))
	require.NoError(t, err)
	require.Len(t, plan.Conflicts, 1)
	assert.ErrorContains(t, plan.Conflicts[0].Err, "is the target of media/photos too")
}

func TestPlansAreRefused(t *testing.T) {
	tests := map[string]struct {
		wish  func(*intent.NamespaceWish)
		world func(*world)
		kind  backup.Kind
		field string
	}{
		"of a namespace that cannot be":            {wish: func(a *intent.NamespaceWish) { a.Namespace = "a.b" }, kind: backup.Invalid, field: "namespace"},
		"to a namespace that cannot be":            {wish: func(a *intent.NamespaceWish) { a.TargetNamespace = "a.b" }, kind: backup.Invalid, field: "target_namespace"},
		"to a namespace that does not exist":       {wish: func(a *intent.NamespaceWish) { a.Namespace, a.TargetNamespace = "gone", "gone" }, kind: backup.NotFound, field: "target_namespace"},
		"across namespaces":                        {wish: func(a *intent.NamespaceWish) { a.TargetNamespace = "lab" }, kind: backup.Denied, field: "target_namespace"},
		"of a namespace without claims":            {wish: func(a *intent.NamespaceWish) { a.Namespace, a.TargetNamespace = "lab", "lab" }, kind: backup.NotFound, field: "namespace"},
		"of a namespace without claims or backups": {wish: func(a *intent.NamespaceWish) { a.Namespace, a.TargetNamespace, a.Orphans = "lab", "lab", true }, kind: backup.NotFound},
		"of orphans alone while it cannot be told which exist": {
			wish:  func(a *intent.NamespaceWish) { a.Namespace, a.TargetNamespace, a.Orphans = "lab", "lab", true },
			world: func(w *world) { w.unlisted = backup.Errorf(backup.Unavailable, "not listed yet") }, kind: backup.Unavailable},
		"while claims cannot be listed": {
			world: func(w *world) {
				w.hooks.List = func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
					return errors.New("connection refused")
				}
			}, kind: backup.Unavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(bound(media("photos")))
			if test.world != nil {
				test.world(w)
			}
			asked := batch()
			if test.wish != nil {
				test.wish(&asked)
			}
			_, err := w.requests().Plan(t.Context(), asked)
			require.Error(t, err)
			assert.Equal(t, test.kind, backup.KindOf(err), err)
			assert.Equal(t, test.field, backup.FieldOf(err))
		})
	}
}

func TestRecordsIncludeClaimsThatTheControllerHasNotComeTo(t *testing.T) {
	waits := bound(media("photos"), pending, func(c *corev1.PersistentVolumeClaim) {
		c.Spec.VolumeName = "soteria-waits"
		c.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: "soteria-waits"}
		c.CreationTimestamp = metav1.NewTime(noon)
	})
	known := waits.DeepCopy()
	known.Name, known.Spec.VolumeName, known.Spec.DataSourceRef.Name = "books", "soteria-known", "soteria-known"
	record := &v1alpha1.Restore{
		ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "soteria-known", CreationTimestamp: metav1.NewTime(noon.Add(time.Hour))},
		Status:     v1alpha1.RestoreStatus{Phase: v1alpha1.PhaseVerifying},
	}
	w := newWorld(waits, known, record, bound(media("films")))
	requests := w.requests()
	all, err := requests.Records(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.Equal(t, "soteria-known", all[0].Name, "newest first")
	assert.Equal(t, v1alpha1.PhaseVerifying, all[0].Status.Phase)
	assert.Equal(t, "soteria-waits", all[1].Name)
	assert.Empty(t, all[1].Status.Phase)
	assert.Equal(t, "photos", all[1].Status.Claim.Name)

	elsewhere, err := requests.Records(t.Context(), "lab")
	require.NoError(t, err)
	assert.Empty(t, elsewhere)

	for _, name := range []string{"soteria-known", "soteria-waits"} {
		one, err := requests.Record(t.Context(), "media", name)
		require.NoError(t, err)
		assert.Equal(t, name, one.Name)
	}
	_, err = requests.Record(t.Context(), "media", "soteria-none")
	assert.Equal(t, backup.NotFound, backup.KindOf(err))
}

func TestANamespaceThatIsGoneIsPlannedWithItsOrphans(t *testing.T) {
	w := newWorld()
	w.backedUp = []backup.Claim{{Namespace: "gone", Name: "photos"}, {Namespace: "gone", Name: "wiki"}}
	asked := intent.NamespaceWish{Namespace: "gone", TargetNamespace: "gone", RequestedBy: "ada", DryRun: true}

	plan, err := w.requests().Plan(t.Context(), asked)
	require.NoError(t, err)
	assert.True(t, plan.TargetMissing)
	assert.Empty(t, plan.Conflicts)
	require.Len(t, plan.Wishes, 2, "orphans are all that there can be")
	assert.Empty(t, plan.LeftOut())
	made, err := w.requests().Restore(t.Context(), plan.Wishes[0])
	require.NoError(t, err, "what would be restored is told, although nothing could be made now")
	assert.Equal(t, newest, made.Backup)
	assert.Empty(t, w.claims(t))

	asked.DryRun = false
	_, err = w.requests().Plan(t.Context(), asked)
	assert.Equal(t, backup.NamespaceMissing, backup.ReasonOf(err))
	assert.Equal(t, "kubectl create namespace gone", backup.SettleOf(err))

	asked.MakeTarget = true
	plan, err = w.requests().Plan(t.Context(), asked)
	require.NoError(t, err)
	require.NoError(t, w.requests().MakeNamespace(t.Context(), "gone", "ada"))
	require.NoError(t, w.requests().MakeNamespace(t.Context(), "gone", "ada"), "one that exists by now is no error")
	_, err = w.requests().Restore(t.Context(), plan.Wishes[0])
	require.NoError(t, err)
	assert.Len(t, w.claims(t), 1)
}

func TestANamespaceThatSoteriaMayNotMakeIsMadeByACommand(t *testing.T) {
	w := newWorld()
	w.hooks.Create = func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "lost", errors.New("cannot create"))
	}
	err := w.requests().MakeNamespace(t.Context(), "lost", "ada")
	assert.Equal(t, backup.Denied, backup.KindOf(err))
	assert.Equal(t, backup.ByPermission, backup.ReasonOf(err))
	assert.Equal(t, "kubectl create namespace lost", backup.SettleOf(err))
}

func TestAPlanForeseesWhetherItsNamespaceMayBeMade(t *testing.T) {
	namespaces := schema.GroupResource{Resource: "namespaces"}
	for name, test := range map[string]struct {
		refuse error
		kind   backup.Kind // of what is foreseen; Internal for nothing
		warns  string
	}{
		"it may":                          {},
		"it exists by now":                {refuse: apierrors.NewAlreadyExists(namespaces, "gone")},
		"Soteria is not allowed to":       {refuse: apierrors.NewForbidden(namespaces, "gone", errors.New("cannot create")), kind: backup.Denied},
		"Kubernetes does not take it":     {refuse: apierrors.NewInvalid(schema.GroupKind{Kind: "Namespace"}, "gone", nil), kind: backup.Invalid},
		"the API server does not tell":    {refuse: apierrors.NewServiceUnavailable("later"), warns: "whether Soteria may make namespace gone could not be told: making namespace gone: later"},
		"a webhook cannot do without one": {refuse: apierrors.NewBadRequest("webhook does not support dry run"), warns: "does not support dry run"},
	} {
		t.Run(name, func(t *testing.T) {
			w, asks := newWorld(), 0
			w.backedUp = []backup.Claim{{Namespace: "gone", Name: "photos"}}
			w.hooks.Create = func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
				var applied client.CreateOptions
				for _, option := range options {
					option.ApplyToCreate(&applied)
				}
				require.Equal(t, []string{metav1.DryRunAll}, applied.DryRun, "a plan makes nothing")
				asks++
				return test.refuse
			}
			asked := intent.NamespaceWish{Namespace: "gone", TargetNamespace: "gone", RequestedBy: "ada", DryRun: true, MakeTarget: true}
			plan, err := w.requests().Plan(t.Context(), asked)
			require.NoError(t, err, "what is known of the backups is said all the same")
			assert.Len(t, plan.Wishes, 1)
			assert.Equal(t, 1, asks)
			assert.Equal(t, test.kind != backup.Internal, plan.MakeRefused != nil)
			if plan.MakeRefused != nil {
				assert.Equal(t, test.kind, backup.KindOf(plan.MakeRefused))
			}
			assert.Equal(t, test.warns != "", len(plan.Warnings) == 1, plan.Warnings)
			assert.Contains(t, strings.Join(plan.Warnings, ""), test.warns)
		})
	}
}

func TestANamespaceThatIsBeingDeletedTakesNoClaims(t *testing.T) {
	w := newWorld(bound(photos))
	w.hooks.Create = func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		err := apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumeclaims"}, "photos-restored", errors.New("being terminated"))
		err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
		return err
	}
	for _, dry := range []bool{true, false} {
		_, err := w.requests().Restore(t.Context(), wish(func(w *intent.Wish) { w.DryRun = dry }))
		assert.Equal(t, backup.Conflict, backup.KindOf(err))
		assert.Equal(t, backup.NamespaceTerminating, backup.ReasonOf(err))
		assert.Equal(t, "kubectl wait --for=delete namespace/media", backup.SettleOf(err))
	}
}

func TestATargetThatIsBeingDeletedIsToBeWaitedFor(t *testing.T) {
	leaving := bound(photos2, func(c *corev1.PersistentVolumeClaim) {
		c.DeletionTimestamp, c.Finalizers = ptr.To(metav1.NewTime(noon)), []string{"kubernetes.io/pvc-protection"}
	})
	w := newWorld(bound(photos), leaving)
	_, err := w.requests().Restore(t.Context(), wish())
	assert.Equal(t, backup.TargetExists, backup.ReasonOf(err))
	assert.ErrorContains(t, err, "is being deleted")
	plan, err := w.requests().Plan(t.Context(), batch(func(a *intent.NamespaceWish) {
		a.Claims = []intent.ClaimWish{{Name: "photos", Target: photos2.Name}}
	}))
	require.NoError(t, err)
	require.Len(t, plan.Conflicts, 1)
	assert.ErrorContains(t, plan.Conflicts[0].Err, "is being deleted")
}

func TestOnlyTheClaimsThatAreNamedAreRestored(t *testing.T) {
	w := newWorld(bound(media("photos")), bound(media("films")))
	w.backedUp = []backup.Claim{media("photos"), media("old"), media("older")}
	asked := batch()
	asked.Choice = intent.Choice{AsOf: noon}
	asked.Claims = []intent.ClaimWish{{Name: "photos", Snapshot: newest.ID}, {Name: "old", Target: "old-again"}}
	plan, err := w.requests().Plan(t.Context(), asked)
	require.NoError(t, err)
	assert.Empty(t, plan.Conflicts)
	require.Len(t, plan.Wishes, 2)
	assert.Equal(t, media("old"), plan.Wishes[0].Source)
	assert.Equal(t, "old-again", plan.Wishes[0].Target.Name)
	assert.Equal(t, intent.Choice{AsOf: noon}, plan.Wishes[0].Choice)
	assert.Equal(t, intent.Choice{Snapshot: newest.ID}, plan.Wishes[1].Choice, "the backup of a plan is the one that is restored")
	assert.Equal(t, intent.Choice{AsOf: noon}, plan.Wishes[1].Instead, "and what it overrides is known")
	assert.Zero(t, plan.Wishes[0].Instead)
	assert.Equal(t, []string{"older"}, plan.LeftOut())

	asked.Claims = []intent.ClaimWish{{Name: "photos"}, {Name: "typo"}}
	plan, err = w.requests().Plan(t.Context(), asked)
	require.NoError(t, err)
	require.Len(t, plan.Conflicts, 1)
	assert.ErrorContains(t, plan.Conflicts[0].Err, "there is no bound claim media/typo, and no backup of it is known")

	asked.Claims = []intent.ClaimWish{{Name: "photos"}, {Name: "photos"}}
	_, err = w.requests().Plan(t.Context(), asked)
	assert.Equal(t, "claims", backup.FieldOf(err))
}

func TestOrphansThatCannotBeToldKeepNoClaimThatIsKnownFromBeingPlanned(t *testing.T) {
	w := newWorld(bound(media("photos")), bound(media("films"), pending))
	w.backedUp, w.unlisted = []backup.Claim{media("old")}, backup.Errorf(backup.Unavailable, "the longhorn backups have not been listed yet")
	plan, err := w.requests().Plan(t.Context(), batch(func(a *intent.NamespaceWish) { a.Orphans = true }))
	require.NoError(t, err)
	assert.Equal(t, []string{"old to media/restore-20260412-old", "photos to media/restore-20260412-photos"}, sourcesOf(plan))
	assert.Equal(t, []string{"which claims exist only as backups could not be told: the longhorn backups have not been listed yet"}, plan.Warnings)
	assert.ErrorContains(t, plan.Untold, "longhorn", "so that it is not called complete")

	plan, err = w.requests().Plan(t.Context(), batch(func(a *intent.NamespaceWish) {
		a.Claims = []intent.ClaimWish{{Name: "photos"}, {Name: "old"}, {Name: "perhaps"}}
	}))
	require.NoError(t, err)
	assert.Empty(t, plan.Conflicts, "a claim of which nothing is proved is not said to be missing")
	assert.NoError(t, plan.Untold, "what was asked for is all there")
	require.Len(t, plan.Wishes, 3)
	w.answer = backup.UnknownBecause(backup.Errorf(backup.Unavailable, "no answer"))
	_, err = w.requests().Restore(t.Context(), plan.Wishes[1])
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "its own backups settle it")
}

func TestAClaimThatIsNamedIsMissingOnlyWhereThatIsProved(t *testing.T) {
	w := newWorld(bound(media("films"), pending))
	named := func() intent.Plan {
		plan, err := w.requests().Plan(t.Context(), batch(func(a *intent.NamespaceWish) { a.Claims = []intent.ClaimWish{{Name: "old"}, {Name: "films"}} }))
		require.NoError(t, err)
		return plan
	}
	plan := named()
	require.Len(t, plan.Conflicts, 1, "a claim that waits for its volume may have backups")
	assert.Equal(t, media("old"), plan.Conflicts[0].Wish.Source)
	w.doubt = []string{"the last listing of the restic backups failed, so newer claims may be missing"}
	assert.Empty(t, named().Conflicts)
}

func TestWhatIsNotKnownOfOrphansIsSaidAndHidesNoClaim(t *testing.T) {
	w := newWorld(bound(media("photos")))
	w.unlisted = backup.Errorf(backup.Unavailable, "not listed yet")
	plan, err := w.requests().Plan(t.Context(), batch())
	require.NoError(t, err)
	assert.Len(t, plan.Wishes, 1)
	assert.Equal(t, []string{"which claims exist only as backups could not be told: not listed yet"}, plan.Warnings)
}
