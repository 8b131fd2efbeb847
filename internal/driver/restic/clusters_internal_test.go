package restic

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestSnapshotsNameTheirCluster(t *testing.T) {
	home := backup.Clusters{Own: "home"}
	for name, test := range map[string]struct {
		tags     []string
		clusters backup.Clusters
		cluster  string
		own      bool
	}{
		"an untagged one is the own cluster's":                {clusters: home, own: true},
		"an untagged one is a nameless cluster's":             {own: true},
		"the own cluster's is its own":                        {tags: []string{"cluster=home"}, clusters: home, cluster: "home", own: true},
		"another cluster's is never forgotten":                {tags: []string{"cluster=attic"}, clusters: home, cluster: "attic"},
		"another cluster's is not a nameless cluster's":       {tags: []string{"cluster=attic"}, cluster: "attic"},
		"a restored cluster's is not its own":                 {tags: []string{"cluster=attic"}, clusters: backup.Clusters{Own: "home", Restored: []string{"attic"}, Settled: true}, cluster: "attic"},
		"one of two names is neither's":                       {tags: []string{"cluster=home", "cluster=attic"}, clusters: home, cluster: "home,attic"},
		"an untagged one is no own one where that is settled": {clusters: backup.Clusters{Own: "home", UntaggedForeign: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot{ID: id1, Host: "a/b", Paths: []string{"/data"}, Tags: append([]string{"namespace=a", "pvc=b"}, test.tags...)}
			backups := s.backups(test.clusters, claimsOf(s.Tags), nil, nil)
			require.Len(t, backups, 1)
			assert.Equal(t, test.cluster, backups[0].Cluster)
			assert.Equal(t, test.own, backups[0].Own)
		})
	}
}

func TestACallerCannotNameACluster(t *testing.T) {
	_, err := snapshotTags(backup.Claim{Namespace: "a", Name: "b"}, []string{"cluster=home"})
	assert.Equal(t, backup.Invalid, backup.KindOf(err))
	assert.Equal(t, "tags", backup.FieldOf(err))
}
