package restic

import (
	"context"
	"slices"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// Misplaced reports whether a backup Job waits for a node that the pods which use
// its claim have left. A claim that is gone has no such pods.
func (d *Driver) Misplaced(ctx context.Context, job *batchv1.Job) (bool, error) {
	pinned := pinnedTo(job.Spec.Template.Spec.Affinity)
	name, err := backup.ParseClaim(job.Annotations[v1alpha1.ClaimAnnotation])
	if err != nil || pinned == "" || name.Namespace != job.Namespace {
		return false, nil //nolint:nilerr // what is no backup of a claim here is not misplaced
	}
	var claim corev1.PersistentVolumeClaim
	err = d.cluster.Reader.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, &claim)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, backup.Errorf(backup.Unavailable, "reading claim %s: %w", name, err)
	}
	users, err := d.usersOf(ctx, &claim)
	if err != nil {
		return false, err
	}
	apps := slices.DeleteFunc(appsOf(users), func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	beside := slices.ContainsFunc(apps, func(p corev1.Pod) bool { return p.Spec.NodeName == pinned })
	return len(apps) > 0 && !beside, nil
}

// pinnedTo reads what [onNode] wrote.
func pinnedTo(affinity *corev1.Affinity) string {
	if affinity == nil || affinity.NodeAffinity == nil || affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return ""
	}
	for _, term := range affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, field := range term.MatchFields {
			if field.Key == metav1.ObjectNameField && len(field.Values) == 1 {
				return field.Values[0]
			}
		}
	}
	return ""
}

// Request reads off a backup Job what it was made for. What [Driver.Backup] adds to
// the tags by itself is left out; it is added again, and checked. It is the request to
// make it once more, in place of that Job.
func (d *Driver) Request(job *batchv1.Job) driver.BackupRequest {
	claim, _ := backup.ParseClaim(job.Annotations[v1alpha1.ClaimAnnotation]) // a claim that is none is refused
	again, _ := strconv.Atoi(job.Annotations[againAnnotation])               // none, or not a number, is the first
	request := driver.BackupRequest{
		Claim: claim, RequestedBy: job.Annotations[v1alpha1.RequestedByAnnotation], Replaces: job.Name, Number: numberOf(job), Again: max(again, 0) + 1,
	}
	for _, container := range job.Spec.Template.Spec.Containers {
		if container.Name != moverjob.Container {
			continue
		}
		for i := 0; i+1 < len(container.Args) && container.Args[i] != "--"; i++ {
			if container.Args[i] == "--tag" && !addedByItself(container.Args[i+1]) {
				request.Tags = append(request.Tags, container.Args[i+1])
			}
		}
	}
	return request
}

func addedByItself(tag string) bool {
	_, reserved := reservedTag(tag)
	return reserved
}
