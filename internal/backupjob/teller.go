package backupjob

import (
	"context"
	"fmt"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// Catalog is told of backups that run. Both calls are idempotent and do not
// block.
type Catalog interface {
	BackupStarted(claim backup.Claim, job string)
	BackupEnded(claim backup.Claim, job string)
}

// Teller tells a catalog of every backup Job that starts or ends.
type Teller struct {
	catalog Catalog

	mu     sync.Mutex
	synced func() bool
	// ended holds the Jobs that were told to have ended, so that a Job that is
	// merely updated does not cost another listing.
	ended map[types.UID]struct{}
}

// NewTeller makes a Teller for a catalog.
func NewTeller(catalog Catalog) *Teller {
	return &Teller{catalog: catalog, ended: make(map[types.UID]struct{})}
}

// Watch begins to tell; it goes on for as long as the informers run.
func (t *Teller) Watch(ctx context.Context, informers cache.Cache) error {
	informer, err := informers.GetInformer(ctx, &batchv1.Job{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watching backup Jobs: %w", err)
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { t.seen(object, false) },
		UpdateFunc: func(_, object any) { t.seen(object, false) },
		DeleteFunc: func(object any) { t.seen(object, true) },
	})
	if err != nil {
		return fmt.Errorf("watching backup Jobs: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.synced = registration.HasSynced
	return nil
}

// Told reports whether every Job that ran when Watch was called has been told.
func (t *Teller) Told() bool {
	t.mu.Lock()
	synced := t.synced
	t.mu.Unlock()
	return synced != nil && synced()
}

// seen tells of one Job. A Job that is seen for the first time when it has ended
// already is told too: it may have ended after the catalog's listing began.
func (t *Teller) seen(object any, deleted bool) {
	if tombstone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	job, ok := object.(*batchv1.Job)
	if !ok {
		return
	}
	claim, ok := claimOf(job)
	if !ok {
		return
	}
	name := client.ObjectKeyFromObject(job).String()
	t.mu.Lock()
	_, told := t.ended[job.UID]
	_, finished := moverjob.Finished(job)
	over := deleted || finished || Saved(job) // its mover has ended
	switch {
	case deleted:
		delete(t.ended, job.UID)
	case over:
		t.ended[job.UID] = struct{}{}
	}
	t.mu.Unlock()
	switch {
	case over && !told:
		t.catalog.BackupEnded(claim, name)
	case !over:
		t.catalog.BackupStarted(claim, name)
	}
}

// claimOf gives the claim that a Job backs up; false for other Jobs.
func claimOf(job *batchv1.Job) (backup.Claim, bool) {
	if job.Labels[v1alpha1.RoleLabel] != v1alpha1.RoleBackup {
		return backup.Claim{}, false
	}
	claim, err := backup.ParseClaim(job.Annotations[v1alpha1.ClaimAnnotation])
	return claim, err == nil
}
