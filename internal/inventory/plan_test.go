package inventory_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/inventory/inventorytest"
)

func readDoc(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	return string(text)
}

func annotated(key, value string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { metav1.SetMetaDataAnnotation(&c.ObjectMeta, key, value) }
}

// accepting returns a listing that found backups of no known claim, which were
// accepted here.
func accepting(l inventory.Listing) inventory.Listing {
	l.IfRebuilt = backup.Errorf(backup.Unavailable, "a rebuilt one has not: nothing says which claim 1 restic snapshots are of")
	return l
}

func TestWhatWouldBecomeOfAClaim(t *testing.T) {
	hour := []inventory.Listing{listed("restic", time.Hour)}
	nothing := []inventory.Listing{empty("restic"), empty("longhorn")}
	tests := map[string]struct {
		claim    func(*corev1.PersistentVolumeClaim)
		settings func(*inventory.Settings)
		listings []inventory.Listing
		outcome  inventory.Outcome
		reason   decision.Reason
		says     string
		warns    string
	}{
		"with a backup is restored": {listings: hour, outcome: inventory.WouldRestore, reason: decision.ReasonBackupFound, says: "restic"},
		"with backups with two drivers is restored from the newest": {
			listings: []inventory.Listing{listed("restic", 2*time.Hour), listed("longhorn", time.Hour)},
			outcome:  inventory.WouldRestore, reason: decision.ReasonBackupFound, says: "longhorn-photos-0001"},
		"with a backup whose driver fails now is restored, with a warning": {
			listings: []inventory.Listing{failing(listed("restic", time.Hour))},
			outcome:  inventory.WouldRestore, reason: decision.ReasonBackupFound, warns: "connection refused"},
		"with a backup is restored, with a warning where another driver fails": {
			listings: []inventory.Listing{listed("restic", time.Hour), failing(empty("longhorn"))},
			outcome:  inventory.WouldRestore, reason: decision.ReasonBackupFound, warns: "connection refused"},
		"with a backup is restored, without a warning where restores go on without the driver that fails": {
			listings: []inventory.Listing{listed("restic", time.Hour), gone(failing(empty("longhorn")))},
			outcome:  inventory.WouldRestore, reason: decision.ReasonBackupFound},
		"with backups with a driver alone that restores go on without is restored, with a warning": {
			listings: []inventory.Listing{empty("restic"), gone(failing(listed("longhorn", time.Hour)))},
			outcome:  inventory.WouldRestore, reason: decision.ReasonBackupFound, warns: "connection refused"},
		"without backups waits also for a driver that restores go on without": {
			listings: []inventory.Listing{empty("restic"), gone(failing(empty("longhorn")))}, outcome: inventory.WouldHold, reason: decision.ReasonUnknown, says: "refused"},
		"without backups starts empty": {listings: nothing, outcome: inventory.WouldStartEmpty, reason: decision.ReasonProvedNone},
		"without backups waits where this cluster accepted backups that a rebuilt one has not": {
			listings: []inventory.Listing{empty("restic"), accepting(empty("longhorn"))}, outcome: inventory.WouldHold, reason: decision.ReasonUnknown,
			says: "a rebuilt one has not: nothing says which claim"},
		"with a backup is restored, whatever else was accepted": {
			listings: []inventory.Listing{accepting(listed("restic", time.Hour))}, outcome: inventory.WouldRestore, reason: decision.ReasonBackupFound},
		"without backups waits where one is required": {
			claim: inventorytest.Labelled("required"), listings: nothing, outcome: inventory.WouldHold, reason: decision.ReasonRequiredNone},
		"without backups waits where the operator requires one of all": {
			settings: func(s *inventory.Settings) { s.Policy.Required = true }, listings: nothing, outcome: inventory.WouldHold, reason: decision.ReasonRequiredNone},
		"without backups waits while a driver fails": {
			listings: []inventory.Listing{empty("restic"), failing(empty("longhorn"))}, outcome: inventory.WouldHold, reason: decision.ReasonUnknown, says: "refused"},
		"without backups is refused while a driver fails, if the operator wants it so": {
			settings: func(s *inventory.Settings) { s.Policy.DenyUnknown = true },
			listings: []inventory.Listing{failing(empty("longhorn"))}, outcome: inventory.WouldRefuse, reason: decision.ReasonUnknown},
		"without backups waits before the first listing": {
			listings: []inventory.Listing{unlisted("longhorn")}, outcome: inventory.WouldHold, reason: decision.ReasonUnknown, says: "not been listed yet"},
		"without backups waits where the last listing is long ago": {
			listings: []inventory.Listing{old(empty("longhorn"))}, outcome: inventory.WouldHold, reason: decision.ReasonUnknown, says: "last listed"},
		"without backups waits where that is in doubt": {
			listings: []inventory.Listing{doubting(empty("restic"), photos)}, outcome: inventory.WouldHold, reason: decision.ReasonUnknown, says: "half a backup"},
		"without backups waits where a listing proves nothing": {
			listings: []inventory.Listing{unproved(empty("restic"))}, outcome: inventory.WouldHold, reason: decision.ReasonUnknown, says: "not looked at any more"},
		"with backups waits where the newest of them is missing": {
			listings: []inventory.Listing{losing(hour[0], photos)}, outcome: inventory.WouldHold, reason: decision.ReasonNewestInDoubt, says: "1a2b3c4d is gone"},
		"waits where nobody looks for backups": {
			listings: nil, outcome: inventory.WouldHold, reason: decision.ReasonUnknown, says: "no driver"},
		"may start empty for the reason given": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				inventorytest.Labelled("skip")(c)
				annotated(v1alpha1.SkipReasonAnnotation, "a cache")(c)
			},
			listings: hour, outcome: inventory.WouldStartEmpty, reason: decision.ReasonSkipped, says: "a cache"},
		"that gives no reason to start empty is refused": {
			claim: inventorytest.Labelled("skip"), listings: hour, outcome: inventory.WouldRefuse, reason: decision.ReasonSkipNeedsReason},
		"with a label that nobody understands is refused": {
			claim: inventorytest.Labelled("sometimes"), listings: hour, outcome: inventory.WouldRefuse, reason: decision.ReasonInvalidMode},
		"that nobody protects starts empty": {
			claim: inventorytest.Labelled(""), listings: nothing, outcome: inventory.Unprotected, reason: decision.ReasonNotOptedIn, says: "so it would start empty; label it"},
		"that nobody protects starts empty although it has backups": {
			claim: inventorytest.Labelled(""), listings: hour, outcome: inventory.Unprotected, reason: decision.ReasonNotOptedIn, says: "although backups of it exist (1)"},
		"that names its volume itself is left alone": {
			claim:    func(c *corev1.PersistentVolumeClaim) { c.Annotations, c.Spec.VolumeName = nil, "by-hand" },
			listings: hour, outcome: inventory.WouldLeaveAlone, reason: decision.ReasonVolumeChosen},
		"that is made from a snapshot is left alone": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				c.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: ptr.To("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: "s"}
			},
			listings: hour, outcome: inventory.WouldLeaveAlone, reason: decision.ReasonForeignSource},
		"that was restored itself is restored again": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				inventorytest.Locked("soteria-aaaaaaaaaaaaaaaa")(c)
				c.Status.Phase = corev1.ClaimBound
			},
			listings: hour, outcome: inventory.WouldRestore, reason: decision.ReasonBackupFound},
		"that waits now for a backup is judged as if it had never been": {
			claim: inventorytest.Locked("soteria-aaaaaaaaaaaaaaaa"), listings: nothing, outcome: inventory.WouldStartEmpty, reason: decision.ReasonProvedNone},
		"whose name was generated comes back under another one, empty": {
			claim:    func(c *corev1.PersistentVolumeClaim) { c.GenerateName = "p" },
			listings: hour, outcome: inventory.WouldStartEmpty, reason: decision.ReasonGeneratedName},
		"that wants a backup that does not exist waits": {
			claim: annotated(v1alpha1.RestoreBackupAnnotation, "0123456789"), listings: hour, outcome: inventory.WouldHold, reason: decision.ReasonSelectionNotFound},
		"that wants another claim's backup is judged by that one's": {
			claim: annotated(v1alpha1.RestoreFromAnnotation, "media/music"), listings: hour, outcome: inventory.WouldHold, reason: decision.ReasonSourceHasNone,
			says: "media/photos itself has 1"},
		"that wants a backup of another namespace is refused": {
			claim: annotated(v1alpha1.RestoreFromAnnotation, "attic/music"), listings: hour, outcome: inventory.WouldRefuse, reason: decision.ReasonCrossNamespace},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			claim := inventorytest.Claim(photos.Namespace, photos.Name)
			if test.claim != nil {
				test.claim(&claim)
			}
			if claim.GenerateName != "" {
				claim.Name = "photos" // "p" and five characters more
			}
			f := inventorytest.State(claim)
			f.Listings = test.listings
			if test.settings != nil {
				test.settings(&f.Settings)
			}
			_, plan := inventory.Build(f)
			require.Len(t, plan.Forecasts(), 1)
			got := plan.Forecasts()[0]
			assert.Equal(t, photos, got.Claim)
			assert.Equal(t, test.outcome, got.Outcome)
			assert.Equal(t, test.reason, got.Verdict.Reason)
			assert.Contains(t, got.Verdict.Message+got.Verdict.Backup.ID, test.says)
			assert.Equal(t, test.warns != "", got.Warning != "")
			assert.Contains(t, got.Warning, test.warns)
			assert.Equal(t, test.outcome == inventory.WouldRestore, got.Verdict.Backup.ID != "")
			assert.Equal(t, 1, plan.Count(test.outcome))
		})
	}
}

func TestAClaimThatRefersToARestoreOfTheUsersGetsWhatThatWants(t *testing.T) {
	claim := inventorytest.Claim("media", "photos", inventorytest.Locked("soteria-aaaaaaaaaaaaaaaa"), func(c *corev1.PersistentVolumeClaim) {
		c.Spec.DataSourceRef.Name, c.Spec.DataSource.Name = "from-music", "from-music"
	})
	wish := v1alpha1.Restore{
		ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "from-music"},
		Spec:       v1alpha1.RestoreSpec{Source: &v1alpha1.SourceClaim{Name: "music"}},
	}
	f := inventorytest.State(claim)
	f.Restores = []v1alpha1.Restore{wish}
	f.Listings = []inventory.Listing{inventorytest.Listed("restic", 1, map[backup.Claim]time.Time{{Namespace: "media", Name: "music"}: now, photos: now})}
	_, plan := inventory.Build(f)
	assert.Equal(t, backup.Claim{Namespace: "media", Name: "music"}, plan.Forecasts()[0].Verdict.Backup.Claim)
}

func TestAClaimWhoseRestoreWouldNotBeThereWouldWait(t *testing.T) {
	claim := inventorytest.Claim("media", "photos", inventorytest.Locked("soteria-aaaaaaaaaaaaaaaa"), func(c *corev1.PersistentVolumeClaim) {
		c.UID, c.Spec.DataSourceRef.Name, c.Spec.DataSource.Name = "uid-1", "form-old", "form-old"
	})
	f := inventorytest.State(claim)
	f.Listings = []inventory.Listing{empty("restic")}
	made := v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "form-old", Labels: map[string]string{
		v1alpha1.RoleLabel: v1alpha1.RoleLocked, v1alpha1.ClaimUIDLabel: "uid-1",
	}}}
	for name, restores := range map[string][]v1alpha1.Restore{"it does not exist": nil, "Soteria made it, and it goes with the claim": {made}} {
		t.Run(name, func(t *testing.T) {
			f.Restores = restores
			_, plan := inventory.Build(f)
			assert.Equal(t, inventory.WouldHold, plan.Forecasts()[0].Outcome)
			assert.Equal(t, decision.ReasonRestoreMissing, plan.Forecasts()[0].Verdict.Reason)
		})
	}
}

func TestWhatCouldNotBeToldIsNeverToldAsNone(t *testing.T) {
	for _, listings := range [][]inventory.Listing{
		nil, {failing(empty("restic"))}, {unlisted("restic")}, {old(empty("restic"))}, {doubting(empty("restic"), photos)},
		{empty("restic"), failing(empty("longhorn"))}, {doubting(empty("restic"), backup.Claim{}), empty("longhorn")},
	} {
		f := inventorytest.State(inventorytest.Claim(photos.Namespace, photos.Name))
		f.Listings = listings
		known, plan := inventory.Build(f)
		assert.Equal(t, inventory.LookupFailed, known.Claims()[0].Health)
		assert.Equal(t, inventory.WouldHold, plan.Forecasts()[0].Outcome)
	}
}

func unproved(l inventory.Listing) inventory.Listing {
	l.Unproved = backup.Errorf(backup.RepositoryDropped, "longhorn is not looked at any more")
	return l
}

func losing(l inventory.Listing, claim backup.Claim) inventory.Listing {
	found := l.Found.(inventorytest.Repository)
	found.Older = map[backup.Claim]error{claim: backup.Errorf(backup.BackupMissing, "the backup 1a2b3c4d is gone")}
	l.Found = found
	return l
}

func TestTheReportsSayWhatTheRestoreOfAManifestAsks(t *testing.T) {
	for name, test := range map[string]struct {
		expires string
		outcome inventory.Outcome
		says    string
	}{
		"while it stands":      {outcome: inventory.WouldHold, says: "at or before 2020-01-01T00:00:00Z"},
		"once it has expired":  {expires: "2020-01-02T00:00:00Z", outcome: inventory.WouldRestore, says: "has expired"},
		"where that is a word": {expires: "soon", outcome: inventory.WouldHold, says: "at or before 2020-01-01T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			claim := inventorytest.Claim(photos.Namespace, photos.Name)
			inventorytest.Labelled("auto")(&claim)
			claim.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: "wish"}
			f := inventorytest.State(claim)
			f.Listings, f.Settings.Policy.Rules = []inventory.Listing{listed("restic", time.Hour)}, func() backup.Rules { return backup.Rules{Now: f.Now} }
			wish := v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: photos.Namespace, Name: "wish"}, Spec: v1alpha1.RestoreSpec{
				AsOf: ptr.To(metav1.NewTime(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))),
			}}
			if test.expires != "" {
				wish.Annotations = map[string]string{v1alpha1.ExpiresAnnotation: test.expires}
			}
			f.Restores = []v1alpha1.Restore{wish}
			known, plan := inventory.Build(f)
			got := plan.Forecasts()[0]
			assert.Equal(t, test.outcome, got.Outcome, got.Verdict.Message)
			require.NotNil(t, got.Choice)
			assert.Equal(t, got.Choice, known.Claims()[0].Choice)
			assert.Equal(t, "wish", got.Choice.Restore)
			assert.Contains(t, got.Choice.Message, test.says)
			assert.Equal(t, `kubectl -n media patch restores.soteria.dev wish --type=merge -p '{"spec":{"asOf":null}}'`, got.Choice.Drop)
		})
	}
}

func TestTheReportsSayWhatAManifestAsksOfItsRestore(t *testing.T) {
	hour := []inventory.Listing{listed("restic", time.Hour)}
	for name, test := range map[string]struct {
		claim      func(*corev1.PersistentVolumeClaim)
		impossible bool
		outcome    inventory.Outcome
		says, drop string
	}{
		"nothing": {claim: inventorytest.Labelled("auto"), outcome: inventory.WouldRestore},
		"a backup that is not there, which no waiting helps": {
			claim: annotated(v1alpha1.RestoreBackupAnnotation, "0123456789"), impossible: true, outcome: inventory.WouldHold,
			says: "gets backup 01234567", drop: "kubectl -n media annotate pvc photos soteria.dev/restore-backup-"},
		"a time before all backups": {
			claim: annotated(v1alpha1.RestoreAsOfAnnotation, "2020-01-01T00:00:00Z"), impossible: true, outcome: inventory.WouldHold,
			says: "at or before 2020-01-01T00:00:00Z", drop: "soteria.dev/restore-as-of-"},
		"a time that is none": {
			claim: annotated(v1alpha1.RestoreAsOfAnnotation, "yesterday"), impossible: true, outcome: inventory.WouldHold, says: "yesterday", drop: "soteria.dev/restore-as-of-"},
		"a time before all backups, no longer": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				annotated(v1alpha1.RestoreAsOfAnnotation, "2020-01-01T00:00:00Z")(c)
				annotated(v1alpha1.ExpiresAnnotation, "2020-01-02T00:00:00Z")(c)
				c.CreationTimestamp = metav1.NewTime(time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)) // the plan is of a new one
			},
			outcome: inventory.WouldRestore, says: "has expired", drop: "soteria.dev/restore-as-of- soteria.dev/expires-"},
	} {
		t.Run(name, func(t *testing.T) {
			claim := inventorytest.Claim(photos.Namespace, photos.Name)
			test.claim(&claim)
			f := inventorytest.State(claim)
			f.Listings, f.Settings.Policy.Rules = hour, func() backup.Rules { return backup.Rules{Now: f.Now} }
			known, plan := inventory.Build(f)
			got := plan.Forecasts()[0]
			assert.Equal(t, test.outcome, got.Outcome)
			assert.Equal(t, test.impossible, got.Impossible())
			assert.Equal(t, got.Choice, known.Claims()[0].Choice)
			if test.says == "" {
				assert.Nil(t, got.Choice)
				return
			}
			require.NotNil(t, got.Choice)
			assert.True(t, got.Choice.Spent, "it has its volume")
			assert.Contains(t, got.Choice.Message, test.says)
			assert.Contains(t, got.Choice.Drop, test.drop)
		})
	}
}
