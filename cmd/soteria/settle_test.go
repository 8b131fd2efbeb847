package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/mem"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/kube"
)

var (
	settledAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cacheOfAI = backup.Claim{Namespace: "ai", Name: "cache"}
)

// waitingClaim is locked and has nothing chosen yet.
func waitingClaim(name string, change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ai", Name: name, UID: types.UID("uid-of-" + name), Labels: map[string]string{v1alpha1.RestoreLabel: "auto"}, Annotations: map[string]string{}},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName:    "soteria-" + name,
			DataSourceRef: &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: "soteria-" + name},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}
	for _, c := range change {
		c(claim)
	}
	return claim
}

// desk is a cluster with what commands work with, on repositories in memory.
type desk struct {
	tools
	longhorn, s3 *mem.Lister
}

func newDesk(t *testing.T, objects ...client.Object) *desk {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, addTypes(scheme))
	objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ai"}})
	cluster := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	d := &desk{longhorn: mem.NewLister("longhorn", "targets"), s3: mem.NewLister("s3", "bucket")}
	d.tools = tools{
		listers: map[string]driver.Lister{"longhorn": d.longhorn, "s3": d.s3}, looked: []string{"longhorn", "s3"}, cluster: cluster,
		expectations: ledger.New(cluster, cluster, "soteria"), memory: ledger.NewExpectations(cluster, cluster, "soteria"),
		accepted: ledger.NewAccepted(cluster, cluster, "soteria"), unaccepted: ledger.NewUnaccepted(cluster, cluster, "soteria", func() time.Time { return settledAt }),
		policy: kube.Policy{OwnNamespace: "soteria"}, now: func() time.Time { return settledAt },
	}
	return d
}

// remembers has a repository remembered to have held a backup of the claim.
func (d *desk) remembers(t *testing.T, repository string, claim backup.Claim, taken time.Time) {
	t.Helper()
	_, err := d.memory.Remember(t.Context(), repository, expectation.Claims{claim: {Newest: taken, ID: "1a2b3c4d", SeenAt: taken.Truncate(24 * time.Hour), Count: 1}})
	require.NoError(t, err)
}

// accepts has the repositories that there are be this cluster's.
func (d *desk) accepts(t *testing.T) {
	t.Helper()
	require.NoError(t, d.expectations.Accept(t.Context(), "longhorn", "targets"))
	require.NoError(t, d.expectations.Accept(t.Context(), "s3", "bucket"))
}

func (d *desk) record(t *testing.T, repository string, claim backup.Claim) expectation.Record {
	t.Helper()
	claims, err := d.memory.Claims(t.Context(), repository)
	require.NoError(t, err)
	return claims[claim]
}

func (d *desk) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	act, err := repositoryAct(args)
	require.NoError(t, err)
	return act.do(t.Context(), d.tools)
}

func TestAcceptingAClaimSettlesItInEveryRepositoryWithWhatIsThere(t *testing.T) {
	d := newDesk(t)
	d.accepts(t)
	d.remembers(t, "longhorn", cacheOfAI, settledAt)
	d.remembers(t, "s3", cacheOfAI, settledAt)
	d.longhorn.Add(cacheOfAI, settledAt.Add(-48*time.Hour))
	left := d.longhorn.Add(cacheOfAI, settledAt.Add(-24*time.Hour))
	d.longhorn.Add(cacheOfAI, settledAt.AddDate(1, 0, 0)) // dated in the future
	said, err := d.run(t, "accept", "--claim", "ai/cache")
	require.NoError(t, err)
	assert.Contains(t, said, "the newest of 2 longhorn backups of ai/cache is "+backup.ShortID(left.ID))
	assert.Contains(t, said, "s3 holds no backup of ai/cache")
	assert.Equal(t, left.TakenAt, d.record(t, "longhorn", cacheOfAI).Newest)
	assert.Zero(t, d.record(t, "s3", cacheOfAI).Newest)
	for _, repository := range []string{"longhorn", "s3"} {
		assert.Equal(t, settledAt, d.record(t, repository, cacheOfAI).AcceptedAt)
	}
}

func TestAcceptingAClaimInOneRepositoryLeavesTheOthersAlone(t *testing.T) {
	d := newDesk(t)
	d.accepts(t)
	d.remembers(t, "longhorn", cacheOfAI, settledAt)
	d.remembers(t, "s3", cacheOfAI, settledAt)
	_, err := d.run(t, "accept", "s3", "--claim=ai/cache")
	require.NoError(t, err)
	assert.Zero(t, d.record(t, "s3", cacheOfAI).Newest)
	assert.Equal(t, settledAt, d.record(t, "longhorn", cacheOfAI).Newest)
}

func TestAcceptingAClaimInARepositoryThatNoOneAcceptedIsRememberedOfThatOneAlone(t *testing.T) {
	d := newDesk(t)
	seen := expectation.Record{Newest: settledAt, ID: "1a2b3c4d", SeenAt: settledAt.Truncate(24 * time.Hour), Count: 2, Epoch: 2}
	require.NoError(t, d.unaccepted.Remember(t.Context(), "s3", "bucket", expectation.Claims{cacheOfAI: seen}))
	left := d.s3.Add(cacheOfAI, settledAt.Add(-time.Hour))
	_, err := d.run(t, "accept", "s3", "--claim=ai/cache")
	require.NoError(t, err)
	assert.Zero(t, d.record(t, "s3", cacheOfAI), "the right repository is not expected to hold what this one does")
	apart, err := d.unaccepted.Claims(t.Context(), "s3", "bucket")
	require.NoError(t, err)
	assert.Equal(t, expectation.Record{Newest: left.TakenAt, ID: left.ID, SeenAt: settledAt.Truncate(24 * time.Hour), Count: 1, Epoch: 3, AcceptedAt: settledAt}, apart[cacheOfAI])
}

func TestAcceptingARepositorySettlesWhatItWasSeenToHoldBefore(t *testing.T) {
	d := newDesk(t)
	seen := expectation.Claims{cacheOfAI: {Newest: settledAt, ID: "1a2b3c4d", Count: 1, Epoch: 2}}
	require.NoError(t, d.unaccepted.Remember(t.Context(), "s3", "bucket", seen))
	require.NoError(t, d.unaccepted.Remember(t.Context(), "s3", "another", expectation.Claims{cacheOfAI: {Newest: settledAt, Epoch: 7}}))
	_, err := d.run(t, "accept", "s3", "bucket")
	require.NoError(t, err)
	settled := expectation.Union(seen, expectation.Claims{cacheOfAI: d.record(t, "s3", cacheOfAI)})[cacheOfAI]
	assert.Zero(t, settled.Newest, "what was seen before is void")
	assert.Equal(t, 3, settled.Epoch, "what another repository held counts for nothing")
}

// inPart is a repository of which a part cannot be read.
type inPart struct{ driver.Lister }

func (l inPart) List(ctx context.Context, into driver.Listing) (string, error) {
	into.Incomplete(backup.Errorf(backup.Unavailable, "cannot reach backup target second"))
	return l.Lister.List(ctx, into)
}

func TestAClaimIsNotSettledByARepositoryThatCannotBeListedOrIsAnother(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*desk)
		kind  backup.Kind
	}{
		"that cannot be listed": {func(d *desk) {
			d.s3.FailAlways(&mem.Fault{Err: backup.Errorf(backup.Unavailable, "connection refused")})
		}, backup.Unavailable},
		"of which a part cannot be read": {func(d *desk) { d.listers["s3"] = inPart{d.s3} }, backup.Unavailable},
		"that is another":                {func(d *desk) { _ = d.expectations.Accept(context.Background(), "s3", "another") }, backup.RepositoryChanged},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.remembers(t, "s3", cacheOfAI, settledAt)
			test.spoil(d)
			_, err := d.run(t, "accept", "--claim", "ai/cache", "s3")
			assert.Equal(t, test.kind, backup.KindOf(err))
			assert.Equal(t, settledAt, d.record(t, "s3", cacheOfAI).Newest)
		})
	}
}

func TestAcceptingARepositorySettlesEveryClaimThatMissesABackup(t *testing.T) {
	d := newDesk(t)
	whole := backup.Claim{Namespace: "ai", Name: "models"}
	d.remembers(t, "longhorn", cacheOfAI, settledAt)
	there := d.longhorn.Add(whole, settledAt)
	d.remembers(t, "longhorn", whole, there.TakenAt)
	said, err := d.run(t, "accept", "longhorn", "targets")
	require.NoError(t, err)
	assert.Equal(t, "accepted targets", said)
	assert.Zero(t, d.record(t, "longhorn", cacheOfAI).Newest)
	assert.Zero(t, d.record(t, "longhorn", whole).Epoch, "nothing of it is missing")
	expected, err := d.expectations.Expectation(t.Context(), "longhorn")
	require.NoError(t, err)
	assert.Equal(t, catalog.Expectation{Repository: "targets"}, expected)
}

func TestWhatWouldStartWaitingClaimsEmptyAsksForYes(t *testing.T) {
	pinned := &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "ai", Name: "soteria-pinned"}}
	pinned.Status = v1alpha1.RestoreStatus{Claim: &v1alpha1.ClaimReference{Name: "pinned", UID: "uid-of-pinned"}, Backup: &v1alpha1.PinnedBackup{ID: "x"}}
	others := []client.Object{
		pinned, waitingClaim("pinned"),
		waitingClaim("bound", func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound }),
		waitingClaim("required", func(c *corev1.PersistentVolumeClaim) { c.Labels[v1alpha1.RestoreLabel] = "required" }),
		waitingClaim("wishful", func(c *corev1.PersistentVolumeClaim) { c.Annotations[v1alpha1.RestoreBackupAnnotation] = "0123456789" }),
	}
	for name, args := range map[string][]string{
		"accept": {"accept", "longhorn", "targets"}, "forget": {"forget", "restic"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, append(others, waitingClaim("cache"))...)
			_, err := d.run(t, args...)
			assert.Equal(t, backup.Conflict, backup.KindOf(err))
			assert.ErrorContains(t, err, "start 1 waiting claims empty, unless another repository holds their backups: ai/cache; ")
			_, err = d.run(t, append(args, "--yes")...)
			assert.NoError(t, err)
		})
		t.Run(name+" where none waits", func(t *testing.T) {
			_, err := newDesk(t, others...).run(t, args...)
			assert.NoError(t, err)
		})
	}
	t.Run("not where the repository holds backups of them", func(t *testing.T) {
		d := newDesk(t, waitingClaim("cache"))
		d.longhorn.Add(cacheOfAI, settledAt)
		_, err := d.run(t, "accept", "longhorn", "targets")
		assert.NoError(t, err)
	})
}

func TestForgettingADriverThatIsNotLookedAt(t *testing.T) {
	d := newDesk(t)
	require.NoError(t, d.expectations.Record(t.Context(), "restic", catalog.Expectation{}, catalog.Expectation{Repository: "5e1f", HeldBackups: true}))
	d.remembers(t, "restic", cacheOfAI, settledAt)
	require.NoError(t, d.unaccepted.Remember(t.Context(), "restic", "0bad", expectation.Claims{cacheOfAI: {Newest: settledAt}}))
	said, err := d.run(t, "forget", "restic")
	require.NoError(t, err)
	apart, err := d.unaccepted.Claims(t.Context(), "restic", "0bad")
	require.NoError(t, err)
	assert.Empty(t, apart)
	assert.Equal(t, "forgot restic", said)
	held, err := d.expectations.Held(t.Context())
	require.NoError(t, err)
	assert.Empty(t, held)
	assert.Zero(t, d.record(t, "restic", cacheOfAI))
	_, err = d.run(t, "forget", "longhorn")
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "it is looked at")
}

func TestANewRepositoryIsAcceptedUnlessItTakesThePlaceOfAnother(t *testing.T) {
	d := newDesk(t)
	require.NoError(t, d.acceptNew(t.Context(), "5e1f"))
	expected, err := d.expectations.Expectation(t.Context(), "restic")
	require.NoError(t, err)
	assert.Equal(t, catalog.Expectation{Repository: "5e1f"}, expected)
	require.NoError(t, d.acceptNew(t.Context(), "0bad"))
	expected, err = d.expectations.Expectation(t.Context(), "restic")
	require.NoError(t, err)
	assert.Equal(t, catalog.Expectation{Repository: "5e1f"}, expected)
}

func TestCommandsThatAreNotUnderstoodAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{}, {"accept"}, {"accept", "a", "b"}, {"accept", "--claim", "cache"}, {"accept", "--claim", "ai/cache", "5e1f"}, {"accept", "--claim", "ai/cache", "s3", "5e1f"},
		{"forget"}, {"forget", "velero"}, {"forget", "s3", "--if-absent"}, {"forget", "s3", "--claim", "ai/cache"}, {"show", "--yes"}, {"init", "restic"},
		{"init", "--claim", "ai/cache"}, {"accept", "--if-absent", "5e1f"}, {"init", "--force"}, {"prune"},
	} {
		_, err := repositoryAct(args)
		assert.ErrorIs(t, err, errUsage, "%q", args)
	}
}

func TestWhatIsExpectedIsSaidForAllOrForSome(t *testing.T) {
	for text, want := range map[string]map[string]catalog.Expected{
		"":                           {"restic": catalog.Unsaid, "s3": catalog.Unsaid},
		"unset":                      {"restic": catalog.Unsaid, "longhorn": catalog.Unsaid},
		"true":                       {"restic": catalog.ExpectBackups, "kopia-fs": catalog.ExpectBackups},
		"false":                      {"restic": catalog.ExpectNothing, "kopia-s3": catalog.ExpectNothing},
		"restic=true,longhorn=false": {"restic": catalog.ExpectBackups, "longhorn": catalog.ExpectNothing, "s3": catalog.Unsaid},
		"true, longhorn=false":       {"restic": catalog.ExpectBackups, "longhorn": catalog.ExpectNothing},
		"longhorn=false,true":        {"restic": catalog.ExpectBackups, "longhorn": catalog.ExpectNothing},
	} {
		c, err := readConfig(valid(map[string]string{"SOTERIA_EXPECT_BACKUPS": text}))
		require.NoError(t, err, text)
		for name, expected := range want {
			assert.Equal(t, expected, c.catalog().Expect[name], "%q: %s", text, name)
		}
	}
	for text, words := range map[string]string{
		"yes": `"yes" must be true, false or unset`, "velero=true": `"velero=true" names no repository`,
		"restic=": "must be true, false or unset", "restic=true,restic=false": "said twice", "true,false": "said twice",
	} {
		_, err := readConfig(valid(map[string]string{"SOTERIA_EXPECT_BACKUPS": text}))
		assert.ErrorContains(t, err, "SOTERIA_EXPECT_BACKUPS: ", text)
		assert.ErrorContains(t, err, words, text)
	}
	_, err := readConfig(valid(map[string]string{"SOTERIA_RESTORE_WITHOUT": "longhorn,velero"}))
	assert.ErrorContains(t, err, `SOTERIA_RESTORE_WITHOUT: "velero" must be one of`)
}

func TestInThePlaceOfAPVCPlumberAnEmptyStoreMayBeNew(t *testing.T) {
	env := map[string]string{"BACKEND_TYPE": "kopia-fs", "KOPIA_PASSWORD": "x"}
	c, err := readPlumberConfig(env)
	require.NoError(t, err)
	assert.Equal(t, catalog.ExpectNothing, c.catalog().Expect["kopia-fs"])
	env["SOTERIA_EXPECT_BACKUPS"] = "true"
	c, err = readPlumberConfig(env)
	require.NoError(t, err)
	assert.Equal(t, catalog.ExpectBackups, c.catalog().Expect["kopia-fs"])
}

func TestSoteriaMayKeepWhatEveryClaimIsExpectedToHave(t *testing.T) {
	var role rbacv1.Role
	readManifest(t, "role.yaml", &role)
	may := func(verb, name string) bool {
		return slices.ContainsFunc(role.Rules, func(rule rbacv1.PolicyRule) bool {
			named := rule.ResourceNames == nil || slices.Contains(rule.ResourceNames, name)
			return named && slices.Contains(rule.Resources, "configmaps") && slices.Contains(rule.Verbs, verb)
		})
	}
	for _, repository := range repositoryNames {
		for _, name := range slices.Concat(ledger.ConfigMaps(repository), ledger.UnacceptedConfigMaps(repository)) {
			for _, verb := range []string{"get", "list", "create", "update", "delete"} {
				assert.True(t, may(verb, name), "%s %s", verb, name)
			}
		}
	}
	for _, verb := range []string{"get", "update", "delete"} {
		assert.False(t, may(verb, "soteria"), "its own settings are none of its business: %s", verb)
	}
}

// besideBackups is a copy of the memory.
type besideBackups expectation.Claims

func (b besideBackups) Read(context.Context, string) (expectation.Copies, error) {
	return expectation.Copies{"": expectation.Claims(b)}, nil
}

func TestAcceptingAnEmptyRepositorySettlesWhatItsCopyOfTheMemoryRemembers(t *testing.T) {
	d := newDesk(t)
	record := expectation.Record{Newest: settledAt.Add(-time.Hour), ID: "1a2b3c4d", Count: 1, Epoch: 3}
	d.copies = map[string]catalog.Copy{"s3": besideBackups{cacheOfAI: record}}
	_, err := d.run(t, "accept", "s3", "bucket")
	require.NoError(t, err)
	settled := expectation.Union(expectation.Claims{cacheOfAI: record}, expectation.Claims{cacheOfAI: d.record(t, "s3", cacheOfAI)})[cacheOfAI]
	assert.Zero(t, settled.Newest, "what the copy says next is void")
	assert.Equal(t, settledAt, settled.AcceptedAt)
}

func TestAcceptingCountsClaimsWhoseBackupsAreAllOfOtherClusters(t *testing.T) {
	d := newDesk(t, waitingClaim("cache"))
	d.config.Cluster, d.config.RestoreClusters = "prd", "none"
	d.s3.Add(cacheOfAI, settledAt.Add(-time.Hour), "cluster=prod")
	_, err := d.run(t, "accept", "s3", "bucket")
	require.ErrorContains(t, err, "1 waiting claims")
	_, err = d.run(t, "accept", "s3", "bucket", "--yes")
	require.NoError(t, err)
}
