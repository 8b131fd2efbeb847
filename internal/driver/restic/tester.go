package restic

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/stall"
)

// roomAnnotation on a test's Job is how much of the node's disk it may take, in
// bytes.
const roomAnnotation = "soteria.dev/room-bytes"

// testMark marks the folder of a test, which is new for each.
const testMark = "test"

// Test implements [driver.Tester]: a Job in Soteria's own namespace restores the
// snapshot into an empty folder of the node, as a fill would, and compares it with
// what the snapshot lists. The folder goes with the pod.
//
// The folder is bounded, and a pod that outgrows it is evicted. Such a pod is not
// replaced, unlike those of other Jobs: it would outgrow the next folder too.
func (d *Driver) Test(ctx context.Context, req driver.TestRequest) (driver.TestState, error) {
	if err := restorable(req.Backup); err != nil {
		return driver.TestState{}, err
	}
	room, err := d.roomFor(req.Backup)
	if err != nil {
		return driver.TestState{}, err
	}
	number, err := d.nextTest(ctx, req.Backup.Claim)
	if err != nil {
		return driver.TestState{}, err
	}
	if _, err := d.credentials(ctx); err != nil {
		return driver.TestState{}, err
	}
	job := d.testJob(req, room, number)
	state := testState(job)
	if req.DryRun {
		state.JobName = ""
		return state, nil
	}
	return state, d.start(ctx, job)
}

// Tests implements [driver.Tester].
func (d *Driver) Tests(ctx context.Context) ([]driver.TestState, error) {
	jobs, err := d.testJobs(ctx)
	if err != nil {
		return nil, err
	}
	states := make([]driver.TestState, 0, len(jobs))
	for i := range jobs {
		state := testState(&jobs[i])
		if state.FillState, err = d.observeTest(ctx, &jobs[i]); err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	return states, nil
}

// observeTest returns how far a test is. One that does no work says why, and one that
// is past its deadline has failed, though its pod may not be ended.
func (d *Driver) observeTest(ctx context.Context, job *batchv1.Job) (driver.FillState, error) {
	state, err := d.fills.ObserveFill(ctx, job)
	if err != nil || state.Phase == driver.FillDone || state.Phase == driver.FillFailed {
		return state, err
	}
	now := d.cluster.Clock.Now()
	stuck, err := moverjob.Stuck(ctx, d.cluster.Reader, job, now, stall.Patience)
	if err != nil {
		return driver.FillState{}, err
	}
	state.Message = cmp.Or(stuck, state.Message)
	if stall.Overdue(job, now) != "" {
		state.Phase = driver.FillFailed
	}
	return state, nil
}

// roomFor is what a test of the backup may take of a node's disk: what the backup
// holds and a tenth more, or all that is allowed where that is not known.
func (d *Driver) roomFor(b backup.Backup) (int64, error) {
	const slack = 256 << 20
	if b.SizeBytes < 0 {
		return d.cfg.TestRoom, nil
	}
	room := b.SizeBytes + b.SizeBytes/10 + slack
	if room > d.cfg.TestRoom {
		return 0, backup.Errorf(backup.Invalid, "a test of backup %s takes %s of a node's disk and may take %s (SOTERIA_RESTORE_TEST_ROOM); restore it to a claim instead, with target_pvc",
			backup.ShortID(b.ID), quantity(room), quantity(d.cfg.TestRoom))
	}
	return room, nil
}

func quantity(bytes int64) *resource.Quantity { return resource.NewQuantity(bytes, resource.BinarySI) }

func (d *Driver) testJobs(ctx context.Context) ([]batchv1.Job, error) {
	var jobs batchv1.JobList
	err := d.cluster.Reader.List(ctx, &jobs, client.InNamespace(d.cfg.Namespace),
		client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleTest})
	if err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the restore tests: %w", err)
	}
	return jobs.Items, nil
}

// nextTest gives the number of the claim's next test. One that has not ended is a
// Conflict, unless it is past its deadline; of two requests that both found nothing, one finds the name taken.
func (d *Driver) nextTest(ctx context.Context, claim backup.Claim) (int, error) {
	jobs, err := d.testJobs(ctx)
	if err != nil {
		return 0, err
	}
	last := 0
	for i := range jobs {
		if jobs[i].Annotations[v1alpha1.ClaimAnnotation] != claim.String() {
			continue
		}
		if _, finished := moverjob.Finished(&jobs[i]); !finished && stall.Overdue(&jobs[i], d.cluster.Clock.Now()) == "" {
			return 0, d.testRuns(ctx, claim, &jobs[i])
		}
		last = max(last, moverjob.Number(jobs[i].Name))
	}
	return last + 1, nil
}

// testRuns says that a test of the claim has not ended and, if it does no work, why.
func (d *Driver) testRuns(ctx context.Context, claim backup.Claim, job *batchv1.Job) error {
	stuck, err := moverjob.Stuck(ctx, d.cluster.Reader, job, d.cluster.Clock.Now(), stall.Patience)
	if err != nil || stuck == "" {
		return backup.Errorf(backup.Conflict, "a restore test of %s is running already: Job %s", claim, job.Name)
	}
	return backup.Errorf(backup.Conflict, "a restore test of %s has not ended: %s; delete it to test again: kubectl -n %s delete job %s", claim, stuck, job.Namespace, job.Name)
}

func (d *Driver) testJob(req driver.TestRequest, room int64, number int) *batchv1.Job {
	// The claim may be gone and have no uid; its name stands for it.
	identity := types.UID(req.Backup.Claim.String())
	spec := d.jobSpec(d.cfg.JobSettings)
	spec.Namespace, spec.Name, spec.Role = d.cfg.Namespace, moverjob.Name("test", req.Backup.Claim, identity, number), v1alpha1.RoleTest
	spec.Claim = req.Backup.Claim
	spec.Annotations = map[string]string{
		v1alpha1.RequestedByAnnotation: backup.Clip(req.RequestedBy, backup.MaxCaller),
		v1alpha1.BackupAnnotation:      Name + "/" + req.Backup.ID,
		roomAnnotation:                 strconv.FormatInt(room, 10),
	}
	spec.Args = append(d.restoreArgs(req.Backup), moverjob.TargetArgs(driver.FillRequest{PrimeUID: testMark}, d.cfg.Verify)...)
	spec.Capabilities, spec.MountPath, spec.EmptyDir = restoreCapabilities, restoreFolder, quantity(room)
	spec.Resources.Requests = withDisk(spec.Resources.Requests, room)
	spec.Credentials = moverjob.CredentialsName(spec.Name)
	spec.NodeSelector, spec.TTL = d.cfg.JobNodeSelector, &d.cfg.JobTTL
	job := moverjob.Build(spec)
	job.Spec.PodFailurePolicy, job.Spec.PodReplacementPolicy = nil, nil
	return job
}

// withDisk adds the disk that a pod will take, so that it comes to a node that has
// as much.
func withDisk(requests corev1.ResourceList, room int64) corev1.ResourceList {
	with := requests.DeepCopy()
	if with == nil {
		with = corev1.ResourceList{}
	}
	with[corev1.ResourceEphemeralStorage] = *quantity(room)
	return with
}

// testState reads a test's Job, all but how far it is.
func testState(job *batchv1.Job) driver.TestState {
	claim, _ := backup.ParseClaim(job.Annotations[v1alpha1.ClaimAnnotation]) // as it was written
	room, _ := strconv.ParseInt(job.Annotations[roomAnnotation], 10, 64)     // likewise
	_, id, _ := strings.Cut(job.Annotations[v1alpha1.BackupAnnotation], "/")
	return driver.TestState{
		Claim: claim, Driver: Name, BackupID: id, Namespace: job.Namespace, JobName: job.Name, RoomBytes: room,
		RequestedBy: job.Annotations[v1alpha1.RequestedByAnnotation], CreatedAt: job.CreationTimestamp.Time,
	}
}

// restorable refuses a backup of which it cannot be told what to restore.
func restorable(b backup.Backup) error {
	if !idPattern.MatchString(b.ID) {
		return backup.Errorf(backup.Invalid, "%q is not the id of a restic snapshot", b.ID)
	}
	if why := unrestorable([]string{b.Locator}); why != "" {
		return backup.Errorf(backup.Invalid, "which folder of snapshot %.8s was the volume cannot be told: it holds several, or none of a Unix system", b.ID)
	}
	return nil
}

// restoreArgs are the arguments of a mover that restores the backup.
func (d *Driver) restoreArgs(b backup.Backup) []string {
	args := append([]string{"restore"}, d.moverArgs()...)
	return append(args, "--snapshot", b.ID, "--folder", b.Locator, "--target", restoreFolder)
}
