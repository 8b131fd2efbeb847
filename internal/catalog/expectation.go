package catalog

import (
	"context"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Expectation is what this cluster remembers of a driver's repository. The zero
// value remembers nothing: the repository was never listed.
type Expectation struct {
	// Repository is the identity of the repository that was listed first, or
	// accepted since.
	Repository string
	// HeldBackups is true once a listing of it found a backup.
	HeldBackups bool
}

// Ledger keeps expectations where they outlive the process, for all replicas.
// It guards against a repository that was swapped, mistyped or emptied: each of
// them lists well and seems to prove that there are no backups.
type Ledger interface {
	// Expectation reads what is recorded of a driver's repository, the zero
	// value when nothing is. What cannot be read or understood is an error,
	// never the zero value. It may be repeated at will.
	Expectation(ctx context.Context, driver string) (Expectation, error)

	// Record replaces before by after. It returns once that is durable. Where
	// something other than before is recorded by now, it changes nothing and
	// fails with kind Conflict: read again and judge again.
	Record(ctx context.Context, driver string, before, after Expectation) error
}

// listed is what a listing says of the repository as a whole.
type listed struct {
	driver     string
	repository string
	backups    int
}

// judge decides whether a listing may be believed, and what is to be recorded of
// its repository before it is. A pin from the configuration outweighs what is
// recorded: it is the one memory that survives the cluster.
func judge(pin string, recorded Expectation, l listed) (Expectation, error) {
	switch {
	case l.repository == "":
		return Expectation{}, backup.Errorf(backup.Internal,
			"the %s driver did not tell which repository it listed", l.driver)
	case pin != "" && l.repository != pin:
		return Expectation{}, backup.Errorf(backup.RepositoryChanged,
			"the %s repository is %s, but the configuration pins %s: point Soteria back to the pinned repository, or pin the new one",
			l.driver, l.repository, pin)
	case pin == "" && recorded.Repository != "" && l.repository != recorded.Repository:
		return Expectation{}, backup.Errorf(backup.RepositoryChanged,
			"the %s repository is %s, but this cluster has used %s so far: point Soteria back to that one, or accept the new one with: soteria repository accept %s",
			l.driver, l.repository, recorded.Repository, l.repository)
	}
	if l.repository != recorded.Repository {
		recorded = Expectation{Repository: l.repository}
	}
	if recorded.HeldBackups && l.backups == 0 {
		return Expectation{}, backup.Errorf(backup.RepositoryChanged,
			"the %s repository %s has held backups and is empty now: bring them back, or accept that they are gone with: soteria repository accept %s",
			l.driver, l.repository, l.repository)
	}
	recorded.HeldBackups = recorded.HeldBackups || l.backups > 0
	return recorded, nil
}
