package moverjob

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/mover/report"
	"github.com/soteria-dr/soteria/internal/stall"
)

// Fills keeps the Jobs that fill primes, for every driver that fills with Jobs.
// It remembers nothing: each call derives what to do from what is there.
type Fills struct {
	// Client writes; Reader reads the API server itself, not a cache.
	Client client.Client
	Reader client.Reader
	// Cache holds Soteria's own Jobs and the pods of those in its namespace, as they
	// were moments ago; nil does without.
	Cache client.Reader
	// Logs reads the progress of running movers; nil does without.
	Logs LogReader
	// Namespace is Soteria's own, where primes and their Jobs live.
	Namespace string
	// Clock is the time; nil is the real one.
	Clock clock.PassiveClock
}

// tellsAfter is how long a mover takes, at the least, to print how far it is.
const tellsAfter = time.Second

// FillSpec fills in what all Jobs that fill primes have in common: identity,
// place and policy. A fill is never retried by Kubernetes, since the restore
// controller counts attempts, and stays until it is released, since a fill
// whose Job went away would be done again.
func (f Fills) FillSpec(req driver.FillRequest) Spec {
	return Spec{
		Namespace: f.Namespace, Name: Name("fill", req.Claim, req.ClaimUID, int(req.Attempt)), Role: v1alpha1.RoleFill,
		Claim: req.Claim, ClaimUID: req.ClaimUID,
		Annotations: map[string]string{
			v1alpha1.AttemptAnnotation:   strconv.Itoa(int(req.Attempt)),
			v1alpha1.PlacementAnnotation: req.Placement.Fingerprint(),
		},
		Volume: req.Prime, Block: req.Block,
		Tolerations: req.Placement.Tolerations, Affinity: req.Placement.Affinity, Room: req.Placement.Room,
	}
}

// TargetArgs are the arguments of a mover that say how the volume of a fill is
// marked and what is checked on it.
func TargetArgs(req driver.FillRequest, verify string) []string {
	args := []string{"--mark", string(req.PrimeUID)}
	if req.CheckRoom {
		args = append(args, "--room")
	}
	if verify != "" {
		args = append(args, "--verify", verify)
	}
	return args
}

// NodeSelector joins the operator's choice of nodes with where the claim's pod
// must run, which goes before it: a volume that the pod cannot follow helps
// nobody.
func NodeSelector(operator map[string]string, placement driver.Placement) map[string]string {
	joined := make(map[string]string, len(operator)+len(placement.NodeSelector))
	maps.Copy(joined, operator)
	maps.Copy(joined, placement.NodeSelector)
	return joined
}

// Secret describes the Secret that a Job's pod waits for. An error says that it
// cannot be made now.
type Secret func() (*corev1.Secret, error)

// Ensure sees to it that the Job runs and tells what is observed of it: the
// part of [driver.Filler]'s Fill that comes after the Job is described. It makes
// the Job only once no pod of another attempt for the claim is left, so that two
// never write at once. Secret, if not nil, is asked for before the Job is made
// and as long as its pod does not run.
//
// While the cache says that the Job is there and its mover waits or works, nothing else
// is asked. Whatever begins or ends an attempt is read from the API server.
func (f Fills) Ensure(ctx context.Context, req driver.FillRequest, want *batchv1.Job, secret Secret) (driver.FillState, error) {
	job, state, settled := f.glance(ctx, req, want)
	if !settled {
		var fill driver.FillState
		var err error
		if job, state, fill, err = f.look(ctx, req, want, secret); err != nil || job == nil {
			return fill, err
		}
	}
	fill := f.fillState(ctx, state)
	if fill.Phase == driver.FillRunning {
		if err := f.prolong(ctx, job, fill.Progress); err != nil {
			fill.Message = backup.Message(err) // it runs all the same, and this is tried again
		}
	}
	return fill, nil
}

// look reads from the API server what there is of the attempt, and makes its Job where
// it may. The Job is nil where there is something else to wait for first, which the
// fill's state says.
func (f Fills) look(ctx context.Context, req driver.FillRequest, want *batchv1.Job, secret Secret) (*batchv1.Job, State, driver.FillState, error) {
	waits := func(message string, err error) (*batchv1.Job, State, driver.FillState, error) {
		return nil, State{}, driver.FillState{Message: message}, err
	}
	jobs, pods, err := f.leftOf(ctx, req.ClaimUID)
	if err != nil {
		return waits("", err)
	}
	if message, err := f.retireOthers(ctx, req, want.Name, jobs, pods); err != nil || message != "" {
		return waits(message, err)
	}
	job := named(jobs, want.Name)
	if job == nil {
		made, message, err := f.makeJob(ctx, want, secret, pods)
		if err != nil || message != "" {
			return waits(message, err)
		}
		return made, State{CreatedAt: PodlessSince(made)}, driver.FillState{}, nil
	}
	if job.DeletionTimestamp != nil {
		return waits(fmt.Sprintf("Job %s is being deleted", job.Name), nil)
	}
	own := ownedBy(job, pods)
	if len(own) == 0 { // somebody may have taken Soteria's labels off it
		if own, err = PodsOf(ctx, f.Reader, job); err != nil {
			return waits("", backup.Errorf(backup.Unavailable, "observing Job %s/%s: %w", job.Namespace, job.Name, err))
		}
	}
	if message, err := f.replaceOutdated(ctx, job, want, own); err != nil || message != "" {
		return waits(message, err)
	}
	state, err := observeWith(ctx, f.Reader, job, own)
	if err != nil {
		return waits("", backup.Errorf(backup.Unavailable, "observing Job %s/%s: %w", job.Namespace, job.Name, err))
	}
	if state.Phase == Pending {
		if err := f.makeUpSecret(ctx, job, secret); err != nil {
			return waits("", err)
		}
	}
	return job, state, driver.FillState{}, nil
}

func named(jobs []batchv1.Job, name string) *batchv1.Job {
	for i := range jobs {
		if jobs[i].Name == name {
			return &jobs[i]
		}
	}
	return nil
}

// retireOthers deletes the Jobs of earlier attempts and says what must go before
// this attempt may begin.
func (f Fills) retireOthers(ctx context.Context, req driver.FillRequest, name string, jobs []batchv1.Job, pods []corev1.Pod) (waitsFor string, err error) {
	for i := range jobs {
		job := &jobs[i]
		if job.Name == name {
			continue
		}
		if attempt, err := strconv.Atoi(job.Annotations[v1alpha1.AttemptAnnotation]); err == nil && attempt > int(req.Attempt) {
			return "", backup.Errorf(backup.Conflict, "attempt %d for %s is under way already; attempt %d is past", attempt, req.Claim, req.Attempt)
		}
		if err := f.delete(ctx, job); err != nil {
			return "", err
		}
		waitsFor = fmt.Sprintf("waiting for Job %s of an earlier attempt to go", job.Name)
	}
	for _, pod := range pods {
		if pod.Labels[batchv1.JobNameLabel] != name {
			waitsFor = fmt.Sprintf("waiting for pod %s of an earlier attempt to go", pod.Name)
		}
	}
	return waitsFor, nil
}

// makeJob makes the Job and the Secret that its pod waits for. It makes none while a pod
// of a Job of that name is left, which waitsFor says.
func (f Fills) makeJob(ctx context.Context, want *batchv1.Job, secret Secret, pods []corev1.Pod) (made *batchv1.Job, waitsFor string, err error) {
	if waitsFor, err := f.podLeft(ctx, want, pods); err != nil || waitsFor != "" {
		return nil, waitsFor, err
	}
	if secret != nil {
		credentials, err := secret()
		if err != nil {
			return nil, "", err
		}
		secret = func() (*corev1.Secret, error) { return credentials, nil } // read once
	}
	key, created := client.ObjectKeyFromObject(want), want.DeepCopy()
	err = f.Client.Create(ctx, created)
	if err == nil {
		// At once: a kubelet that has looked for it in vain looks again only
		// after a while, two minutes in the end.
		return created, "", EnsureSecret(ctx, f.Client, created, secret)
	}
	if !apierrors.IsAlreadyExists(err) {
		return nil, "", backup.Errorf(backup.Unavailable, "making Job %s: %w", key, err)
	}
	var job batchv1.Job
	switch err := f.Reader.Get(ctx, key, &job); {
	case err != nil:
		return nil, "", backup.Errorf(backup.Unavailable, "making Job %s: %w", key, err)
	case !serves(&job, v1alpha1.RoleFill, types.UID(want.Labels[v1alpha1.ClaimUIDLabel])):
		return nil, "", backup.Errorf(backup.Conflict, "Job %s exists and is not the fill it should be", key)
	}
	return nil, fmt.Sprintf("Job %s was made a moment ago", job.Name), nil
}

// makeUpSecret makes the Secret that a Job's pod waits for where a crash left it out.
func (f Fills) makeUpSecret(ctx context.Context, job *batchv1.Job, secret Secret) error {
	if secret == nil {
		return nil
	}
	there := &metav1.PartialObjectMetadata{}
	there.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	key := types.NamespacedName{Namespace: job.Namespace, Name: CredentialsName(job.Name)}
	switch err := f.Reader.Get(ctx, key, there); {
	case err == nil: // one of an earlier Job of that name goes by itself
		return nil
	case !apierrors.IsNotFound(err):
		return backup.Errorf(backup.Unavailable, "reading Secret %s: %w", key, err)
	}
	return EnsureSecret(ctx, f.Client, job, secret)
}

// ObserveFill tells how far a Job that restores is, in a driver's words.
func (f Fills) ObserveFill(ctx context.Context, job *batchv1.Job) (driver.FillState, error) {
	state, err := Observe(ctx, f.Reader, job)
	if err != nil {
		return driver.FillState{}, backup.Errorf(backup.Unavailable, "observing Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	return f.fillState(ctx, state), nil
}

func (f Fills) fillState(ctx context.Context, s State) driver.FillState {
	state := driver.FillState{Message: s.Message, StartedAt: s.StartedAt, EndedAt: s.FinishedAt}
	switch s.Phase {
	case Pending:
		state.Phase = driver.FillPending
	case Running:
		if s.Good {
			s.Phase, s.Message = Succeeded, ""
			return f.fillState(ctx, s)
		}
		state.Phase = driver.FillRunning
		if began := f.now().Sub(s.StartedAt); began < 0 || began >= tellsAfter {
			state.Progress, state.Finding = f.progress(ctx, s.Pod)
		}
	case Failed:
		state.Phase = driver.FillFailed
		state.Partial = s.Result != nil && s.Result.Partial
		state.Finding = finding(s.Result)
	case Succeeded:
		// What cannot be told from the result was not verified.
		if s.Result == nil || s.Result.Failed() || s.Result.Restored == nil || s.Result.Expected == nil {
			state.Phase = driver.FillFailed
			if state.Message == "" {
				state.Message = "the mover ended well but left no counts of what it did"
			}
			break
		}
		state.Phase, state.Finding = driver.FillDone, driver.FindingOwn
		state.Restored, state.Expected = counts(*s.Result.Restored), counts(*s.Result.Expected)
		state.Progress = driver.Progress{
			BytesDone: state.Restored.Bytes, BytesTotal: state.Expected.Bytes,
			FilesDone: state.Restored.Files, FilesTotal: state.Expected.Files,
		}
	}
	return state
}

func counts(c report.Counts) driver.Counts { return driver.Counts{Files: c.Files, Bytes: c.Bytes} }

// finding reads what a mover that has ended found on its volume.
func finding(result *report.Result) driver.Finding {
	switch {
	case result == nil:
		return driver.FindingNone
	case result.Finding == report.FindingForeign:
		return driver.FindingForeign
	case result.Finding == report.FindingOwn:
		return driver.FindingOwn
	default:
		return driver.FindingNone
	}
}

// progress reads how far a running mover has come; zero when it does not tell. A
// mover that prints progress has looked at its volume and found it to be its own.
func (f Fills) progress(ctx context.Context, pod string) (driver.Progress, driver.Finding) {
	if f.Logs == nil || pod == "" {
		return driver.Progress{}, driver.FindingNone
	}
	log, err := f.Logs.Tail(ctx, f.Namespace, pod, Container)
	if err != nil {
		return driver.Progress{}, driver.FindingNone // looked for again by the next call
	}
	p, printed := report.LastProgress(log)
	found := driver.FindingNone
	if printed {
		found = driver.FindingOwn
	}
	return driver.Progress{BytesDone: p.BytesDone, BytesTotal: p.BytesTotal, FilesDone: p.FilesDone, FilesTotal: p.FilesTotal, Worked: p.Worked}, found
}

// Finding implements [driver.Filler].
func (f Fills) Finding(ctx context.Context, claimUID types.UID) (driver.Finding, error) {
	jobs, _, err := f.leftOf(ctx, claimUID)
	if err != nil {
		return driver.FindingNone, err
	}
	found := driver.FindingNone
	for i := range jobs {
		state, err := f.ObserveFill(ctx, &jobs[i])
		if err != nil {
			return driver.FindingNone, err
		}
		found = max(found, state.Finding)
	}
	return found, nil
}

// Release implements [driver.Filler]. That something is left is believed of the cache,
// that nothing is of the API server alone.
//
// A Job whose pod is about to end is left for the moment. The API server removes a pod
// that has ended at once; one that has not goes when its kubelet has come to it, which
// takes two seconds more.
func (f Fills) Release(ctx context.Context, claimUID types.UID) (gone bool, err error) {
	if jobs, pods, err := f.cachedOf(ctx, claimUID); err == nil && len(jobs)+len(pods) > 0 {
		if slices.ContainsFunc(pods, f.aboutToEnd) {
			return false, nil
		}
		for i := range jobs {
			if err := f.delete(ctx, &jobs[i]); err != nil {
				return false, err
			}
		}
		return false, nil
	}
	jobs, pods, err := f.leftOf(ctx, claimUID)
	if err != nil {
		return false, err
	}
	for i := range jobs {
		if err := f.delete(ctx, &jobs[i]); err != nil {
			return false, err
		}
	}
	return len(jobs) == 0 && len(pods) == 0, nil
}

// endsWithin is how long after its mover a pod ends at most, where nothing holds it up.
const endsWithin = 3 * time.Second

// aboutToEnd reports whether a pod's mover has ended just now, and the pod has not.
func (f Fills) aboutToEnd(pod corev1.Pod) bool {
	if pod.DeletionTimestamp != nil || stall.Ended(&pod) {
		return false
	}
	status, found := moverStatus(&pod)
	if !found || status.State.Terminated == nil {
		return false
	}
	since := f.now().Sub(status.State.Terminated.FinishedAt.Time)
	return since >= 0 && since < endsWithin
}

// Releases implements [driver.CommonFiller]: the Jobs of all fills in a namespace are
// looked after in the same way, whoever described them.
func (f Fills) Releases() string { return "Jobs in namespace " + f.Namespace }

// leftOf finds the Jobs and pods of every attempt for a claim. Copies of
// credentials need no look: the garbage collector removes them after their Job.
func (f Fills) leftOf(ctx context.Context, claimUID types.UID) ([]batchv1.Job, []corev1.Pod, error) {
	return f.listOf(ctx, f.Reader, claimUID)
}

// listOf is leftOf as read from the API server or a cache.
func (f Fills) listOf(ctx context.Context, from client.Reader, claimUID types.UID) ([]batchv1.Job, []corev1.Pod, error) {
	if claimUID == "" {
		return nil, nil, backup.Errorf(backup.Internal, "a fill without the uid of its claim")
	}
	ofClaim := []client.ListOption{client.InNamespace(f.Namespace), client.MatchingLabels(Labels(v1alpha1.RoleFill, claimUID))}
	var jobs batchv1.JobList
	if err := from.List(ctx, &jobs, ofClaim...); err != nil {
		return nil, nil, backup.Errorf(backup.Unavailable, "listing the Jobs that fill for claim %s: %w", claimUID, err)
	}
	var pods corev1.PodList
	if err := from.List(ctx, &pods, ofClaim...); err != nil {
		return nil, nil, backup.Errorf(backup.Unavailable, "listing the pods that fill for claim %s: %w", claimUID, err)
	}
	return jobs.Items, pods.Items, nil
}

func (f Fills) delete(ctx context.Context, job *batchv1.Job) error {
	if job.DeletionTimestamp != nil {
		return nil
	}
	return Delete(ctx, f.Client, job)
}

// Delete deletes exactly this Job, and through the garbage collector its pods
// and its Secret. A Job that is gone already is no error.
func Delete(ctx context.Context, c client.Client, job *batchv1.Job) error {
	err := c.Delete(ctx, job, client.Preconditions{UID: &job.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if client.IgnoreNotFound(err) != nil {
		return backup.Errorf(backup.Unavailable, "deleting Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	return nil
}

// EnsureSecret makes the Secret that a Job's pod waits for, unless it exists. It
// belongs to the Job and goes with it.
func EnsureSecret(ctx context.Context, c client.Client, owner *batchv1.Job, secret Secret) error {
	if err := NewSecret(ctx, c, owner, secret); backup.KindOf(err) != backup.Conflict {
		return err
	}
	return nil
}

// NewSecret makes the Secret that the pod of a Job which was made just now waits for.
// One that is there already belongs to an earlier Job of the same name, and the garbage
// collector is about to delete it: that is a Conflict, which passes. Secrets in other
// namespaces can be made and not read, so its owner is not looked at.
func NewSecret(ctx context.Context, c client.Client, owner *batchv1.Job, secret Secret) error {
	if secret == nil {
		return nil
	}
	made, err := secret()
	if err != nil {
		return err
	}
	made.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: batchv1.SchemeGroupVersion.String(), Kind: "Job", Name: owner.Name, UID: owner.UID,
	}}
	err = c.Create(ctx, made)
	switch {
	case apierrors.IsAlreadyExists(err):
		return backup.Errorf(backup.Conflict, "Secret %s/%s of an earlier Job %s is not gone yet; ask again in a moment", made.Namespace, made.Name, owner.Name)
	case err != nil:
		return backup.Errorf(backup.Unavailable, "making Secret %s/%s: %w", made.Namespace, made.Name, err)
	}
	return nil
}

func serves(job *batchv1.Job, role string, claimUID types.UID) bool {
	l := job.Labels
	return l[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy && l[v1alpha1.RoleLabel] == role && l[v1alpha1.ClaimUIDLabel] == string(claimUID)
}

func isOwner(job *batchv1.Job) func(metav1.OwnerReference) bool {
	return func(o metav1.OwnerReference) bool { return o.Kind == "Job" && o.UID == job.UID }
}
