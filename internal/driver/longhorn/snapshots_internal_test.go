package longhorn

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

func TestASnapshotIsNamedByClaimAndTime(t *testing.T) {
	at := time.Date(2026, 11, 21, 3, 4, 5, 999, time.FixedZone("", 3600))
	assert.Equal(t, "soteria-backup-media-photos-20261121-020405", snapshotName(photos, at))
	long := snapshotName(backup.Claim{Namespace: "media", Name: strings.Repeat("x", 253)}, at)
	assert.Regexp(t, `^soteria-backup-media-x{17}-[0-9a-f]{8}-20261121-020405$`, long)
	assert.Regexp(t, `^soteria-backup-media-a-b-[0-9a-f]{8}-20261121-020405$`, snapshotName(backup.Claim{Namespace: "media", Name: "a.b"}, at))
}

func TestSnapshotNamesAreLabelsAndLongOnesDiffer(t *testing.T) {
	name := rapid.StringMatching(`[a-z0-9]([-a-z0-9.]{0,60}[a-z0-9])?`).Filter(func(s string) bool { return backup.Claim{Namespace: "a", Name: s}.Validate() == nil })
	namespace := rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		one := backup.Claim{Namespace: namespace.Draw(t, "namespace"), Name: name.Draw(t, "name")}
		other := backup.Claim{Namespace: one.Namespace, Name: one.Name + "x"}
		got := snapshotName(one, noon)
		assert.Empty(t, validation.IsDNS1123Label(got), got)
		assert.NotEqual(t, got, snapshotName(other, noon))
		assert.NotEqual(t, got, snapshotName(one, noon.Add(time.Second)))
	})
}

func TestOldSnapshotsOfAClaimMayGo(t *testing.T) {
	snapshot := func(claim backup.Claim, n int, change ...func(*api.Snapshot)) api.Snapshot {
		s := api.Snapshot{Name: snapshotName(claim, hour(n)), Labels: labelled(claim), ReadyToUse: true}
		for _, f := range change {
			f(&s)
		}
		return s
	}
	name := func(n int) string { return snapshotName(photos, hour(n)) }
	four := []api.Snapshot{snapshot(photos, 3), snapshot(photos, 1), snapshot(photos, 4), snapshot(photos, 2)}
	for sentence, c := range map[string]struct {
		snapshots []api.Snapshot
		complete  []string
		want      []string
	}{
		"all before the newest with a complete backup":       {four, []string{name(1), name(2), name(3)}, []string{name(1), name(2)}},
		"those of failed backups, too":                       {four, []string{name(3)}, []string{name(1), name(2)}},
		"none without a complete backup":                     {four, nil, nil},
		"none before the first":                              {four, []string{name(1)}, nil},
		"a complete backup whose snapshot is gone is none":   {four, []string{name(9)}, nil},
		"not those of a claim whose name reads the same":     {[]api.Snapshot{snapshot(photos, 1, func(s *api.Snapshot) { s.Labels = labelled(music) }), snapshot(photos, 2)}, []string{name(2)}, nil},
		"not those without a label":                          {[]api.Snapshot{snapshot(photos, 1, func(s *api.Snapshot) { s.Labels = nil }), snapshot(photos, 2)}, []string{name(2)}, nil},
		"not those that somebody named nearly so":            {[]api.Snapshot{snapshot(photos, 1, func(s *api.Snapshot) { s.Name += "-keep" }), snapshot(photos, 2)}, []string{name(2)}, nil},
		"not those of Longhorn's recurring jobs":             {[]api.Snapshot{{Name: "nightly-1", Labels: labelled(photos)}, snapshot(photos, 2)}, []string{name(2)}, nil},
		"not those that are deleted but for their data":      {[]api.Snapshot{snapshot(photos, 1, func(s *api.Snapshot) { s.MarkRemoved = true }), snapshot(photos, 2)}, []string{name(2)}, nil},
		"not the newest complete one, whatever failed after": {four, []string{name(2)}, []string{name(1)}},
	} {
		t.Run(sentence, func(t *testing.T) {
			complete := map[string]bool{}
			for _, n := range c.complete {
				complete[n] = true
			}
			got := expendable(photos, c.snapshots, func(s string) bool { return complete[s] })
			assert.ElementsMatch(t, c.want, got)
		})
	}
}
