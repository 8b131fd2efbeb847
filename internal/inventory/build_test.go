package inventory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/inventory/inventorytest"
)

var (
	photos = backup.Claim{Namespace: "media", Name: "photos"}
	now    = inventorytest.Now
	down   = backup.Errorf(backup.Unavailable, "connection refused")
)

// listed gives a listing that found one backup of photos, of that age.
func listed(driver string, age time.Duration) inventory.Listing {
	return inventorytest.Listed(driver, 1, map[backup.Claim]time.Time{photos: now.Add(-age)})
}

func empty(driver string) inventory.Listing { return inventorytest.Listed(driver, 0, nil) }

func failing(l inventory.Listing) inventory.Listing {
	l.Failure = down
	return l
}

// gone returns a listing of a repository that restores go on without.
func gone(l inventory.Listing) inventory.Listing {
	l.Lost = true
	return l
}

func doubting(l inventory.Listing, of backup.Claim) inventory.Listing {
	l.Found = inventorytest.Repository{Doubts: map[backup.Claim]error{of: backup.Errorf(backup.Unavailable, "half a backup is there")}}
	return l
}

func old(l inventory.Listing) inventory.Listing {
	l.ListedAt = now.Add(-time.Hour)
	return l
}

func unlisted(driver string) inventory.Listing {
	return inventory.Listing{Driver: driver, Found: inventorytest.Repository{}}
}

func TestTheHealthOfAClaim(t *testing.T) {
	const lock = "soteria-aaaaaaaaaaaaaaaa"
	tests := map[string]struct {
		claim    func(*corev1.PersistentVolumeClaim)
		restore  v1alpha1.Phase
		listings []inventory.Listing
		isCopy   bool
		health   inventory.Health
		says     string
	}{
		"with a young backup is fresh":                                             {listings: []inventory.Listing{listed("restic", time.Hour)}, health: inventory.Fresh},
		"with a backup of exactly the greatest age is fresh":                       {listings: []inventory.Listing{listed("restic", 24*time.Hour)}, health: inventory.Fresh},
		"with a backup dated a little ahead of now is fresh":                       {listings: []inventory.Listing{listed("restic", -10*time.Minute)}, health: inventory.Fresh},
		"with a backup dated ahead of now alone is stale":                          {listings: []inventory.Listing{listed("restic", -time.Hour)}, health: inventory.Stale, says: "ahead of now"},
		"with an old backup is stale":                                              {listings: []inventory.Listing{listed("restic", 25*time.Hour)}, health: inventory.Stale},
		"with a young backup with one of two drivers is fresh":                     {listings: []inventory.Listing{listed("restic", 90*time.Hour), listed("longhorn", time.Hour)}, health: inventory.Fresh},
		"with a young backup is fresh, whichever driver fails":                     {listings: []inventory.Listing{listed("restic", time.Hour), failing(empty("longhorn"))}, health: inventory.Fresh},
		"with an old backup cannot be told while its driver fails":                 {listings: []inventory.Listing{failing(listed("restic", 25*time.Hour))}, health: inventory.LookupFailed, says: "refused"},
		"with an old backup cannot be told while another one fails":                {listings: []inventory.Listing{listed("restic", 25*time.Hour), failing(empty("longhorn"))}, health: inventory.LookupFailed, says: "refused"},
		"with an old backup is stale though one fails that restores go on without": {listings: []inventory.Listing{listed("restic", 25*time.Hour), gone(failing(empty("longhorn")))}, health: inventory.Stale},
		"with an old backup is stale, whatever else is in doubt":                   {listings: []inventory.Listing{listed("restic", 25*time.Hour), doubting(empty("longhorn"), photos)}, health: inventory.Stale},
		"without backups has none":                                                 {listings: []inventory.Listing{empty("restic"), empty("longhorn")}, health: inventory.NoBackups},
		"without backups cannot be told while a driver fails":                      {listings: []inventory.Listing{empty("restic"), failing(empty("longhorn"))}, health: inventory.LookupFailed, says: "refused"},
		"without backups cannot be told before the first listing":                  {listings: []inventory.Listing{unlisted("longhorn")}, health: inventory.LookupFailed, says: "not been listed yet"},
		"without backups cannot be told from a listing long ago":                   {listings: []inventory.Listing{old(empty("longhorn"))}, health: inventory.LookupFailed, says: "last listed at 2026-04-12T14:30:00Z"},
		"without backups cannot be told where that is in doubt":                    {listings: []inventory.Listing{doubting(empty("restic"), photos)}, health: inventory.LookupFailed, says: "half a backup"},
		"without backups cannot be told where all is in doubt":                     {listings: []inventory.Listing{doubting(empty("restic"), backup.Claim{})}, health: inventory.LookupFailed, says: "half a backup"},
		"without backups cannot be told where nobody looks":                        {listings: nil, health: inventory.LookupFailed, says: "no driver"},
		"that may start empty is skipped while it has no backups": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				inventorytest.Labelled("skip")(c)
				c.Annotations[v1alpha1.SkipReasonAnnotation] = "a cache"
			},
			listings: []inventory.Listing{failing(empty("restic"))}, health: inventory.Skipped, says: "a cache"},
		"that may start empty, nobody says why, has none": {
			claim: inventorytest.Labelled("skip"), listings: []inventory.Listing{empty("restic")}, health: inventory.NoBackups},
		"that may start empty and has backups is judged by them": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				inventorytest.Labelled("skip")(c)
				c.Annotations[v1alpha1.SkipReasonAnnotation] = "a cache"
			},
			listings: []inventory.Listing{listed("restic", 25*time.Hour)}, health: inventory.Stale},
		"that nobody protects is judged by its backups as any other": {
			claim: inventorytest.Labelled(""), listings: []inventory.Listing{empty("restic")}, health: inventory.NoBackups},
		"that is being deleted is being deleted": {
			claim:    func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &metav1.Time{Time: now} },
			listings: []inventory.Listing{listed("restic", time.Hour)}, health: inventory.Deleting},
		"that lost its volume has lost it": {
			claim:    func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimLost },
			listings: []inventory.Listing{listed("restic", time.Hour)}, health: inventory.Lost},
		"without a volume is unbound": {
			claim:    func(c *corev1.PersistentVolumeClaim) { c.Status.Phase, c.Spec.VolumeName = corev1.ClaimPending, "" },
			listings: []inventory.Listing{listed("restic", time.Hour)}, health: inventory.Unbound},
		"that was locked a moment ago is held": {
			claim: inventorytest.Locked(lock), listings: []inventory.Listing{listed("restic", time.Hour)}, health: inventory.Held},
		"whose backup is not settled is held": {
			claim: inventorytest.Locked(lock), restore: v1alpha1.PhaseSelecting,
			listings: []inventory.Listing{listed("restic", time.Hour)}, health: inventory.Held, says: "as it is"},
		"whose data comes back is restoring": {
			claim: inventorytest.Locked(lock), restore: v1alpha1.PhaseTransferring,
			listings: []inventory.Listing{listed("restic", time.Hour)}, health: inventory.Restoring, says: "as it is"},
		"whose handover has not ended is restoring, though it is bound": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				inventorytest.Locked(lock)(c)
				c.Status.Phase = corev1.ClaimBound
			}, restore: v1alpha1.PhaseHandingOver,
			listings: []inventory.Listing{listed("restic", time.Hour)}, health: inventory.Restoring, says: "as it is"},
		"whose restore is completed is judged by its backups": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				inventorytest.Locked(lock)(c)
				c.Status.Phase = corev1.ClaimBound
			}, restore: v1alpha1.PhaseCompleted,
			listings: []inventory.Listing{listed("restic", time.Hour)}, health: inventory.Fresh},
		"that is a copy is skipped, whatever backups there are": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				inventorytest.Locked(lock)(c)
				c.Status.Phase = corev1.ClaimBound
				metav1.SetMetaDataAnnotation(&c.ObjectMeta, v1alpha1.TestAnnotation, lock)
			}, restore: v1alpha1.PhaseCompleted, isCopy: true,
			listings: []inventory.Listing{empty("restic")}, health: inventory.Skipped, says: "a copy to look at"},
		"that is a copy and waits for its data is restoring": {
			claim: inventorytest.Locked(lock), restore: v1alpha1.PhaseTransferring, isCopy: true,
			listings: []inventory.Listing{empty("restic")}, health: inventory.Restoring, says: "as it is"},
		"with the mark of a copy that is none is judged by its backups": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				inventorytest.Locked(lock)(c)
				c.Status.Phase = corev1.ClaimBound
				metav1.SetMetaDataAnnotation(&c.ObjectMeta, v1alpha1.TestAnnotation, lock)
			}, restore: v1alpha1.PhaseCompleted,
			listings: []inventory.Listing{empty("restic")}, health: inventory.NoBackups},
		"whose Restore is gone since is judged by its backups": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				inventorytest.Locked(lock)(c)
				c.Status.Phase = corev1.ClaimBound
			},
			listings: []inventory.Listing{listed("restic", time.Hour)}, health: inventory.Fresh},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			claim := inventorytest.Claim(photos.Namespace, photos.Name)
			if test.claim != nil {
				test.claim(&claim)
			}
			f := inventorytest.State(claim)
			f.Listings = test.listings
			if test.isCopy {
				f.Copies = sets.New(claim.UID)
			}
			if test.restore != "" {
				f.Restores = []v1alpha1.Restore{inventorytest.Restore(claim, test.restore, "as it is")}
			}
			known, plan := inventory.Build(f)
			require.Len(t, known.Claims(), 1)
			got := known.Claims()[0]
			assert.Equal(t, test.isCopy, got.Copy)
			assert.Equal(t, test.isCopy, len(plan.Forecasts()) == 0, "no manifest makes a copy again")
			assert.Equal(t, test.health, got.Health)
			assert.Equal(t, test.health == inventory.Fresh, got.Health.Healthy())
			assert.Contains(t, got.Message, test.says)
		})
	}
}

func TestAClaimInANamespaceThatSoteriaKeepsOutOf(t *testing.T) {
	registry := backup.Claim{Namespace: "kube-system", Name: "registry"}
	f := inventorytest.State(inventorytest.Claim(registry.Namespace, registry.Name))
	known, _ := inventory.Build(f)
	assert.Equal(t, inventory.Excluded, known.Claims()[0].Health)
	assert.False(t, known.Claims()[0].Health.Expected())

	f.Listings = []inventory.Listing{inventorytest.Listed("longhorn", 1, map[backup.Claim]time.Time{registry: now})}
	known, _ = inventory.Build(f)
	assert.Equal(t, inventory.Fresh, known.Claims()[0].Health, "it is judged by its backups where somebody takes some")
}

func TestWhatAnInventoryTellsOfAClaim(t *testing.T) {
	f := inventorytest.Assorted()
	f.Schedules = schedules{photos: {Policy: "p1", Source: "api", NextRun: now.Add(time.Hour)}}
	known, _ := inventory.Build(f)
	claims := map[string]inventory.Claim{}
	var order []string
	for _, c := range known.Claims() {
		claims[c.Claim.String()] = c
		order = append(order, c.Claim.String())
	}
	assert.True(t, slices.IsSorted(order))
	assert.NotContains(t, claims, inventorytest.OwnNamespace+"/prime", "claims that Soteria made are nobody's data")

	got := claims["media/photos"]
	assert.Equal(t, inventory.Claim{
		Claim: photos, Volume: "pvc-photos", StorageClass: "longhorn", Capacity: "50Gi", Driver: "restic",
		Backups: inventory.Summary{Count: 5, Newest: now.Add(-30 * time.Hour), Driver: "restic", ByDriver: []inventory.DriverSummary{
			{Driver: "longhorn", Count: 3, Newest: now.Add(-50 * time.Hour)}, {Driver: "restic", Count: 2, Newest: now.Add(-30 * time.Hour)},
		}, Days: backup.Days{backup.RecentDays - 3: 3, backup.RecentDays - 2: 2}},
		Health: inventory.Stale, Protection: inventory.ProtectionAuto, Verdict: "Fresh (NoBackupExists)",
		Schedule: inventory.Schedule{Policy: "p1", Source: "api", NextRun: now.Add(time.Hour)},
	}, got)

	assert.Equal(t, "longhorn", claims["media/music"].Driver, "the driver that would back it up")
	assert.Equal(t, inventory.ProtectionRequired, claims["media/music"].Protection)
	assert.Equal(t, inventory.ProtectionRequired, claims["ai/models"].Protection, "the namespace's label counts")
	assert.Equal(t, inventory.ProtectionNone, claims["media/scratch"].Protection)
	assert.Equal(t, inventory.ProtectionSkip, claims["media/thumbnails"].Protection)
	assert.Equal(t, inventory.ProtectionInvalid, claims["media/bad"].Protection)
	assert.Empty(t, claims["shop/db"].Volume, "a lock is not a volume")
	assert.Empty(t, claims["media/inbox"].Volume)
	assert.Equal(t, "50Gi", claims["media/inbox"].Capacity, "what it asks for")
	assert.Zero(t, claims["media/music"].Schedule)

	require.Len(t, known.Orphans(), 1)
	assert.Equal(t, backup.Claim{Namespace: "attic", Name: "wiki"}, known.Orphans()[0].Claim)
	assert.Equal(t, 2, known.Orphans()[0].Backups.Count)
}

type schedules map[backup.Claim]inventory.Schedule

func (s schedules) ScheduleOf(claim backup.Claim) (inventory.Schedule, bool) {
	schedule, scheduled := s[claim]
	return schedule, scheduled
}

func TestOrphans(t *testing.T) {
	attic := func(name string) backup.Claim { return backup.Claim{Namespace: "attic", Name: name} }
	names := func(orphans []inventory.Orphan) []string {
		var all []string
		for _, o := range orphans {
			all = append(all, o.Claim.String())
		}
		return all
	}
	deleting := inventorytest.Claim("attic", "b", func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &metav1.Time{Time: now} })
	f := inventorytest.State(deleting)
	f.Listings = []inventory.Listing{
		inventorytest.Listed("longhorn", 1, map[backup.Claim]time.Time{attic("c"): now, attic("a"): now, attic("b"): now}),
		failing(inventorytest.Listed("restic", 2, map[backup.Claim]time.Time{attic("c"): now.Add(-time.Hour), {Namespace: "aa", Name: "z"}: now})),
	}
	known, plan := inventory.Build(f)
	assert.Equal(t, []string{"aa/z", "attic/a", "attic/c"}, names(known.Orphans()), "each once, sorted, and none that still exists")
	assert.Equal(t, 3, known.Orphans()[2].Backups.Count)
	assert.Equal(t, "longhorn", known.Orphans()[2].Backups.Driver)
	assert.Equal(t, known.Orphans(), plan.Orphans())
}

func TestHowManyDaysAreNotTold(t *testing.T) {
	listedAgo := func(l inventory.Listing, days int) inventory.Listing {
		l.ListedAt = now.AddDate(0, 0, -days)
		return l
	}
	for name, test := range map[string]struct {
		listings []inventory.Listing
		want     int
	}{
		"none while every repository is listed":                               {[]inventory.Listing{empty("restic"), empty("longhorn")}, 0},
		"none where nobody looks":                                             {nil, 0},
		"today when a listing has failed today":                               {[]inventory.Listing{empty("restic"), failing(empty("longhorn"))}, 1},
		"those since the last listing, its own included":                      {[]inventory.Listing{listedAgo(failing(empty("restic")), 3), empty("longhorn")}, 4},
		"those since the listing that is the longest ago":                     {[]inventory.Listing{listedAgo(failing(empty("restic")), 3), failing(empty("longhorn"))}, 4},
		"all of them when the last listing was before":                        {[]inventory.Listing{listedAgo(empty("restic"), 40)}, backup.RecentDays},
		"all of them before the first listing":                                {[]inventory.Listing{unlisted("restic")}, backup.RecentDays},
		"none of them more when a listing seems to have been in days to come": {[]inventory.Listing{listedAgo(failing(empty("restic")), -3)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := inventorytest.State()
			f.Listings = test.listings
			known, plan := inventory.Build(f)
			assert.Equal(t, test.want, known.UntoldDays())
			assert.Equal(t, test.want, plan.UntoldDays())
		})
	}
}

func TestAClaimSaysWhyItsBackupWasNotStarted(t *testing.T) {
	f := inventorytest.Assorted()
	known, _ := inventory.Build(f)
	late, hangs := known.Claims()[0].Claim, known.Claims()[1].Claim
	f.Schedules = schedules{late: {Policy: "p1", Overdue: "wrong password"}, hangs: {Policy: "p2", Overdue: "others run"}}
	f.Stalls = map[backup.Claim]string{hangs: "node a is gone; bring it back"}
	known, _ = inventory.Build(f)
	assert.Equal(t, "wrong password", known.Claims()[0].BackupStalled)
	assert.Equal(t, "node a is gone; bring it back", known.Claims()[1].BackupStalled, "what hangs is told first")
}

func TestAClaimSaysWhoHoldsItsBackupUp(t *testing.T) {
	f := inventorytest.Assorted()
	known, _ := inventory.Build(f)
	require.Greater(t, len(known.Claims()), 1)
	f.Stalls = map[backup.Claim]string{known.Claims()[0].Claim: "node a is gone; bring it back"}
	known, _ = inventory.Build(f)
	for _, c := range known.Claims() {
		assert.Equal(t, f.Stalls[c.Claim], c.BackupStalled, c.Claim.String())
	}
}

func TestBuildingChangesNoneOfTheFacts(t *testing.T) {
	f := inventorytest.Assorted()
	before := inventorytest.Assorted()
	inventory.Build(f)
	assert.Equal(t, before, f)
}

func TestAnOrderOfClaimsIsNoPartOfTheResult(t *testing.T) {
	f := inventorytest.Assorted()
	known, plan := inventory.Build(f)
	slices.Reverse(f.Claims)
	knownToo, planToo := inventory.Build(f)
	assert.Equal(t, known, knownToo)
	assert.Equal(t, plan, planToo)
}

func TestThePackageTellsOfEveryHealthInTheOrderInWhichTheyAreLookedFor(t *testing.T) {
	doc := readDoc(t)
	at := 0
	for _, health := range []inventory.Health{
		inventory.Deleting, inventory.Held, inventory.Restoring, inventory.Lost, inventory.Unbound, inventory.Fresh,
		inventory.Excluded, inventory.Skipped, inventory.LookupFailed, inventory.Stale, inventory.NoBackups,
	} {
		next := strings.Index(doc, "//\t"+string(health)+" ")
		assert.Greater(t, next, at, health)
		at = next
	}
}
