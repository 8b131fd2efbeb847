package harness

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// CopyCredentials copies to a namespace of a benchmark the credentials of the tests'
// repositories, for pods that run restic without Soteria.
func (c *Cluster) CopyCredentials(ctx context.Context, namespace string) error {
	keys, err := c.StoreKeys(ctx)
	if err != nil {
		return err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: credentialsName}, StringData: keys}
	if err := c.Create(ctx, secret); client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("copying the credentials to namespace %s: %w", namespace, err)
	}
	return nil
}

// RawRestore is a pod that restores a snapshot into a claim of its own namespace, with
// the restic of Soteria's image and nothing else.
func RawRestore(namespace, name, claim, repository, snapshot string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": "raw-restic"}},
		Spec: corev1.PodSpec{
			RestartPolicy:   corev1.RestartPolicyNever,
			SecurityContext: &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](0), RunAsNonRoot: ptr.To(false)},
			Containers: []corev1.Container{{
				Name: "restic", Image: soteriaImage, ImagePullPolicy: corev1.PullIfNotPresent,
				Command:      []string{"restic", "--repo", repository, "--no-cache", "--no-lock", "restore", snapshot, "--sparse", "--target", "/restored"},
				EnvFrom:      []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: credentialsName}}}},
				VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/restored"}},
			}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
			}}},
		},
	}
}
