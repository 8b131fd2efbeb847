package harness

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	sigsyaml "sigs.k8s.io/yaml"
)

// Where Kyverno's own manifests put it.
const (
	KyvernoNamespace  = "kyverno"
	kyvernoController = "kyverno-admission-controller"
	kyvernoService    = "kyverno-svc"
	kyvernoImage      = "localhost/kyverno:e2e"
)

// kyvernoWebhooks is the label of the webhook configurations that Kyverno makes.
var kyvernoWebhooks = client.MatchingLabels{"webhook.kyverno.io/managed-by": "kyverno"}

// ErrNotOurCluster is returned where something can only be had of the cluster that
// "make cluster-up" started.
var ErrNotOurCluster = errors.New("only the cluster that make cluster-up started can do that")

// InstallKyverno builds Kyverno, installs its own manifests with one replica of the
// admission controller and without the other controllers, and waits until it
// serves.
func (c *Cluster) InstallKyverno(ctx context.Context) error {
	manifests, err := c.kyvernoManifests(ctx)
	if err != nil {
		return err
	}
	// The larger of its custom resource definitions do not fit in the annotation
	// of a client-side apply.
	if _, err := c.Kubectl(ctx, manifests, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		return err
	}
	return c.AwaitRollout(ctx, KyvernoNamespace, kyvernoController)
}

// RemoveKyverno removes all that InstallKyverno and Kyverno itself made. Its
// webhook configurations go when it cannot make them anew.
func (c *Cluster) RemoveKyverno(ctx context.Context) error {
	manifests, err := c.kyvernoManifests(ctx)
	if err != nil {
		return err
	}
	if err := c.Scale(ctx, KyvernoNamespace, kyvernoController, 0); client.IgnoreNotFound(errors.Unwrap(err)) != nil {
		return err
	}
	for _, kind := range []client.Object{&admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{}} {
		if err := c.DeleteAllOf(ctx, kind, kyvernoWebhooks); err != nil {
			return fmt.Errorf("deleting Kyverno's webhook configurations: %w", err)
		}
	}
	_, err = c.Kubectl(ctx, manifests, "delete", "--ignore-not-found", "--wait", "-f", "-")
	return err
}

// kyvernoManifests are Kyverno's own, for this cluster.
func (c *Cluster) kyvernoManifests(ctx context.Context) (string, error) {
	if c.kubeconfig != c.ownKubeconfig() {
		return "", ErrNotOurCluster
	}
	path, err := c.launcher(ctx, "kyverno")
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(strings.TrimSpace(path))
	if err != nil {
		return "", fmt.Errorf("reading Kyverno's manifests: %w", err)
	}
	return reduced(text)
}

// reduced drops all Deployments but the admission controller's, and has that run
// the image that was made here.
func reduced(manifests []byte) (string, error) {
	var kept bytes.Buffer
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return kept.String(), nil
		}
		if err != nil {
			return "", fmt.Errorf("reading Kyverno's manifests: %w", err)
		}
		var deployment appsv1.Deployment
		if err := sigsyaml.Unmarshal(document, &deployment); err == nil && deployment.Kind == "Deployment" {
			if deployment.Name != kyvernoController {
				continue
			}
			if document, err = sigsyaml.Marshal(ofHere(&deployment)); err != nil {
				return "", fmt.Errorf("writing Kyverno's Deployment: %w", err)
			}
		}
		kept.WriteString("---\n")
		kept.Write(document)
	}
}

// ofHere leaves out the init container, which only removes what older versions of
// Kyverno left.
func ofHere(deployment *appsv1.Deployment) *appsv1.Deployment {
	deployment.Spec.Replicas = ptr.To[int32](1)
	pod := &deployment.Spec.Template.Spec
	pod.InitContainers = nil
	pod.Containers[0].Image = kyvernoImage
	pod.Containers[0].ImagePullPolicy = corev1.PullNever
	return deployment
}

// CutOffKyverno has nobody reach Kyverno, as if its node had died: its webhook
// configurations stay. The pod is killed besides, since the API server would go on
// using the connection that it has. ReconnectKyverno ends that.
func (c *Cluster) CutOffKyverno(ctx context.Context) error {
	if err := c.selectKyverno(ctx, `{"spec":{"selector":{"soteria.dev/cut-off":"true"}}}`); err != nil {
		return err
	}
	err := c.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(KyvernoNamespace),
		client.MatchingLabels{"app.kubernetes.io/component": "admission-controller"}, client.GracePeriodSeconds(0))
	if err != nil {
		return fmt.Errorf("killing Kyverno's pod: %w", err)
	}
	return nil
}

// ReconnectKyverno undoes CutOffKyverno and waits until Kyverno serves.
func (c *Cluster) ReconnectKyverno(ctx context.Context) error {
	if err := c.selectKyverno(ctx, `{"spec":{"selector":{"soteria.dev/cut-off":null}}}`); err != nil {
		return err
	}
	return c.AwaitRollout(ctx, KyvernoNamespace, kyvernoController)
}

func (c *Cluster) selectKyverno(ctx context.Context, patch string) error {
	service := &corev1.Service{}
	service.Namespace, service.Name = KyvernoNamespace, kyvernoService
	if err := c.Patch(ctx, service, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		return fmt.Errorf("changing the selector of Kyverno's Service: %w", err)
	}
	return nil
}

// RemoveWebhook takes Soteria's own webhook away, as an accident would, or whoever
// lets policies decide. RestoreWebhook puts it back.
func (c *Cluster) RemoveWebhook(ctx context.Context) error {
	_, err := c.Kubectl(ctx, "", "delete", "--ignore-not-found", "mutatingwebhookconfiguration,validatingwebhookconfiguration", soteriaName)
	return err
}

// RestoreWebhook applies Soteria's manifests and waits until admission is answered.
func (c *Cluster) RestoreWebhook(ctx context.Context) error {
	if _, err := c.Kubectl(ctx, "", "apply", "-f", "deploy/webhook.yaml"); err != nil {
		return err
	}
	return c.awaitAdmission(ctx)
}

// NodeAddress is where pods reach what this process serves. Only the cluster that
// "make cluster-up" started has its node on this machine.
func (c *Cluster) NodeAddress(ctx context.Context) (string, error) {
	if c.kubeconfig != c.ownKubeconfig() {
		return "", ErrNotOurCluster
	}
	var nodes corev1.NodeList
	if err := c.List(ctx, &nodes); err != nil {
		return "", fmt.Errorf("listing nodes: %w", err)
	}
	for _, node := range nodes.Items {
		for _, address := range node.Status.Addresses {
			if address.Type == corev1.NodeInternalIP {
				return address.Address, nil
			}
		}
	}
	return "", errors.New("no node has an internal address")
}

// File reads a file of the repository.
func (c *Cluster) File(path string) (string, error) {
	text, err := os.ReadFile(filepath.Join(c.root, path))
	if err != nil {
		return "", fmt.Errorf("reading a file of the repository: %w", err)
	}
	return string(text), nil
}
