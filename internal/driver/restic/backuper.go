package restic

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
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
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/stall"
)

// dataFolder is where a claim is mounted for its backup, and so the root of its
// data within a snapshot.
const dataFolder = "/data"

// backupCapabilities are what a backup has of root's powers: reading files
// whatever their owner and mode. DAC_READ_SEARCH would be the least for that, but
// the Pod Security level baseline, which a user's namespace may enforce, allows
// DAC_OVERRIDE and not DAC_READ_SEARCH; and the volume is mounted read-only.
var backupCapabilities = []corev1.Capability{"DAC_OVERRIDE"}

// againAnnotation on a backup Job is how often its backup was made again elsewhere.
const againAnnotation = v1alpha1.MadeAgainAnnotation

// secretPatience is how long the maker of a Job may take to make its Secret until
// another request takes it that it died.
const secretPatience = 10 * time.Second

// backupRetries is how often Kubernetes tries a failed backup again.
const backupRetries = 2

// Backup implements [driver.Backuper].
//
// One claim has one backup at a time, for all who ask: Jobs of a claim are numbered, and
// the name of the Secret that a Job's pod waits for is made of the claim's uid and the
// number, so that of two requests which both found nothing running, one finds that name
// taken, and takes its Job back. The Job itself is named for people, by its time.
func (d *Driver) Backup(ctx context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
	if err := req.Claim.Validate(); err != nil {
		return driver.BackupStarted{}, err
	}
	tags, err := snapshotTags(req.Claim, req.Tags)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	claim, err := d.backupableClaim(ctx, req.Claim)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	jobs, err := d.backupJobs(ctx, claim)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	number, err := d.nextBackup(ctx, claim, jobs, req)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	users, err := d.usersOf(ctx, claim)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	beside, err := placeBeside(claim, users)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	if _, err := d.credentials(ctx); err != nil {
		return driver.BackupStarted{}, err
	}
	if d.cfg.Clusters.Own != "" {
		tags = append(tags, clusterTag+d.cfg.Clusters.Own)
	}
	settings, err := d.cfg.JobSettings.ForClaim(claim.Annotations)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	if _, err := d.trusted(); err != nil {
		return driver.BackupStarted{}, err
	}
	spec := d.backupSpec(claim, append(tags, describe(claim).Tags()...), number, req, settings)
	spec.Name = d.backupName(req.Claim, claim.UID, jobs, req.Replaces)
	spec.Args = append(spec.Args, d.pastArgs(ctx, claim, jobs, req.DryRun)...)
	if len(d.cfg.BackupArgs) > 0 {
		spec.Args = append(append(spec.Args, "--"), d.cfg.BackupArgs...)
	}
	job := moverjob.Build(d.placed(spec, beside))
	started := driver.BackupStarted{Driver: Name, Namespace: job.Namespace, JobName: job.Name, Secret: credentialsOf(job)}
	if req.DryRun {
		return started, nil
	}
	if err := d.makeRepositoryIfAbsent(ctx); err != nil {
		return driver.BackupStarted{}, err
	}
	return started, d.start(ctx, job)
}

// start makes the Job and then the Secret that its pod waits for. If the process
// dies in between, the next request for the claim makes the Secret, or the Job
// ends by its deadline.
func (d *Driver) start(ctx context.Context, job *batchv1.Job) error {
	err := d.cluster.Client.Create(ctx, job)
	switch {
	case apierrors.IsAlreadyExists(err):
		return backup.Errorf(backup.Conflict, "a backup of %s was started just now by another request: Job %s/%s",
			job.Annotations[v1alpha1.ClaimAnnotation], job.Namespace, job.Name)
	case apierrors.IsForbidden(err):
		return &backup.Error{Kind: backup.Denied, Reason: backup.ByPermission, Err: err, Message: fmt.Sprintf("making Job %s/%s: %s", job.Namespace, job.Name, err)}
	case err != nil:
		return backup.Errorf(backup.Unavailable, "making Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	if err := moverjob.NewSecret(ctx, d.cluster.Client, job, d.secretFor(ctx, job)); err != nil {
		return errors.Join(err, moverjob.Delete(context.WithoutCancel(ctx), d.cluster.Client, job))
	}
	return nil
}

// secretFor describes a Job's own copy of the credentials.
func (d *Driver) secretFor(ctx context.Context, job *batchv1.Job) moverjob.Secret {
	return func() (*corev1.Secret, error) {
		credentials, err := d.credentials(ctx)
		if err != nil {
			return nil, err
		}
		data := make(map[string][]byte, len(credentials))
		for key, value := range credentials {
			data[key] = []byte(value.Reveal())
		}
		trusted, err := d.trusted()
		if err != nil {
			return nil, err
		}
		if trusted != nil {
			data[trustKey] = trusted
		}
		bound(data, job)
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: job.Namespace, Name: credentialsOf(job),
				Labels: maps.Clone(job.Labels), Annotations: map[string]string{v1alpha1.ClaimAnnotation: job.Annotations[v1alpha1.ClaimAnnotation]},
			},
			Type: corev1.SecretTypeOpaque, Immutable: ptr.To(true), Data: data,
		}, nil
	}
}

// bound adds when the Job was created, by the clock of the API server: a node whose
// clock is behind that dates no backup by it.
func bound(data map[string][]byte, job *batchv1.Job) {
	if !job.CreationTimestamp.IsZero() {
		data[cli.KeyJobCreated] = []byte(job.CreationTimestamp.UTC().Format(time.RFC3339))
	}
}

// makeRepositoryIfAbsent makes the repository where the operator allowed that, it
// is proved that there is none, and no one waits for one. It is done here and not
// in the Job, so that two first backups cannot make it twice.
func (d *Driver) makeRepositoryIfAbsent(ctx context.Context) error {
	if !d.cfg.Init {
		return nil
	}
	_, err := d.Identity(ctx)
	if !errors.Is(err, cli.ErrNoRepository) {
		return err
	}
	if err := d.mayMakeRepository(ctx, ""); err != nil {
		return err
	}
	made, err := d.InitRepository(ctx)
	if backup.KindOf(err) == backup.Conflict { // another request was first, and may be done
		made, err = d.Identity(ctx)
	}
	if err != nil {
		return err
	}
	// A claim may have come meanwhile, and waits. The repository is there now, but
	// as long as no backup is in it, it proves nothing.
	return d.mayMakeRepository(ctx, made)
}

// mayMakeRepository returns why a backup may not make the repository.
func (d *Driver) mayMakeRepository(ctx context.Context, made string) error {
	switch {
	case d.cfg.RepositoryID != "":
		return backup.Errorf(backup.RepositoryAbsent,
			"there is no restic repository at %s, and none is made by itself, since SOTERIA_RESTIC_REPOSITORY_ID says that it exists as %.12s: correct SOTERIA_RESTIC_REPOSITORY, or make a new one with: soteria repository init",
			d.location.Text, d.cfg.RepositoryID)
	case d.cluster.MayMake == nil:
		return backup.Errorf(backup.RepositoryAbsent, "there is no restic repository at %s; make one with: soteria repository init", d.location.Text)
	default:
		return d.cluster.MayMake(ctx, made)
	}
}

// backupableClaim reads the claim and refuses one that restic cannot back up.
func (d *Driver) backupableClaim(ctx context.Context, name backup.Claim) (*corev1.PersistentVolumeClaim, error) {
	claim, err := kube.Backupable(ctx, d.cluster.Reader, name)
	if err != nil {
		return nil, err
	}
	if ptr.Deref(claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem) == corev1.PersistentVolumeBlock {
		return nil, &backup.Error{Kind: backup.Unprocessable, Field: "pvc", Message: fmt.Sprintf("claim %s is a raw block volume; restic backs up file systems", name)}
	}
	return claim, nil
}

// numberAnnotation on a backup Job is its number among the claim's.
const numberAnnotation = "soteria.dev/number"

// numberOf returns a backup Job's number; before Jobs were named by their time, the name
// ended with it.
func numberOf(job *batchv1.Job) int {
	text, dated := job.Annotations[numberAnnotation]
	if !dated {
		return moverjob.Number(job.Name)
	}
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil || number < 0 {
		return 0 // somebody changed it: two Jobs of one number are still kept apart
	}
	return int(number)
}

// credentialsOf returns the name of the Secret that the pods of a Job wait for.
func credentialsOf(job *batchv1.Job) string {
	for _, volume := range job.Spec.Template.Spec.Volumes {
		if volume.Secret != nil {
			return volume.Secret.SecretName
		}
	}
	return moverjob.CredentialsName(job.Name)
}

// backupName names the claim's next backup Job by the time, and by that of the next
// second if a Job that is there, or that it replaces, has that name.
func (d *Driver) backupName(claim backup.Claim, uid types.UID, jobs []batchv1.Job, replaces string) string {
	for at := d.cluster.Clock.Now(); ; at = at.Add(time.Second) {
		name := moverjob.DatedName(claim, uid, at)
		taken := slices.ContainsFunc(jobs, func(job batchv1.Job) bool { return job.Name == name })
		if name != replaces && !taken {
			return name
		}
	}
}

// backupJobs returns the claim's backup Jobs, also those that have ended.
func (d *Driver) backupJobs(ctx context.Context, claim *corev1.PersistentVolumeClaim) ([]batchv1.Job, error) {
	var jobs batchv1.JobList
	err := d.cluster.Reader.List(ctx, &jobs, client.InNamespace(claim.Namespace), client.MatchingLabels(moverjob.Labels(v1alpha1.RoleBackup, claim.UID)))
	if err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the backup Jobs of %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	return jobs.Items, nil
}

// nextBackup returns the number of the claim's next backup Job. One that has not
// ended is a Conflict, unless it is past its time and cannot be ended; should its maker have died before it made the Job's
// Secret, that is made up for, unless this is a dry run. The number of a Job that the
// request replaces is not used again: its Secret may be there still.
func (d *Driver) nextBackup(ctx context.Context, claim *corev1.PersistentVolumeClaim, jobs []batchv1.Job, req driver.BackupRequest) (int, error) {
	last := req.Number
	for i := range jobs {
		job := &jobs[i]
		runs, err := d.runs(ctx, job)
		if err != nil {
			return 0, err
		}
		if runs {
			if !req.DryRun && d.cluster.Clock.Since(job.CreationTimestamp.Time) > secretPatience {
				if err := moverjob.EnsureSecret(ctx, d.cluster.Client, job, d.secretFor(ctx, job)); err != nil {
					return 0, err
				}
			}
			return 0, backup.Errorf(backup.Conflict, "a backup of %s/%s is running already: Job %s", claim.Namespace, claim.Name, job.Name)
		}
		last = max(last, numberOf(job))
	}
	return last + 1, nil
}

// runs reports whether a Job has not ended, and is not merely kept from it.
func (d *Driver) runs(ctx context.Context, job *batchv1.Job) (bool, error) {
	if _, finished := moverjob.Finished(job); finished {
		return false, nil
	}
	over, _, err := moverjob.Over(ctx, d.cluster.Reader, job, d.cluster.Clock.Now())
	if err != nil {
		return false, backup.Errorf(backup.Unavailable, "looking whether Job %s/%s still runs: %w", job.Namespace, job.Name, err)
	}
	return over == "", nil
}

// usersOf gives the pods that have the claim mounted or are about to, in a fixed
// order.
func (d *Driver) usersOf(ctx context.Context, claim *corev1.PersistentVolumeClaim) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := d.cluster.Reader.List(ctx, &pods, client.InNamespace(claim.Namespace)); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "looking for the pods that use %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	users := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool {
		return stall.Ended(&p) || p.Spec.NodeName == "" || !uses(&p, claim.Name)
	})
	slices.SortFunc(users, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return users, nil
}

// uses reports whether a pod mounts the claim, under its own name or as a
// generic ephemeral volume, whose claim is called <pod>-<volume>.
func uses(pod *corev1.Pod, claim string) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim ||
			v.Ephemeral != nil && pod.Name+"-"+v.Name == claim
	})
}

// appsOf returns those of a claim's users that are not Soteria's own movers, the one
// to run beside first: one that stays before one that is being deleted, which may hang
// on a node that is gone, and one that runs before one that waits for the volume.
func appsOf(users []corev1.Pod) []corev1.Pod {
	apps := slices.DeleteFunc(slices.Clone(users), func(p corev1.Pod) bool {
		return p.Labels[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy && p.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleBackup
	})
	slices.SortStableFunc(apps, func(a, b corev1.Pod) int { return cmp.Compare(unsettled(&a), unsettled(&b)) })
	return apps
}

// unsettled is the higher the less a pod's node tells where its claim will be used.
func unsettled(pod *corev1.Pod) int {
	switch {
	case pod.DeletionTimestamp != nil:
		return 2
	case pod.Status.Phase != corev1.PodRunning:
		return 1
	default:
		return 0
	}
}

// placeBeside says where the backup must run: on the node of the app's pod that uses
// the claim, if the volume can be attached to one node only. Nil is anywhere.
func placeBeside(claim *corev1.PersistentVolumeClaim, users []corev1.Pod) (*corev1.Pod, error) {
	modes := claim.Spec.AccessModes
	apps := appsOf(users)
	switch {
	case len(users) == 0, slices.Contains(modes, corev1.ReadWriteMany), slices.Contains(modes, corev1.ReadOnlyMany):
		return nil, nil //nolint:nilnil // no pod to run beside is an answer
	case slices.Contains(modes, corev1.ReadWriteOncePod):
		return nil, backup.Errorf(backup.Conflict, "claim %s/%s is ReadWriteOncePod and pod %s uses it; no other pod may mount it meanwhile",
			claim.Namespace, claim.Name, users[0].Name)
	case len(apps) == 0:
		return nil, nil //nolint:nilnil // no pod to run beside is an answer
	default:
		return &apps[0], nil
	}
}

// describe tells what the claim is like, so that it can be made anew once it is
// gone.
func describe(claim *corev1.PersistentVolumeClaim) backup.Described {
	capacity := claim.Status.Capacity[corev1.ResourceStorage]
	described := backup.Described{Capacity: capacity.String(), StorageClass: ptr.Deref(claim.Spec.StorageClassName, "")}
	for _, mode := range claim.Spec.AccessModes {
		described.AccessModes = append(described.AccessModes, string(mode))
	}
	if capacity.IsZero() {
		described.Capacity = ""
	}
	return described
}

func (d *Driver) backupSpec(claim *corev1.PersistentVolumeClaim, tags []string, number int, req driver.BackupRequest, settings moverjob.Settings) moverjob.Spec {
	name := backup.Claim{Namespace: claim.Namespace, Name: claim.Name}
	args := append([]string{"backup"}, d.moverArgs()...)
	args = append(args, "--source", dataFolder, "--host", name.String())
	for _, tag := range tags {
		args = append(args, "--tag", tag)
	}
	spec := d.jobSpec(settings)
	spec.Namespace, spec.Role = claim.Namespace, v1alpha1.RoleBackup
	spec.Claim, spec.ClaimUID = name, claim.UID
	spec.Annotations = map[string]string{
		v1alpha1.RequestedByAnnotation: backup.Clip(req.RequestedBy, backup.MaxCaller), numberAnnotation: strconv.Itoa(number),
	}
	if req.Again > 0 {
		spec.Annotations[againAnnotation] = strconv.Itoa(req.Again)
	}
	spec.Args, spec.Capabilities, spec.Pulse = args, backupCapabilities, true
	spec.Volume, spec.MountPath, spec.ReadOnly = claim.Name, dataFolder, true
	spec.Credentials = moverjob.CredentialsName(moverjob.Name("backup", name, claim.UID, number))
	spec.Retries, spec.TTL = backupRetries, &d.cfg.JobTTL
	return spec
}

// placed says where a backup runs: beside a pod, or where the operator lets Jobs
// run.
func (d *Driver) placed(spec moverjob.Spec, beside *corev1.Pod) moverjob.Spec {
	if beside == nil {
		spec.NodeSelector = d.cfg.JobNodeSelector
	} else {
		spec.Affinity, spec.Tolerations = onNode(beside.Spec.NodeName), beside.Spec.Tolerations
	}
	return spec
}

// trustKey is the key, in a Job's copy of the credentials, of the certificate
// authorities that its restic trusts.
const trustKey = "SOTERIA_CA_CERTIFICATES"

// trusted reads the certificate authorities that movers trust beside those of
// their image; nothing where none are configured.
func (d *Driver) trusted() ([]byte, error) {
	if d.cfg.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(d.cfg.CAFile)
	if err != nil {
		return nil, backup.Errorf(backup.Unavailable, "reading the certificate authorities of SOTERIA_JOB_CA_FILE: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return nil, backup.Errorf(backup.Unavailable, "SOTERIA_JOB_CA_FILE: %s holds no certificate in PEM", d.cfg.CAFile)
	}
	return pem, nil
}

// judgement is what a claim says of what its next backup is held against.
type judgement struct {
	// accept is the id of a backup that a person accepted, or the beginning of it.
	accept string
	// since is from when on backups are compared with; zero is from the first.
	since time.Time
}

// judgementOf reads a claim. One that a person had start empty, by a label skip that had
// not expired then, or whose data a person accepted as it is, is compared with backups of this life of it
// alone.
func judgementOf(claim *corev1.PersistentVolumeClaim) judgement {
	judged := judgement{accept: backup.Clip(claim.Annotations[v1alpha1.AcceptBackupAnnotation], backup.MaxWord)}
	accepted := strings.Fields(claim.Annotations[v1alpha1.AcceptDataAnnotation])
	skips := claim.Labels[v1alpha1.RestoreLabel] == "skip" && !kube.ExpiryOf(claim, backup.Rules{}).Passed
	if skips || len(accepted) > 0 && claim.UID != "" && accepted[0] == string(claim.UID) {
		judged.since = claim.CreationTimestamp.Time
	}
	return judged
}

// judgementArgs say what a backup is held against.
func (d *Driver) judgementArgs(judged judgement) []string {
	var args []string
	if d.cfg.ShrinkPercent > 0 {
		args = append(args, "--shrink-percent", strconv.Itoa(d.cfg.ShrinkPercent))
	}
	if judged.accept != "" {
		args = append(args, "--accept", judged.accept)
	}
	if !judged.since.IsZero() {
		args = append(args, "--since", judged.since.UTC().Format(time.RFC3339))
	}
	return args
}

// jobSpec is what all of the driver's Jobs have in common.
func (d *Driver) jobSpec(settings moverjob.Settings) moverjob.Spec {
	image := d.cfg.Image
	if image == OwnImage {
		image = "" // the mover runs where restic is
	}
	spec := moverjob.Spec{
		SoteriaImage: d.cfg.SoteriaImage, Image: image, Resources: moverjob.DefaultResources(), Settings: settings,
		HostFolder: d.location.Folder(), ServiceAccount: d.cfg.JobServiceAccount, Deadline: cmp.Or(settings.Deadline, d.cfg.JobDeadline),
	}
	spec.CachePath, spec.CacheName = path.Join(moverjob.ScratchFolder, cli.CacheFolder), d.cacheName()
	if d.cfg.CAFile != "" {
		spec.TrustFile = path.Join(moverjob.CredentialsFolder, trustKey)
	}
	return spec
}

// cacheName is the name of this repository's folder in a kept cache, below which restic
// has one for each repository that was ever at this address.
func (d *Driver) cacheName() string {
	const digits = 16
	sum := sha256.Sum256([]byte(d.location.Text))
	return hex.EncodeToString(sum[:])[:digits]
}

// moverArgs tell a mover where the repository is. The address holds no secret.
func (d *Driver) moverArgs() []string {
	address := d.location.Text
	if d.location.Kind == cli.Local {
		address = moverjob.RepositoryFolder
	}
	args := []string{"--repository", address, "--credentials", moverjob.CredentialsFolder, "--scratch", moverjob.ScratchFolder}
	if d.cfg.S3Region != "" {
		args = append(args, "--region", d.cfg.S3Region)
	}
	return args
}

// onNode is the affinity for one node, by its name and not by a label that a
// node might lack. The scheduler still sees to it that the volume can be there.
func onNode(name string) *corev1.Affinity {
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{
			Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{name},
		}}}},
	}}}
}
