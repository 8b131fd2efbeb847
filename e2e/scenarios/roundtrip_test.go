//go:build e2e

package scenarios_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

func TestEveryByteAndEveryAttributeComesBackFromS3(t *testing.T) {
	t.Parallel()
	const namespace = "e2e-roundtrip-s3"
	roundTrips(begin(t, 15*time.Minute, namespace), namespace)
}

func TestEveryByteAndEveryAttributeComesBackFromARESTServer(t *testing.T) {
	const namespace = "e2e-roundtrip-rest"
	s := begin(t, 15*time.Minute, namespace)
	use(s, harness.RestRepository(repositoryName))
	roundTrips(s, namespace)
}

// use points Soteria at another repository for as long as the test lasts.
func use(s *scenario, url string) {
	s.after(func(ctx context.Context) error {
		_, err := cluster.UseRepository(ctx, repository)
		return err
	})
	_, err := cluster.UseRepository(s.ctx, url)
	require.NoError(s, err)
	require.NoError(s, cluster.LightenKey(s.ctx, url))
}

func roundTrips(s *scenario, namespace string) {
	immediate := harness.App{Namespace: namespace, Name: "immediate", Class: "local"}
	late := harness.App{Namespace: namespace, Name: "late", Class: "local-wffc"}
	var before sync.Map // app's name → its tree
	backUp := func(app harness.App) func(*scenario) {
		return func(s *scenario) {
			s.start(app)
			before.Store(app.Name, tree(s, app))
			s.backUp(app)
			requireNothingRereadBy(s, app)
		}
	}
	s.together(map[string]func(*scenario){"a claim that is bound at once is backed up": backUp(immediate), "a claim that waits for its pod is backed up": backUp(late)})
	s.destroy(namespace)

	s.apply(immediate.Manifest())
	s.apply(late.Manifest())
	for _, app := range []harness.App{immediate, late} {
		s.run("into a claim of class "+app.Class, func(s *scenario) {
			s.awaitRunning(app)
			was, _ := before.Load(app.Name)
			require.Equal(s, was, list(s, app))
			require.Equal(s, "drwx------ 2 0 0\n", s.shell(app, `ls -ldn /data/lost+found | awk '{print $1, $2, $3, $4}'`), "lost+found is the file system's own")
			require.Empty(s, s.shell(app, "ls -A /data/lost+found"), "nothing was restored into lost+found")
		})
	}
}

// tree makes a tree with everything that backups get wrong, and lists it. It
// leaves out what restic itself does not keep: that zeros were written and are
// not a hole, and that two names are of one symbolic link.
func tree(s *scenario, app harness.App) string {
	s.Helper()
	s.shell(app, `treetool make /data && rm /data/holes/zeros-written /data/links/hard/link-again &&
		printf found > /data/lost+found/by-fsck && chown 1000:2000 /data && chmod 2771 /data && sync`)
	listing := list(s, app)
	for _, hard := range []string{"sparse=yes", "size=1073741824", "nlink=3", `same-as="links/hard/a"`, "names/🦔", "type=fifo", "user.note", "contents/empty"} {
		require.Contains(s, listing, hard, "the tree is hard to back up")
	}
	return listing
}

func list(s *scenario, app harness.App) string {
	s.Helper()
	out, err := cluster.InApp(s.ctx, app, "/bin/treetool", "list", "/data")
	require.NoError(s, err)
	return out
}

// requireNothingRereadBy requires that a backup of a claim that did not change
// since its last one takes every file as it was.
func requireNothingRereadBy(s *scenario, app harness.App) {
	s.Helper()
	job, err := cluster.BackUp(s.ctx, app.Namespace, app.Name)
	require.NoError(s, err)
	var pods corev1.PodList
	require.NoError(s, cluster.List(s.ctx, &pods, client.InNamespace(app.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job}))
	// One that failed in passing was followed by another.
	succeeded := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return p.Status.Phase != corev1.PodSucceeded })
	require.Len(s, succeeded, 1)
	result, err := report.Decode(terminationMessage(succeeded[0], moverjob.Container))
	require.NoError(s, err)
	require.NotNil(s, result.Backup)
	assert.Positive(s, result.Backup.Files)
	assert.Equal(s, result.Backup.Files, result.Backup.FilesUnmodified, "files that were not read again")
	assert.Zero(s, result.Backup.FilesNew)
	assert.Zero(s, result.Backup.FilesChanged)
}

func terminationMessage(pod corev1.Pod, container string) string {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == container && status.State.Terminated != nil {
			return status.State.Terminated.Message
		}
	}
	return ""
}
