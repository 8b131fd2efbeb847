package restic_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic"
)

func testRequest() driver.TestRequest {
	return driver.TestRequest{RequestedBy: "alice", Backup: backup.Backup{
		Claim: claim, Driver: "restic", ID: "5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f", SizeBytes: 1 << 30, Files: 3, Locator: "/data"}}
}

func TestARestoreTestIsAJobOnAFolderThatGoes(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	d := driverIn(t, cluster, nil)
	state, err := d.Test(t.Context(), testRequest())
	require.NoError(t, err)
	assert.Equal(t, "restic", state.Driver)
	assert.Equal(t, testRequest().Backup.ID, state.BackupID)

	var job batchv1.Job
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: state.Namespace, Name: state.JobName}, &job))
	golden(t, "test.yaml", &job)
	var secret corev1.Secret
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: state.Namespace, Name: state.JobName + "-credentials"}, &secret))

	tests, err := d.Tests(t.Context())
	require.NoError(t, err)
	require.Len(t, tests, 1)
	assert.Equal(t, claim, tests[0].Claim)
	assert.Equal(t, "alice", tests[0].RequestedBy)
	assert.Equal(t, driver.FillPending, tests[0].Phase)

	_, err = d.Test(t.Context(), testRequest())
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "one test of a claim at a time")

	job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", Message: "evicted"}}
	require.NoError(t, cluster.Status().Update(t.Context(), &job))
	tests, err = d.Tests(t.Context())
	require.NoError(t, err)
	assert.Equal(t, driver.FillFailed, tests[0].Phase)
	assert.Contains(t, tests[0].Message, "evicted")

	again, err := d.Test(t.Context(), testRequest())
	require.NoError(t, err)
	assert.NotEqual(t, state.JobName, again.JobName)
}

func TestARestoreTestOnADryRunStartsNothing(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	req := testRequest()
	req.DryRun = true
	state, err := driverIn(t, cluster, nil).Test(t.Context(), req)
	require.NoError(t, err)
	assert.Empty(t, state.JobName)
	assert.Positive(t, state.RoomBytes)
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	assert.Empty(t, jobs.Items)
}

func TestARestoreTestIsRefused(t *testing.T) {
	tests := map[string]struct {
		change func(*driver.TestRequest)
		config func(*restic.Config)
		secret map[string]string
		kind   backup.Kind
	}{
		"of a backup that is no snapshot of restic's":   {change: func(r *driver.TestRequest) { r.Backup.ID = "--help" }, kind: backup.Invalid},
		"of a snapshot of which the folder is not told": {change: func(r *driver.TestRequest) { r.Backup.Locator = "" }, kind: backup.Invalid},
		"of more than it may take of a node's disk":     {config: func(c *restic.Config) { c.TestRoom = 1 << 30 }, kind: backup.Invalid},
		"without credentials":                           {secret: map[string]string{}, kind: backup.Credentials},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.secret == nil {
				test.secret = fullSecret()
			}
			cluster, req := world(t, secretWith(test.secret)).Build(), testRequest()
			if test.change != nil {
				test.change(&req)
			}
			_, err := driverIn(t, cluster, test.config).Test(t.Context(), req)
			assert.Equal(t, test.kind, backup.KindOf(err), err)
			var jobs batchv1.JobList
			require.NoError(t, cluster.List(t.Context(), &jobs))
			assert.Empty(t, jobs.Items)
		})
	}
	t.Run("not for want of a size, which a bounded folder stands in for", func(t *testing.T) {
		req := testRequest()
		req.Backup.SizeBytes = -1
		state, err := driverIn(t, world(t, secretWith(fullSecret())).Build(), nil).Test(t.Context(), req)
		require.NoError(t, err)
		assert.EqualValues(t, restic.DefaultTestRoom, state.RoomBytes)
	})
}
