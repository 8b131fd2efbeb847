package restic_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/lightkey"
)

// asking is a repository on S3 and a cluster whose claim is backed up there.
type asking struct {
	onS3
	cluster client.Client
	clock   *testclock.FakeClock
}

func newAsking(t *testing.T) asking {
	t.Helper()
	r := onS3WithoutDriver(t)
	cluster := world(t, boundClaim(), secretWith(fullSecret())).Build()
	clock := testclock.NewFakeClock(time.Now().Truncate(time.Second))
	a := asking{onS3: r, cluster: cluster, clock: clock}
	a.driver = a.driverOn(t, r.Address)
	return a
}

// driverOn is a driver on a repository.
func (a asking) driverOn(t *testing.T, address string) *restic.Driver {
	t.Helper()
	d, err := restic.New(restic.Config{
		Repository: address, SecretName: "soteria-restic", SecretNamespace: system, Namespace: system, Image: "restic/restic", SoteriaImage: "soteria",
		Program: wrapped(t, a.Restic, `echo "$*" >>`+a.runs+`; exec "$RESTIC" "$@"`), CacheDir: t.TempDir(), JobTTL: time.Hour, ShrinkPercent: 50,
	}, restic.Cluster{Client: a.cluster, Reader: a.cluster, Clock: a.clock, MayMake: nobodyWaits})
	require.NoError(t, err)
	return d
}

// took adds a snapshot of the claim as a backup Job takes it.
func (a asking) took(t *testing.T, at time.Time, more map[string]any) string {
	t.Helper()
	fields := map[string]any{
		"time": at.Format(time.RFC3339Nano), "tree": strings.Repeat("cd", 32), "paths": []string{"/data"},
		"hostname": "apps/data", "tags": []string{"namespace=apps", "pvc=data"}, "summary": map[string]any{"total_files_processed": 7, "total_bytes_processed": 700},
	}
	for key, value := range more {
		fields[key] = value
	}
	ids, err := lightkey.AddSnapshots(a.Folder, restictest.Password, []map[string]any{fields})
	require.NoError(t, err)
	return ids[0]
}

// told makes a backup's Job and returns what its mover is told, with the runs of restic
// that it took to make it.
func (a asking) told(t *testing.T, req driver.BackupRequest) (flags map[string]string, job *batchv1.Job, runs []string) {
	t.Helper()
	require.NoError(t, os.WriteFile(a.runs, nil, 0o600))
	started, err := a.driver.Backup(t.Context(), req)
	require.NoError(t, err)
	runs = a.ran(t)
	if req.DryRun {
		return nil, nil, runs
	}
	job = &batchv1.Job{}
	require.NoError(t, a.cluster.Get(t.Context(), types.NamespacedName{Namespace: started.Namespace, Name: started.JobName}, job))
	args := job.Spec.Template.Spec.Containers[0].Args
	flags = map[string]string{}
	for _, name := range []string{"--parent", "--before", "--accept"} {
		if at := slices.Index(args, name); at >= 0 {
			flags[name] = args[at+1]
		}
	}
	return flags, job, runs
}

// end has a Job end at the clock's time.
func (a asking) end(t *testing.T, job *batchv1.Job) {
	t.Helper()
	job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(a.clock.Now())}}
	require.NoError(t, a.cluster.Status().Update(t.Context(), job))
}

func TestABackupIsToldOfTheOneBeforeWithoutAskingTheStore(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	day := a.clock.Now().Add(-24 * time.Hour)
	a.took(t, day.Add(-time.Hour), nil)
	parent := a.took(t, day, nil)
	a.took(t, day.Add(time.Hour), map[string]any{"hostname": "apps/other", "tags": []string{"namespace=apps", "pvc=other"}})
	a.list(t)
	flags, _, runs := a.told(t, request())
	assert.Equal(t, map[string]string{
		"--parent": parent, "--before": parent + "," + day.UTC().Format(time.RFC3339) + ",7,700",
	}, flags)
	assert.Empty(t, runs)
}

// TestABackupToAFolderIsToldOfTheOneBefore has the same files be a repository in a folder.
func TestABackupToAFolderIsToldOfTheOneBefore(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	parent := a.took(t, a.clock.Now().Add(-time.Hour), nil)
	a.Address = a.Folder
	a.driver = a.driverOn(t, a.Folder)
	a.list(t)
	flags, _, runs := a.told(t, request())
	assert.Equal(t, parent, flags["--parent"])
	assert.NotEmpty(t, flags["--before"])
	assert.Empty(t, runs)
}

func TestAFirstBackupIsToldThatThereIsNone(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	a.took(t, a.clock.Now().Add(-time.Hour), map[string]any{"hostname": "other/data", "tags": []string{"namespace=other", "pvc=data"}})
	a.list(t)
	flags, _, _ := a.told(t, request())
	assert.Equal(t, map[string]string{"--parent": "none", "--before": "none"}, flags)
}

func TestWhatABackupAddedIsReadBeforeTheNextIsTold(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	a.took(t, a.clock.Now().Add(-time.Hour), nil)
	a.list(t)
	_, job, _ := a.told(t, request())
	newest := a.took(t, a.clock.Now(), nil)
	a.clock.Step(time.Minute)
	a.end(t, job)

	a.clock.Step(time.Minute)
	flags, job, runs := a.told(t, request())
	assert.Equal(t, newest, flags["--parent"])
	require.Len(t, runs, 1)
	assert.Contains(t, runs[0], newest, "only what is new is read")

	a.clock.Step(time.Minute)
	a.end(t, job)
	a.clock.Step(time.Minute)
	flags, _, runs = a.told(t, request())
	assert.Equal(t, newest, flags["--parent"], "that Job made no snapshot")
	assert.Empty(t, runs, "nothing is new")
}

func TestAClockThatIsSetBackHasTheStoreLookedAtAgain(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	a.took(t, a.clock.Now().Add(-24*time.Hour), nil)
	a.list(t)
	a.clock.Step(-3 * time.Hour)
	newest := a.took(t, a.clock.Now().Add(-time.Minute), nil)
	flags, job, runs := a.told(t, request())
	assert.Equal(t, newest, flags["--parent"])
	assert.Len(t, runs, 1)

	a.end(t, job)
	a.clock.Step(5 * time.Minute)
	flags, _, runs = a.told(t, request())
	assert.Equal(t, newest, flags["--parent"])
	assert.Empty(t, runs, "what was read since is built upon")
}

func TestWhatIsNotKnownIsNotTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]func(t *testing.T, a asking, id string){
		"nothing was read yet": func(*testing.T, asking, string) {},
		"it was long ago, and a snapshot is gone": func(t *testing.T, a asking, id string) {
			a.list(t)
			a.clock.Step(2 * time.Hour)
			require.NoError(t, os.Remove(filepath.Join(a.Folder, "snapshots", id)))
		},
		"it was long ago, and the store does not answer": func(t *testing.T, a asking, _ string) {
			a.list(t)
			a.clock.Step(2 * time.Hour)
			a.server.Stop(t)
		},
		"it was long ago, and the credentials changed": func(t *testing.T, a asking, _ string) {
			a.list(t)
			a.clock.Step(2 * time.Hour)
			secret := secretWith(fullSecret())
			secret.Data["AWS_SECRET_ACCESS_KEY"] = []byte("another one")
			secret.StringData = nil
			require.NoError(t, a.cluster.Update(t.Context(), secret))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAsking(t)
			a.took(t, a.clock.Now().Add(-2*time.Hour), nil)
			id := a.took(t, a.clock.Now().Add(-time.Hour), nil)
			c(t, a, id)
			flags, _, _ := a.told(t, request())
			assert.Empty(t, flags)
		})
	}
}

func TestWhatAPersonAcceptsIsLeftToTheMoverUntilItCounts(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	at := a.clock.Now().Add(-time.Hour)
	void := a.took(t, at, nil)
	record := func(more ...string) {
		a.took(t, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), map[string]any{
			"hostname": "soteria", "paths": []string{"/outcome"}, "summary": nil,
			"tags": append([]string{"soteria=outcome", "of=" + void, "claim=apps/data", "files=7", "bytes=700"}, more...),
		})
	}
	record("outcome=void")
	claim := boundClaim()
	require.NoError(t, a.cluster.Get(t.Context(), client.ObjectKeyFromObject(claim), claim))
	claim.Annotations = map[string]string{v1alpha1.AcceptBackupAnnotation: void[:8]}
	require.NoError(t, a.cluster.Update(t.Context(), claim))
	a.list(t)
	flags, job, _ := a.told(t, request())
	assert.Equal(t, map[string]string{"--parent": void, "--accept": void[:8]}, flags)

	record("outcome=complete", "accepted=true")
	a.end(t, job)
	flags, _, _ = a.told(t, request())
	assert.Equal(t, map[string]string{"--parent": void, "--before": void + "," + at.UTC().Format(time.RFC3339) + ",7,700"}, flags)
}

func TestADryRunOfABackupAsksNoStore(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	a.list(t)
	a.clock.Step(2 * time.Hour)
	a.took(t, a.clock.Now(), nil)
	req := request()
	req.DryRun = true
	_, _, runs := a.told(t, req)
	assert.Empty(t, runs)
}
