package restic_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/driver/restic"
)

func TestAMisplacedBackupOfANamedClusterCanBeMadeAgain(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret()), userOn("a")).Build()
	d := driverIn(t, cluster, func(c *restic.Config) { c.Clusters.Own = "prod" })
	started, err := d.Backup(t.Context(), request())
	require.NoError(t, err)
	var job batchv1.Job
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.JobName}, &job))
	again := d.Request(&job)
	require.NoError(t, cluster.Delete(t.Context(), &job))
	_, err = d.Backup(t.Context(), again)
	require.NoError(t, err)
}
