package intent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Latest is the snapshot that means the newest backup.
const Latest = "latest"

// Choice says which backup is wanted. All that is set must hold of one backup; the
// zero value wants the newest. A choice that no backup meets is refused: another
// backup is never taken in its place.
type Choice struct {
	// Snapshot is [Latest], a backup's id or the beginning of one, or the name of
	// the snapshot that a backup was made of.
	Snapshot string
	// URL is the address of a backup, for systems whose backups have one. It excludes
	// Snapshot.
	URL string
	// AsOf, when not zero, wants a backup taken at or before it: the newest of them,
	// unless one is named.
	AsOf time.Time
	// Cluster, Driver and Tags, when not empty, want a backup that the cluster of this
	// name took, of this driver, with all of these tags.
	Cluster string
	Driver  string
	Tags    []string
}

// IsZero reports whether the choice simply wants the newest backup.
func (c Choice) IsZero() bool {
	return !c.names() && c.AsOf.IsZero() && c.Cluster == "" && c.Driver == "" && len(c.Tags) == 0
}

// with is the choice for one claim of a namespace, of which the request says snapshot for
// itself. One that names a backup holds alone. [Latest] names none: what else is asked of
// all claims holds for the claim, too.
func (c Choice) with(snapshot string) Choice {
	switch snapshot {
	case "":
		return c
	case Latest:
		c.Snapshot = Latest
		return c
	default:
		return Choice{Snapshot: snapshot}
	}
}

// overridden says what of a choice for all claims does not hold of the backup that a
// claim's own choice of a snapshot picked; none where all of it does.
func (c Choice) overridden(snapshot string, picked backup.Backup, rules backup.Rules) []string {
	var words []string
	for _, p := range c.parts([]backup.Backup{picked}, rules) {
		if !p.meets(picked) {
			words = append(words, p.words)
		}
	}
	if len(words) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("snapshot %q is asked for this claim alone, and overrides what is asked for all claims: %s",
		backup.Clip(backup.Printable(cmp.Or(snapshot, Latest)), backup.MaxWord), strings.Join(words, " and "))}
}

// from picks the wanted backup out of an answer, by the rules. Errors are of kind Invalid,
// NotFound, or, where the answer is Unknown, of a kind that says why.
func (c Choice) from(source backup.Claim, answer backup.Answer, rules backup.Rules) (backup.Chosen, error) {
	if err := c.validate(); err != nil {
		return backup.Chosen{}, err
	}
	existing := answer.Backups()
	switch answer.Certainty() {
	case backup.Found:
	case backup.None:
		if existing = answer.Others(); len(existing) == 0 {
			return backup.Chosen{}, &backup.Error{Kind: backup.NotFound, Reason: backup.NoBackups, Message: fmt.Sprintf("no backup of %s exists", source)}
		}
	case backup.Unknown:
		existing = answer.Others()
		if _, found := c.named(existing); !c.names() || !found {
			return backup.Chosen{}, unknown(source, answer.Err())
		}
	}
	if doubt := answer.Doubt(); doubt != nil && !c.names() {
		return backup.Chosen{}, newestUnknown(source, doubt)
	}
	if untold := answer.Untold(); untold != nil && c.names() {
		if _, found := c.named(existing); !found {
			return backup.Chosen{}, backup.Errorf(lookingKind(untold), "could not tell whether the backup of %s that is named exists: %w", source, untold)
		}
	}
	return c.among(source, existing, rules)
}

// settledBy reports whether an answer of Found says which backup is chosen, whatever
// else there is. The beginning of an id, or a snapshot's name, may be that of two.
func (c Choice) settledBy(answer backup.Answer) bool {
	if !c.names() {
		return answer.Untold() == nil
	}
	named, found := c.named(answer.Backups())
	return found && (answer.Untold() == nil || named.ID == c.Snapshot || c.URL != "")
}

// among picks the wanted one of the backups that exist.
func (c Choice) among(source backup.Claim, existing []backup.Backup, rules backup.Rules) (backup.Chosen, error) {
	wanted, selector := c.ofKind(existing), backup.Selector{AsOf: c.AsOf, Cluster: c.Cluster}
	if c.names() {
		named, found := c.named(existing)
		if !found {
			return backup.Chosen{}, c.unmet(source, existing, rules)
		}
		wanted, selector.ID = ofDriver(wanted, named.Driver), named.ID
	}
	chosen, err := rules.Choose(selector, wanted)
	switch {
	case err == nil:
		return chosen, nil
	case c.meets(existing, rules):
		// There are such backups, and each has something against it.
		return backup.Chosen{}, &backup.Error{Kind: backup.NotFound, Reason: backup.ChoiceUnmet, Field: "snapshot", Err: err, Message: fmt.Sprintf(
			"no backup of %s is chosen: %s", source, backup.Message(err))}
	default:
		return backup.Chosen{}, c.unmet(source, existing, rules)
	}
}

// names reports whether the choice is of one backup, and not of whichever is the
// newest that meets it.
func (c Choice) names() bool {
	return c.URL != "" || c.Snapshot != "" && c.Snapshot != Latest
}

// validate refuses a choice that contradicts itself or cannot be an address. A
// folder is none: it is what restic keeps in the place of an address, and it says
// nothing about which backup is meant.
func (c Choice) validate() error {
	switch {
	case c.URL != "" && c.Snapshot != "":
		return &backup.Error{Kind: backup.Invalid, Field: "backup_url", Message: "backup_url and snapshot exclude each other: give one of them"}
	case c.URL != "" && !IsURL(c.URL):
		return &backup.Error{Kind: backup.Invalid, Field: "backup_url", Message: "backup_url is not the URL of a backup"}
	}
	if c.Cluster == "" {
		return nil
	}
	if err := backup.ValidateCluster(c.Cluster); err != nil {
		return &backup.Error{Kind: backup.Invalid, Field: "cluster", Message: "cluster " + backup.Message(err), Err: err}
	}
	return nil
}

// IsURL reports whether a backup's locator is an address of its own.
func IsURL(locator string) bool {
	scheme, _, found := strings.Cut(locator, "://")
	return found && scheme != ""
}

// named picks the backup that the choice names.
func (c Choice) named(backups []backup.Backup) (backup.Backup, bool) {
	if c.URL != "" {
		return first(backups, func(b backup.Backup) bool { return b.Locator == c.URL })
	}
	if chosen, err := (backup.Rules{}).Choose(backup.Selector{ID: c.Snapshot}, backups); err == nil {
		return chosen.Backup, true
	}
	return first(backups, func(b backup.Backup) bool { return b.Snapshot == c.Snapshot })
}

// ofKind returns the backups of the wanted driver that have the wanted tags.
func (c Choice) ofKind(backups []backup.Backup) []backup.Backup {
	lacks := func(b backup.Backup) bool {
		return c.Driver != "" && b.Driver != c.Driver ||
			slices.ContainsFunc(c.Tags, func(tag string) bool { return !slices.Contains(b.Tags, tag) })
	}
	return slices.DeleteFunc(slices.Clone(backups), lacks)
}

// ofDriver returns the backups of one system, which are told apart by their ids.
func ofDriver(backups []backup.Backup, driver string) []backup.Backup {
	return slices.DeleteFunc(slices.Clone(backups), func(b backup.Backup) bool { return b.Driver != driver })
}

func first(backups []backup.Backup, is func(backup.Backup) bool) (backup.Backup, bool) {
	at := slices.IndexFunc(backups, is)
	if at < 0 {
		return backup.Backup{}, false
	}
	return backups[at], true
}

// unknown says that it could not be told which backups exist.
func unknown(source backup.Claim, why error) error {
	return backup.Errorf(lookingKind(why), "could not tell whether backups of %s exist: %w", source, why)
}

// newestUnknown says that backups exist, and that a newer one than those may, too.
func newestUnknown(source backup.Claim, why error) error {
	return backup.Errorf(lookingKind(why), "could not tell which backup of %s is the newest: %w; name one by its id, GET /v1/backups lists those that are known", source, why)
}

// lookingKind is the kind of an error that looking for backups met: one of those that
// may pass or wait for a person, since whatever went wrong is no fault of the request.
func lookingKind(why error) backup.Kind {
	kind := backup.KindOf(why)
	switch kind {
	case backup.Credentials, backup.RepositoryAbsent, backup.RepositoryChanged, backup.BackupMissing, backup.RepositoryUnaccepted, backup.RepositoryDropped:
	case backup.Unavailable, backup.Internal, backup.Invalid, backup.NotFound, backup.Conflict, backup.Denied, backup.Partial, backup.DriverFailed,
		backup.Unprocessable, backup.Unauthenticated, backup.Busy:
		kind = backup.Unavailable
	default:
		kind = backup.Unavailable
	}
	return kind
}
