package restic

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// initPatience is how long the making of a repository may take before another
// call may take it that it died halfway.
const initPatience = 2 * time.Minute

// lockRepository keeps two calls, in any replica, from making the repository at
// once: object storage has no exclusive create, and two `restic init` at a time
// leave a repository that neither key opens. The lock is a Lease in Soteria's
// namespace; release gives it back.
func (d *Driver) lockRepository(ctx context.Context) (release func(), err error) {
	sum := sha256.Sum256([]byte(d.location.Text))
	now := metav1.NewMicroTime(d.cluster.Clock.Now())
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.cfg.Namespace, Name: "soteria-repository-" + hex.EncodeToString(sum[:5]),
			Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleRepository},
		},
		Spec: coordinationv1.LeaseSpec{AcquireTime: &now, LeaseDurationSeconds: ptr.To(int32(initPatience.Seconds()))},
	}
	err = d.cluster.Client.Create(ctx, lease)
	if apierrors.IsAlreadyExists(err) {
		err = d.takeOver(ctx, lease)
	}
	if err != nil {
		if backup.KindOf(err) == backup.Conflict {
			return nil, err
		}
		return nil, backup.Errorf(backup.Unavailable, "taking Lease %s/%s to make the repository: %w", lease.Namespace, lease.Name, err)
	}
	return func() {
		// The caller's time may be up; the lock must go all the same.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		// One that cannot be given back runs out by itself.
		_ = d.cluster.Client.Delete(ctx, lease, client.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion})
	}, nil
}

// takeOver takes a lock whose holder had more time than it can have needed.
func (d *Driver) takeOver(ctx context.Context, lease *coordinationv1.Lease) error {
	var held coordinationv1.Lease
	err := d.cluster.Reader.Get(ctx, client.ObjectKeyFromObject(lease), &held)
	switch {
	case apierrors.IsNotFound(err):
		return backup.Errorf(backup.Conflict, "the repository was being made just now; ask again")
	case err != nil:
		return err
	case held.Spec.AcquireTime != nil && d.cluster.Clock.Since(held.Spec.AcquireTime.Time) < initPatience:
		return backup.Errorf(backup.Conflict, "the repository is being made by another request")
	}
	lease.UID, lease.ResourceVersion = held.UID, held.ResourceVersion
	err = d.cluster.Client.Update(ctx, lease)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return backup.Errorf(backup.Conflict, "the repository is being made by another request")
	}
	return err
}
