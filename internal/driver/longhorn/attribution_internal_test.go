package longhorn

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
)

var (
	photos = backup.Claim{Namespace: "media", Name: "photos"}
	music  = backup.Claim{Namespace: "media", Name: "music"}
	noon   = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

func hour(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }

func statusOf(claim backup.Claim, lastPVCRefAt string) map[string]string {
	return map[string]string{"KubernetesStatus": fmt.Sprintf(`{"pvName":"","pvStatus":"","namespace":%q,"pvcName":%q,"lastPVCRefAt":%q,"workloadsStatus":null}`,
		claim.Namespace, claim.Name, lastPVCRefAt)}
}

func labelled(claim backup.Claim) map[string]string {
	return map[string]string{NamespaceLabel: claim.Namespace, PVCLabel: claim.Name}
}

func both(maps ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

// aBackup is a backup that Longhorn has read.
func aBackup(volume string, at time.Time, labels map[string]string) backupRecord {
	var b backupRecord
	b.Metadata.Name = fmt.Sprintf("backup-%s-%d", volume, at.Unix())
	b.Metadata.Labels = map[string]string{volumeLabel: volume}
	b.Status.State, b.Status.URL, b.Status.Labels, b.Status.Volume = "Completed", "s3://b@r/?backup=x", labels, volume
	b.Status.SnapshotCreatedAt = at.Format(time.RFC3339)
	b.Status.LastSyncedAt.Time = at
	return b
}

func aVolume(volume string, labels map[string]string) volumeRecord {
	var v volumeRecord
	v.Metadata.Name, v.Spec.Volume, v.Status.Labels = volume+"-1a2b3c4d", volume, labels
	return v
}

func aPersistentVolume(driver, handle string, claim *backup.Claim) corev1.PersistentVolume {
	var pv corev1.PersistentVolume
	pv.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: handle}
	if claim != nil {
		pv.Spec.ClaimRef = &corev1.ObjectReference{Namespace: claim.Namespace, Name: claim.Name}
	}
	return pv
}

func TestWhoseABackupIs(t *testing.T) {
	nobody := aBackup("vol", hour(5), nil)
	for sentence, c := range map[string]struct {
		of      backupRecord
		others  []backupRecord
		volumes []volumeRecord
		live    []corev1.PersistentVolume
		want    backup.Claim
		none    bool
	}{
		"Soteria's labels name it":                         {of: aBackup("vol", noon, labelled(photos)), want: photos},
		"Soteria's labels outdo Longhorn's":                {of: aBackup("vol", noon, both(labelled(photos), statusOf(music, ""))), want: photos},
		"half of Soteria's labels is none of them":         {of: aBackup("vol", noon, both(map[string]string{PVCLabel: "x"}, statusOf(music, ""))), want: music},
		"labels that can be no claim are none":             {of: aBackup("vol", noon, map[string]string{NamespaceLabel: "Media", PVCLabel: "x"}), none: true},
		"Longhorn's label names it":                        {of: aBackup("vol", noon, statusOf(music, "")), want: music},
		"Longhorn's label names one of the past":           {of: aBackup("vol", noon, statusOf(music, "2026-01-01T00:00:00Z")), want: music},
		"Longhorn's label names nobody":                    {of: aBackup("vol", noon, statusOf(backup.Claim{}, "")), none: true},
		"Longhorn's label is no JSON":                      {of: aBackup("vol", noon, map[string]string{"KubernetesStatus": `{"namespace"`}), none: true},
		"Longhorn's label is of another shape":             {of: aBackup("vol", noon, map[string]string{"KubernetesStatus": `{"namespace":5}`}), none: true},
		"nothing says anything":                            {of: nobody, none: true},
		"the last sibling before it says it":               {of: nobody, others: []backupRecord{aBackup("vol", hour(1), labelled(music)), aBackup("vol", hour(4), labelled(photos)), aBackup("vol", hour(6), labelled(music))}, want: photos},
		"siblings may come in any order":                   {of: nobody, others: []backupRecord{aBackup("vol", hour(6), labelled(music)), aBackup("vol", hour(4), statusOf(photos, "")), aBackup("vol", hour(1), labelled(music))}, want: photos},
		"a sibling of the same moment says it":             {of: nobody, others: []backupRecord{aBackup("vol", hour(5), labelled(photos)), aBackup("vol", hour(4), labelled(music))}, want: photos},
		"the first sibling after it, where none is before": {of: nobody, others: []backupRecord{aBackup("vol", hour(7), labelled(music)), aBackup("vol", hour(6), labelled(photos))}, want: photos},
		"backups of other volumes are no siblings":         {of: nobody, others: []backupRecord{aBackup("vol-2", hour(4), labelled(photos))}, none: true},
		"siblings outdo the backup volume":                 {of: nobody, others: []backupRecord{aBackup("vol", hour(6), labelled(photos))}, volumes: []volumeRecord{aVolume("vol", labelled(music))}, want: photos},
		"the backup volume says it":                        {of: nobody, volumes: []volumeRecord{aVolume("vol", statusOf(photos, ""))}, live: []corev1.PersistentVolume{aPersistentVolume(Provisioner, "vol", &music)}, want: photos},
		"one of two backup volumes says it":                {of: nobody, volumes: []volumeRecord{aVolume("vol", nil), aVolume("vol", labelled(photos)), aVolume("vol", nil)}, want: photos},
		"the backup volume of another volume does not":     {of: nobody, volumes: []volumeRecord{aVolume("vol-2", labelled(photos))}, none: true},
		"a live volume says it":                            {of: nobody, live: []corev1.PersistentVolume{aPersistentVolume(Provisioner, "vol", &photos)}, want: photos},
		"a live volume of another driver does not":         {of: nobody, live: []corev1.PersistentVolume{aPersistentVolume("nfs.csi.k8s.io", "vol", &photos)}, none: true},
		"a live volume that nobody claimed does not":       {of: nobody, live: []corev1.PersistentVolume{aPersistentVolume(Provisioner, "vol", nil), {}}, none: true},
	} {
		t.Run(sentence, func(t *testing.T) {
			a := newAttribution(append([]backupRecord{c.of}, c.others...), c.volumes)
			a.live(c.live)
			own, ok := a.owner(c.of)
			assert.Equal(t, !c.none, ok)
			assert.Equal(t, c.want, own.claim)
		})
	}
}

func TestABackupVolumeOfOldVersionsIsNamedAsItsVolume(t *testing.T) {
	var v volumeRecord
	v.Metadata.Name, v.Status.Labels = "vol", labelled(photos)
	assert.Equal(t, "vol", v.volume())
	assert.Equal(t, defaultTarget, v.target())
	own, ok := newAttribution(nil, []volumeRecord{v}).owner(aBackup("vol", noon, nil))
	require.True(t, ok)
	assert.Equal(t, photos, own.claim)
}

func TestABackupThatIsNotReadIsOfItsLatestSiblingsClaim(t *testing.T) {
	var unread backupRecord
	unread.Metadata.Name, unread.Metadata.Labels = "unread", map[string]string{volumeLabel: "vol"}
	a := newAttribution([]backupRecord{unread, aBackup("vol", hour(1), labelled(music)), aBackup("vol", hour(2), labelled(photos))}, nil)
	own, ok := a.owner(unread)
	require.True(t, ok)
	assert.Equal(t, photos, own.claim)
}

func TestABackupOfNoVolumeIsOfNobody(t *testing.T) {
	_, ok := newAttribution([]backupRecord{aBackup("", noon, labelled(photos))}, []volumeRecord{aVolume("", labelled(photos))}).owner(backupRecord{})
	assert.False(t, ok)
}

func TestABackupThatThisClusterIsMakingHasTheLabelsItWasAskedFor(t *testing.T) {
	var b backupRecord
	b.Spec.Snapshot, b.Spec.Labels = "snap", statusOf(photos, "")
	own, ok := newAttribution(nil, nil).owner(b)
	require.True(t, ok)
	assert.Equal(t, photos, own.claim)
}

// The volume of a deleted claim that is backed up on and on, and one restored to
// be looked at, hold what the claim had when it was theirs, however new the
// snapshot.
func TestTheDataOfAVolumeThatIsNobodysAnyMoreIsAsOldAsItsClaim(t *testing.T) {
	for sentence, c := range map[string]struct {
		lastPVCRefAt string
		want         time.Time
	}{
		"it is the claim's":                             {"", hour(5)},
		"it was the claim's until an hour before":       {hour(4).Format(time.RFC3339), hour(4)},
		"it ceased to be the claim's after the backup":  {hour(6).Format(time.RFC3339), hour(5)},
		"when it ceased to be the claim's is not known": {"yesterday", hour(5)},
	} {
		t.Run(sentence, func(t *testing.T) {
			b := aBackup("vol", hour(5), statusOf(photos, c.lastPVCRefAt))
			own, ok := newAttribution([]backupRecord{b}, nil).owner(b)
			require.True(t, ok)
			assert.Equal(t, c.want, found(b, own, backup.Clusters{}).TakenAt)
		})
	}
}

func TestWhatABackupIsGoodFor(t *testing.T) {
	read := aBackup("vol", noon, labelled(photos))
	for sentence, c := range map[string]struct {
		change func(*backupRecord)
		want   backupState
	}{
		"complete, with a URL, read": {func(*backupRecord) {}, usableBackup},
		"complete, but not read":     {func(b *backupRecord) { b.Status.LastSyncedAt.Time = time.Time{} }, unreadBackup},
		"complete, without a URL":    {func(b *backupRecord) { b.Status.URL = "" }, unreadBackup},
		"complete, of no known time": {func(b *backupRecord) { b.Status.SnapshotCreatedAt = "" }, unreadBackup},
		"complete, of the time of upload": {func(b *backupRecord) {
			b.Status.SnapshotCreatedAt, b.Status.BackupCreatedAt = "", "2026-11-20T13:00:00Z"
		}, usableBackup},
		"pulled and not read":                {func(b *backupRecord) { b.Status.State = "" }, unreadBackup},
		"being made here":                    {func(b *backupRecord) { b.Status.State, b.Spec.Snapshot = "InProgress", "s" }, runningBackup},
		"about to be made here":              {func(b *backupRecord) { b.Status.State, b.Spec.Snapshot = "", "s" }, runningBackup},
		"made here, complete, not read yet":  {func(b *backupRecord) { b.Spec.Snapshot = "s"; b.Status.LastSyncedAt.Time = time.Time{} }, unreadBackup},
		"failed":                             {func(b *backupRecord) { b.Status.State, b.Status.URL = "Error", "" }, failedBackup},
		"failed, once on the backup target":  {func(b *backupRecord) { b.Status.State = "Error" }, unsureBackup},
		"lost by Longhorn":                   {func(b *backupRecord) { b.Status.State = "Unknown" }, unsureBackup},
		"lost by Longhorn while it was made": {func(b *backupRecord) { b.Status.State, b.Status.URL, b.Spec.Snapshot = "Unknown", "", "s" }, unsureBackup},
		"being deleted":                      {func(b *backupRecord) { b.Status.State = "Deleting" }, goingBackup},
		"marked for deletion, whatever else": {func(b *backupRecord) { b.Metadata.DeletionTimestamp = &b.Status.LastSyncedAt }, goingBackup},
		"of a state that nobody knows":       {func(b *backupRecord) { b.Status.State = "Compacting" }, unreadBackup},
	} {
		t.Run(sentence, func(t *testing.T) {
			b := read
			c.change(&b)
			assert.Equal(t, c.want, stateOf(b))
		})
	}
}

func TestASizeThatIsNotKnownIsNegative(t *testing.T) {
	for text, want := range map[string]int64{"": -1, "0": -1, "x": -1, "-5": -1, "1073741824": 1 << 30} {
		b := aBackup("vol", noon, nil)
		b.Status.VolumeSize = text
		assert.Equal(t, want, found(b, owner{}, backup.Clusters{}).SizeBytes)
	}
}

// Whatever the labels, no backup is ever of a claim that cannot be one, and one
// that says its claim is of that claim whatever else there is.
func TestAttributionHolds(t *testing.T) {
	claims := rapid.SampledFrom([]backup.Claim{photos, music, {Namespace: "Bad", Name: "x"}, {}})
	labels := rapid.Custom(func(t *rapid.T) map[string]string {
		return rapid.SampledFrom([]map[string]string{nil, labelled(claims.Draw(t, "own")), statusOf(claims.Draw(t, "status"), ""), both(labelled(claims.Draw(t, "a")), statusOf(claims.Draw(t, "b"), ""))}).Draw(t, "labels")
	})
	backups := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) backupRecord {
		return aBackup(rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "volume"), hour(rapid.IntRange(0, 9).Draw(t, "hour")), labels.Draw(t, "labels"))
	}), 0, 8)
	rapid.Check(t, func(t *rapid.T) {
		all := backups.Draw(t, "backups")
		volumes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) volumeRecord {
			return aVolume(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "volume"), labels.Draw(t, "labels"))
		}), 0, 3).Draw(t, "volumes")
		a := newAttribution(all, volumes)
		for _, b := range all {
			own, ok := a.owner(b)
			if said, says := ownerByLabels(b.label); says {
				assert.Equal(t, said, own)
			}
			if ok {
				assert.NoError(t, own.claim.Validate())
			} else {
				assert.Zero(t, own)
			}
		}
	})
}

func FuzzOwnerByStatus(f *testing.F) {
	for _, seed := range []string{"", "{}", "null", `{"namespace":"a","pvcName":"b"}`, `{"namespace":"a","pvcName":"b","lastPVCRefAt":"2026-11-20T03:00:02Z"}`, `[]`, `{"namespace":1}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, label string) {
		own, ok := ownerByStatus(label)
		if !ok {
			assert.Zero(t, own)
			return
		}
		require.NoError(t, own.claim.Validate())
	})
}
