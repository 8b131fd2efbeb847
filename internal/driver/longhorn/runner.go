package longhorn

import (
	"context"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
)

// lookForAbandoned is how often a replica looks for backups whose replica died.
const lookForAbandoned = 10 * time.Second

// runner drives this replica's backups.
type runner struct {
	// started is closed once Start runs, stopped once it takes no more.
	started, stopped chan struct{}
	adopt            chan *run

	mu sync.Mutex
	// driven holds the names of the Leases of backups that this replica drives or
	// is about to.
	driven map[string]struct{}
}

func newRunner() *runner {
	return &runner{started: make(chan struct{}), stopped: make(chan struct{}), adopt: make(chan *run), driven: make(map[string]struct{})}
}

// take reserves a Lease's name; false if this replica drives its backup already.
func (r *runner) take(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, taken := r.driven[name]
	r.driven[name] = struct{}{}
	return !taken
}

func (r *runner) leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.driven, name)
}

// Start drives the backups that this replica begins, and those whose replica
// died: a Lease that nobody renewed for 30 s is taken over, one that its replica
// gave back at once. It ends with ctx, when all its goroutines have; what it was
// driving then is given back. It is controller-runtime's Runnable and is to be
// called once. Without it [Driver.Backup] refuses.
func (d *Driver) Start(ctx context.Context) error {
	var driving sync.WaitGroup
	defer driving.Wait()
	defer close(d.runner.stopped)
	close(d.runner.started)
	drive := func(r *run) {
		driving.Go(func() {
			defer d.runner.leave(r.lease.Name)
			r.drive(ctx)
			if ctx.Err() != nil {
				r.release(ctx)
			}
		})
	}
	ticker := d.cluster.Clock.NewTicker(lookForAbandoned)
	defer ticker.Stop()
	sightings := make(map[string]sighting)
	for {
		for _, r := range d.abandoned(ctx, sightings) {
			drive(r)
		}
		select {
		case <-ctx.Done():
			return nil
		case r := <-d.runner.adopt:
			drive(r)
		case <-ticker.C():
		}
	}
}

// NeedLeaderElection tells controller-runtime that every replica drives backups.
func (d *Driver) NeedLeaderElection() bool { return false }

// sighting is a Lease as it was first seen.
type sighting struct {
	version string
	at      time.Time
}

// begin records a backup, which makes it this replica's, and has it driven. It is
// an error of kind Conflict if one of the claim is recorded already.
func (d *Driver) begin(ctx context.Context, t ticket) (*run, error) {
	select {
	case <-d.runner.started:
	default:
		return nil, backup.Errorf(backup.Unavailable, "Soteria is starting and takes no backups yet")
	}
	lease := t.lease(d.cfg.OwnNamespace)
	d.hold(lease)
	justNow := backup.Errorf(backup.Conflict, "a backup of %s was started just now by another request", t.claim)
	if !d.runner.take(lease.Name) {
		return nil, justNow
	}
	err := d.cluster.Client.Create(ctx, lease)
	switch {
	case apierrors.IsAlreadyExists(err):
		d.runner.leave(lease.Name)
		return nil, justNow
	case err != nil:
		// Should it have been made nevertheless, this replica finds it abandoned.
		d.runner.leave(lease.Name)
		return nil, backup.Errorf(backup.Unavailable, "making Lease %s/%s: %w", lease.Namespace, lease.Name, err)
	}
	r := d.newRun(lease, t)
	select {
	case d.runner.adopt <- r:
	case <-d.runner.stopped:
		d.runner.leave(lease.Name)
		r.release(ctx)
	}
	return r, nil
}

// hold writes this replica down as the holder.
func (d *Driver) hold(lease *coordinationv1.Lease) {
	now := &metav1.MicroTime{Time: d.cluster.Clock.Now()}
	lease.Spec.HolderIdentity = &d.cluster.Identity
	lease.Spec.AcquireTime, lease.Spec.RenewTime = now, now
	lease.Spec.LeaseDurationSeconds = ptr.To(int32(leaseDuration.Seconds()))
}

// abandoned takes over the backups that nobody drives. Whether a Lease is renewed
// is judged by its changes and the own clock, never by the holder's.
func (d *Driver) abandoned(ctx context.Context, sightings map[string]sighting) []*run {
	ctx, cancel := context.WithTimeout(ctx, lookForAbandoned)
	defer cancel()
	leases, err := d.leases(ctx)
	if err != nil {
		if ctx.Err() == nil {
			d.cluster.Log.Warn("could not look for abandoned backups", "error", err)
		}
		return nil
	}
	var runs []*run
	for i := range leases {
		lease := &leases[i]
		if !d.isAbandoned(lease, sightings) || !d.runner.take(lease.Name) {
			continue
		}
		r, err := d.takeOver(ctx, lease)
		if err != nil {
			d.runner.leave(lease.Name)
			d.cluster.Log.Warn("could not take an abandoned backup over", "lease", lease.Name, "error", err)
			continue
		}
		d.cluster.Log.Info("took an abandoned backup over", "claim", r.ticket.claim.String(), "volume", r.ticket.volume, "stage", r.ticket.stage)
		runs = append(runs, r)
	}
	return runs
}

func (d *Driver) isAbandoned(lease *coordinationv1.Lease, sightings map[string]sighting) bool {
	now := d.cluster.Clock.Now()
	seen, before := sightings[lease.Name]
	if !before || seen.version != lease.ResourceVersion {
		seen = sighting{version: lease.ResourceVersion, at: now}
		sightings[lease.Name] = seen
	}
	holder := ptr.Deref(lease.Spec.HolderIdentity, "")
	// Its own, too, are of a process that died: those of this one are being driven.
	return holder == "" || holder == d.cluster.Identity || now.Sub(seen.at) >= leaseDuration
}

// takeOver makes a backup this replica's. One whose record makes no sense is
// given up: nobody could go on with it.
func (d *Driver) takeOver(ctx context.Context, lease *coordinationv1.Lease) (*run, error) {
	t, err := readTicket(lease)
	if err != nil {
		if deleted := d.cluster.Client.Delete(ctx, lease, client.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion}); deleted != nil {
			return nil, deleted
		}
		return nil, err
	}
	d.hold(lease)
	lease.Spec.LeaseTransitions = ptr.To(ptr.Deref(lease.Spec.LeaseTransitions, 0) + 1)
	if err := d.cluster.Client.Update(ctx, lease); err != nil {
		return nil, err
	}
	return d.newRun(lease, t), nil
}
