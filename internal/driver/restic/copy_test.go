package restic_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/memory"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
	"github.com/soteria-dr/soteria/internal/secret"
)

var repositoryID = strings.Repeat("a", 64)

// remembered is a memory whose ids cannot be compressed.
func remembered(count int) expectation.Claims {
	random := rand.New(rand.NewPCG(1, 2))
	claims := expectation.Claims{}
	for i := range count {
		claims[backup.Claim{Namespace: "apps", Name: fmt.Sprintf("claim-%d", i)}] = expectation.Record{
			Newest: then.Add(time.Duration(random.Int64N(1e15))), SeenAt: then.Truncate(24 * time.Hour), Count: 1,
			ID: fmt.Sprintf("%016x%016x%016x%016x", random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()),
		}
	}
	return claims
}

func inACluster(c *restic.Config) { c.Clusters.Own, c.Instance = "home", "an-installation" }

func TestACopyIsWrittenByAJobThatBringsWhatIsRemembered(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	d := driverIn(t, cluster, inACluster)
	none, err := d.Last(t.Context())
	require.NoError(t, err)
	assert.Equal(t, keeper.None, none.Phase)

	claims := remembered(30_000)
	require.NoError(t, d.Start(t.Context(), repositoryID, claims))
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	require.Len(t, jobs.Items, 1)
	job := jobs.Items[0]
	assert.Equal(t, system, job.Namespace)

	var shards corev1.ConfigMapList
	require.NoError(t, cluster.List(t.Context(), &shards, client.InNamespace(system)))
	assert.Greater(t, len(shards.Items), 1, "it does not fit into one")
	var packed bytes.Buffer
	for i, shard := range shards.Items {
		require.Len(t, shard.OwnerReferences, 1)
		assert.Equal(t, job.UID, shard.OwnerReferences[0].UID)
		part := shard.BinaryData[fmt.Sprintf("part-%04d", i)]
		assert.LessOrEqual(t, len(part), 1<<20)
		packed.Write(part)
	}
	reader, err := gzip.NewReader(&packed)
	require.NoError(t, err)
	got, err := expectation.Decode(reader)
	require.NoError(t, err)
	assert.Equal(t, claims, got)

	last, err := d.Last(t.Context())
	require.NoError(t, err)
	sum, err := keeper.Sum(claims)
	require.NoError(t, err)
	assert.Equal(t, keeper.UnderWay, last.Phase)
	assert.Equal(t, sum, last.Sum)
}

func TestTheJobThatWritesACopy(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	require.NoError(t, driverIn(t, cluster, inACluster).Start(t.Context(), repositoryID, remembered(1)))
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	require.Len(t, jobs.Items, 1)
	golden(t, "memory.yaml", &jobs.Items[0])
	var secret corev1.Secret
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: system, Name: jobs.Items[0].Name + "-credentials"}, &secret))
	assert.Equal(t, restictest.Password, string(secret.Data["RESTIC_PASSWORD"]))
}

func TestAFolderThatIsTheRepositoryIsWrittenToByAJobThatMay(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	d := driverIn(t, cluster, func(c *restic.Config) { c.Repository = "/srv/backups" })
	require.NoError(t, d.Start(t.Context(), repositoryID, remembered(1)))
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	require.Len(t, jobs.Items, 1)
	pod := jobs.Items[0].Spec.Template.Spec
	assert.Equal(t, []corev1.Capability{"DAC_OVERRIDE"}, pod.Containers[0].SecurityContext.Capabilities.Add)
	assert.Equal(t, "/srv/backups", pod.Volumes[len(pod.Volumes)-1].HostPath.Path)
	assert.Contains(t, pod.Containers[0].Args, "/repository")
}

// endJobs has every Job that runs end.
func endJobs(t *testing.T, cluster client.Client, how batchv1.JobConditionType) {
	t.Helper()
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs))
	for i := range jobs.Items {
		job := &jobs.Items[i]
		if len(job.Status.Conditions) > 0 {
			continue
		}
		job.Status.Conditions = []batchv1.JobCondition{{Type: how, Status: corev1.ConditionTrue, Reason: "DeadlineExceeded", Message: "it took too long"}}
		require.NoError(t, cluster.Status().Update(t.Context(), job))
	}
}

func TestOfFinishedJobsTheLastTwoStay(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	d := driverIn(t, cluster, inACluster)
	for i := range 5 {
		require.NoError(t, d.Start(t.Context(), repositoryID, remembered(i+1)))
		how, phase := batchv1.JobComplete, keeper.Done
		if i%2 == 1 {
			how, phase = batchv1.JobFailed, keeper.Failed
		}
		endJobs(t, cluster, how)
		last, err := d.Last(t.Context())
		require.NoError(t, err)
		assert.Equal(t, phase, last.Phase)
		if phase == keeper.Failed {
			assert.Equal(t, "DeadlineExceeded: it took too long", last.Message)
		}
	}
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs, client.MatchingLabels{v1alpha1.RoleLabel: v1alpha1.RoleMemory}))
	assert.Len(t, jobs.Items, 2)
}

func TestTwoReplicasBeginOneCopy(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	// The other's Job is made between this one's look and its own.
	other := driverIn(t, cluster, inACluster)
	late := world(t, secretWith(fullSecret())).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, _ client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return withUID(ctx, cluster, o, opts...)
		},
	}).Build()
	require.NoError(t, other.Start(t.Context(), repositoryID, remembered(1)))
	err := driverIn(t, late, inACluster).Start(t.Context(), repositoryID, remembered(1))
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	assert.ErrorContains(t, err, "was made just now by another replica")
}

func TestACopyThatCannotBeBroughtIsTakenBack(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if _, is := o.(*corev1.ConfigMap); is {
				return errors.New("quota")
			}
			return withUID(ctx, c, o, opts...)
		},
	}).Build()
	require.ErrorContains(t, driverIn(t, cluster, inACluster).Start(t.Context(), repositoryID, remembered(1)), "quota")
	noJobs(t, cluster)

	without := world(t).Build()
	err := driverIn(t, without, inACluster).Start(t.Context(), repositoryID, remembered(1))
	assert.Equal(t, backup.Credentials, backup.KindOf(err))
	noJobs(t, without)
}

func TestCopiesAreNoBackupsAndAreReadAndTold(t *testing.T) {
	r := local(t, restictest.Restic(t))
	id := r.Init(t)
	cluster := world(t, secretWith(fullSecret())).Build()
	d := driverIn(t, cluster, func(c *restic.Config) {
		inACluster(c)
		c.Repository, c.Program = r.Address, r.Restic
	})
	got, err := d.Read(t.Context(), "restic")
	require.NoError(t, err)
	assert.Empty(t, got)
	assert.True(t, d.Listed().Pending, "a copy waits for the listing that tells which there are")

	claims := remembered(3)
	program := program(t, r)
	for _, instance := range []string{"an-installation", "another"} {
		_, err := memory.Write(t.Context(), program, memory.Owner{Cluster: "home", Instance: instance}, claims, time.Now().Add(-time.Hour))
		require.NoError(t, err)
	}
	snapshot := add(t, r, claim, then)

	var found []string
	listedID, err := d.List(t.Context(), drivertest.Each(func(b backup.Backup) { found = append(found, b.ID) }))
	require.NoError(t, err)
	assert.Equal(t, id, listedID)
	assert.Equal(t, []string{snapshot}, found, "a copy is no backup")
	got, err = d.Read(t.Context(), "restic")
	require.NoError(t, err)
	assert.Equal(t, expectation.Copies{"home": claims}, got)

	listed := d.Listed()
	assert.Equal(t, 2, listed.Copies)
	assert.False(t, listed.Pending)
	assert.WithinDuration(t, time.Now(), listed.WrittenAt, 5*time.Minute)
	assert.Equal(t, "another", listed.Rival, "both wrote within the hour, the other one last")

	// The next copy's Job is told of those that are there.
	require.NoError(t, d.Start(t.Context(), repositoryID, claims))
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs, client.MatchingLabels{v1alpha1.RoleLabel: v1alpha1.RoleMemory}))
	require.Len(t, jobs.Items, 1)
	args := jobs.Items[0].Spec.Template.Spec.Containers[0].Args
	at := slices.Index(args, "--notes")
	require.Positive(t, at)
	notes, err := note.List(t.Context(), program, note.Expectations)
	require.NoError(t, err)
	var ids []string
	for _, n := range notes {
		ids = append(ids, n.ID)
	}
	assert.ElementsMatch(t, ids, strings.Split(args[at+1], ","))
}

func TestACopysJobLooksItselfWhereItIsNotKnownWhatIsThere(t *testing.T) {
	cluster := world(t, secretWith(fullSecret())).Build()
	require.NoError(t, driverIn(t, cluster, inACluster).Start(t.Context(), repositoryID, remembered(1)))
	var jobs batchv1.JobList
	require.NoError(t, cluster.List(t.Context(), &jobs, client.MatchingLabels{v1alpha1.RoleLabel: v1alpha1.RoleMemory}))
	require.Len(t, jobs.Items, 1)
	assert.NotContains(t, jobs.Items[0].Spec.Template.Spec.Containers[0].Args, "--notes")
}

// program is restic on the repository, without a driver.
func program(t *testing.T, r restictest.Repository) cli.Program {
	t.Helper()
	return cli.Program{
		Path: r.Restic, Location: cli.Location{Kind: cli.Local, Text: r.Address}, CacheDir: t.TempDir(),
		Credentials: cli.Credentials{cli.KeyPassword: secret.New(restictest.Password)},
	}
}

func TestTheCopiesOfEveryClusterWhoseBackupsCountAreRead(t *testing.T) {
	r := local(t, restictest.Restic(t))
	r.Init(t)
	for _, name := range []string{"", "prod", "attic"} {
		_, err := memory.Write(t.Context(), program(t, r), memory.Owner{Cluster: name, Instance: "i"}, remembered(1), time.Now())
		require.NoError(t, err)
	}
	cluster := world(t, secretWith(fullSecret())).Build()
	for name, test := range map[string]struct {
		clusters backup.Clusters
		want     []string
	}{
		"that of the own name, and those without one":  {clusters: backup.Clusters{Own: "prod"}, want: []string{"", "prod"}},
		"not those without one where they are others'": {clusters: backup.Clusters{Own: "prod", UntaggedForeign: true}, want: []string{"prod"}},
		"that of the cluster whose place it takes":     {clusters: backup.Clusters{Own: "prod2", Restored: []string{"prod"}, Settled: true}, want: []string{"", "prod"}},
		"all where the own name is lost":               {want: []string{"", "attic", "prod"}},
		"no others' where that is settled":             {clusters: backup.Clusters{Settled: true}, want: []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			d := driverIn(t, cluster, func(c *restic.Config) { c.Clusters, c.Repository, c.Program = test.clusters, r.Address, r.Restic })
			got, err := d.Read(t.Context(), "restic")
			require.NoError(t, err)
			assert.Equal(t, test.want, slices.Sorted(maps.Keys(got)))
		})
	}
}
