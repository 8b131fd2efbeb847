//go:build e2e

package scenarios_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

func TestOfManyRequestsForABackupAtOnceOneStartsIt(t *testing.T) {
	const namespace, requests = "e2e-concurrency", 10
	t.Parallel()
	s := begin(t, 15*time.Minute, namespace)
	app := harness.App{Namespace: namespace, Name: "wanted", Size: "64Mi", Labels: harness.Unprotected}
	s.start(app)
	s.write(app, "once")
	// With the app's pod there is no room for the Job's until all have asked: no
	// backup ends meanwhile, after which another one might begin.
	full := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "full"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")}},
	}
	require.NoError(s, cluster.Create(s.ctx, full))
	s.await("the quota to hold", func(ctx context.Context) (bool, string, error) {
		err := cluster.Get(ctx, client.ObjectKeyFromObject(full), full)
		used := full.Status.Used[corev1.ResourcePods]
		return used.Value() == 1, used.String() + " pods", err
	})

	var statuses [requests]int
	var started [requests]string
	var asking errgroup.Group
	for i := range requests {
		asking.Go(func() (err error) {
			statuses[i], started[i], err = cluster.StartBackup(s.ctx, namespace, app.Name)
			return err
		})
	}
	require.NoError(s, asking.Wait())
	counts := map[int]int{}
	var job string
	for i, status := range statuses {
		counts[status]++
		if status == http.StatusAccepted {
			job = started[i]
		}
	}
	require.Equal(s, map[int]int{http.StatusAccepted: 1, http.StatusConflict: requests - 1}, counts)

	require.NoError(s, cluster.Delete(s.ctx, full))
	require.NoError(s, cluster.AwaitJob(s.ctx, namespace, job))
	var jobs batchv1.JobList
	require.NoError(s, cluster.List(s.ctx, &jobs, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.RoleLabel: v1alpha1.RoleBackup}))
	require.Len(s, jobs.Items, 1)
	require.Len(s, s.backups(app), 1)
}
