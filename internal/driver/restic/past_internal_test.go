package restic

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/mover/past"
)

// TestAParentIsTheNewestOfTheSameClaimAndCluster draws repositories that claims and
// clusters share, with snapshots of people among them.
func TestAParentIsTheNewestOfTheSameClaimAndCluster(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	asked := backup.Claim{Namespace: "a", Name: "x"}
	cfg := Config{Clusters: backup.Clusters{Own: "home", UntaggedForeign: true}}
	rapid.Check(t, func(t *rapid.T) {
		namespaces, names, clusters := []string{"a", "b"}, []string{"x", "y"}, []string{"home", "attic"}
		var snapshots []snapshot
		want, newest := past.None, time.Time{}
		for i := range rapid.IntRange(0, 30).Draw(t, "snapshots") {
			claim := backup.Claim{Namespace: rapid.SampledFrom(namespaces).Draw(t, "namespace"), Name: rapid.SampledFrom(names).Draw(t, "name")}
			host := rapid.SampledFrom([]string{claim.String(), "laptop", "a/x"}).Draw(t, "host")
			path := rapid.SampledFrom([]string{"/data", "/data/part"}).Draw(t, "path")
			cluster := rapid.SampledFrom(clusters).Draw(t, "cluster")
			taken := now.Add(time.Duration(rapid.IntRange(-1000, 100).Draw(t, "minutes"))*time.Minute + time.Duration(i))
			s := snapshot{
				ID: fmt.Sprintf("%064x", i+1), Host: host, Paths: []string{path}, Time: taken,
				Tags: []string{namespaceTag + claim.Namespace, pvcTag + claim.Name, clusterTag + cluster},
			}
			twice := rapid.Bool().Draw(t, "another claim, too")
			if twice {
				s.Tags = append(s.Tags, pvcTag+"another")
			}
			snapshots = append(snapshots, s)
			fits := claim == asked && host == "a/x" && path == dataFolder && cluster == "home" && !twice && !taken.After(now)
			if fits && taken.After(newest) {
				want, newest = s.ID, taken
			}
		}
		assert.Equal(t, want, parentAmong(cfg.backupsOf(snapshots, asked), now))
	})
}
