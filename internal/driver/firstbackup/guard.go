package firstbackup

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Guard decides whether a repository may be begun.
type Guard struct {
	// Reader reads the API server itself, not a cache.
	Reader client.Reader
	// Known returns the identity of the repository that this cluster believes a
	// driver's to be; "" where none was ever believed.
	Known func(ctx context.Context, driver string) (string, error)
	// DenyUnknown is true where claims of which nothing can be told are refused,
	// so that those which would wait are not there to be seen.
	DenyUnknown bool
}

// MayMake returns nil if the driver's repository may be made where there is none.
// Otherwise the error, of kind Conflict, says who waits or what is remembered, and
// what to do; Unavailable says that this cannot be told. It is asked again once the
// repository was made, with its identity, since a claim may have come meanwhile.
func (g Guard) MayMake(ctx context.Context, driver, made string) error {
	known, err := g.Known(ctx, driver)
	if err != nil {
		return fmt.Errorf("reading which %s repository this cluster knows: %w", driver, err)
	}
	if known != "" && known != made {
		return backup.Errorf(backup.Conflict,
			"no %s repository is made: this cluster has used the repository %s so far, and there is none where Soteria looks for it now; correct its address, or make a new one with: soteria repository init",
			driver, known)
	}
	return g.unlessAwaited(ctx, fmt.Sprintf("no %s repository is made", driver), "make one with: soteria repository init")
}

// mayBackUp returns nil if a backup may go to the driver's repository.
func (g Guard) mayBackUp(ctx context.Context, driver string) error {
	known, err := g.Known(ctx, driver)
	if err != nil {
		return fmt.Errorf("reading which %s repository this cluster knows: %w", driver, err)
	}
	if known != "" {
		return nil
	}
	return g.unlessAwaited(ctx, fmt.Sprintf("no backup goes to the %s repository, which this cluster has not seen in order yet", driver),
		"make it with soteria repository init, or accept the one that is there with soteria repository accept")
}

// unlessAwaited returns an error if a claim waits, or if no one can see whether one
// does.
func (g Guard) unlessAwaited(ctx context.Context, what, settle string) error {
	waiting, err := kube.Waiting(ctx, g.Reader)
	switch {
	case err != nil:
		return err
	case len(waiting) > 0:
		return backup.Errorf(backup.Conflict,
			"%s: %s for a backup that may be elsewhere, and would start empty; correct the repository's address if it is mistyped, or %s",
			what, named(waiting), settle)
	case g.DenyUnknown:
		return backup.Errorf(backup.Conflict,
			"%s: claims that need it are refused, not held, so it cannot be told whether one waits; correct the repository's address if it is mistyped, or %s",
			what, settle)
	default:
		return nil
	}
}

// named says who waits, in a few words.
func named(waiting []backup.Claim) string {
	if more := len(waiting) - 1; more > 0 {
		return fmt.Sprintf("claims wait (%s and %d more)", waiting[0], more)
	}
	return fmt.Sprintf("claim %s waits", waiting[0])
}

// Guarded returns the backuper of that name with the guard before it.
func (g Guard) Guarded(name string, inner driver.Backuper) driver.Backuper {
	return guarded{Guard: g, name: name, inner: inner}
}

type guarded struct {
	Guard
	name  string
	inner driver.Backuper
}

// Backup implements [driver.Backuper]. A repository that this cluster does not know
// while a claim waits is a Conflict, on a dry run too.
func (g guarded) Backup(ctx context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
	if err := g.mayBackUp(ctx, g.name); err != nil {
		return driver.BackupStarted{}, err
	}
	return g.inner.Backup(ctx, req)
}
