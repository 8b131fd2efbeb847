package restic

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/memory"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
	"github.com/soteria-dr/soteria/internal/driver/restic/store"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/mover/past"
	"github.com/soteria-dr/soteria/internal/stall"
)

const (
	// memoryFolder is where a Job finds what it is to write.
	memoryFolder = "/memory"
	// copyDeadline ends the Job that writes a copy, whatever it is doing. It is shorter
	// than [keeper.Limit].
	copyDeadline = 30 * time.Minute
	// shardSize is how much of a copy one ConfigMap carries, in bytes; it may hold
	// 1 MiB in all.
	shardSize = 768 << 10
	// sumAnnotation on a Job is the digest of what it was to write.
	sumAnnotation = "soteria.dev/memory-sum"
)

// folderCapabilities are what the writing of a copy has of root's powers where the
// repository is a folder: the files in it belong to whoever made them.
var folderCapabilities = []corev1.Capability{"DAC_OVERRIDE"}

var _ keeper.Store = (*Driver)(nil)

// Read returns what the copies in the repository remember of each claim's backups, of
// those clusters whose backups count here: this one, those that it restores like own
// ones, those that name none, unless that is settled otherwise, and all where this one
// has no name. It returns nothing, without an error, only where it is proved that there is no such copy. It runs
// restic in this process' own container, with the memory that is left there, and loads
// the repository's index, once for each copy; which copies there are it knows as a
// listing does. Errors are those of [driver.Lister].
func (d *Driver) Read(ctx context.Context, _ string) (expectation.Copies, error) {
	program, secret, err := d.programNow(ctx)
	if err != nil {
		return nil, err
	}
	limited := program
	limited.MaxMemory = cli.Room()
	restic := hasty{limited}
	counts := func(cluster string) bool { return d.cfg.Clusters.Counts(backup.Backup{Cluster: cluster}) }
	if d.open(program) == nil {
		return d.copies.Read(ctx, restic, counts)
	}
	read, err := d.read(ctx, program, secret)
	if err != nil {
		return nil, err
	}
	return d.copies.ReadNotes(ctx, restic, read.notes(), counts)
}

// notes returns Soteria's own notes among the snapshots.
func (r *reading) notes() []note.Note {
	var notes []note.Note
	for _, s := range r.snapshots {
		if n, is := s.note(); is {
			notes = append(notes, n)
		}
	}
	return notes
}

// hasty runs restic with as many requests at once as a listing makes: the files of an
// index are many, too.
type hasty struct{ cli.Program }

// Run implements [cli.Runner].
func (h hasty) Run(ctx context.Context, in cli.Invocation) error {
	in.Args = append(slices.Clone(in.Args), faster(h.Location.Kind)...)
	return h.Program.Run(ctx, in)
}

// owner is whose copies this driver writes.
func (d *Driver) owner() memory.Owner {
	return memory.Owner{Cluster: d.cfg.Clusters.Own, Instance: d.cfg.Instance}
}

// keepNotes keeps the notes that a whole listing held.
func (d *Driver) keepNotes(notes []note.Note) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes, d.noted = notes, true
}

// Listed implements [keeper.Store].
func (d *Driver) Listed() keeper.Listed {
	d.mu.Lock()
	notes, noted := d.notes, d.noted
	d.mu.Unlock()
	listed := keeper.Listed{
		Copies:  len(note.Of(notes, note.Expectations, d.cfg.Clusters.Own)),
		Pending: !noted && store.Can(d.location.Kind),
	}
	if newest, found := memory.Newest(notes, d.owner()); found {
		listed.WrittenAt = newest.At
	}
	if rival, found := memory.Rival(notes, d.owner(), d.cluster.Clock.Now()); found {
		listed.Rival, listed.RivalAt = rival.Instance, rival.At
	}
	return listed
}

// Start implements [keeper.Store]: a Job in Soteria's own namespace reads the copies
// that are there and writes the union. What it is to add comes in ConfigMaps that
// belong to it.
func (d *Driver) Start(ctx context.Context, repository string, claims expectation.Claims) error {
	shards, sum, err := pack(claims)
	if err != nil {
		return err
	}
	if _, err := d.credentials(ctx); err != nil {
		return err
	}
	jobs, err := d.copyJobs(ctx)
	if err != nil {
		return err
	}
	number := 1
	for i := range jobs {
		number = max(number, moverjob.Number(jobs[i].Name)+1)
	}
	job := d.copyJob(repository, sum, number, len(shards))
	if err := d.start(ctx, job); err != nil {
		if backup.KindOf(err) == backup.Conflict {
			return backup.Errorf(backup.Conflict, "Job %s/%s was made just now by another replica", job.Namespace, job.Name)
		}
		return err
	}
	if err := d.bringShards(ctx, job, shards); err != nil {
		return errors.Join(err, moverjob.Delete(context.WithoutCancel(ctx), d.cluster.Client, job))
	}
	return d.removePast(ctx, jobs)
}

// removePast removes the Jobs of earlier copies that have ended or should have long
// ago, all but the newest: there may be one every few minutes. One that is not removed
// now goes with the next copy, or when its time is up.
func (d *Driver) removePast(ctx context.Context, jobs []batchv1.Job) error {
	for i := range jobs[:max(0, len(jobs)-1)] {
		_, finished := moverjob.Finished(&jobs[i])
		if !finished && d.cluster.Clock.Since(jobs[i].CreationTimestamp.Time) < keeper.Limit {
			continue
		}
		if err := moverjob.Delete(ctx, d.cluster.Client, &jobs[i]); err != nil {
			return err
		}
	}
	return nil
}

// Last implements [keeper.Store].
func (d *Driver) Last(ctx context.Context) (keeper.Attempt, error) {
	jobs, err := d.copyJobs(ctx)
	if err != nil || len(jobs) == 0 {
		return keeper.Attempt{}, err
	}
	job := &jobs[len(jobs)-1]
	state, err := moverjob.Observe(ctx, d.cluster.Reader, job)
	if err != nil {
		return keeper.Attempt{}, backup.Errorf(backup.Unavailable, "observing Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	attempt := keeper.Attempt{Sum: job.Annotations[sumAnnotation], StartedAt: job.CreationTimestamp.Time, Message: state.Message}
	switch state.Phase {
	case moverjob.Succeeded:
		attempt.Phase = keeper.Done
		attempt.Message = ""
	case moverjob.Failed:
		attempt.Phase = keeper.Failed
	case moverjob.Pending, moverjob.Running:
		attempt.Phase = keeper.UnderWay
		stuck, err := moverjob.Stuck(ctx, d.cluster.Reader, job, d.cluster.Clock.Now(), stall.Patience)
		if err != nil {
			return keeper.Attempt{}, err
		}
		attempt.Waiting = state.Phase == moverjob.Pending || stuck != ""
		attempt.Message = cmp.Or(stuck, state.Message)
	}
	return attempt, nil
}

// copyJobs returns the Jobs that write copies to this repository, oldest first.
func (d *Driver) copyJobs(ctx context.Context) ([]batchv1.Job, error) {
	var jobs batchv1.JobList
	err := d.cluster.Reader.List(ctx, &jobs, client.InNamespace(d.cfg.Namespace), client.MatchingLabels(d.copyLabels()))
	if err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the Jobs that copy what is remembered: %w", err)
	}
	slices.SortFunc(jobs.Items, func(a, b batchv1.Job) int { return moverjob.Number(a.Name) - moverjob.Number(b.Name) })
	return jobs.Items, nil
}

// copyIdentity stands for the repository where Jobs have a claim's uid.
func (d *Driver) copyIdentity() types.UID {
	sum := sha256.Sum256([]byte(d.location.Text + "\n" + d.cfg.Clusters.Own))
	return types.UID(hex.EncodeToString(sum[:16]))
}

func (d *Driver) copyLabels() map[string]string {
	return moverjob.Labels(v1alpha1.RoleMemory, d.copyIdentity())
}

func (d *Driver) copyJob(repository, sum string, number, shards int) *batchv1.Job {
	spec := d.jobSpec(d.cfg.JobSettings)
	spec.Namespace, spec.Name = d.cfg.Namespace, moverjob.Name("memory", backup.Claim{Name: Name}, d.copyIdentity(), number)
	spec.Role, spec.ClaimUID = v1alpha1.RoleMemory, d.copyIdentity()
	spec.Annotations = map[string]string{sumAnnotation: sum}
	spec.Args = append([]string{"remember"}, d.moverArgs()...)
	spec.Args = append(spec.Args, "--identity", repository, "--cluster", d.cfg.Clusters.Own, "--instance", d.cfg.Instance, "--from", memoryFolder)
	spec.Args = append(spec.Args, d.notesArgs()...)
	spec.MountPath, spec.ReadOnly = memoryFolder, true
	for i := range shards {
		spec.ConfigMaps = append(spec.ConfigMaps, shardName(spec.Name, i))
	}
	spec.Credentials = moverjob.CredentialsName(spec.Name)
	if d.location.Folder() != "" {
		spec.Capabilities = folderCapabilities
	}
	spec.NodeSelector, spec.TTL, spec.Deadline = d.cfg.JobNodeSelector, &d.cfg.JobTTL, copyDeadline
	job := moverjob.Build(spec)
	// It serves no claim.
	delete(job.Annotations, v1alpha1.ClaimAnnotation)
	delete(job.Spec.Template.Annotations, v1alpha1.ClaimAnnotation)
	return job
}

// notesArgs tell a mover which copies there are, by what was read of the repository within
// the last hour, so that it need not read every snapshot to find them. One that came since
// is not superseded, and joined by the next copy.
func (d *Driver) notesArgs() []string {
	const most = 64
	read, at := d.provedReading()
	if read == nil || !driver.Within(pastAge, at, d.cluster.Clock.Now()) {
		return nil
	}
	var ids []string
	for _, n := range note.Of(read.notes(), note.Expectations, d.cfg.Clusters.Own) {
		ids = append(ids, n.ID)
	}
	if len(ids) > most {
		return nil
	}
	return []string{"--notes", cmp.Or(strings.Join(ids, ","), past.None)}
}

func shardName(job string, number int) string { return fmt.Sprintf("%s-%d", job, number) }

// bringShards makes the ConfigMaps that the Job's pod waits for. They belong to the
// Job and go with it.
func (d *Driver) bringShards(ctx context.Context, job *batchv1.Job, shards [][]byte) error {
	for i, shard := range shards {
		made := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: job.Namespace, Name: shardName(job.Name, i), Labels: d.copyLabels(),
				OwnerReferences: []metav1.OwnerReference{{APIVersion: batchv1.SchemeGroupVersion.String(), Kind: "Job", Name: job.Name, UID: job.UID}},
			},
			Immutable:  ptr.To(true),
			BinaryData: map[string][]byte{fmt.Sprintf("part-%04d", i): shard},
		}
		if err := d.cluster.Client.Create(ctx, made); err != nil && !apierrors.IsAlreadyExists(err) {
			return backup.Errorf(backup.Unavailable, "making ConfigMap %s/%s: %w", made.Namespace, made.Name, err)
		}
	}
	return nil
}

// pack encodes and compresses claims, in parts that fit into a ConfigMap each, with
// the digest of what was encoded.
func pack(claims expectation.Claims) (shards [][]byte, sum string, err error) {
	sum, err = keeper.Sum(claims)
	if err != nil {
		return nil, "", err
	}
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	if err := expectation.Encode(compressed, claims); err != nil {
		return nil, "", err
	}
	if err := compressed.Close(); err != nil {
		return nil, "", fmt.Errorf("compressing what is remembered: %w", err)
	}
	return slices.Collect(slices.Chunk(packed.Bytes(), shardSize)), sum, nil
}
