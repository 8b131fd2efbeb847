package harness

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// Rebuild leaves Soteria as it is in a cluster that was just built again from Git:
// with its manifests and this configuration (see [Cluster.Configure]), and without
// anything that it kept in the cluster before. Call it when no claim is protected.
func (c *Cluster) Rebuild(ctx context.Context, variables map[string]string) error {
	if err := c.ScaleSoteria(ctx, 0); err != nil {
		return err
	}
	if err := c.forgetAll(ctx); err != nil {
		return err
	}
	if _, err := c.setVariables(ctx, variables); err != nil {
		return err
	}
	const replicas = 2
	return c.ScaleSoteria(ctx, replicas)
}

// forgetAll removes the ConfigMaps that Soteria made, and its Jobs.
func (c *Cluster) forgetAll(ctx context.Context) error {
	var kept corev1.ConfigMapList
	if err := c.List(ctx, &kept, client.InNamespace(SoteriaNamespace)); err != nil {
		return fmt.Errorf("listing what Soteria keeps: %w", err)
	}
	for _, object := range kept.Items {
		if object.Name == soteriaName || object.Name == "kube-root-ca.crt" {
			continue
		}
		if err := c.Delete(ctx, &object); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("deleting ConfigMap %s: %w", object.Name, err)
		}
	}
	err := c.DeleteAllOf(ctx, &batchv1.Job{}, client.InNamespace(SoteriaNamespace), client.PropagationPolicy(metav1.DeletePropagationBackground))
	if err != nil {
		return fmt.Errorf("deleting Soteria's Jobs: %w", err)
	}
	return nil
}

// AwaitCopy waits until a copy of all that Soteria remembers now is beside the backups
// of its restic repository. Soteria goes by the Job that wrote the last one: without
// it, the next is due.
func (c *Cluster) AwaitCopy(ctx context.Context) error {
	ofMemory := client.MatchingLabels{v1alpha1.RoleLabel: v1alpha1.RoleMemory}
	err := c.DeleteAllOf(ctx, &batchv1.Job{}, client.InNamespace(SoteriaNamespace), ofMemory, client.PropagationPolicy(metav1.DeletePropagationForeground))
	if err != nil {
		return fmt.Errorf("deleting the Jobs that wrote copies: %w", err)
	}
	return WaitFor(ctx, "a copy of Soteria's memory beside the backups", func(ctx context.Context) (bool, string, error) {
		var jobs batchv1.JobList
		if err := c.List(ctx, &jobs, client.InNamespace(SoteriaNamespace), ofMemory); err != nil {
			return false, "", err
		}
		for _, job := range jobs.Items {
			if job.DeletionTimestamp == nil && job.Status.Succeeded > 0 {
				return true, "", nil
			}
		}
		return false, fmt.Sprintf("%d Jobs, none has succeeded", len(jobs.Items)), nil
	})
}
