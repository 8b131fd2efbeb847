package keeper

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/cycle"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// Memory is what is remembered in the cluster.
type Memory interface {
	// Claims returns what is remembered of a repository, by its name. What cannot be
	// read or understood is an error, never nothing.
	Claims(ctx context.Context, repository string) (expectation.Claims, error)
}

// Listed is what the last whole listing of a repository says of the copies in it.
type Listed struct {
	// WrittenAt is when this installation wrote its newest copy; the zero time where
	// none was listed.
	WrittenAt time.Time
	// Copies is how many copies there are by the name of this cluster.
	Copies int
	// Pending is true before the first listing of a repository that is listed soon: a
	// copy that began now would have to find out itself which copies there are.
	Pending bool
	// Rival is another installation that writes by the same cluster name, and RivalAt
	// when it did last; "" where there is none.
	Rival   string
	RivalAt time.Time
}

// Store keeps copies beside the backups of one repository.
type Store interface {
	// Start begins to write the union of claims and of the copies that are there,
	// into the repository with this identity and no other, and returns without
	// waiting for the end. One call at a time begins; another is a Conflict.
	Start(ctx context.Context, identity string, claims expectation.Claims) error
	// Last returns what is observed of the attempt that was begun last, by any
	// replica.
	Last(ctx context.Context) (Attempt, error)
	// Listed says what was listed last. It does not wait.
	Listed() Listed
}

// Observer is told how attempts end, for metrics. It must not block.
type Observer interface {
	// Copied is called when an attempt was seen to have ended; err is nil if it was
	// written.
	Copied(repository string, err error)
}

// Config is what a keeper works with.
type Config struct {
	// Repository is the repository's name.
	Repository string
	Store      Store
	Memory     Memory
	// Identity returns which repository this cluster believes in; "" where none yet:
	// then nothing is written.
	Identity func(ctx context.Context, repository string) (string, error)
	Clock    clock.Clock
	Observer Observer
	Log      *slog.Logger
}

// every is how often the keeper looks.
const every = time.Minute

// Keeper has the copy written. Only the leader runs it.
type Keeper struct {
	cfg Config

	// What follows belongs to the goroutine that runs. seen is when the attempt
	// began whose end was told last, failures how many failed in a row, and failure
	// why the last of them did.
	seen     time.Time
	failures int
	failure  error
	// told is the trouble that was logged last, and rival the rival.
	told, rival string

	mu sync.Mutex
	// trouble is why there is no current copy, "" where nothing is known to be wrong.
	trouble string
}

// New makes a keeper.
func New(cfg Config) *Keeper { return &Keeper{cfg: cfg} }

// NeedLeaderElection implements [manager.LeaderElectionRunnable].
func (k *Keeper) NeedLeaderElection() bool { return true }

// Start implements [manager.Runnable]: it looks until ctx ends.
func (k *Keeper) Start(ctx context.Context) error {
	cycle.Run(ctx, k.cfg.Clock, every, k.Look)
	return nil
}

// Look looks once, and begins a copy where one is due.
func (k *Keeper) Look(ctx context.Context) {
	k.tellRival()
	err := k.look(ctx)
	if ctx.Err() != nil {
		return
	}
	trouble := ""
	if err != nil {
		trouble = backup.Message(err)
	}
	k.mu.Lock()
	k.trouble = trouble
	k.mu.Unlock()
	switch {
	case trouble != "" && trouble != k.told:
		k.cfg.Log.Warn("the copy of the expectations beside the backups is not current: a cluster that is built anew would not notice what has gone since",
			"repository", k.cfg.Repository, "kind", backup.KindOf(err).String(), "error", err)
	case trouble == "" && k.told != "":
		k.cfg.Log.Info("the copy of the expectations beside the backups is current again", "repository", k.cfg.Repository)
	}
	k.told = trouble
}

// look returns why the last attempt failed, or why the next one cannot begin.
func (k *Keeper) look(ctx context.Context) error {
	last, err := k.cfg.Store.Last(ctx)
	if err != nil {
		return err
	}
	failure := k.settle(last)
	identity, err := k.cfg.Identity(ctx, k.cfg.Repository)
	if err != nil || identity == "" {
		return err
	}
	claims, err := k.cfg.Memory.Claims(ctx, k.cfg.Repository)
	if err != nil {
		return err
	}
	if len(claims) == 0 {
		return nil
	}
	sum, err := Sum(claims)
	if err != nil {
		return err
	}
	listed := k.cfg.Store.Listed()
	if listed.Pending || !due(last, sum, k.failures, listed.Copies, k.cfg.Clock.Now()) {
		return failure
	}
	err = k.cfg.Store.Start(ctx, identity, claims)
	if backup.KindOf(err) == backup.Conflict { // another replica was first
		err = nil
	}
	if err != nil {
		return err
	}
	return failure
}

// settle counts how the last attempt ended, once, and returns why there is no current
// copy: a failure stands until an attempt is done.
func (k *Keeper) settle(last Attempt) error {
	now := k.cfg.Clock.Now()
	begun := last.StartedAt.UTC().Format(time.RFC3339)
	switch {
	case last.Phase == Done:
		k.ended(last, nil)
	case last.Phase == Failed:
		k.ended(last, backup.Errorf(backup.DriverFailed, "writing it failed: %s", last.Message))
	case hangs(last, now):
		k.ended(last, backup.Errorf(backup.DriverFailed, "writing it was begun at %s and has not ended: %s", begun, cmp.Or(last.Message, "nothing says why")))
	case last.Phase == UnderWay && last.Waiting && now.Sub(last.StartedAt) >= patience:
		return backup.Errorf(backup.Unavailable, "writing it waits since %s: %s", begun, cmp.Or(last.Message, "nothing says for what"))
	}
	return k.failure
}

// ended counts an attempt that has ended, or counts as such.
func (k *Keeper) ended(last Attempt, failure error) {
	k.failure = failure
	if last.StartedAt.Equal(k.seen) {
		return
	}
	k.seen = last.StartedAt
	k.failures++
	if failure == nil {
		k.failures = 0
	}
	k.cfg.Observer.Copied(k.cfg.Repository, failure)
}

// tellRival logs that another installation is alive under the same name.
func (k *Keeper) tellRival() {
	listed := k.cfg.Store.Listed()
	if listed.Rival != "" && listed.Rival != k.rival {
		k.cfg.Log.Error("two live clusters of one name use the repository, and each takes the other's backups for its own: give each cluster a SOTERIA_CLUSTER of its own",
			"repository", k.cfg.Repository, "other", listed.Rival, "writtenAt", listed.RivalAt)
	}
	k.rival = listed.Rival
}

// Report is what is told of the copy.
type Report struct {
	Repository string
	Listed
	// Trouble is why this replica could not have it written; "" where nothing is
	// known to be wrong, as on every replica but the leader.
	Trouble string
}

// Message says what is wrong and what to do, "" where nothing is known to be.
func (r Report) Message() string {
	said := slices.DeleteFunc([]string{r.RivalMessage(), r.TroubleMessage()}, func(message string) bool { return message == "" })
	return strings.Join(said, "; ")
}

// RivalMessage says that another live cluster has this one's name, "" where none is
// known to have.
func (r Report) RivalMessage() string {
	if r.Rival == "" {
		return ""
	}
	return fmt.Sprintf(
		"another live cluster uses the %s repository by the name of this one (installation %s, last at %s), and each takes the other's backups for its own: give each cluster a SOTERIA_CLUSTER of its own",
		r.Repository, r.Rival, r.RivalAt.UTC().Format(time.RFC3339))
}

// TroubleMessage says why there is no current copy, "" where nothing is known to be
// wrong with it.
func (r Report) TroubleMessage() string {
	if r.Trouble == "" {
		return ""
	}
	return fmt.Sprintf("the copy of what is remembered of the %s backups is not current: %s; correct that, and it is written by itself", r.Repository, r.Trouble)
}

// Report reports how the copy is. It does not wait.
func (k *Keeper) Report() Report {
	k.mu.Lock()
	defer k.mu.Unlock()
	return Report{Repository: k.cfg.Repository, Listed: k.cfg.Store.Listed(), Trouble: k.trouble}
}
