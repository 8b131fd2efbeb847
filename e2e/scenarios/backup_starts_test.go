//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// quota lets in no pod that has no limit for the processor, as the movers of
// backups are by default.
const quota = `
apiVersion: v1
kind: ResourceQuota
metadata: {name: processors, namespace: %s}
spec: {hard: {limits.cpu: "4"}}
---
`

func TestABackupThatCannotStartFailsInMinutes(t *testing.T) {
	t.Parallel()
	const namespace = "e2e-backup-starts"
	s := begin(t, 10*time.Minute, namespace)
	app := harness.App{Namespace: namespace, Name: "refused", Size: "64Mi", Labels: harness.Unprotected}
	s.apply(app.Manifest())
	s.awaitRunning(app)
	s.apply(fmt.Sprintf(quota, namespace))

	s.run("and says what the quota asks for, and the setting", func(s *scenario) {
		startRefused(s, app)
		s.awaitEvent(app, "must specify limits.cpu")
	})
	s.run("and a claim that is made again does not wait for it", func(s *scenario) {
		job := startRefused(s, app)
		_, err := cluster.Kubectl(s.ctx, "", "-n", namespace, "delete", "pod,pvc", "--all", "--wait=true")
		require.NoError(s, err)
		s.await("the Job that never had a pod to be gone", func(ctx context.Context) (bool, string, error) {
			err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: job}, &batchv1.Job{})
			return apierrors.IsNotFound(err), fmt.Sprint(err), client.IgnoreNotFound(err)
		})
	})
}

func TestABackupThatMovesNothingSaysSo(t *testing.T) {
	t.Parallel()
	const namespace = "e2e-backup-moves-nothing"
	s := begin(t, 10*time.Minute, namespace)
	app := harness.App{Namespace: namespace, Name: "held", Size: "64Mi", Labels: harness.Unprotected}
	s.start(app)
	s.write(app, "once")

	status, job, err := cluster.StartBackup(s.ctx, namespace, app.Name)
	require.NoError(s, err)
	require.Equal(s, http.StatusAccepted, status)
	goOn, err := cluster.HoldBackup(s.ctx, namespace, app.Name)
	require.NoError(s, err)
	began := time.Now()
	s.awaitEvent(app, "runs and moves nothing: nothing has moved since ")
	s.Logf("told %s after restic stood still", time.Since(began).Round(time.Second))

	require.NoError(s, goOn())
	require.NoError(s, cluster.AwaitJob(s.ctx, namespace, job))
	s.awaitEvent(app, "is complete")
	require.NotEmpty(s, s.backups(app))
}

// startRefused asks for a backup whose pod the quota refuses, and returns its Job.
func startRefused(s *scenario, app harness.App) string {
	s.Helper()
	status, started, text, err := cluster.RequestBackup(s.ctx, wire.BackupRequest{Namespace: app.Namespace, PVC: app.Name})
	require.NoError(s, err)
	require.Equal(s, http.StatusAccepted, status, text)
	return started.JobName
}
