package copies

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
)

// users names the pods that use a claim or wait for it, those of backups included, or
// says why that is not known.
type users struct {
	names []string
	err   error
}

// clause names the users after a text; "" where there are none.
func (u users) clause(text string) string {
	if len(u.names) == 0 {
		return ""
	}
	return text + strings.Join(u.names, ", ")
}

// usersOf reads what uses a claim.
func (k *Keeper) usersOf(ctx context.Context, claim backup.Claim) users {
	pods, err := k.podsOf(ctx, claim.Namespace)
	if err != nil {
		return users{err: err}
	}
	return users{names: podsUsing(pods, claim.Name)}
}

// podsOf lists the pods of a namespace. The error is of kind Unavailable.
func (k *Keeper) podsOf(ctx context.Context, namespace string) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := k.Reader.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the pods of namespace %s: %w", namespace, err)
	}
	return pods.Items, nil
}

// podsUsing names the pods that have not ended and mount a claim; never nil.
func podsUsing(pods []corev1.Pod, claim string) []string {
	names := []string{}
	for i := range pods {
		pod := &pods[i]
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		mounts := func(v corev1.Volume) bool {
			return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim ||
				v.Ephemeral != nil && pod.Name+"-"+v.Name == claim
		}
		if slices.ContainsFunc(pod.Spec.Volumes, mounts) {
			names = append(names, pod.Name)
		}
	}
	slices.Sort(names)
	return names
}
