package schedule_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/schedule"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
	"github.com/soteria-dr/soteria/internal/schedule/store"
)

const (
	own    = "soteria"
	every  = 5 * time.Minute
	restic = "restic"
	lease  = "longhorn"
)

var (
	noon      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	secretKey = client.ObjectKey{Namespace: own, Name: "soteria-policies"}
)

// lab is a cluster on a clock that is stepped, with two systems that take
// backups: "restic" in Jobs, which stay, and "longhorn" in Leases, which go.
type lab struct {
	t      *testing.T
	clock  *testclock.FakeClock
	client client.WithWatch
	store  *store.Store
	cfg    schedule.Config
	// leader is the scheduler that evaluates.
	leader *schedule.Scheduler
	// takes is how long a backup takes.
	takes time.Duration
	// fails are the claims of which backups end badly; refuses are errors that
	// keep them from starting.
	fails   map[backup.Claim]bool
	refuses map[backup.Claim]error
	// repository changes what is told of a driver's repository.
	repository func(*schedule.Repository)

	mu       sync.Mutex
	starts   []started
	attempts []started
	backups  map[string]map[backup.Claim][]backup.Backup
	runs     []*run
	mostRun  int
	counted  map[string]int
	events   []string
	log      bytes.Buffer
}

type started struct {
	at     time.Time
	claim  backup.Claim
	driver string
	req    driver.BackupRequest
}

type run struct {
	started
	object client.Object
}

// copies are the uids of claims that are copies to look at.
type copies sets.Set[types.UID]

func (c copies) Among(context.Context, []corev1.PersistentVolumeClaim) sets.Set[types.UID] {
	return sets.Set[types.UID](c)
}

func newLab(t *testing.T) *lab {
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	// A plain store: the one that keeps managed fields would cost a quarter of a test's time.
	tracker := clienttesting.NewObjectTracker(scheme, serializer.NewCodecFactory(scheme).UniversalDecoder())
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjectTracker(tracker).WithStatusSubresource(&batchv1.Job{}).Build()
	l := &lab{
		t: t, clock: testclock.NewFakeClock(noon), client: c, store: store.New(c, c, secretKey), takes: 2 * time.Minute,
		fails: map[backup.Claim]bool{}, refuses: map[backup.Claim]error{}, counted: map[string]int{},
		backups: map[string]map[backup.Claim][]backup.Backup{restic: {}, lease: {}},
	}
	l.cfg = schedule.Config{
		Namespace: own, Evaluation: every, Concurrency: 1000, Driver: restic,
		Backupers:    map[string]driver.Backuper{restic: backuper{l, restic}, lease: backuper{l, lease}},
		Repositories: l.repositories, Reader: c, Copies: copies{"uid-of-a-copy": {}}, Store: l.store, Clock: l.clock, Events: l, Observer: l,
		Activities: []schedule.Activity{
			schedule.Jobs{Of: restic, Reader: c},
			schedule.Leases{Of: lease, Reader: c, Namespace: own, Running: func(*coordinationv1.Lease) bool { return true }},
		},
		Log: slog.New(slog.NewTextHandler(&l.log, nil)),
	}
	l.restart()
	return l
}

// restart makes the leader a new process, which remembers nothing.
func (l *lab) restart() { l.leader = schedule.New(l.cfg) }

func (l *lab) now() time.Time { return l.clock.Now() }

// claim makes a bound claim, long ago.
func (l *lab) claim(namespace, name string, change ...func(*corev1.PersistentVolumeClaim)) backup.Claim {
	l.t.Helper()
	pvc := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID("uid-" + namespace + "-" + name),
			CreationTimestamp: metav1.NewTime(noon.AddDate(0, -1, 0)), Labels: map[string]string{}, Annotations: map[string]string{},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
	for _, f := range change {
		f(pvc)
	}
	require.NoError(l.t, l.client.Create(l.t.Context(), pvc))
	return backup.Claim{Namespace: namespace, Name: name}
}

func (l *lab) policy(p policy.Policy) policy.Policy {
	l.t.Helper()
	p.Enabled = true
	kept, _, err := l.leader.Put(l.t.Context(), p)
	require.NoError(l.t, err)
	return kept
}

// run evaluates as the leader's loop does, for a while.
func (l *lab) run(d time.Duration) {
	l.t.Helper()
	for end := l.now().Add(d); l.now().Before(end); {
		l.settle()
		wait := l.leader.Evaluate(l.t.Context())
		require.Positive(l.t, wait)
		l.clock.Step(wait)
	}
	l.settle()
}

// settle ends the backups that have taken their time.
func (l *lab) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mostRun = max(l.mostRun, len(l.runs))
	l.runs = slices.DeleteFunc(l.runs, func(r *run) bool {
		if l.now().Sub(r.at) < l.takes {
			return false
		}
		l.end(r)
		return true
	})
}

func (l *lab) end(r *run) {
	l.t.Helper()
	if !l.fails[r.claim] {
		l.backups[r.driver][r.claim] = append([]backup.Backup{{Claim: r.claim, Driver: r.driver, TakenAt: r.at.Add(5 * time.Second)}}, l.backups[r.driver][r.claim]...)
	}
	job, isJob := r.object.(*batchv1.Job)
	if !isJob {
		require.NoError(l.t, l.client.Delete(l.t.Context(), r.object))
		return
	}
	condition := batchv1.JobComplete
	if l.fails[r.claim] {
		condition = batchv1.JobFailed
	}
	job.Status.Conditions = []batchv1.JobCondition{{Type: condition, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(r.at.Add(l.takes))}}
	require.NoError(l.t, l.client.Status().Update(l.t.Context(), job))
}

func (l *lab) repositories() []schedule.Repository {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []schedule.Repository
	for _, name := range []string{restic, lease} {
		r := schedule.Repository{Driver: name, ListedAt: l.now(), Of: func(c backup.Claim) []backup.Backup {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.backups[name][c]
		}}
		if l.repository != nil {
			l.repository(&r)
		}
		if r.Driver != "" {
			all = append(all, r)
		}
	}
	return all
}

// backuper takes the lab's backups.
type backuper struct {
	*lab
	name string
}

func (b backuper) Backup(ctx context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := started{at: b.now(), claim: req.Claim, driver: b.name, req: req}
	b.attempts = append(b.attempts, s)
	if err := b.refuses[req.Claim]; err != nil {
		return driver.BackupStarted{}, err
	}
	r := &run{started: s}
	number := len(b.starts)
	labels := map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup,
		v1alpha1.ClaimUIDLabel: "uid-" + req.Claim.Namespace + "-" + req.Claim.Name,
	}
	meta := metav1.ObjectMeta{Namespace: req.Claim.Namespace, Name: fmt.Sprintf("backup-%d", number), Labels: labels, CreationTimestamp: metav1.NewTime(b.now())}
	told := driver.BackupStarted{Driver: b.name, Namespace: req.Claim.Namespace}
	if b.name == restic {
		r.object, told.JobName = &batchv1.Job{ObjectMeta: meta}, meta.Name
	} else {
		meta.Namespace = own
		r.object = &coordinationv1.Lease{ObjectMeta: meta}
	}
	if err := b.client.Create(ctx, r.object); err != nil {
		return driver.BackupStarted{}, err
	}
	b.starts, b.runs = append(b.starts, s), append(b.runs, r)
	return told, nil
}

func (l *lab) PolicyBackup(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.counted["ok"]++
		return
	}
	l.counted[backup.KindOf(err).String()]++
}

func (l *lab) Eventf(about, _ runtime.Object, _, reason, _, note string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	object := about.(client.Object)
	l.events = append(l.events, fmt.Sprintf("%s/%s %s: "+note, append([]any{object.GetNamespace(), object.GetName(), reason}, args...)...))
}

// startsOf gives when backups of a claim started.
func (l *lab) startsOf(claim backup.Claim) []time.Time { return times(l.starts, claim) }

// attemptsOf gives when backups of a claim were tried.
func (l *lab) attemptsOf(claim backup.Claim) []time.Time { return times(l.attempts, claim) }

func times(of []started, claim backup.Claim) []time.Time {
	var at []time.Time
	for _, s := range of {
		if s.claim == claim {
			at = append(at, s.at)
		}
	}
	return at
}

func gaps(at []time.Time) []time.Duration {
	var between []time.Duration
	for i := range len(at) - 1 {
		between = append(between, at[i+1].Sub(at[i]))
	}
	return between
}

func (l *lab) standing(claim backup.Claim) policy.Standing {
	l.t.Helper()
	report, err := l.leader.Report(l.t.Context())
	require.NoError(l.t, err)
	standing, found := report.Of(claim)
	require.True(l.t, found, claim)
	return standing
}

func label(key, value string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { c.Labels[key] = value }
}

func annotation(key, value string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { c.Annotations[key] = value }
}

// asked is a request that somebody makes.
func asked(namespace, name string) driver.BackupRequest {
	return driver.BackupRequest{Claim: backup.Claim{Namespace: namespace, Name: name}, RequestedBy: "somebody"}
}
