//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/kube"
)

// cleanup is how long removing what a scenario made may take.
const cleanup = 3 * time.Minute

// scenario is a test on the cluster. Its methods fail the test where the
// cluster does not do what they say.
type scenario struct {
	*testing.T
	ctx  context.Context
	dump func()
}

// begin begins a scenario that may take so long and owns these namespaces. It
// makes them, anew in case a run was broken off, and removes them afterwards.
func begin(t *testing.T, limit time.Duration, namespaces ...string) *scenario {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	s := &scenario{T: t, ctx: ctx, dump: sync.OnceFunc(func() { dump(t, namespaces) })}
	s.destroy(namespaces...)
	s.after(func(ctx context.Context) error { return cluster.DestroyNamespaces(ctx, namespaces...) })
	t.Cleanup(s.dumpIfFailed)
	for _, namespace := range namespaces {
		s.apply(namespaceManifest(namespace, ""))
	}
	return s
}

// namespaceManifest is a namespace's, with the label soteria.dev/restore unless
// that is "".
func namespaceManifest(name, restore string) string {
	manifest := "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + name + "\n"
	if restore != "" {
		manifest += "  labels: {" + v1alpha1.RestoreLabel + ": " + restore + "}\n"
	}
	return manifest
}

// run runs a part of the scenario.
func (s *scenario) run(sentence string, part func(*scenario)) bool {
	return s.Run(sentence, func(t *testing.T) {
		p := &scenario{T: t, ctx: s.ctx, dump: s.dump}
		t.Cleanup(p.dumpIfFailed)
		part(p)
	})
}

// together runs parts of the scenario at the same time and waits for all.
func (s *scenario) together(parts map[string]func(*scenario)) {
	s.Run("together", func(t *testing.T) {
		group := &scenario{T: t, ctx: s.ctx, dump: s.dump}
		for sentence, part := range parts {
			group.run(sentence, func(p *scenario) {
				p.Parallel()
				part(p)
			})
		}
	})
}

// after has something done at the end, also when the scenario failed or its time
// is up.
func (s *scenario) after(do func(context.Context) error) {
	s.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanup)
		defer cancel()
		assert.NoError(s.T, do(ctx), "cleaning up")
	})
}

func (s *scenario) dumpIfFailed() {
	if s.Failed() {
		s.dump()
	}
}

// dump prints what there is to know about a failure.
func dump(t *testing.T, namespaces []string) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanup)
	defer cancel()
	questions := [][]string{
		{"get", "pods", "-A", "-o", "wide", "--field-selector", "status.phase!=Running"},
		{"get", "restores", "-A"},
		{"get", "pvc", "-A"},
		{"get", "pv"},
		{"get", "jobs", "-A"},
		{"events", "-n", harness.SoteriaNamespace},
	}
	for _, namespace := range namespaces {
		questions = append(questions, []string{"events", "-n", namespace})
	}
	replicas, err := cluster.Replicas(ctx)
	if err != nil {
		t.Log(err)
	}
	for _, pod := range replicas {
		logs := []string{"logs", "-n", harness.SoteriaNamespace, pod.Name, "--tail", "300"}
		questions = append(questions, logs, append(logs, "--previous"))
	}
	for _, question := range questions {
		out, err := cluster.Kubectl(ctx, "", question...)
		if err != nil {
			out = err.Error()
		}
		t.Logf("kubectl %s\n%s", strings.Join(question, " "), withoutNoise(out))
	}
}

// withoutNoise drops what fills logs and tells nothing: the kubelet's questions
// and the finer talk of libraries.
func withoutNoise(logs string) string {
	noise := []string{`"path":"/readyz"`, `"path":"/healthz"`, `"level":"DEBUG+`}
	var kept strings.Builder
	for line := range strings.Lines(logs) {
		if !slices.ContainsFunc(noise, func(n string) bool { return strings.Contains(line, n) }) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// destroy removes namespaces with their volumes, all at once.
func (s *scenario) destroy(namespaces ...string) {
	s.Helper()
	require.NoError(s, cluster.DestroyNamespaces(s.ctx, namespaces...))
}

// apply applies manifests as a GitOps tool does: again, where admission did not
// answer in time.
func (s *scenario) apply(manifests string) {
	s.Helper()
	var err error
	s.await("admission to answer in time", func(ctx context.Context) (bool, string, error) {
		err = cluster.Apply(ctx, manifests)
		return !isOutOfTime(err), fmt.Sprint(err), nil
	})
	require.NoError(s, err)
}

// isOutOfTime reports whether the API server waited for a webhook in vain, as on a
// busy machine.
func isOutOfTime(err error) bool {
	return err != nil && strings.Contains(err.Error(), "failed calling webhook") && strings.Contains(err.Error(), "deadline exceeded")
}

// submit gives manifests to kubectl with these arguments, and gives the warnings
// that the user sees. Where a verdict was not proved in the time that admission
// has, as on a busy machine, it takes what was made back and tries again.
func (s *scenario) submit(app harness.App, args ...string) (warnings string, err error) {
	s.Helper()
	s.await("a verdict on "+app.Key().String(), func(ctx context.Context) (bool, string, error) {
		warnings, err = cluster.Submit(ctx, app.Workload(), args...)
		if isOutOfTime(err) {
			return false, err.Error(), nil
		}
		if !strings.Contains(warnings, "soteria: Hold: could not tell") && !strings.Contains(warnings, "soteria: Hold: checking for backups") {
			return true, "", nil
		}
		_, undo := cluster.Kubectl(ctx, app.Workload(), "delete", "--ignore-not-found", "-f", "-")
		return false, warnings, undo
	})
	return warnings, err
}

// awaitAccepted applies the app again and again until admission accepts it.
func (s *scenario) awaitAccepted(app harness.App) {
	s.Helper()
	s.await("admission to accept "+app.Key().String(), func(ctx context.Context) (bool, string, error) {
		return true, "", cluster.Apply(ctx, app.Workload())
	})
}

// start applies an app and waits until it runs.
func (s *scenario) start(app harness.App) {
	s.Helper()
	s.apply(app.Manifest())
	s.awaitRunning(app)
}

func (s *scenario) awaitRunning(app harness.App) {
	s.Helper()
	require.NoError(s, cluster.AwaitRunning(s.ctx, app))
}

func (s *scenario) awaitBound(app harness.App) {
	s.Helper()
	require.NoError(s, cluster.AwaitBound(s.ctx, app))
}

// await waits for a condition; an error of the condition is looked at again.
func (s *scenario) await(what string, condition func(context.Context) (done bool, seen string, err error)) {
	s.Helper()
	require.NoError(s, harness.WaitFor(s.ctx, what, condition))
}

// awaitEvent waits for an event of Soteria's on the claim that says something.
func (s *scenario) awaitEvent(app harness.App, says string) {
	s.Helper()
	_, err := cluster.AwaitEvent(s.ctx, app, says)
	require.NoError(s, err)
}

// shell runs a script in the app.
func (s *scenario) shell(app harness.App, script string, args ...string) string {
	s.Helper()
	out, err := cluster.InApp(s.ctx, app, append([]string{"/bin/sh", "-c", script, "sh"}, args...)...)
	require.NoError(s, err)
	return out
}

// write puts a story on the app's volume.
func (s *scenario) write(app harness.App, story string) {
	s.Helper()
	s.shell(app, `printf %s "$1" > /data/story && sync`, story)
}

// story reads what is on the app's volume; "" if there is nothing.
func (s *scenario) story(app harness.App) string {
	s.Helper()
	return s.shell(app, "cat /data/story 2>/dev/null || true")
}

func (s *scenario) backUp(app harness.App) {
	s.Helper()
	_, err := cluster.BackUp(s.ctx, app.Namespace, app.Name)
	require.NoError(s, err)
}

// seed starts an app, has it write a story, and backs that up.
func (s *scenario) seed(app harness.App, story string) {
	s.Helper()
	s.start(app)
	s.write(app, story)
	s.backUp(app)
}

// backups lists the claim's backups, once one of them was listed.
func (s *scenario) backups(app harness.App) []wire.Backup {
	s.Helper()
	return s.backupsFrom(app, 1)
}

// backupsFrom lists the claim's backups, once so many were listed: a list is shown as
// of the last listing.
func (s *scenario) backupsFrom(app harness.App, count int) (backups []wire.Backup) {
	s.Helper()
	s.await("the backups of "+app.Key().String(), func(ctx context.Context) (_ bool, _ string, err error) {
		backups, err = cluster.Backups(ctx, app.Namespace, app.Name)
		return len(backups) >= count, fmt.Sprintf("%d are listed", len(backups)), err
	})
	return backups
}

func (s *scenario) claim(app harness.App) *corev1.PersistentVolumeClaim {
	s.Helper()
	claim, err := cluster.Claim(s.ctx, app)
	require.NoError(s, err)
	return claim
}

// requireWaiting requires that the app waits for its claim, which is locked, and
// that nobody has given it a volume.
func (s *scenario) requireWaiting(app harness.App) {
	s.Helper()
	claim := s.claim(app)
	lock, _, locked := kube.LockOf(claim)
	require.True(s, locked, "the claim is locked")
	require.Equal(s, corev1.ClaimPending, claim.Status.Phase)

	var pods corev1.PodList
	require.NoError(s, cluster.List(s.ctx, &pods, client.InNamespace(app.Namespace), client.MatchingLabels{"app": app.Name}))
	for _, pod := range pods.Items {
		require.Equal(s, corev1.PodPending, pod.Status.Phase, "pod %s has not started", pod.Name)
		require.Empty(s, pod.Status.ContainerStatuses, "no container of pod %s was ever made", pod.Name)
	}

	var volumes corev1.PersistentVolumeList
	require.NoError(s, cluster.List(s.ctx, &volumes))
	for _, volume := range volumes.Items {
		require.NotEqual(s, lock, volume.Name, "no volume has the lock's name")
		if ref := volume.Spec.ClaimRef; ref != nil {
			require.NotEqual(s, claim.UID, ref.UID, "no volume is the claim's")
		}
		require.NotEqual(s, string(claim.UID), volume.Labels[v1alpha1.ClaimUIDLabel], "no volume is on its way to the claim")
	}
}

// awaitCompleted waits until the claim's restore is over and done with.
func (s *scenario) awaitCompleted(app harness.App) {
	s.Helper()
	s.await("the restore of "+app.Key().String()+" to be completed", func(ctx context.Context) (bool, string, error) {
		restore, err := cluster.RestoreOf(ctx, app)
		if err != nil {
			return false, "", err
		}
		return restore.Status.Phase == v1alpha1.PhaseCompleted, string(restore.Status.Phase) + ": " + restore.Status.Message, nil
	})
}
