package harness

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// SecondNode is the node that scenarios switch on and off, and SecondTaint the
// taint that keeps other scenarios' pods away from it.
const (
	SecondNode  = "soteria-e2e-2"
	SecondTaint = "soteria.dev/second-node"
)

// HasSecondNode reports whether the cluster can have the second node: it is the
// one that "make cluster-up" started.
func (c *Cluster) HasSecondNode() bool { return c.kubeconfig == c.ownKubeconfig() }

// SwitchOn starts the second node and waits until it is ready.
func (c *Cluster) SwitchOn(ctx context.Context) error {
	_, err := c.launcher(ctx, "second", "on")
	return err
}

// SwitchOff cuts the second node's power. Kubernetes notices after most of a
// minute.
func (c *Cluster) SwitchOff(ctx context.Context) error {
	_, err := c.launcher(ctx, "second", "off")
	return err
}

// RemoveSecond switches the second node off and deletes its Node object, so that
// Kubernetes lets go of all that hung on it.
func (c *Cluster) RemoveSecond(ctx context.Context) error {
	if err := c.SwitchOff(ctx); err != nil {
		return err
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: SecondNode}}
	if err := c.Delete(ctx, node); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting node %s: %w", SecondNode, err)
	}
	return nil
}
