package harness

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Restic runs the restic of Soteria's Jobs on a repository, in a pod of that name
// beside Soteria, and gives what it printed.
func (c *Cluster) Restic(ctx context.Context, name, repository string, args ...string) (string, error) {
	user := int64(65532)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: SoteriaNamespace, Name: name},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: "restic", Image: resticImage, Command: append([]string{"restic", "--repo", repository, "--no-cache", "--no-lock"}, args...),
				EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: credentialsName}}}},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: ptr.To(true), RunAsUser: &user, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
		},
	}
	if err := c.Create(ctx, pod); err != nil {
		return "", fmt.Errorf("starting restic: %w", err)
	}
	defer func() { _ = c.Delete(context.WithoutCancel(ctx), pod, client.GracePeriodSeconds(0)) }()
	err := WaitFor(ctx, "restic in pod "+name, func(ctx context.Context) (bool, string, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed, string(pod.Status.Phase), err
	})
	if err != nil {
		return "", err
	}
	out, err := c.Kubectl(ctx, "", "logs", "-n", SoteriaNamespace, name)
	if err == nil && pod.Status.Phase == corev1.PodFailed {
		err = fmt.Errorf("restic failed: %s", out)
	}
	return out, err
}
