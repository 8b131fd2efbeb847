package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// Cluster is a way to a real cluster. Its methods may be called concurrently.
type Cluster struct {
	client.Client
	Kubernetes *kubernetes.Clientset
	Config     *rest.Config

	// metadata reads and deletes objects of any kind.
	metadata   metadata.Interface
	root       string
	kubectl    string
	kubeconfig string
}

// Connect finds the cluster that KUBECONFIG names, or else the one that
// "make cluster-up" started.
func Connect(ctx context.Context) (*Cluster, error) {
	c := &Cluster{root: repositoryRoot(), kubeconfig: os.Getenv("KUBECONFIG")}
	if c.kubeconfig == "" {
		c.kubeconfig = c.ownKubeconfig()
	}
	var err error
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.kubeconfig); err != nil {
		return nil, fmt.Errorf("reading kubeconfig %s: %w (make cluster-up starts a cluster)", c.kubeconfig, err)
	}
	c.Config.QPS, c.Config.Burst = 200, 400
	scheme := apiruntime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("registering Kubernetes types: %w", err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("registering Soteria types: %w", err)
	}
	if c.Client, err = client.New(c.Config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	if c.Kubernetes, err = kubernetes.NewForConfig(c.Config); err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	// What namespaces hold may be of versions that are deprecated.
	quiet := rest.CopyConfig(c.Config)
	quiet.WarningHandler = rest.NoWarnings{}
	if c.metadata, err = metadata.NewForConfig(quiet); err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	if c.kubectl, err = c.Tool(ctx, "kubectl"); err != nil {
		return nil, err
	}
	return c, nil
}

// ownKubeconfig is the administrator's kubeconfig of the cluster that "make
// cluster-up" starts.
func (c *Cluster) ownKubeconfig() string {
	return filepath.Join(c.root, ".cluster", "kubeconfig")
}

// repositoryRoot is the folder that holds go.mod.
func repositoryRoot() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Tool gives the path of a program that the cluster's launcher builds.
func (c *Cluster) Tool(ctx context.Context, name string) (string, error) {
	out, err := c.launcher(ctx, "tool", name)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(out), nil
}

// launcher runs the cluster's launcher.
func (c *Cluster) launcher(ctx context.Context, args ...string) (string, error) {
	return run(exec.CommandContext(ctx, "go", append([]string{"run", "-C", filepath.Join(c.root, "e2e", "cluster"), "."}, args...)...))
}

// Kubectl runs kubectl as the cluster's administrator, with stdin as its input,
// and returns what it printed.
func (c *Cluster) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	return run(c.command(ctx, stdin, args...))
}

// command is kubectl, ready to run.
func (c *Cluster) command(ctx context.Context, stdin string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, c.kubectl, append([]string{"--kubeconfig", c.kubeconfig}, args...)...)
	command.Dir = c.root
	command.Stdin = strings.NewReader(stdin)
	return command
}

// run runs a command; the error holds what it printed to standard error.
func run(command *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w: %s", strings.Join(command.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// Apply applies manifests as a GitOps tool or a user would. Where somebody makes
// one of the objects between kubectl's look for it and its attempt to make it, as
// two scenarios' parts may that share a namespace, they are applied again.
func (c *Cluster) Apply(ctx context.Context, manifests string) error {
	for {
		_, err := c.Kubectl(ctx, manifests, "apply", "-f", "-")
		if err == nil || !strings.Contains(err.Error(), "Error from server (AlreadyExists)") {
			return err
		}
	}
}

// Submit gives manifests to kubectl with other arguments than those of
// [Cluster.Apply], such as "apply", "--dry-run=server", and gives the warnings
// that the user gets to see.
func (c *Cluster) Submit(ctx context.Context, manifests string, args ...string) (warnings string, err error) {
	command := c.command(ctx, manifests, append(args, "-f", "-")...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stderr.String(), nil
}

// Exec runs a command in a pod of a workload, such as "deploy/app".
func (c *Cluster) Exec(ctx context.Context, namespace, target string, command ...string) (string, error) {
	return c.Kubectl(ctx, "", append([]string{"exec", "-n", namespace, target, "--"}, command...)...)
}

// CreateNamespace makes a namespace with labels, or sets the labels of one that
// is there.
func (c *Cluster) CreateNamespace(ctx context.Context, name string, labels map[string]string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if err := c.Create(ctx, namespace); client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("creating namespace %s: %w", name, err)
	}
	return nil
}

// DestroyNamespaces deletes namespaces and waits until they, and every volume
// that was bound to a claim in them, are gone. What holds claims back is deleted
// first: the namespace controller would look again only after a quarter of a
// minute.
func (c *Cluster) DestroyNamespaces(ctx context.Context, names ...string) error {
	for _, name := range names {
		for _, kind := range []client.Object{&appsv1.Deployment{}, &batchv1.Job{}, &corev1.Pod{}, &corev1.PersistentVolumeClaim{}} {
			err := c.DeleteAllOf(ctx, kind, client.InNamespace(name), client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationBackground))
			if err != nil {
				return fmt.Errorf("emptying namespace %s: %w", name, err)
			}
		}
	}
	for _, name := range names {
		if err := c.awaitNoClaims(ctx, name); err != nil {
			return err
		}
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if err := c.Delete(ctx, namespace); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("deleting namespace %s: %w", name, err)
		}
	}
	for _, name := range names {
		if err := c.awaitGone(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) awaitNoClaims(ctx context.Context, namespace string) error {
	return WaitFor(ctx, "the claims of namespace "+namespace+" to be gone", func(ctx context.Context) (bool, string, error) {
		var claims corev1.PersistentVolumeClaimList
		err := c.List(ctx, &claims, client.InNamespace(namespace))
		return len(claims.Items) == 0, fmt.Sprintf("%d claims are there", len(claims.Items)), err
	})
}

func (c *Cluster) awaitGone(ctx context.Context, namespace string) error {
	return WaitFor(ctx, fmt.Sprintf("namespace %s and its volumes to be gone", namespace), func(ctx context.Context) (bool, string, error) {
		var there corev1.Namespace
		err := c.Get(ctx, client.ObjectKey{Name: namespace}, &there)
		if err == nil {
			seen, err := c.finishNamespace(ctx, &there)
			return false, seen, err
		}
		if !apierrors.IsNotFound(err) {
			return false, "", err
		}
		volumes, err := c.VolumesOf(ctx, namespace)
		return len(volumes) == 0, fmt.Sprintf("%d volumes are there", len(volumes)), err
	})
}

// VolumesOf lists the volumes whose claim is, or was, in a namespace.
func (c *Cluster) VolumesOf(ctx context.Context, namespace string) ([]corev1.PersistentVolume, error) {
	var all corev1.PersistentVolumeList
	if err := c.List(ctx, &all); err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	var volumes []corev1.PersistentVolume
	for _, volume := range all.Items {
		if volume.Spec.ClaimRef != nil && volume.Spec.ClaimRef.Namespace == namespace {
			volumes = append(volumes, volume)
		}
	}
	return volumes, nil
}
