//go:build killpoints

package restore

import (
	"context"
	"os"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// killPoint ends the process without any farewell when the claim asks for it,
// after taking the wish off the claim so that the next process lives.
func (r *Reconciler) killPoint(ctx context.Context, claim *corev1.PersistentVolumeClaim, name string) {
	if claim.Annotations[KillAtAnnotation] != name {
		return
	}
	log := logf.FromContext(ctx)
	wished := claim.DeepCopy()
	delete(wished.Annotations, KillAtAnnotation)
	if err := r.client.Patch(ctx, wished, client.MergeFrom(claim)); err != nil {
		log.Error(err, "could not take the kill point off the claim", "killPoint", name)
		return
	}
	log.Info("ending the process at a kill point", "killPoint", name)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		log.Error(err, "could not end the process", "killPoint", name)
	}
	select {}
}
