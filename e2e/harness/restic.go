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
	return c.runRestic(ctx, resticPod(name, repository, args))
}

// ResticOn runs restic in the folder /data, which holds these files, as somebody does
// who backs up what Soteria did not.
func (c *Cluster) ResticOn(ctx context.Context, files map[string]string, name, repository string, args ...string) (string, error) {
	pod := resticPod(name, repository, args)
	held := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: SoteriaNamespace, Name: name}, Data: map[string]string{}}
	container := &pod.Spec.Containers[0]
	container.WorkingDir = "/data"
	for path, content := range files {
		key := fmt.Sprintf("file-%d", len(held.Data))
		held.Data[key] = content
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: "files", MountPath: "/data/" + path, SubPath: key, ReadOnly: true})
	}
	pod.Spec.Volumes = []corev1.Volume{{Name: "files", VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
	}}}
	if err := c.Create(ctx, held); err != nil {
		return "", fmt.Errorf("making the files to back up: %w", err)
	}
	defer func() { _ = c.Delete(context.WithoutCancel(ctx), held) }()
	return c.runRestic(ctx, pod)
}

func resticPod(name, repository string, args []string) *corev1.Pod {
	user := int64(65532)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: SoteriaNamespace, Name: name},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: "restic", Image: ResticImage, Command: append([]string{"restic", "--repo", repository, "--no-cache", "--no-lock"}, args...),
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
}

func (c *Cluster) runRestic(ctx context.Context, pod *corev1.Pod) (string, error) {
	if err := c.Create(ctx, pod); err != nil {
		return "", fmt.Errorf("starting restic: %w", err)
	}
	defer func() { _ = c.Delete(context.WithoutCancel(ctx), pod, client.GracePeriodSeconds(0)) }()
	err := WaitFor(ctx, "restic in pod "+pod.Name, func(ctx context.Context) (bool, string, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed, string(pod.Status.Phase), err
	})
	if err != nil {
		return "", err
	}
	out, err := c.Kubectl(ctx, "", "logs", "-n", SoteriaNamespace, pod.Name)
	if err == nil && pod.Status.Phase == corev1.PodFailed {
		err = fmt.Errorf("restic failed: %s", out)
	}
	return out, err
}
