package restic_test

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/mover/pulse"
)

const claimUID = types.UID("0f5b7c1e-0000-4000-8000-000000000001")

// world is a cluster in memory with a claim that can be backed up.
func world(t *testing.T, objects ...client.Object) *fake.ClientBuilder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, batchv1.AddToScheme, coordinationv1.AddToScheme, v1alpha1.AddToScheme} {
		require.NoError(t, add(scheme))
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&batchv1.Job{}, &corev1.Pod{}).
		WithIndex(&corev1.Event{}, "involvedObject.uid", func(o client.Object) []string {
			event, ok := o.(*corev1.Event)
			require.True(t, ok)
			return []string{string(event.InvolvedObject.UID)}
		}).
		WithInterceptorFuncs(interceptor.Funcs{Create: withUID})
}

// withUID does what the API server does and the fake does not.
func withUID(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
	if o.GetUID() == "" {
		o.SetUID(types.UID("uid-of-" + o.GetName()))
	}
	return c.Create(ctx, o, opts...)
}

func boundClaim() *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "data", UID: claimUID},
		Spec:       corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, VolumeName: "pv"},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
}

func driverIn(t *testing.T, cluster client.Client, change func(*restic.Config)) *restic.Driver {
	t.Helper()
	return driverAt(t, cluster, nil, change)
}

// noon is when [driverAt] names Jobs by, where a test goes by it.
var noon = testclock.NewFakePassiveClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

// named is the shape of the names of backup Jobs of the claim.
const named = `^soteria-backup-data-\d{8}-\d{6}$`

func driverAt(t *testing.T, cluster client.Client, at clock.PassiveClock, change func(*restic.Config)) *restic.Driver {
	t.Helper()
	config := validConfig()
	config.BackupArgs = []string{"--exclude", "*.tmp"}
	config.JobTTL = time.Hour
	config.CacheDir = t.TempDir()
	config.Program = "/nowhere/restic"
	if change != nil {
		change(&config)
	}
	d, err := restic.New(config, restic.Cluster{Client: cluster, Reader: cluster, Clock: at, MayMake: nobodyWaits})
	require.NoError(t, err)
	return d
}

func nobodyWaits(context.Context, string) error { return nil }

func request() driver.BackupRequest {
	return driver.BackupRequest{Claim: claim, Tags: []string{"before-upgrade"}, RequestedBy: "alice"}
}

func TestABackupIsAJobWithItsOwnCredentials(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
	started, err := driverAt(t, cluster, noon, nil).Backup(t.Context(), request())
	require.NoError(t, err)
	assert.Equal(t, driver.BackupStarted{
		Driver: "restic", Namespace: "apps", JobName: "soteria-backup-data-20260301-120000", Secret: "backup-data-25b316f3c7-1-credentials",
	}, started)

	var job batchv1.Job
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.JobName}, &job))
	golden(t, "backup.yaml", &job)

	var secret corev1.Secret
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.Secret}, &secret))
	assert.Len(t, secret.Data, 3)
	assert.Equal(t, restictest.Password, string(secret.Data["RESTIC_PASSWORD"]))
	require.Len(t, secret.OwnerReferences, 1)
	assert.Equal(t, job.UID, secret.OwnerReferences[0].UID)
	assert.Equal(t, "Job", secret.OwnerReferences[0].Kind)
	assert.True(t, ptr.Deref(secret.Immutable, false))

	rendered, err := yaml.Marshal(job)
	require.NoError(t, err)
	for _, key := range []string{"RESTIC_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		assert.NotContains(t, string(rendered), fullSecret()[key])
	}
}

// golden compares an object with a file in testdata. SOTERIA_UPDATE_GOLDEN=1
// writes the file anew.
func golden(t *testing.T, name string, object client.Object) {
	t.Helper()
	object.SetResourceVersion("")
	object.SetManagedFields(nil)
	got, err := yaml.Marshal(object)
	require.NoError(t, err)
	path := filepath.Join("testdata", name)
	if os.Getenv("SOTERIA_UPDATE_GOLDEN") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestADryRunStartsNothing(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret())).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return errors.New("nothing may be made")
		},
	}).Build()
	req := request()
	req.DryRun = true
	started, err := driverIn(t, cluster, func(c *restic.Config) { c.Init = true }).Backup(t.Context(), req)
	require.NoError(t, err)
	assert.NotEmpty(t, started.JobName)

	running := unfinishedJob("backup-data-25b316f3c7-1")
	cluster = world(t, boundClaim(), secretWith(fullSecret()), running).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return errors.New("nothing may be made")
		},
	}).Build()
	_, err = driverIn(t, cluster, nil).Backup(t.Context(), req)
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "%v", err)
}

func backupLabels() map[string]string {
	return map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup, v1alpha1.ClaimUIDLabel: string(claimUID)}
}

func unfinishedJob(name string) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: "apps", Name: name, UID: types.UID("uid-of-" + name), Labels: backupLabels(),
		Annotations: map[string]string{v1alpha1.ClaimAnnotation: "apps/data"},
	}}
}

func finishedJob(name string, how batchv1.JobConditionType) *batchv1.Job {
	job := unfinishedJob(name)
	job.Status.Conditions = []batchv1.JobCondition{{Type: how, Status: corev1.ConditionTrue}}
	return job
}

func restoreOf(uid types.UID, phase v1alpha1.Phase) *v1alpha1.Restore {
	return &v1alpha1.Restore{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "restore-1"},
		Status:     v1alpha1.RestoreStatus{Phase: phase, Claim: &v1alpha1.ClaimReference{Name: "data", UID: uid}},
	}
}

func TestABackupIsRefused(t *testing.T) {
	cases := map[string]struct {
		claim   func(*corev1.PersistentVolumeClaim)
		request func(*driver.BackupRequest)
		more    []client.Object
		secret  map[string]string
		kind    backup.Kind
		says    string
	}{
		"of a claim that does not exist":  {request: func(r *driver.BackupRequest) { r.Claim.Name = "other" }, kind: backup.NotFound, says: "apps/other"},
		"of a name that is none":          {request: func(r *driver.BackupRequest) { r.Claim.Name = "../etc" }, kind: backup.Invalid},
		"of a claim without a volume":     {claim: func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimPending }, kind: backup.Conflict, says: "not bound"},
		"of a claim that lost its volume": {claim: func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimLost }, kind: backup.Conflict, says: "Lost"},
		"of a raw block volume":           {claim: func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock) }, kind: backup.Unprocessable, says: "block"},
		"of a claim that is being deleted": {claim: func(c *corev1.PersistentVolumeClaim) {
			c.DeletionTimestamp, c.Finalizers = ptr.To(metav1.Now()), []string{"kubernetes.io/pvc-protection"}
		}, kind: backup.Conflict, says: "deleted"},
		"of a claim that is being restored":  {more: []client.Object{restoreOf(claimUID, v1alpha1.PhaseHandingOver)}, kind: backup.Conflict, says: "restore-1"},
		"while another one is running":       {more: []client.Object{unfinishedJob("backup-data-25b316f3c7-4")}, kind: backup.Conflict, says: "backup-data-25b316f3c7-4"},
		"with a tag that restic would split": {request: func(r *driver.BackupRequest) { r.Tags = []string{"a,b"} }, kind: backup.Invalid},
		"without credentials":                {secret: map[string]string{"RESTIC_PASSWORD": "x"}, kind: backup.Credentials, says: "AWS_ACCESS_KEY_ID"},
		"of a volume for one pod alone that has one": {
			claim: func(c *corev1.PersistentVolumeClaim) {
				c.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}
			},
			more: []client.Object{podOn("node-1", "app", corev1.PodRunning)}, kind: backup.Conflict, says: "pod app",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			claim, req, secret := boundClaim(), request(), fullSecret()
			if c.claim != nil {
				c.claim(claim)
			}
			if c.request != nil {
				c.request(&req)
			}
			if c.secret != nil {
				secret = c.secret
			}
			cluster := world(t, append(c.more, claim, secretWith(secret))...).Build()
			_, err := driverIn(t, cluster, nil).Backup(t.Context(), req)
			require.Error(t, err)
			assert.Equal(t, c.kind, backup.KindOf(err), "%v", err)
			assert.Contains(t, err.Error(), c.says)
			var jobs batchv1.JobList
			require.NoError(t, cluster.List(t.Context(), &jobs))
			assert.LessOrEqual(t, len(jobs.Items), 1, "nothing was started")
		})
	}
}

func TestABackupThatNothingRulesOut(t *testing.T) {
	cases := map[string]struct {
		more   []client.Object
		secret string
		job    string
	}{
		"the first": {secret: "backup-data-25b316f3c7-1-credentials"},
		"after others that ended, well or badly": {
			more:   []client.Object{finishedJob("backup-data-25b316f3c7-9", batchv1.JobComplete), finishedJob("backup-data-25b316f3c7-10", batchv1.JobFailed)},
			secret: "backup-data-25b316f3c7-11-credentials",
		},
		"after others that an earlier version named, and one of this": {
			more:   []client.Object{finishedJob("backup-data-25b316f3c7-9", batchv1.JobComplete), numbered(finishedJob("soteria-backup-data-20260228-120000", batchv1.JobComplete), "12")},
			secret: "backup-data-25b316f3c7-13-credentials",
		},
		"after one of this very second": {
			more:   []client.Object{numbered(finishedJob("soteria-backup-data-20260301-120000", batchv1.JobComplete), "1"), numbered(finishedJob("soteria-backup-data-20260301-120001", batchv1.JobComplete), "2")},
			secret: "backup-data-25b316f3c7-3-credentials", job: "soteria-backup-data-20260301-120002",
		},
		"after one whose number somebody changed": {
			more:   []client.Object{numbered(finishedJob("soteria-backup-data-20260228-120000", batchv1.JobComplete), "99999999999999999999")},
			secret: "backup-data-25b316f3c7-1-credentials",
		},
		"after a restore that is completed":            {more: []client.Object{restoreOf(claimUID, v1alpha1.PhaseCompleted)}, secret: "backup-data-25b316f3c7-1-credentials"},
		"beside the restore of an earlier life":        {more: []client.Object{restoreOf("another", v1alpha1.PhaseTransferring)}, secret: "backup-data-25b316f3c7-1-credentials"},
		"beside a Job of somebody else's by that name": {more: []client.Object{&batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "unrelated"}}}, secret: "backup-data-25b316f3c7-1-credentials"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cluster := world(t, append(c.more, boundClaim(), secretWith(fullSecret()))...).Build()
			started, err := driverAt(t, cluster, noon, nil).Backup(t.Context(), request())
			require.NoError(t, err)
			assert.Equal(t, cmp.Or(c.job, "soteria-backup-data-20260301-120000"), started.JobName)
			assert.Equal(t, c.secret, started.Secret)
			var secret corev1.Secret
			require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.Secret}, &secret))
		})
	}
}

// numbered is a Job with a number of its own.
func numbered(job *batchv1.Job, number string) *batchv1.Job {
	metav1.SetMetaDataAnnotation(&job.ObjectMeta, "soteria.dev/number", number)
	return job
}

func TestARequestThatIsRepeatedInItsSecondMakesTheSameName(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
	req := request()
	req.DryRun = true
	would, err := driverAt(t, cluster, noon, nil).Backup(t.Context(), req)
	require.NoError(t, err)
	started, err := driverAt(t, cluster, noon, nil).Backup(t.Context(), request())
	require.NoError(t, err)
	assert.Equal(t, would, started)
	_, err = driverAt(t, cluster, noon, nil).Backup(t.Context(), request())
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "%v", err)
}

func TestTwoReplicasMakeOneBackup(t *testing.T) {
	for name, apart := range map[string]time.Duration{"in one second": 0, "in two": time.Second} {
		t.Run(name, func(t *testing.T) { twoReplicasMakeOneBackup(t, apart) })
	}
}

// twoReplicasMakeOneBackup has two replicas whose clocks are apart make a backup of one
// claim at once.
func twoReplicasMakeOneBackup(t *testing.T, apart time.Duration) {
	t.Helper()
	// Both have looked before either makes its Job.
	var looked sync.WaitGroup
	looked.Add(2)
	cluster := world(t, boundClaim(), secretWith(fullSecret())).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if _, isJob := o.(*batchv1.Job); isJob {
				looked.Done()
				looked.Wait()
			}
			return withUID(ctx, c, o, opts...)
		},
	}).Build()
	errs := make(chan error, 2)
	for i := range 2 {
		d := driverAt(t, cluster, testclock.NewFakePassiveClock(noon.Now().Add(time.Duration(i)*apart)), nil)
		go func() {
			_, err := d.Backup(t.Context(), request())
			errs <- err
		}()
	}
	first, second := <-errs, <-errs
	if first != nil {
		first, second = second, first
	}
	require.NoError(t, first)
	require.Error(t, second)
	assert.Equal(t, backup.Conflict, backup.KindOf(second))
	assert.Contains(t, second.Error(), "soteria-backup-data-202603")
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	assert.Len(t, jobs.Items, 1)
}

func TestAJobWhoseSecretCannotBeMadeIsTakenBack(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret())).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if _, isSecret := o.(*corev1.Secret); isSecret {
				return errors.New("quota exceeded")
			}
			return withUID(ctx, c, o, opts...)
		},
	}).Build()
	_, err := driverIn(t, cluster, nil).Backup(t.Context(), request())
	require.Error(t, err)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.Contains(t, err.Error(), "quota exceeded")
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	assert.Empty(t, jobs.Items)
}

func TestASecretThatACrashLeftOutIsMadeUpFor(t *testing.T) {
	job := unfinishedJob("backup-data-25b316f3c7-1")
	cluster := world(t, boundClaim(), secretWith(fullSecret()), job).Build()
	_, err := driverIn(t, cluster, nil).Backup(t.Context(), request())
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	var secret corev1.Secret
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: job.Name + "-credentials"}, &secret))
	assert.Equal(t, job.UID, secret.OwnerReferences[0].UID)
}

func TestAMoverLearnsWhenItsJobWasCreated(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	job := unfinishedJob("backup-data-25b316f3c7-1")
	job.CreationTimestamp, job.Spec.ActiveDeadlineSeconds = metav1.NewTime(created), ptr.To(int64(3600))
	cluster := world(t, boundClaim(), secretWith(fullSecret()), job).Build()
	_, err := driverIn(t, cluster, nil).Backup(t.Context(), request())
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	var secret corev1.Secret
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: job.Name + "-credentials"}, &secret))
	assert.Equal(t, "2026-01-02T03:04:05Z", string(secret.Data["SOTERIA_JOB_CREATED"]))
}

func TestTroubleWithTheAPIServerIsToldAsSuch(t *testing.T) {
	cases := map[string]struct {
		funcs interceptor.Funcs
		kind  backup.Kind
	}{
		"claims cannot be read": {interceptor.Funcs{Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errors.New("away")
		}}, backup.Unavailable},
		"nothing can be listed": {interceptor.Funcs{List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("away")
		}}, backup.Unavailable},
		"Jobs cannot be listed": {interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, l client.ObjectList, opts ...client.ListOption) error {
			if _, jobs := l.(*batchv1.JobList); jobs {
				return errors.New("away")
			}
			return c.List(ctx, l, opts...)
		}}, backup.Unavailable},
		"pods cannot be listed": {interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, l client.ObjectList, opts ...client.ListOption) error {
			if _, pods := l.(*corev1.PodList); pods {
				return errors.New("away")
			}
			return c.List(ctx, l, opts...)
		}}, backup.Unavailable},
		"Jobs cannot be made": {interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return errors.New("away")
		}}, backup.Unavailable},
		"Jobs may not be made": {interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return apierrors.NewForbidden(schema.GroupResource{Group: "batch", Resource: "jobs"}, "x", errors.New("quota"))
		}}, backup.Denied},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cluster := world(t, boundClaim(), secretWith(fullSecret())).WithInterceptorFuncs(c.funcs).Build()
			_, err := driverIn(t, cluster, nil).Backup(t.Context(), request())
			require.Error(t, err)
			assert.Equal(t, c.kind, backup.KindOf(err), "%v", err)
		})
	}
}

func podOn(node, name string, phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name},
		Spec: corev1.PodSpec{
			NodeName: node, Tolerations: []corev1.Toleration{{Key: "dedicated", Value: name}},
			Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}},
		},
		Status: corev1.PodStatus{Phase: phase},
	}
}

func TestABackupRunsWhereTheVolumeIs(t *testing.T) {
	otherClaim := podOn("node-9", "b-other", corev1.PodRunning)
	otherClaim.Spec.Volumes[0].PersistentVolumeClaim.ClaimName = "other"
	ephemeral := podOn("node-3", "da", corev1.PodRunning)
	ephemeral.Spec.Volumes = []corev1.Volume{{Name: "ta", VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}}}}
	cases := map[string]struct {
		modes []corev1.PersistentVolumeAccessMode
		pods  []client.Object
		node  string
	}{
		"beside the pod that uses it":                     {pods: []client.Object{otherClaim, podOn("node-1", "app", corev1.PodRunning)}, node: "node-1"},
		"beside a pod that is about to":                   {pods: []client.Object{podOn("node-2", "app", corev1.PodPending)}, node: "node-2"},
		"anywhere if the pod has no node yet":             {pods: []client.Object{podOn("", "app", corev1.PodPending)}},
		"anywhere if the pods have ended":                 {pods: []client.Object{podOn("node-1", "a", corev1.PodSucceeded), podOn("node-2", "b", corev1.PodFailed)}},
		"anywhere if nobody uses it":                      {pods: []client.Object{otherClaim}},
		"anywhere if many nodes may":                      {modes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce, corev1.ReadWriteMany}, pods: []client.Object{podOn("node-1", "app", corev1.PodRunning)}},
		"anywhere if many nodes may read":                 {modes: []corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany}, pods: []client.Object{podOn("node-1", "app", corev1.PodRunning)}},
		"anywhere if it is for one pod that is not there": {modes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}},
		"beside the pod whose own volume it is":           {pods: []client.Object{ephemeral}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			claim := boundClaim()
			if c.modes != nil {
				claim.Spec.AccessModes = c.modes
			}
			cluster := world(t, append(c.pods, claim, secretWith(fullSecret()))...).Build()
			started, err := driverIn(t, cluster, func(c *restic.Config) { c.JobNodeSelector = map[string]string{"disk": "fast"} }).Backup(t.Context(), request())
			require.NoError(t, err)
			var job batchv1.Job
			require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.JobName}, &job))
			pod := job.Spec.Template.Spec
			if c.node == "" {
				assert.Nil(t, pod.Affinity)
				assert.Equal(t, map[string]string{"disk": "fast"}, pod.NodeSelector)
				return
			}
			assert.Empty(t, pod.NodeSelector, "the volume decides")
			term := pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
			assert.Equal(t, []string{c.node}, term[0].MatchFields[0].Values)
			assert.Equal(t, []corev1.Toleration{{Key: "dedicated", Value: "app"}}, pod.Tolerations)
		})
	}
}

func TestARepositoryIsMadeOnlyOnPurpose(t *testing.T) {
	exe := restictest.Restic(t)
	in := func(t *testing.T, address, program string, init bool, objects ...client.Object) (*restic.Driver, client.Client) {
		cluster := world(t, append(objects, boundClaim(), secretWith(fullSecret()))...).Build()
		return driverIn(t, cluster, func(c *restic.Config) { c.Repository, c.Program, c.Init = address, program, init }), cluster
	}
	t.Run("by the explicit act, which gives its id", func(t *testing.T) {
		r := local(t, exe)
		d, cluster := in(t, r.Address, exe, false)
		id, err := d.InitRepository(t.Context())
		require.NoError(t, err)
		assert.Len(t, id, 64)
		assert.NoError(t, there(r.Address))
		var leases coordinationv1.LeaseList
		require.NoError(t, cluster.List(t.Context(), &leases))
		assert.Empty(t, leases.Items, "the lock is given back")

		_, err = d.InitRepository(t.Context())
		assert.Equal(t, backup.Conflict, backup.KindOf(err))
		assert.Contains(t, err.Error(), id)
	})
	t.Run("by the first backup where that is allowed", func(t *testing.T) {
		r := local(t, exe)
		d, _ := in(t, r.Address, exe, true)
		_, err := d.Backup(t.Context(), request())
		require.NoError(t, err)
		assert.NoError(t, there(r.Address))
	})
	t.Run("not by a backup where it is not", func(t *testing.T) {
		r := local(t, exe)
		d, _ := in(t, r.Address, exe, false)
		_, err := d.Backup(t.Context(), request())
		require.NoError(t, err, "the Job finds out")
		assert.Error(t, there(r.Address))
	})
	t.Run("not by a backup where the repository is pinned, whoever waits", func(t *testing.T) {
		r := local(t, exe)
		cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
		d := driverIn(t, cluster, func(c *restic.Config) {
			c.Repository, c.Program, c.Init, c.RepositoryID = r.Address, exe, true, strings.Repeat("a", 64)
		})
		_, err := d.Backup(t.Context(), request())
		assert.Equal(t, backup.RepositoryAbsent, backup.KindOf(err))
		assert.ErrorContains(t, err, "correct SOTERIA_RESTIC_REPOSITORY, or make a new one with: soteria repository init")
		assert.Error(t, there(r.Address))
		noJobs(t, cluster)

		_, err = d.InitRepository(t.Context())
		require.NoError(t, err, "a person is not stopped")
	})
	t.Run("not by a backup while somebody waits, from before or since it was made", func(t *testing.T) {
		for _, arrives := range []int{1, 2} {
			r := local(t, exe)
			cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
			config := validConfig()
			config.Repository, config.Program, config.Init, config.CacheDir = r.Address, exe, true, t.TempDir()
			var asked []string
			d, err := restic.New(config, restic.Cluster{Client: cluster, Reader: cluster, MayMake: func(_ context.Context, made string) error {
				if asked = append(asked, made); len(asked) >= arrives {
					return backup.Errorf(backup.Conflict, "claim shop/db waits")
				}
				return nil
			}})
			require.NoError(t, err)
			_, err = d.Backup(t.Context(), request())
			assert.ErrorContains(t, err, "claim shop/db waits")
			noJobs(t, cluster)
			require.Len(t, asked, arrives)
			assert.Empty(t, asked[0])
			if arrives == 1 {
				assert.Error(t, there(r.Address))
				continue
			}
			id, err := d.Identity(t.Context())
			require.NoError(t, err)
			assert.Equal(t, id, asked[1], "it is asked again with what was made")
		}
	})
	t.Run("not by a backup where nobody can say who waits", func(t *testing.T) {
		r := local(t, exe)
		cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
		config := validConfig()
		config.Repository, config.Program, config.Init, config.CacheDir = r.Address, exe, true, t.TempDir()
		d, err := restic.New(config, restic.Cluster{Client: cluster, Reader: cluster})
		require.NoError(t, err)
		_, err = d.Backup(t.Context(), request())
		assert.Equal(t, backup.RepositoryAbsent, backup.KindOf(err))
		assert.Error(t, there(r.Address))
	})
	t.Run("not by a listing", func(t *testing.T) {
		r := local(t, exe)
		d, _ := in(t, r.Address, exe, true)
		_, err := d.List(t.Context(), drivertest.Each(func(backup.Backup) {}))
		assert.Equal(t, backup.RepositoryAbsent, backup.KindOf(err))
		assert.Error(t, there(r.Address))
	})
	notAbsent := map[string]string{
		"where the place does not answer":   `echo 'Fatal: unable to open config file: Stat: Get "http://h/": connection refused' >&2; exit 1`,
		"where the bucket does not exist":   `echo 'Fatal: unable to open config file: Stat: The specified bucket does not exist.' >&2; exit 1`,
		"where the key is refused":          `echo 'Fatal: unable to open config file: Stat: Access Denied.' >&2; exit 1`,
		"where the password is wrong":       `exit 12`,
		"where restic fails for no reason":  `exit 1`,
		"where it is killed":                `kill -9 $$`,
		"where it is there but not to read": `echo '{}'`,
	}
	for name, lines := range notAbsent {
		t.Run("not "+name, func(t *testing.T) {
			program := wrapped(t, exe, `[ "$1" = init ] && { touch "$0.made"; exit; }; `+lines)
			d, cluster := in(t, "/srv/backups", program, true)
			_, err := d.InitRepository(t.Context())
			require.Error(t, err)
			_, err = d.Backup(t.Context(), request())
			require.Error(t, err)
			assert.NoFileExists(t, program+".made")
			var jobs batchv1.JobList
			require.NoError(t, cluster.List(t.Context(), &jobs))
			assert.Empty(t, jobs.Items)
		})
	}
	t.Run("not while another request makes it, unless that one died", func(t *testing.T) {
		r := local(t, exe)
		now := testclock.NewFakePassiveClock(then)
		cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
		config := validConfig()
		config.Repository, config.Program, config.CacheDir = r.Address, exe, t.TempDir()
		locked := world(t, boundClaim(), secretWith(fullSecret())).WithInterceptorFuncs(interceptor.Funcs{
			Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
				return errors.New("the process died before it gave the lock back")
			},
			Create: func(ctx context.Context, _ client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				return withUID(ctx, cluster, o, opts...)
			},
		}).Build()
		config.Program = wrapped(t, exe, `echo 'Fatal: <config/> does not exist: unable to open config file' >&2; exit 1`)
		died, err := restic.New(config, restic.Cluster{Client: locked, Reader: locked, Clock: now})
		require.NoError(t, err)
		_, err = died.InitRepository(t.Context())
		require.Error(t, err)

		config.Program = exe
		d, err := restic.New(config, restic.Cluster{Client: cluster, Reader: cluster, Clock: now})
		require.NoError(t, err)
		_, err = d.InitRepository(t.Context())
		assert.Equal(t, backup.Conflict, backup.KindOf(err))
		assert.Error(t, there(r.Address))

		now.SetTime(then.Add(3 * time.Minute))
		_, err = d.InitRepository(t.Context())
		require.NoError(t, err)
		assert.NoError(t, there(r.Address))
	})
}

func noJobs(t *testing.T, cluster client.Client) {
	t.Helper()
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	assert.Empty(t, jobs.Items)
}

func there(repository string) error {
	_, err := os.Stat(filepath.Join(repository, "config"))
	return err
}

// kubelet plays the Job controller and the kubelet for fills.
type kubelet struct{ cluster client.Client }

func (k kubelet) finish(t *testing.T, req driver.FillRequest, well bool) {
	t.Helper()
	var jobs batchv1.JobList
	require.NoError(t, k.cluster.List(t.Context(), &jobs, client.MatchingLabels{v1alpha1.ClaimUIDLabel: string(req.ClaimUID)}))
	require.Len(t, jobs.Items, 1)
	job := &jobs.Items[0]
	message, code, how := `{"action":"restore","seconds":1,"restored":{"files":3,"bytes":9},"expected":{"files":3,"bytes":9}}`, int32(0), batchv1.JobComplete
	if !well {
		message, code, how = `{"action":"restore","seconds":1,"partial":true,"problems":["/data/a: missing"],"problem_count":1,"kind":"partial","error":"not all of it"}`, 1, batchv1.JobFailed
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: job.Namespace, Name: job.Name + "-pod", Labels: map[string]string{batchv1.JobNameLabel: job.Name},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID}},
		},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: "mover", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: message}},
		}}},
	}
	for key, value := range job.Spec.Template.Labels {
		pod.Labels[key] = value
	}
	require.NoError(t, k.cluster.Create(t.Context(), pod))
	require.NoError(t, k.cluster.Status().Update(t.Context(), pod))
	job.Status.Conditions = []batchv1.JobCondition{{Type: how, Status: corev1.ConditionTrue, Reason: "Because", Message: "of it"}}
	require.NoError(t, k.cluster.Status().Update(t.Context(), job))
}

// collect does what the garbage collector does: pods and Secrets go after their
// Job.
func (k kubelet) collect(t *testing.T) {
	t.Helper()
	var jobs batchv1.JobList
	require.NoError(t, k.cluster.List(t.Context(), &jobs))
	living := map[types.UID]bool{}
	for _, job := range jobs.Items {
		living[job.UID] = true
	}
	for _, list := range []client.ObjectList{&corev1.PodList{}, &corev1.SecretList{}} {
		require.NoError(t, k.cluster.List(t.Context(), list))
		var objects []client.Object
		switch l := list.(type) {
		case *corev1.PodList:
			for i := range l.Items {
				objects = append(objects, &l.Items[i])
			}
		case *corev1.SecretList:
			for i := range l.Items {
				objects = append(objects, &l.Items[i])
			}
		}
		for _, o := range objects {
			if owners := o.GetOwnerReferences(); len(owners) > 0 && !living[owners[0].UID] {
				require.NoError(t, k.cluster.Delete(t.Context(), o))
			}
		}
	}
}

func TestItFillsAsADriverMust(t *testing.T) {
	drivertest.FillerSuite{New: func(t *testing.T) drivertest.Filling {
		started := 0
		cluster := world(t, secretWith(fullSecret())).WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				err := withUID(ctx, c, o, opts...)
				if _, isJob := o.(*batchv1.Job); isJob && err == nil {
					started++
				}
				return err
			},
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				if err := ctx.Err(); err != nil { // which the fake does not look at
					return err
				}
				return c.Get(ctx, key, o, opts...)
			},
		}).Build()
		k := kubelet{cluster}
		return drivertest.Filling{
			Filler: driverIn(t, cluster, nil), Finish: k.finish, Settle: k.collect,
			Started: func(*testing.T) int { return started },
		}
	}}.Run(t)
}

func TestAFillIsAJobBesideThePrime(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	d := driverIn(t, cluster, func(c *restic.Config) {
		c.JobNodeSelector = map[string]string{"disk": "slow", "arch": "amd64"}
		c.JobServiceAccount = "movers"
	})
	req := drivertest.Request("data", 1)
	req.Placement = driver.Placement{
		NodeSelector: map[string]string{"disk": "fast"}, Tolerations: []corev1.Toleration{{Key: "gpu"}},
		Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}},
	}
	state, err := d.Fill(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, driver.FillPending, state.Phase)

	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	require.Len(t, jobs.Items, 1)
	golden(t, "fill.yaml", &jobs.Items[0])
	var secret corev1.Secret
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: system, Name: jobs.Items[0].Name + "-credentials"}, &secret))
	assert.Equal(t, jobs.Items[0].UID, secret.OwnerReferences[0].UID)
}

func TestAFillThatCannotBeMeantIsRefused(t *testing.T) {
	for name, change := range map[string]func(*driver.FillRequest){
		"a short id":          func(r *driver.FillRequest) { r.Backup.ID = "latest" },
		"an option as an id":  func(r *driver.FillRequest) { r.Backup.ID = "--target=/" },
		"no folder":           func(r *driver.FillRequest) { r.Backup.Locator = "" },
		"a relative folder":   func(r *driver.FillRequest) { r.Backup.Locator = "C:\\data" },
		"no uid of the claim": func(r *driver.FillRequest) { r.ClaimUID = "" },
	} {
		t.Run(name, func(t *testing.T) {
			cluster := world(t, secretWith(fullSecret())).Build()
			req := drivertest.Request("data", 1)
			change(&req)
			_, err := driverIn(t, cluster, nil).Fill(t.Context(), req)
			require.Error(t, err)
			var jobs batchv1.JobList
			require.NoError(t, cluster.List(t.Context(), &jobs))
			assert.Empty(t, jobs.Items)
		})
	}
}

func TestAFillWaitsForItsCredentials(t *testing.T) {
	cluster := world(t).Build()
	d := driverIn(t, cluster, nil)
	_, err := d.Fill(t.Context(), drivertest.Request("data", 1))
	assert.Equal(t, backup.Credentials, backup.KindOf(err))
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	assert.Empty(t, jobs.Items)

	require.NoError(t, cluster.Create(t.Context(), secretWith(fullSecret())))
	state, err := d.Fill(t.Context(), drivertest.Request("data", 1))
	require.NoError(t, err)
	assert.Equal(t, driver.FillPending, state.Phase)
}

func TestAFailedFillSaysWhatIsMissing(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	d := driverIn(t, cluster, nil)
	req := drivertest.Request("data", 1)
	_, err := d.Fill(t.Context(), req)
	require.NoError(t, err)
	kubelet{cluster}.finish(t, req, false)
	state, err := d.Fill(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, driver.FillFailed, state.Phase)
	assert.True(t, state.Partial)
	assert.Equal(t, "not all of it; /data/a: missing", state.Message)
}

func TestALocalRepositoryIsMountedIntoJobs(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
	started, err := driverIn(t, cluster, func(c *restic.Config) { c.Repository = "/srv/backups" }).Backup(t.Context(), request())
	require.NoError(t, err)
	var job batchv1.Job
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.JobName}, &job))
	rendered, err := yaml.Marshal(job.Spec.Template.Spec)
	require.NoError(t, err)
	assert.Contains(t, string(rendered), "path: /srv/backups\n    type: Directory")
	assert.Contains(t, strings.Join(job.Spec.Template.Spec.Containers[0].Args, " "), "--repository /repository")
}

func TestABackupIsHeldAgainstWhatTheClaimAndTheOperatorSay(t *testing.T) {
	made := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	cases := map[string]struct {
		change func(*corev1.PersistentVolumeClaim)
		args   string
	}{
		"as the operator says": {func(*corev1.PersistentVolumeClaim) {}, "--shrink-percent 60 --"},
		"a person accepted a backup": {
			func(c *corev1.PersistentVolumeClaim) {
				c.Annotations = map[string]string{"soteria.dev/accept-backup": "--repo /elsewhere"}
			}, "--shrink-percent 60 --accept --repo /elsewhere --"},
		"a person accepted the data of this claim": {
			func(c *corev1.PersistentVolumeClaim) {
				c.Annotations = map[string]string{"soteria.dev/accept-data": string(claimUID) + " it is right"}
			}, "--shrink-percent 60 --since 2026-02-03T04:05:06Z --"},
		"a person accepted the data of an earlier claim": {
			func(c *corev1.PersistentVolumeClaim) {
				c.Annotations = map[string]string{"soteria.dev/accept-data": "another-uid " + string(claimUID)}
			}, "--shrink-percent 60 --"},
		"the claim was to start empty": {
			func(c *corev1.PersistentVolumeClaim) { c.Labels = map[string]string{"soteria.dev/restore": "skip"} },
			"--shrink-percent 60 --since 2026-02-03T04:05:06Z --"},
		"that the claim was to start empty had expired when it was made": {
			func(c *corev1.PersistentVolumeClaim) {
				c.Labels = map[string]string{"soteria.dev/restore": "skip"}
				c.Annotations = map[string]string{"soteria.dev/skip-reason": "scratch", "soteria.dev/expires": "2026-01-01T00:00:00Z"}
			}, "--shrink-percent 60 --"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			claim := boundClaim()
			claim.CreationTimestamp = metav1.NewTime(made)
			c.change(claim)
			cluster := world(t, claim, secretWith(fullSecret())).Build()
			started, err := driverIn(t, cluster, func(c *restic.Config) { c.ShrinkPercent = 60 }).Backup(t.Context(), request())
			require.NoError(t, err)
			var job batchv1.Job
			require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.JobName}, &job))
			args := job.Spec.Template.Spec.Containers[0].Args
			assert.Contains(t, strings.Join(args, " "), " "+c.args)
			assert.Equal(t, strings.Contains(c.args, "--since"), slices.Contains(args, "--since"), args)
			if at := slices.Index(args, "--accept"); at >= 0 {
				assert.Equal(t, "--repo /elsewhere", args[at+1], "what a tenant wrote is one argument")
			}
		})
	}
}

func TestJobsMayRunTheResticOfSoteriasOwnImage(t *testing.T) {
	cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
	started, err := driverIn(t, cluster, func(c *restic.Config) { c.Image = restic.OwnImage }).Backup(t.Context(), request())
	require.NoError(t, err)
	var job batchv1.Job
	require.NoError(t, cluster.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: started.JobName}, &job))
	pod := job.Spec.Template.Spec
	assert.Equal(t, validConfig().SoteriaImage, pod.Containers[0].Image)
	assert.Empty(t, pod.Containers[0].Command, "its entry point is soteria")
	assert.Empty(t, pod.InitContainers, "nothing is to be installed")
	assert.Equal(t, "mover", pod.Containers[0].Args[0])
	assert.Equal(t, pulse.Command(moverjob.ScratchFolder), pod.Containers[0].ReadinessProbe.Exec.Command, "wherever that image has its binary")
}
