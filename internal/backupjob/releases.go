package backupjob

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// Releases lets claims go. Kubernetes keeps a claim that is being deleted for as
// long as there is a pod that names it, also one that ended long ago
// (kubernetes.io/pvc-protection), and the pods of a backup Job last as long as the
// Job: without this a claim could not be deleted for a day after its last backup.
// Of a claim that is being deleted it deletes the backup Jobs that have ended and
// been told. One that runs may end first. It runs on the leader.
type Releases struct {
	// Client reads claims and Jobs from the cache, and deletes Jobs.
	Client client.Client
}

// SetupWithManager registers the controller.
func (r *Releases) SetupWithManager(mgr manager.Manager) error {
	deleted := predicate.NewPredicateFuncs(func(object client.Object) bool { return object.GetDeletionTimestamp() != nil })
	err := ctrl.NewControllerManagedBy(mgr).Named("backup-releases").
		For(&corev1.PersistentVolumeClaim{}, builder.WithPredicates(deleted)).
		Watches(&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(claimOfTold)).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up the controller that lets claims go: %w", err)
	}
	return nil
}

// claimOfTold gives the claim of a backup Job that has ended and been told.
func claimOfTold(_ context.Context, object client.Object) []reconcile.Request {
	job, ok := object.(*batchv1.Job)
	if !ok || !isTold(job) {
		return nil
	}
	claim, ok := claimOf(job)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: claim.Namespace, Name: claim.Name}}}
}

func isTold(job *batchv1.Job) bool {
	_, finished := moverjob.Finished(job)
	return finished && job.Annotations[toldAnnotation] != ""
}

// Reconcile lets one claim go if it is being deleted. It is idempotent.
func (r *Releases) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	claim := &corev1.PersistentVolumeClaim{}
	if err := r.Client.Get(ctx, req.NamespacedName, claim); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if claim.DeletionTimestamp == nil {
		return reconcile.Result{}, nil
	}
	var jobs batchv1.JobList
	err := r.Client.List(ctx, &jobs, client.InNamespace(claim.Namespace), client.MatchingLabels{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup, v1alpha1.ClaimUIDLabel: string(claim.UID),
	})
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("listing the backup Jobs of claim %s: %w", req.NamespacedName, err)
	}
	for i := range jobs.Items {
		job := &jobs.Items[i]
		of, ours := claimOf(job)
		if !ours || of.Name != claim.Name || !isTold(job) || job.DeletionTimestamp != nil {
			continue
		}
		err := r.Client.Delete(ctx, job, client.Preconditions{UID: &job.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
		if client.IgnoreNotFound(err) != nil {
			return reconcile.Result{}, fmt.Errorf("deleting Job %s, whose pods keep claim %s from being deleted: %w", job.Name, req.NamespacedName, err)
		}
	}
	return reconcile.Result{}, nil
}
