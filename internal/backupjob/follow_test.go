package backupjob_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

var (
	cache = backup.Claim{Namespace: "ai", Name: "cache"}
	began = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)
)

func TestHowABackupGoesOnIsSeenFromItsJob(t *testing.T) {
	labelled := func(ending batchv1.JobConditionType, change ...func(*batchv1.Job)) *batchv1.Job {
		j := job(ending)
		j.Labels[v1alpha1.ManagedByLabel] = v1alpha1.ManagedBy
		j.CreationTimestamp = metav1.NewTime(began)
		for _, f := range change {
			f(j)
		}
		return j
	}
	named := func(name string, made time.Time, again bool) func(*batchv1.Job) {
		return func(j *batchv1.Job) {
			j.Name, j.CreationTimestamp = name, metav1.NewTime(made)
			if again {
				j.Annotations[v1alpha1.MadeAgainAnnotation] = "1"
			}
		}
	}
	told := func(result backupjob.Result) func(*batchv1.Job) {
		return func(j *batchv1.Job) { j.Annotations["soteria.dev/told"] = string(result) }
	}
	well := podThatLeft(report.Result{Action: "backup", Snapshot: "0123456789abcdef"})
	later := began.Add(time.Minute)
	for name, test := range map[string]struct {
		objects []client.Object
		result  backupjob.Result
		over    bool
		says    string
	}{
		"it runs":                                     {objects: []client.Object{labelled("")}},
		"its mover has ended well":                    {objects: []client.Object{labelled(""), well}, result: backupjob.Succeeded, over: true, says: "backup 01234567 by Job soteria-backup-1 is complete"},
		"it failed":                                   {objects: []client.Object{labelled(batchv1.JobFailed)}, result: backupjob.Failed, over: true, says: "DeadlineExceeded"},
		"it was told, and its pod is gone":            {objects: []client.Object{labelled(batchv1.JobComplete, told(backupjob.Partial))}, result: backupjob.Partial, over: true},
		"it is gone":                                  {over: true, says: "Job soteria-backup-1 is gone, and how the backup ended was not seen"},
		"it was made again and runs":                  {objects: []client.Object{labelled("", named("soteria-backup-2", later, true))}},
		"it was made again and failed":                {objects: []client.Object{labelled(batchv1.JobFailed, named("soteria-backup-2", later, true))}, result: backupjob.Failed, over: true, says: "soteria-backup-2"},
		"it is gone, and the claim's next one runs":   {objects: []client.Object{labelled("", named("soteria-backup-2", later, false))}, over: true, says: "was not seen"},
		"it is there, and another one was made again": {objects: []client.Object{labelled(batchv1.JobFailed), labelled("", named("soteria-backup-2", later, true))}, result: backupjob.Failed, over: true},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := fake.NewClientBuilder().WithObjects(test.objects...).Build()
			outcomes := &backupjob.Outcomes{Client: cluster, Reader: cluster, Driver: "restic"}
			result, text, over, err := outcomes.Look(t.Context(), cache, key.Name, began)
			require.NoError(t, err)
			assert.Equal(t, test.over, over)
			assert.Equal(t, test.result, result)
			assert.Contains(t, text, test.says)
		})
	}
	t.Run("it cannot be seen", func(t *testing.T) {
		down := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
			Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
				return errors.New("connection refused")
			},
		}).Build()
		_, _, over, err := (&backupjob.Outcomes{Client: down, Reader: down}).Look(t.Context(), cache, key.Name, began)
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
		assert.False(t, over, "which proves nothing")
	})
}

func TestTheEndOfABackupIsToldToThoseWhoFollowIt(t *testing.T) {
	ended := job(batchv1.JobFailed)
	ended.CreationTimestamp, ended.Annotations[v1alpha1.MadeAgainAnnotation] = metav1.NewTime(began), "1"
	cluster := fake.NewClientBuilder().WithObjects(ended).Build()
	var heard []backupjob.End
	outcomes := &backupjob.Outcomes{Client: cluster, Reader: cluster, Driver: "restic", Announcer: backupjob.Announcer{
		Reader: cluster, Events: events.NewFakeRecorder(10), Observer: &results{}, Ended: func(e backupjob.End) { heard = append(heard, e) },
	}}
	for range 2 {
		_, err := outcomes.Reconcile(t.Context(), reconcile.Request{NamespacedName: key})
		require.NoError(t, err)
	}
	require.Len(t, heard, 1)
	assert.True(t, heard[0].Made.Equal(began))
	heard[0].Made = time.Time{}
	assert.Equal(t, backupjob.End{Driver: "restic", Claim: cache, Job: key.Name, Again: true, Result: backupjob.Failed,
		Text: "backup by Job soteria-backup-1 failed: DeadlineExceeded: Job was active longer than specified deadline"}, heard[0])
}
