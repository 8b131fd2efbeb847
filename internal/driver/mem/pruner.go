package mem

import (
	"context"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

var _ driver.Pruner = (*Lister)(nil)

// AddForeign puts a backup of a claim into the repository that Soteria did not
// take, and returns it.
func (l *Lister) AddForeign(claim backup.Claim, takenAt time.Time) backup.Backup {
	added := l.Add(claim, takenAt)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.backups {
		if l.backups[i].ID == added.ID {
			l.backups[i].Own = false
			added = l.backups[i]
		}
	}
	return added
}

// FailForgets makes every [Lister.Forget] give this error until it is called with
// nil.
func (l *Lister) FailForgets(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgets = err
}

// Forget implements [driver.Pruner].
func (l *Lister) Forget(ctx context.Context, req driver.ForgetRequest) error {
	if err := ctx.Err(); err != nil {
		return backup.Errorf(backup.Unavailable, "forgetting backups of %s: %w", req.Claim, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.forgets != nil {
		return l.forgets
	}
	there := make(map[string]backup.Backup, len(l.backups))
	for _, b := range l.backups {
		there[b.ID] = b
	}
	doomed, err := req.Check(there)
	if err != nil {
		return err
	}
	for _, b := range doomed {
		l.removeLocked(b.ID)
	}
	return nil
}
