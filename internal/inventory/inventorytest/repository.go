package inventorytest

import (
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/inventory"
)

// Repository is what a listing found. It implements [inventory.Found].
type Repository struct {
	// Backups are newest first.
	Backups map[backup.Claim][]backup.Backup
	// Doubts are why claims are not proved to have no backup; the zero claim
	// stands for every claim.
	Doubts map[backup.Claim]error
	// Older are why the newest backup of a claim may not be the newest there is.
	Older map[backup.Claim]error
}

// Of implements [inventory.Found].
func (r Repository) Of(claim backup.Claim) []backup.Backup { return r.Backups[claim] }

// Days implements [inventory.Found].
func (r Repository) Days(claim backup.Claim, today time.Time) backup.Days {
	return backup.DaysOf(r.Backups[claim], today)
}

// Doubt implements [inventory.Found].
func (r Repository) Doubt(claim backup.Claim) error {
	if why, doubted := r.Doubts[claim]; doubted {
		return why
	}
	return r.Doubts[backup.Claim{}]
}

// Newest implements [inventory.Found].
func (r Repository) Newest(claim backup.Claim) error { return r.Older[claim] }

// All implements [inventory.Found].
func (r Repository) All() iter.Seq2[backup.Claim, []backup.Backup] { return maps.All(r.Backups) }

// Listed gives a listing a minute ago that found count backups of each claim,
// hourly, the newest of them at the given time.
func Listed(driver string, count int, newest map[backup.Claim]time.Time) inventory.Listing {
	found := Repository{Backups: make(map[backup.Claim][]backup.Backup, len(newest))}
	for claim, at := range newest {
		for i := range count {
			found.Backups[claim] = append(found.Backups[claim], backup.Backup{
				Claim: claim, Driver: driver, ID: fmt.Sprintf("%s-%s-%04d", driver, claim.Name, count-i),
				TakenAt: at.Add(-time.Duration(i) * time.Hour), SizeBytes: 4096, Files: -1,
			})
		}
	}
	return inventory.Listing{Driver: driver, ListedAt: Now.Add(-time.Minute), Found: found}
}
