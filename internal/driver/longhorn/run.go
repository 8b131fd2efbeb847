package longhorn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
	"github.com/soteria-dr/soteria/internal/stall"
)

// The times of a backup.
const (
	// leaseDuration is how long a replica holds a backup without renewing. One
	// that could not renew for holdsFor lets go, well before another takes over.
	leaseDuration = 30 * time.Second
	renewEvery    = 8 * time.Second
	holdsFor      = 20 * time.Second
	// beginPatience is how long a backup may take until Longhorn has begun it:
	// volumes that are detached have to be attached first.
	beginPatience = 15 * time.Minute
	// showTime is how long after a request Longhorn's backup may take to show.
	// Until then it is not asked for again, since that might make two.
	showTime = 15 * time.Second
	maxAsks  = 3
	// nameWait is how long the caller of Backup waits for the backup's name.
	nameWait = 20 * time.Second
	// endTime bounds what is done once a backup has ended, or a replica has.
	endTime = 30 * time.Second
)

// How often a running backup is looked at.
const (
	firstStep = 250 * time.Millisecond
	lastStep  = 5 * time.Second
)

// run is a backup that this replica drives.
type run struct {
	*Driver

	// mu guards what follows; saving is done under it.
	mu    sync.Mutex
	lease *coordinationv1.Lease
	saved time.Time
	// lost is true once another replica may hold the Lease.
	lost bool

	// ticket is used by drive alone.
	ticket ticket
	// trouble is what last went wrong that may pass.
	trouble error
	// last is Longhorn's backup as it was last seen; nil until it shows.
	last     *backupRecord
	progress progress

	// begun is closed once the backup has a name or has failed; name and err are
	// set before.
	begun     chan struct{}
	beginOnce sync.Once
	name      string
	err       error
}

func (d *Driver) newRun(lease *coordinationv1.Lease, t ticket) *run {
	mark, _ := stall.ReadMark(lease.Annotations)
	return &run{Driver: d, lease: lease, progress: progress{mark: mark}, saved: d.cluster.Clock.Now(), ticket: t, begun: make(chan struct{})}
}

// errLost says that the Lease is another replica's, or gone.
var errLost = errors.New("another replica has taken the backup over")

// finalError is an error that trying again does not mend.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// drive brings the backup to its end, or until ctx ends or the Lease is lost.
func (r *run) drive(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	defer renewing.Wait()
	defer cancel()
	renewing.Go(func() { r.renew(ctx, cancel) })
	pause := firstStep
	for ctx.Err() == nil {
		before := r.ticket.stage
		ended, err := r.step(ctx)
		var final finalError
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errLost):
			r.note("letting go of a backup", err)
			return
		case errors.As(err, &final):
			r.end(ctx, final.error)
			return
		case ended:
			r.end(ctx, nil)
			return
		case err != nil:
			r.trouble = err
			r.note("a backup does not go on for now", err)
		}
		r.watch(ctx)
		if r.ticket.stage != before {
			pause = firstStep
			continue
		}
		if !r.sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, lastStep)
	}
}

// step looks at how far the backup is and does what comes next. It reports
// whether the backup is complete. An error may pass unless it is final.
func (r *run) step(ctx context.Context) (ended bool, err error) {
	found, err := r.observeBackup(ctx)
	if err != nil {
		return false, err
	}
	r.last = found
	if err := r.givenUp(); err != nil {
		return false, err
	}
	switch {
	case found != nil:
		return r.follow(ctx, found)
	case r.ticket.backup != "":
		return false, finalError{backup.Errorf(backup.DriverFailed, "Longhorn backup %s was deleted while it was taken", r.ticket.backup)}
	case r.cluster.Clock.Since(r.ticket.started) > beginPatience:
		return false, r.tooLate()
	case r.ticket.asks > 0:
		return false, r.askAgain(ctx)
	}
	ready, err := r.takeSnapshot(ctx)
	if err != nil || !ready {
		return false, err
	}
	return false, r.ask(ctx)
}

// observeBackup finds the backup of the run's snapshot; nil is none.
func (r *run) observeBackup(ctx context.Context) (*backupRecord, error) {
	all, err := r.records.backupsOf(ctx, r.ticket.volume)
	if err != nil {
		return nil, err
	}
	var first *backupRecord
	for i, b := range all {
		if b.Spec.Snapshot != r.ticket.snapshot || r.ticket.backup != "" && b.name() != r.ticket.backup {
			continue
		}
		if first == nil || b.Metadata.CreationTimestamp.Before(&first.Metadata.CreationTimestamp) {
			first = &all[i]
		}
	}
	return first, nil
}

// follow takes in how far Longhorn's backup is.
func (r *run) follow(ctx context.Context, b *backupRecord) (ended bool, err error) {
	if r.ticket.backup == "" {
		r.ticket.backup, r.ticket.stage = b.name(), stageUpload
		if err := r.save(ctx); err != nil {
			return false, err
		}
	}
	r.tellBegun(b.name(), nil)
	failed := func(why string) error {
		return finalError{backup.Errorf(backup.DriverFailed, "Longhorn backup %s of volume %s failed: %.500s", b.name(), r.ticket.volume, why)}
	}
	switch s := b.Status.State; {
	case b.isGoing(), s == api.BackupDeleting:
		return false, failed("it is being deleted")
	case s == api.BackupError, s == api.BackupUnknown:
		why := b.Status.Error
		if why == "" {
			why = fmt.Sprintf("its state is %s, and Longhorn does not say why", s)
		}
		return false, failed(why)
	}
	return b.Status.State == api.BackupCompleted && b.Status.URL != "", nil
}

// takeSnapshot sees to it that there is a snapshot, and reports whether it is
// ready.
func (r *run) takeSnapshot(ctx context.Context) (ready bool, err error) {
	s, err := r.api.Snapshot(ctx, r.ticket.volume, r.ticket.snapshot)
	if api.IsNotFound(err) {
		s, err = r.api.CreateSnapshot(ctx, r.ticket.volume, r.ticket.snapshot, r.ticket.labels(r.cfg.Clusters.Own))
		if api.IsAlreadyExists(err) { // it was made meanwhile, and shows at the next look
			return false, nil
		}
	}
	switch {
	case api.IsNotFound(err):
		return false, finalError{err} // the volume is gone
	case err != nil:
		return false, err
	case s.Volume != r.ticket.volume:
		return false, finalError{backup.Errorf(backup.Conflict, "snapshot %s is of Longhorn volume %s, not of %s", s.Name, s.Volume, r.ticket.volume)}
	case s.Error != "" && !s.ReadyToUse:
		// Longhorn tries again by itself for some errors; patience decides.
		return false, backup.Errorf(backup.DriverFailed, "Longhorn snapshot %s of volume %s: %.500s", s.Name, s.Volume, s.Error)
	}
	return s.ReadyToUse, nil
}

// ask asks Longhorn for the backup. That it does is recorded first, by which it
// is proved, too, that this replica still holds the backup.
func (r *run) ask(ctx context.Context) error {
	r.ticket.stage, r.ticket.asks, r.ticket.askedAt = stageRequest, r.ticket.asks+1, r.cluster.Clock.Now()
	if err := r.save(ctx); err != nil {
		return err
	}
	return r.api.BackUpSnapshot(ctx, r.ticket.volume, r.ticket.snapshot, r.ticket.mode, r.ticket.labels(r.cfg.Clusters.Own))
}

// askAgain asks once more for a backup that did not show in time, a few times.
func (r *run) askAgain(ctx context.Context) error {
	switch {
	case r.cluster.Clock.Since(r.ticket.askedAt) < showTime:
		return nil
	case r.ticket.asks < maxAsks:
		return r.ask(ctx)
	default:
		return r.tooLate()
	}
}

// tooLate is the error for a backup that did not begin.
func (r *run) tooLate() error {
	if r.trouble != nil {
		return finalError{backup.Errorf(backup.DriverFailed, "Longhorn did not begin a backup of volume %s: %w", r.ticket.volume, r.trouble)}
	}
	return finalError{backup.Errorf(backup.DriverFailed, "Longhorn did not begin a backup of volume %s, and does not say why; its stage was %s", r.ticket.volume, r.ticket.stage)}
}

// end does what is left to do after a backup has ended, well or not. Should the
// replica die meanwhile, another one does it again.
func (r *run) end(ctx context.Context, failure error) {
	r.tellBegun(r.ticket.backup, failure)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if failure == nil {
		if err := r.deleteOldSnapshots(ending); err != nil {
			r.note("old snapshots are left for the next backup to delete", err)
		}
	}
	if r.cluster.Outcomes != nil {
		r.cluster.Outcomes.BackupEnded(ending, r.ticket.claim, r.ticket.backup, failure)
	}
	for pause := firstStep; ; pause = min(2*pause, lastStep) {
		err := r.giveUpLease(ending)
		if err == nil {
			return
		}
		r.note("a backup has ended but its Lease could not be deleted yet", err)
		if !r.sleep(ending, pause) {
			return
		}
	}
}

// deleteOldSnapshots deletes the snapshots of the claim's earlier backups.
func (r *run) deleteOldSnapshots(ctx context.Context) error {
	snapshots, err := r.api.Snapshots(ctx, r.ticket.volume)
	if err != nil {
		return err
	}
	backups, err := r.records.backupsOf(ctx, r.ticket.volume)
	if err != nil {
		return err
	}
	complete := make(map[string]bool, len(backups))
	for _, b := range backups {
		if b.Status.State == api.BackupCompleted && !b.isGoing() {
			complete[b.Spec.Snapshot] = true
		}
	}
	var problems []error
	for _, name := range expendable(r.ticket.claim, snapshots, func(s string) bool { return complete[s] }) {
		problems = append(problems, r.api.DeleteSnapshot(ctx, r.ticket.volume, name))
	}
	return errors.Join(problems...)
}

// tellBegun lets the caller of Backup go, with the backup's name or the reason
// why there is none.
func (r *run) tellBegun(name string, err error) {
	r.beginOnce.Do(func() {
		r.name, r.err = name, err
		close(r.begun)
	})
}

// awaitName waits until the backup has a name or has failed, for a while. A ctx
// that ends does not end the backup.
func (r *run) awaitName(ctx context.Context) (string, error) {
	timer := r.cluster.Clock.NewTimer(nameWait)
	defer timer.Stop()
	select {
	case <-r.begun:
		return r.name, r.err
	case <-ctx.Done():
	case <-timer.C():
	}
	return "", nil
}

// save records the ticket and renews the Lease. It fails with errLost once the
// Lease is not this replica's.
func (r *run) save(ctx context.Context) error {
	return r.update(ctx, r.ticket.write)
}

// renew keeps the Lease until ctx ends, and ends it by lose when it could not be
// kept.
func (r *run) renew(ctx context.Context, lose context.CancelFunc) {
	for r.sleep(ctx, renewEvery) {
		err := r.update(ctx, func(*coordinationv1.Lease) {})
		if err == nil || ctx.Err() != nil {
			continue
		}
		r.mu.Lock()
		kept := !r.lost && r.cluster.Clock.Since(r.saved) < holdsFor
		r.mu.Unlock()
		if !kept {
			r.note("letting go of a backup", err)
			lose()
			return
		}
	}
}

func (r *run) update(ctx context.Context, change func(*coordinationv1.Lease)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost {
		return errLost
	}
	ctx, cancel := context.WithTimeout(ctx, holdsFor-renewEvery)
	defer cancel()
	lease := r.lease.DeepCopy()
	change(lease)
	now := r.cluster.Clock.Now()
	lease.Spec.RenewTime = &metav1.MicroTime{Time: now}
	err := r.cluster.Client.Update(ctx, lease)
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		r.lost = true
		return errLost
	case err != nil:
		return backup.Errorf(backup.Unavailable, "renewing Lease %s/%s: %w", lease.Namespace, lease.Name, err)
	}
	r.lease, r.saved = lease, now
	return nil
}

// giveUpLease deletes the Lease, and with it the record of the backup.
func (r *run) giveUpLease(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Not by resource version: an update of which the answer was lost may have
	// changed that.
	err := r.cluster.Client.Delete(ctx, r.lease, client.Preconditions{UID: &r.lease.UID})
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		r.lost = true
		return nil
	}
	return err
}

// release lets another replica take the backup over at once.
func (r *run) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime/3)
	defer cancel()
	err := r.update(ctx, func(lease *coordinationv1.Lease) { lease.Spec.HolderIdentity = ptr.To("") })
	if err != nil && !errors.Is(err, errLost) {
		r.note("another replica takes a backup over later than it might", err)
	}
}

func (r *run) note(what string, err error) {
	r.cluster.Log.Warn(what, "claim", r.ticket.claim.String(), "volume", r.ticket.volume, "snapshot", r.ticket.snapshot, "error", err)
}
