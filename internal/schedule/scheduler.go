package schedule

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// Store keeps the API's policies.
type Store interface {
	// Read gives all of them. What cannot be read or understood is an error,
	// never an empty book.
	Read(ctx context.Context) (*policy.Book, error)
	// Put keeps a valid policy in the place of the one with the same target.
	Put(ctx context.Context, p policy.Policy) (replaced bool, err error)
	// Delete deletes by id; the error is of kind NotFound if there is none.
	Delete(ctx context.Context, id string) (policy.Policy, error)
}

// Observer is told what came of each attempt to start a backup. It must not block.
type Observer interface {
	PolicyBackup(err error)
}

// Config is what a scheduler is made of. All but Activities and Copies is required.
type Config struct {
	// Namespace is Soteria's own.
	Namespace string
	// Evaluation is how often the leader looks for what is due.
	Evaluation time.Duration
	// Concurrency is how many backups may run at once by each driver. Those that
	// were asked for otherwise count, and are never refused.
	Concurrency int
	// Backupers are the drivers that take backups, by name; Driver names the one
	// that a policy gets which names none.
	Backupers map[string]driver.Backuper
	Driver    string
	// Keeps say, by driver, what holds where the policy that backs a claim up with it
	// does not say which backups stay. Nil keeps all.
	Keeps map[string]retention.Keep
	// Repositories tells what is known of each driver's backups. It must not wait.
	Repositories func() []Repository
	// Rules say now by which backups due times go. Default: by all that are not
	// dated ahead of now.
	Rules      func() backup.Rules
	Activities []Activity
	// Reader reads claims and Restores, from a cache.
	Reader client.Reader
	// Copies knows the copies to look at, which are not backed up; nil where no one does.
	Copies kube.Copies
	Store  Store
	Clock  clock.Clock
	// Events tells on a claim what keeps its backups from starting.
	Events   events.EventRecorder
	Observer Observer
	Log      *slog.Logger
}

// Scheduler starts the backups that policies want. [Scheduler.Start] is for the
// leader; the other methods are for every replica, and safe for concurrent use.
type Scheduler struct {
	cfg   Config
	since time.Time
	// memory is empty on replicas that do not lead.
	memory *memory

	mu sync.Mutex
	// book is the last one that could be read.
	book        *policy.Book
	evaluatedAt time.Time
	// warned holds the warnings that were told.
	warned map[policy.Warning]struct{}
	// overdue counts the backups that are overdue, and overdueTold is when each claim
	// was last told of it.
	overdue     map[policy.Reason]int
	overdueTold map[types.UID]time.Time
	// leads is true from the first evaluation on. late is the last plan's; once this
	// replica leads, its evaluations alone keep it.
	leads bool
	late  map[types.UID]time.Time
}

// New makes a scheduler.
func New(cfg Config) *Scheduler {
	if cfg.Rules == nil {
		cfg.Rules = func() backup.Rules { return backup.Rules{Now: cfg.Clock.Now()} }
	}
	return &Scheduler{cfg: cfg, since: cfg.Clock.Now(), memory: newMemory()}
}

// notStarted is the reason of the event on a claim whose backup is due and was not
// started.
const notStarted = "BackupNotStarted"

// The bounds of an evaluation.
const (
	observing = 30 * time.Second
	starting  = time.Minute
	// soon is when to look again while backups wait for others to end.
	soon = 15 * time.Second
)

// Start evaluates until ctx ends. It is controller-runtime's Runnable.
func (s *Scheduler) Start(ctx context.Context) error {
	for {
		timer := s.cfg.Clock.NewTimer(s.Evaluate(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		}
	}
}

// NeedLeaderElection tells controller-runtime that the leader alone starts
// backups.
func (s *Scheduler) NeedLeaderElection() bool { return true }

// Evaluate starts what is due now, once, and tells how long to wait until the
// next evaluation. It returns when the drivers have answered.
func (s *Scheduler) Evaluate(ctx context.Context) (wait time.Duration) {
	s.lead()
	w, err := s.observe(ctx, s.lastBook)
	if err != nil {
		if ctx.Err() == nil {
			s.cfg.Log.Error("policies could not be evaluated; nothing is started until they can be", "error", err)
		}
		return s.cfg.Evaluation
	}
	p := w.plan()
	s.mu.Lock()
	s.late = p.late
	s.mu.Unlock()
	s.memory.forget(lives(w.claims))
	s.warn(p.warnings, w.claims)
	s.tell(p)
	s.tellOverdue(p.standings, w.claims, w.now)

	var startings sync.WaitGroup
	for _, begin := range p.starts {
		startings.Go(func() { s.start(ctx, begin) })
	}
	startings.Wait()
	s.mu.Lock()
	s.evaluatedAt = w.now
	s.mu.Unlock()
	if p.waiting > 0 {
		return min(soon, s.cfg.Evaluation)
	}
	return s.cfg.Evaluation
}

// lead has this replica lead. What was not started before is not its own delay.
func (s *Scheduler) lead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leads {
		s.leads, s.late = true, nil
	}
}

// start has one backup started. What goes wrong concerns this claim alone.
func (s *Scheduler) start(ctx context.Context, begin start) {
	limited, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	standing := begin.standing
	id := standing.Policy.ID()
	run := Run{ClaimUID: begin.uid, Driver: standing.Driver, Started: s.cfg.Clock.Now()}
	log := s.cfg.Log.With("claim", standing.Claim.String(), "driver", standing.Driver, "policy", id, "source", standing.Policy.Source)
	started, err := s.cfg.Backupers[standing.Driver].Backup(limited, driver.BackupRequest{
		Claim: standing.Claim, Tags: []string{"policy=" + id}, RequestedBy: "policy " + id,
	})
	if ctx.Err() != nil && err != nil {
		return // this process stops, which is nobody's failure
	}
	s.cfg.Observer.PolicyBackup(err)
	if err != nil {
		run.Ended, run.Failure = s.cfg.Clock.Now(), backup.Message(err)
		s.memory.add(run)
		log.Warn("a backup that is due could not be started", "kind", backup.KindOf(err).String(), "error", err)
		s.event(begin.uid, standing.Claim, notStarted, "the backup that is due could not be started: "+backup.Message(err))
		return
	}
	run.Name = started.JobName
	s.memory.add(run)
	log.Info("started a backup", "job", started.JobName, "backup", started.Backup)
}

// observe gathers what a plan is made from. Drivers of which the runs cannot be
// told are left blind; all else that cannot be told is an error.
func (s *Scheduler) observe(ctx context.Context, read func(context.Context) (*policy.Book, error)) (world, error) {
	ctx, cancel := context.WithTimeout(ctx, observing)
	defer cancel()
	w := world{
		since: s.since, repositories: map[string]Repository{}, runs: map[types.UID][]Run{}, blind: map[string]error{},
		drivers: slices.Sorted(maps.Keys(s.cfg.Backupers)), fallback: s.cfg.Driver, concurrency: s.cfg.Concurrency,
		keeps: s.cfg.Keeps,
	}
	var err error
	if w.book, err = read(ctx); err != nil {
		return world{}, err
	}
	if w.claims, err = observeClaims(ctx, s.cfg.Reader, s.cfg.Namespace, s.cfg.Copies); err != nil {
		return world{}, err
	}
	for _, activity := range s.cfg.Activities {
		runs, err := activity.Runs(ctx)
		if err != nil {
			w.blind[activity.Driver()] = err
		}
		for _, r := range runs {
			w.runs[r.ClaimUID] = append(w.runs[r.ClaimUID], r)
		}
	}
	// What was listed after the runs were seen to have ended settles them, so the
	// listings are read last and the clock before them.
	w.now, w.rules = s.cfg.Clock.Now(), s.cfg.Rules()
	s.memory.complete(w.runs, w.blind, w.now)
	for _, r := range s.cfg.Repositories() {
		w.repositories[r.Driver] = r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.late = s.late
	return w, nil
}

// lastBook reads the API's policies and, should that fail, gives those that were
// read before: a Secret that somebody spoilt must not stop all backups.
func (s *Scheduler) lastBook(ctx context.Context) (*policy.Book, error) {
	book, err := s.cfg.Store.Read(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.book = book
		return book, nil
	}
	if s.book != nil {
		s.cfg.Log.Error("the policies could not be read; those that were read before hold", "error", err)
		return s.book, nil
	}
	s.cfg.Log.Error("the policies could not be read; those that claims declare hold", "error", err)
	return policy.NewBook(nil)
}

func lives(claims []Claim) func(types.UID) bool {
	uids := make(map[types.UID]struct{}, len(claims))
	for _, c := range claims {
		uids[c.UID] = struct{}{}
	}
	return func(uid types.UID) bool {
		_, found := uids[uid]
		return found
	}
}

func uidsOf(claims []Claim) map[backup.Claim]types.UID {
	uids := make(map[backup.Claim]types.UID, len(claims))
	for _, c := range claims {
		uids[c.Claim] = c.UID
	}
	return uids
}

// warn tells each warning once, in the log and, where an annotation of Soteria's
// is at fault, on the claim. The label is one that other tools use, too.
func (s *Scheduler) warn(warnings []policy.Warning, claims []Claim) {
	var uids map[backup.Claim]types.UID
	if len(warnings) > 0 {
		uids = uidsOf(claims)
	}
	told := make(map[policy.Warning]struct{}, len(warnings))
	s.mu.Lock()
	before := s.warned
	s.warned = told
	s.mu.Unlock()
	for _, warning := range warnings {
		told[warning] = struct{}{}
		if _, again := before[warning]; again {
			continue
		}
		s.cfg.Log.Warn("a claim's schedule cannot be understood", "claim", warning.Claim.String(), "reason", warning.Message)
		if warning.Source == policy.FromAnnotation {
			s.event(uids[warning.Claim], warning.Claim, "BackupScheduleInvalid", warning.Message)
		}
	}
}

// tell writes down what is due and skipped.
func (s *Scheduler) tell(p plan) {
	counts := make(map[policy.State]int)
	for _, standing := range p.standings {
		counts[standing.State]++
		if standing.State == policy.Skipped {
			s.cfg.Log.Debug("a claim is skipped", "claim", standing.Claim.String(), "reason", standing.Reason, "message", standing.Message)
		}
	}
	s.cfg.Log.Info("evaluated the policies", "claims", len(p.standings), "starting", len(p.starts), "waiting", p.waiting,
		"running", counts[policy.Running], "failing", counts[policy.Failing], "skipped", counts[policy.Skipped])
}

func (s *Scheduler) event(uid types.UID, claim backup.Claim, reason, message string) {
	object := &corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, Name: claim.Name, UID: uid},
	}
	s.cfg.Events.Eventf(object, nil, corev1.EventTypeWarning, reason, "BackUp", "%s", backup.Clip(message, backup.MaxNote))
}
