package backupjob_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backupjob"
)

func TestWhatAClaimThatIsDeletedIsLetGoBy(t *testing.T) {
	told := func(change func(*batchv1.Job)) *batchv1.Job {
		j := job(batchv1.JobComplete)
		j.Labels = map[string]string{
			v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup, v1alpha1.ClaimUIDLabel: "claim-1",
		}
		j.Annotations["soteria.dev/told"] = "succeeded"
		if change != nil {
			change(j)
		}
		return j
	}
	cases := map[string]struct {
		job    *batchv1.Job
		living bool
		gone   bool
	}{
		"a backup Job that has ended and was told goes":   {job: told(nil), gone: true},
		"one whose claim lives stays":                     {job: told(nil), living: true},
		"one that runs stays":                             {job: told(func(j *batchv1.Job) { j.Status.Conditions = nil })},
		"one that was not told yet stays":                 {job: told(func(j *batchv1.Job) { delete(j.Annotations, "soteria.dev/told") })},
		"one of an earlier life of the claim stays":       {job: told(func(j *batchv1.Job) { j.Labels[v1alpha1.ClaimUIDLabel] = "claim-0" })},
		"one of another claim stays":                      {job: told(func(j *batchv1.Job) { j.Annotations[v1alpha1.ClaimAnnotation] = "ai/other" })},
		"a Job that is for something else stays":          {job: told(func(j *batchv1.Job) { j.Labels[v1alpha1.RoleLabel] = v1alpha1.RoleFill })},
		"a Job that is not Soteria's stays":               {job: told(func(j *batchv1.Job) { delete(j.Labels, v1alpha1.ManagedByLabel) })},
		"one that failed and was told goes, as any other": {job: told(func(j *batchv1.Job) { j.Status.Conditions[0].Type = batchv1.JobFailed }), gone: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
				Namespace: "ai", Name: "cache", UID: "claim-1", Finalizers: []string{"kubernetes.io/pvc-protection"},
			}}
			cluster := fake.NewClientBuilder().WithObjects(claim, tc.job).Build()
			if !tc.living {
				require.NoError(t, cluster.Delete(t.Context(), claim))
			}
			releases := &backupjob.Releases{Client: cluster}
			for range 2 {
				_, err := releases.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "ai", Name: "cache"}})
				require.NoError(t, err)
			}
			err := cluster.Get(t.Context(), key, &batchv1.Job{})
			if tc.gone {
				require.True(t, client.IgnoreNotFound(err) == nil && err != nil, "it is gone")
				return
			}
			assert.NoError(t, err)
		})
	}
}
