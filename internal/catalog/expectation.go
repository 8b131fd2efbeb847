package catalog

import (
	"context"
	"fmt"

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

	// Held names the drivers whose repositories are recorded to have held backups,
	// whether or not they are looked at now. An entry that cannot be understood
	// counts as one that did. It may be repeated at will.
	Held(ctx context.Context) ([]string, error)
}

// Expected is what the configuration says of the backups in a repository. The zero
// value says nothing.
type Expected uint8

// What may be said (SOTERIA_EXPECT_BACKUPS).
const (
	// Unsaid: a repository that is empty proves nothing until a person accepts it,
	// unless this cluster remembers it.
	Unsaid Expected = iota
	// ExpectBackups: the repository holds backups. While it is empty it proves
	// nothing.
	ExpectBackups
	// ExpectNothing: the repository may be new and empty. What this cluster
	// remembers holds nevertheless.
	ExpectNothing
)

// listed is what a listing says of the repository as a whole.
type listed struct {
	driver     string
	repository string
	backups    int
	// expected is what the configuration says, and remembered is true where some
	// claim is remembered to have had a backup in the repository.
	expected   Expected
	remembered bool
	// vouched is true where a copy of the memory in the repository itself says which
	// backups it ought to hold.
	vouched bool
	// others is true where other drivers' repositories are looked at, too.
	others bool
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
			l.driver, l.named(), pin)
	case pin == "" && recorded.Repository != "" && l.repository != recorded.Repository:
		return Expectation{}, l.settled(backup.Errorf(backup.RepositoryChanged,
			"the %s repository is %s, but this cluster has used %s so far: point Soteria back to that one, or accept the new one with: %s",
			l.driver, l.named(), backup.Printable(recorded.Repository), l.accept()))
	}
	known := l.repository == recorded.Repository
	if !known {
		recorded = Expectation{Repository: l.repository}
	}
	if err := l.doubtEmpty(recorded, known); err != nil {
		return Expectation{}, err
	}
	recorded.HeldBackups = recorded.HeldBackups || l.backups > 0
	return recorded, nil
}

// doubtEmpty returns why an empty repository is not believed to be empty. Known is
// true where this cluster remembers this very repository.
func (l listed) doubtEmpty(recorded Expectation, known bool) error {
	switch {
	case l.backups > 0:
		return nil
	case recorded.HeldBackups, l.remembered:
		return l.settled(backup.Errorf(backup.RepositoryChanged,
			"the %s repository %s has held backups and is empty now: bring them back, or accept that they are gone with: %s%s",
			l.driver, l.named(), l.accept(), l.goOn()))
	case l.expected == ExpectBackups:
		return backup.Errorf(backup.RepositoryUnaccepted,
			"the %s repository %s is empty, and SOTERIA_EXPECT_BACKUPS says that it holds backups: point Soteria at the one that does, or mount it; "+
				"if they are gone for good, set SOTERIA_EXPECT_BACKUPS=%s=false%s", l.driver, l.named(), l.driver, l.goOn())
	case l.expected == Unsaid && !known:
		return l.settled(backup.Errorf(backup.RepositoryUnaccepted,
			"the %s repository %s is empty, and this cluster has not seen it before: if it ought to hold backups, point Soteria at the one that does; "+
				"if it is new, accept it with: %s, or set SOTERIA_EXPECT_BACKUPS=%s=false%s", l.driver, l.named(), l.accept(), l.driver, l.goOn()))
	}
	return nil
}

// goOn is how restores from other repositories go on while this one is in doubt; ""
// where there are none.
func (l listed) goOn() string {
	if !l.others {
		return ""
	}
	return fmt.Sprintf("; until then SOTERIA_RESTORE_WITHOUT=%s restores what others hold", l.driver)
}

// unseen returns why a repository that holds backups proves no absence: this cluster
// sees it for the first time, and nothing says whether it holds all that it ought to.
// A store that was copied in part looks just like it.
func (l listed) unseen(recorded Expectation) error {
	if l.backups == 0 || recorded.Repository == l.repository || l.vouched || l.expected == ExpectNothing {
		return nil
	}
	return l.settled(backup.Errorf(backup.RepositoryUnaccepted,
		"this cluster sees the %s repository %s for the first time, and nothing tells whether the %d backups in it are all that there ought to be: "+
			"if they are, accept it with: %s", l.driver, l.named(), l.backups, l.accept()))
}

// unseenIfRebuilt returns why the repository would prove no absence to a cluster that is
// rebuilt, where it can hold no copy of the memory; nil where the configuration says
// that it may be believed.
func (l listed) unseenIfRebuilt() error {
	if l.expected == ExpectNothing {
		return nil
	}
	return l.settled(backup.Errorf(backup.RepositoryUnaccepted,
		"a rebuilt cluster would see the %s repository %s for the first time, and nothing in it tells whether its backups are all that there ought to be: "+
			"claims without a backup would wait until it is accepted with: %s; SOTERIA_EXPECT_BACKUPS=%s=false has such claims start empty",
		l.driver, l.repository, l.accept(), l.driver))
}

// settled adds to an error the command that accepts the repository.
func (l listed) settled(err error) error { return backup.WithSettle(err, l.accept()) }

// named is the repository's identity for people.
func (l listed) named() string { return backup.Printable(l.repository) }

// accept is the command by which a person accepts the repository as it is.
func (l listed) accept() string {
	// The command means this driver unless it names another.
	const unnamed = "restic"
	if l.driver == unnamed {
		return backup.Command("soteria", "repository", "accept", l.repository)
	}
	return backup.Command("soteria", "repository", "accept", l.driver, l.repository)
}
