package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// StoreNamespace is where the servers that hold backups run.
const StoreNamespace = "backup-store"

// The two kinds of repositories that the scenarios use.
const (
	S3   = "versitygw"
	Rest = "rest-server"
)

// storeShell is the pod that sees the S3 store's data.
const storeShell = "store-shell"

// s3Bucket is the bucket that the repositories are in.
const s3Bucket = "soteria"

// S3Repository and RestRepository give the URL of a repository by its name.
func S3Repository(name string) string {
	return "s3:http://s3.backup-store.svc:7070/" + s3Bucket + "/" + name
}

// RestRepository gives the URL of a repository on the rest-server.
func RestRepository(name string) string {
	return "rest:http://rest.backup-store.svc:8000/" + name
}

// services are the stores' Services.
var services = map[string]string{S3: "s3", Rest: "rest"}

// StopStore stops a store and waits until connections to it are refused; its
// data stays.
func (c *Cluster) StopStore(ctx context.Context, store string) error {
	if err := c.Scale(ctx, StoreNamespace, store, 0); err != nil {
		return err
	}
	return c.awaitRefused(ctx, services[store])
}

// awaitRefused waits until the node's rules know that nobody serves a Service any
// more. A connection that is begun before that goes to the address of a pod that
// is gone, and hears nothing for half a minute. Only the cluster that "make
// cluster-up" started has its node on this machine.
func (c *Cluster) awaitRefused(ctx context.Context, service string) error {
	if c.kubeconfig != c.ownKubeconfig() {
		return nil
	}
	var s corev1.Service
	if err := c.Get(ctx, client.ObjectKey{Namespace: StoreNamespace, Name: service}, &s); err != nil {
		return fmt.Errorf("reading the store's Service: %w", err)
	}
	const answers = time.Second
	address := net.JoinHostPort(s.Spec.ClusterIP, strconv.Itoa(int(s.Spec.Ports[0].Port)))
	return WaitFor(ctx, "connections to Service "+service+" to be refused", func(ctx context.Context) (bool, string, error) {
		dialer := net.Dialer{Timeout: answers}
		connection, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return errors.Is(err, syscall.ECONNREFUSED), err.Error(), nil
		}
		return false, "it answers", connection.Close()
	})
}

// StartStore starts a store and waits until it serves.
func (c *Cluster) StartStore(ctx context.Context, store string) error {
	return c.Scale(ctx, StoreNamespace, store, 1)
}

// StoreShell runs a command in a pod that sees the S3 store's data at /data, to
// do to it what an accident would: each bucket is a folder there.
func (c *Cluster) StoreShell(ctx context.Context, command ...string) (string, error) {
	var server appsv1.Deployment
	if err := c.Get(ctx, client.ObjectKey{Namespace: StoreNamespace, Name: S3}, &server); err != nil {
		return "", fmt.Errorf("reading the S3 store's Deployment: %w", err)
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: StoreNamespace, Name: storeShell},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{
				Name: "shell", Image: BusyboxImage, Command: []string{"/bin/sleep", "infinity"},
				VolumeMounts: server.Spec.Template.Spec.Containers[0].VolumeMounts,
			}},
			Volumes:                       server.Spec.Template.Spec.Volumes,
			TerminationGracePeriodSeconds: new(int64),
		},
	}
	if err := c.Create(ctx, pod); client.IgnoreAlreadyExists(err) != nil {
		return "", fmt.Errorf("making pod %s: %w", storeShell, err)
	}
	if err := c.AwaitPod(ctx, StoreNamespace, storeShell); err != nil {
		return "", err
	}
	return c.Exec(ctx, StoreNamespace, storeShell, command...)
}

// MakeRepository makes a restic repository with Soteria's own credentials, and
// without Soteria.
func (c *Cluster) MakeRepository(ctx context.Context, url string) error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: SoteriaNamespace, GenerateName: "make-repository-"},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: "restic", Image: "localhost/restic:0.16.4", ImagePullPolicy: corev1.PullIfNotPresent,
				Args:    []string{"--no-cache", "-r", url, "init"},
				EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: credentialsName}}}},
			}},
		},
	}
	if err := c.Create(ctx, pod); err != nil {
		return fmt.Errorf("making the pod that makes a repository: %w", err)
	}
	err := WaitFor(ctx, "repository "+url+" to be made", func(ctx context.Context) (bool, string, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return pod.Status.Phase == corev1.PodSucceeded, string(pod.Status.Phase), err
	})
	if err != nil {
		return err
	}
	if err := c.Delete(ctx, pod); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting pod %s: %w", pod.Name, err)
	}
	return nil
}

// CloseStoreShell removes the pod of [Cluster.StoreShell].
func (c *Cluster) CloseStoreShell(ctx context.Context) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: StoreNamespace, Name: storeShell}}
	if err := c.Delete(ctx, pod); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting pod %s: %w", storeShell, err)
	}
	return nil
}
