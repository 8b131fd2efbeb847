package longhorn

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestBackupsNameTheirCluster(t *testing.T) {
	claim := backup.Claim{Namespace: "media", Name: "photos"}
	home := backup.Clusters{Own: "home"}
	for name, test := range map[string]struct {
		cluster  string
		clusters backup.Clusters
		own      bool
	}{
		"an unlabelled one is the own cluster's":        {clusters: home, own: true},
		"the own cluster's is its own":                  {cluster: "home", clusters: home, own: true},
		"another cluster's is never forgotten":          {cluster: "attic", clusters: home},
		"another cluster's is not a nameless cluster's": {cluster: "attic"},
	} {
		t.Run(name, func(t *testing.T) {
			labels := ticket{claim: claim}.labels(test.cluster)
			b := aBackup("vol", noon, labels)
			b.Status.Snapshot = "soteria-backup-media-photos-20260301-120000"
			told := found(b, owner{claim: claim}, test.clusters)
			assert.Equal(t, test.cluster, told.Cluster)
			assert.Equal(t, test.own, told.Own)
			assert.NotContains(t, told.Tags, ClusterLabel+"="+test.cluster)
		})
	}
}
