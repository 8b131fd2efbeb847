package backupjob

import (
	"testing"

	"github.com/stretchr/testify/assert"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

func TestOnlyAMoverThatEndedWellHasItsJobLookedAt(t *testing.T) {
	labels := map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup, batchv1.JobNameLabel: "backup"}
	result := report.Result{Action: "backup", Snapshot: "0123456789abcdef"}
	pod := func(change func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ai", Name: "pod", Labels: map[string]string{}}}
		for key, value := range labels {
			p.Labels[key] = value
		}
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name:  moverjob.Container,
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: string(result.Encode())}},
		}}
		change(p)
		return p
	}
	asked := []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: "ai", Name: "backup"}}}
	for name, c := range map[string]struct {
		change func(*corev1.Pod)
		want   []reconcile.Request
	}{
		"a mover that ended well": {func(*corev1.Pod) {}, asked},
		"one beside a sidecar that runs on": {func(p *corev1.Pod) {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: "proxy", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}})
		}, asked},
		"one that failed":   {func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State.Terminated.ExitCode = 1 }, nil},
		"one that runs":     {func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State.Terminated = nil }, nil},
		"one of a restore":  {func(p *corev1.Pod) { p.Labels[v1alpha1.RoleLabel] = v1alpha1.RoleFill }, nil},
		"one of no Job":     {func(p *corev1.Pod) { delete(p.Labels, batchv1.JobNameLabel) }, nil},
		"none of Soteria's": {func(p *corev1.Pod) { delete(p.Labels, v1alpha1.ManagedByLabel) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, jobOfEnded(t.Context(), pod(c.change)))
		})
	}
}
