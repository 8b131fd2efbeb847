package harness

import (
	"context"
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// Where Soteria is installed.
const (
	SoteriaNamespace = "soteria-system"
	soteriaName      = "soteria"
	credentialsName  = "soteria-restic"
	repositoryPin    = "SOTERIA_RESTIC_REPOSITORY_ID"
	repositoryURL    = "SOTERIA_RESTIC_REPOSITORY"
	soteriaImage     = "localhost/soteria:e2e"
	resticPassword   = "a password of the tests"
)

// ResticImage is the image of the oldest restic that is supported, which the Jobs of the
// scenarios run.
const ResticImage = "localhost/restic:0.16.4"

// BuildImage builds Soteria's image from the sources, with build tags, and gives
// it to the container runtime of the cluster that "make cluster-up" started. Any
// other cluster must have the image already.
func (c *Cluster) BuildImage(ctx context.Context, tags string) error {
	if c.kubeconfig != c.ownKubeconfig() {
		return nil
	}
	args := []string{"image"}
	if tags != "" {
		args = append(args, "-tags", tags)
	}
	_, err := c.launcher(ctx, args...)
	return err
}

// Install applies the manifests, gives Soteria its credentials and waits until
// both replicas serve. Replicas that ran before are replaced, so that they run
// the image that was built last.
func (c *Cluster) Install(ctx context.Context) error {
	if err := c.CreateNamespace(ctx, SoteriaNamespace, nil); err != nil {
		return err
	}
	keys, err := c.StoreKeys(ctx)
	if err != nil {
		return err
	}
	if err := c.SetCredentials(ctx, keys); err != nil {
		return err
	}
	if _, err := c.Kubectl(ctx, "", "apply", "-k", "e2e/install"); err != nil {
		return err
	}
	return c.Restart(ctx)
}

// Restart replaces every replica and waits until the new ones serve.
func (c *Cluster) Restart(ctx context.Context) error {
	if _, err := c.Kubectl(ctx, "", "rollout", "restart", "-n", SoteriaNamespace, "deploy/"+soteriaName); err != nil {
		return err
	}
	if err := c.AwaitRollout(ctx, SoteriaNamespace, soteriaName); err != nil {
		return err
	}
	return c.awaitAdmission(ctx)
}

// awaitAdmission waits until the API server reaches Soteria's webhook: a replica
// that is ready may not be in the node's rules yet. It tries with a claim that
// may start empty, on a dry run.
func (c *Cluster) awaitAdmission(ctx context.Context) error {
	return WaitFor(ctx, "the API server to reach Soteria's webhook", func(ctx context.Context) (bool, string, error) {
		err := c.Create(ctx, &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: metav1.NamespaceDefault, GenerateName: "awaits-admission-",
				Labels:      map[string]string{v1alpha1.RestoreLabel: "skip"},
				Annotations: map[string]string{v1alpha1.SkipReasonAnnotation: "it is a dry run"},
			},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
			},
		}, client.DryRunAll)
		return err == nil, "", err
	})
}

// Scale sets the number of replicas of a Deployment and waits until so many
// serve, and no pod more.
func (c *Cluster) Scale(ctx context.Context, namespace, name string, replicas int32) error {
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := c.Patch(ctx, deployment, patch); err != nil {
		return fmt.Errorf("scaling %s/%s to %d: %w", namespace, name, replicas, err)
	}
	return c.AwaitRollout(ctx, namespace, name)
}

// ScaleSoteria sets the number of Soteria's replicas and, if that is not zero,
// waits until admission is answered.
func (c *Cluster) ScaleSoteria(ctx context.Context, replicas int32) error {
	if err := c.Scale(ctx, SoteriaNamespace, soteriaName, replicas); err != nil || replicas == 0 {
		return err
	}
	return c.awaitAdmission(ctx)
}

// AwaitRollout waits until a Deployment runs just what its spec says, and its
// Service sends to all of its pods.
func (c *Cluster) AwaitRollout(ctx context.Context, namespace, name string) error {
	return WaitFor(ctx, fmt.Sprintf("deployment %s/%s", namespace, name), func(ctx context.Context) (bool, string, error) {
		var d appsv1.Deployment
		if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &d); err != nil {
			return false, "", err
		}
		want := ptr.Deref(d.Spec.Replicas, 1)
		var pods corev1.PodList
		if err := c.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels(d.Spec.Selector.MatchLabels)); err != nil {
			return false, "", err
		}
		seen := fmt.Sprintf("%d wanted, %d updated, %d available, %d pods", want, d.Status.UpdatedReplicas, d.Status.AvailableReplicas, len(pods.Items))
		return d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == want &&
			d.Status.AvailableReplicas == want && len(pods.Items) == int(want), seen, nil
	})
}

// Configure sets variables in Soteria's ConfigMap, removes those set to "", and
// restarts Soteria with them.
func (c *Cluster) Configure(ctx context.Context, variables map[string]string) error {
	changed, err := c.setVariables(ctx, variables)
	if err != nil || !changed {
		return err
	}
	return c.Restart(ctx)
}

// setVariables writes variables to Soteria's ConfigMap, removes those set to "", and
// reports whether that changed it.
func (c *Cluster) setVariables(ctx context.Context, variables map[string]string) (changed bool, err error) {
	var config corev1.ConfigMap
	if err := c.Get(ctx, client.ObjectKey{Namespace: SoteriaNamespace, Name: soteriaName}, &config); err != nil {
		return false, fmt.Errorf("reading Soteria's ConfigMap: %w", err)
	}
	before := maps.Clone(config.Data)
	for name, value := range variables {
		if value == "" {
			delete(config.Data, name)
			continue
		}
		config.Data[name] = value
	}
	if maps.Equal(before, config.Data) {
		return false, nil
	}
	if err := c.Update(ctx, &config); err != nil {
		return false, fmt.Errorf("writing Soteria's ConfigMap: %w", err)
	}
	return true, nil
}

// UseRepository points Soteria at a repository, makes it if it is absent, and
// pins its identity, as the README tells an operator to. Where all that is so
// already, nothing is restarted.
func (c *Cluster) UseRepository(ctx context.Context, url string) (id string, err error) {
	if id, used := c.usesRepository(ctx, url); used {
		return id, nil
	}
	if err := c.Configure(ctx, map[string]string{repositoryURL: url, repositoryPin: ""}); err != nil {
		return "", err
	}
	// Claims of scenarios that run meanwhile may wait.
	out, err := c.Soteria(ctx, "repository", "init", "--if-absent", "--yes")
	if err != nil {
		return "", err
	}
	id = strings.TrimSpace(out)
	if _, err := c.Soteria(ctx, "repository", "accept", "--yes", id); err != nil {
		return "", err
	}
	return id, c.Configure(ctx, map[string]string{repositoryPin: id})
}

// usesRepository reports whether Soteria is pointed at a repository, and its right
// identity is pinned.
func (c *Cluster) usesRepository(ctx context.Context, url string) (id string, used bool) {
	var config corev1.ConfigMap
	err := c.Get(ctx, client.ObjectKey{Namespace: SoteriaNamespace, Name: soteriaName}, &config)
	if id = config.Data[repositoryPin]; err != nil || id == "" || config.Data[repositoryURL] != url {
		return "", false
	}
	out, err := c.Soteria(ctx, "repository", "init", "--if-absent", "--yes")
	return id, err == nil && strings.TrimSpace(out) == id
}

// ForgetDriver has Soteria forget that a driver held backups which it does not look
// at any more: until then that is a doubt about every claim.
func (c *Cluster) ForgetDriver(ctx context.Context, driver string) error {
	_, err := c.Soteria(ctx, "repository", "forget", "--yes", driver)
	return err
}

// Soteria runs one of Soteria's own commands in one of its pods.
func (c *Cluster) Soteria(ctx context.Context, args ...string) (string, error) {
	return c.Exec(ctx, SoteriaNamespace, "deploy/"+soteriaName, append([]string{"/usr/bin/soteria"}, args...)...)
}

// StoreKeys gives the credentials of the S3 store that the cluster's launcher
// set up, with the password of the tests' repositories.
func (c *Cluster) StoreKeys(ctx context.Context) (map[string]string, error) {
	var root corev1.Secret
	if err := c.Get(ctx, client.ObjectKey{Namespace: StoreNamespace, Name: "s3-root"}, &root); err != nil {
		return nil, fmt.Errorf("reading the store's keys: %w", err)
	}
	return map[string]string{
		"AWS_ACCESS_KEY_ID":     string(root.Data["ROOT_ACCESS_KEY"]),
		"AWS_SECRET_ACCESS_KEY": string(root.Data["ROOT_SECRET_KEY"]),
		"RESTIC_PASSWORD":       resticPassword,
	}, nil
}

// SetCredentials writes Soteria's repository credentials.
func (c *Cluster) SetCredentials(ctx context.Context, keys map[string]string) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: SoteriaNamespace, Name: credentialsName}}
	if err := c.Delete(ctx, secret); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("replacing the credentials: %w", err)
	}
	secret.StringData = keys
	if err := c.Create(ctx, secret); err != nil {
		return fmt.Errorf("writing the credentials: %w", err)
	}
	return nil
}

// DeleteCredentials removes Soteria's repository credentials.
func (c *Cluster) DeleteCredentials(ctx context.Context) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: SoteriaNamespace, Name: credentialsName}}
	if err := c.Delete(ctx, secret); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting the credentials: %w", err)
	}
	return nil
}
