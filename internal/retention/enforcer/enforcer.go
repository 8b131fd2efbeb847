package enforcer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/retention"
)

// Listing is what the last listing of one driver's backups says of a claim.
type Listing struct {
	Driver string
	// ListedAt is when the listing began, Failure why a later one failed, and Doubt
	// why the claim may have other backups besides, or these may be another cluster's.
	ListedAt       time.Time
	Failure, Doubt error
	// Rival says which other live cluster uses the repository by this one's name; ""
	// where none is known to.
	Rival string
	// Backups are the claim's. They must not be changed.
	Backups []backup.Backup
}

// Catalog knows which backups there are. It must not wait.
type Catalog interface {
	// Listings gives what is known of a claim, driver by driver.
	Listings(claim backup.Claim) []Listing
	// Forgetting has it remembered that backups of the claim are about to be removed
	// from a driver's repository, and that stays are left there. After an error
	// nothing may be removed: what is gone would be missed.
	Forgetting(ctx context.Context, driver string, claim backup.Claim, removed, stays []backup.Backup) error
	// Forgotten tells that backups of the claim are no longer there.
	Forgotten(claim backup.Claim)
}

// Observer counts what retention does. It must not block.
type Observer interface {
	// BackupsForgotten counts backups that were removed.
	BackupsForgotten(driver string, n int)
	// RetentionRefused counts a time that backups were kept which a policy does not
	// keep; the reason is a [retention.Reason] or [DriverFailed].
	RetentionRefused(reason string)
}

// DriverFailed is the reason, beside those of package retention, why backups were
// not removed: the driver was told to and failed.
const DriverFailed retention.Reason = "driver_failed"

// Unreviewed is the reason, beside those of package retention, why nothing is
// removed of a claim that got past the gate.
const Unreviewed retention.Reason = "unreviewed"

// defaultPatience bounds what a driver may take to forget backups of one claim.
const defaultPatience = 5 * time.Minute

// Config is what an [Enforcer] works with.
type Config struct {
	// Reader reads Restores and claims. It may be a cache's: what it does not show
	// yet, the drivers and the restore controller still check for themselves.
	Reader  client.Reader
	Catalog Catalog
	// Rules say now whose backups are this cluster's and which dates can be right.
	// Default: every backup is, and every date can.
	Rules func() backup.Rules
	// Pruners are the drivers that forget, by name.
	Pruners map[string]driver.Pruner
	// Events tells the people of a claim.
	Events   events.EventRecorder
	Observer Observer
	// MaxAge is how old a listing may be.
	MaxAge time.Duration
	// ShrinkPercent is by how much the newest backup may be smaller than another
	// that is kept, see [retention.Facts].
	ShrinkPercent int
	// Unreviewed returns why nothing of a claim may be removed: it is for a person
	// to say which of its data is right. Nil where it is not, and nil altogether
	// where nothing tells.
	Unreviewed func(context.Context, backup.Claim) error
	// Patience bounds one call of a driver. Default: 5 minutes.
	Patience time.Duration
	// Clock is the time; nil is the real one. Log is the default logger if nil.
	Clock clock.PassiveClock
	Log   *slog.Logger
}

// Enforcer has old backups removed. It is safe for concurrent use, one claim at a
// time; in a cluster only one process may use one, the leader.
type Enforcer struct {
	cfg  Config
	told *teller

	mu sync.Mutex
	// forgotten is when backups were last removed: a listing that began before
	// still tells of them.
	forgotten map[subject]time.Time
}

// subject is one claim's backups with one driver.
type subject struct {
	claim  backup.Claim
	driver string
}

// New makes an enforcer.
func New(cfg Config) *Enforcer {
	cfg.Patience = cmp.Or(cfg.Patience, defaultPatience)
	if cfg.Rules == nil {
		cfg.Rules = func() backup.Rules { return backup.Rules{} }
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.RealClock{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Enforcer{
		cfg: cfg, forgotten: make(map[subject]time.Time),
		told: &teller{reader: cfg.Reader, events: cfg.Events, log: cfg.Log, clock: cfg.Clock, last: make(map[subject]telling), sparedAt: make(map[subject]time.Time)},
	}
}

// Outcome is what came of one [Enforcer.Enforce].
type Outcome struct {
	// Removed are the backups that were removed, newest first by driver.
	Removed []backup.Backup
	// Waiting counts the backups that the policy does not keep and that are still
	// there; the error says why.
	Waiting int
}

// Enforce removes those of the claim's backups that keep does not keep, as far as
// they may be. It is cheap where there are none, and may be repeated at will: it
// goes by what is there.
//
// The error joins what kept backups, driver by driver, each told already: a
// [retention.RefusalError], or a driver's own error. Both are to be expected and tried
// again at the next evaluation. An invalid keep removes nothing and is an error of
// kind Invalid.
func (e *Enforcer) Enforce(ctx context.Context, claim backup.Claim, keep retention.Keep) (Outcome, error) {
	if err := keep.Validate(); err != nil || keep.IsZero() {
		return Outcome{}, err
	}
	var outcome Outcome
	var problems []error
	for _, listing := range e.cfg.Catalog.Listings(claim) {
		pruner, ok := e.cfg.Pruners[listing.Driver]
		if !ok {
			continue
		}
		removed, waiting, err := e.enforce(ctx, claim, keep, listing, pruner)
		outcome.Removed = append(outcome.Removed, removed...)
		outcome.Waiting += waiting
		problems = append(problems, err)
	}
	return outcome, errors.Join(problems...)
}

// mine returns the backups that retention goes by: those that this cluster's
// Soteria took. What is dated ahead of now is not among them: it is not removed, and
// is no reason to remove another.
func mine(backups []backup.Backup, rules backup.Rules) []backup.Backup {
	var own []backup.Backup
	for _, b := range backups {
		if b.Own && rules.Clusters.Mine(b) && rules.Plausible(b) {
			own = append(own, b)
		}
	}
	return own
}

// enforce is Enforce for one driver.
func (e *Enforcer) enforce(ctx context.Context, claim backup.Claim, keep retention.Keep, listing Listing, pruner driver.Pruner) (removed []backup.Backup, waiting int, err error) {
	of := subject{claim, listing.Driver}
	own := mine(listing.Backups, e.cfg.Rules())
	kept, doomed := retention.Split(own, keep, counts, time.UTC)
	if len(doomed) == 0 || !e.isNews(of, listing.ListedAt) {
		e.told.forget(of)
		return nil, 0, nil
	}
	stay, leaving := retention.Spare(kept, doomed, counts)
	if err := e.mayForget(ctx, claim, listing, kept, doomed, len(leaving) > 0); err != nil {
		return nil, len(doomed), e.refused(ctx, of, err)
	}
	beyond := without(doomed, leaving)
	kept, doomed = stay, leaving
	if len(doomed) == 0 {
		e.told.forget(of)
		e.told.spared(ctx, of, beyond)
		return nil, 0, nil
	}
	forgetting, cancel := context.WithTimeout(ctx, e.cfg.Patience)
	defer cancel()
	if err := e.cfg.Catalog.Forgetting(forgetting, listing.Driver, claim, doomed, without(listing.Backups, doomed)); err != nil {
		return nil, len(doomed), e.refused(ctx, of, fmt.Errorf("no old %s backup of %s is removed: %w", listing.Driver, claim, err))
	}
	err = pruner.Forget(forgetting, driver.ForgetRequest{Claim: claim, Backups: doomed, Stays: stays(kept)})
	if ctx.Err() != nil && err != nil {
		return nil, len(doomed), err // this process is ending, which is nobody's news
	}
	if err != nil {
		return nil, len(doomed), e.refused(ctx, of, fmt.Errorf("removing %d old %s backups of %s: %w", len(doomed), listing.Driver, claim, err))
	}
	e.remember(of, e.cfg.Clock.Now())
	e.cfg.Catalog.Forgotten(claim)
	e.cfg.Observer.BackupsForgotten(listing.Driver, len(doomed))
	e.told.removed(ctx, of, doomed, len(kept), len(beyond))
	return doomed, 0, nil
}

// counts is the enforcer's [retention.Counts].
func counts(b backup.Backup) bool {
	return b.Outcome != backup.OutcomePartial && b.Outcome != backup.OutcomeVoid && !b.Unreviewed
}

// stays returns the newest backup that stays and counts: that others may go rests on
// it. There is one, see [retention.LastBackup].
func stays(kept []backup.Backup) backup.Backup {
	return kept[max(0, slices.IndexFunc(kept, counts))]
}

// without returns the backups that are not among those that are doomed.
func without(all, doomed []backup.Backup) []backup.Backup {
	gone := func(b backup.Backup) bool {
		return slices.ContainsFunc(doomed, func(d backup.Backup) bool { return d.ID == b.ID })
	}
	return slices.DeleteFunc(slices.Clone(all), gone)
}

// accepted returns the backup that a person says is right, as the claim's annotation
// names it; "" where there is none, or no claim.
func (e *Enforcer) accepted(ctx context.Context, claim backup.Claim) (string, error) {
	object := &corev1.PersistentVolumeClaim{}
	if err := e.cfg.Reader.Get(ctx, client.ObjectKey{Namespace: claim.Namespace, Name: claim.Name}, object); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	return object.Annotations[v1alpha1.AcceptBackupAnnotation], nil
}

// mayForget asks whether doomed may be removed. Which restores are open is read only
// where some are leaving: elsewhere the question is whether data was lost.
func (e *Enforcer) mayForget(ctx context.Context, claim backup.Claim, listing Listing, kept, doomed []backup.Backup, leaving bool) error {
	var open []retention.Open
	var err error
	if leaving && e.cfg.Unreviewed != nil {
		if err := e.cfg.Unreviewed(ctx, claim); err != nil {
			return &retention.RefusalError{Reason: Unreviewed, Err: err}
		}
	}
	if leaving {
		open, err = openRestores(ctx, e.cfg.Reader)
	}
	if err != nil {
		return &retention.RefusalError{Reason: retention.RestoreOpen, Err: backup.Errorf(backup.Unavailable,
			"it could not be told whether a restore is open, so that no backup of %s is removed: %w", claim, err)}
	}
	accepted, err := e.accepted(ctx, claim)
	if err != nil {
		return backup.Errorf(backup.Unavailable, "reading claim %s, so that no backup of it is removed: %w", claim, err)
	}
	return retention.MayForget(retention.Facts{
		Claim: claim, Driver: listing.Driver, Now: e.cfg.Clock.Now(), MaxAge: e.cfg.MaxAge, ClockDoubt: e.cfg.Rules().ClockDoubt,
		ListedAt: listing.ListedAt, Failure: listing.Failure, Doubt: listing.Doubt, Rival: listing.Rival,
		Open: open, Kept: kept, Removed: doomed, Counts: counts, ShrinkPercent: e.cfg.ShrinkPercent, Accepted: accepted,
		Reviewed: leaving && e.cfg.Unreviewed != nil,
	})
}

// refused counts and tells why backups were not removed, and gives it back.
func (e *Enforcer) refused(ctx context.Context, of subject, why error) error {
	reason := DriverFailed
	var refusal *retention.RefusalError
	if errors.As(why, &refusal) {
		reason = refusal.Reason
	}
	e.cfg.Observer.RetentionRefused(string(reason))
	e.told.refused(ctx, of, reason, why)
	return why
}

// isNews reports whether a listing may tell of more than what was removed since.
func (e *Enforcer) isNews(of subject, listedAt time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	at, removed := e.forgotten[of]
	if !removed {
		return true
	}
	if listedAt.After(at) {
		delete(e.forgotten, of)
		return true
	}
	return false
}

func (e *Enforcer) remember(of subject, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forgotten[of] = at
}
