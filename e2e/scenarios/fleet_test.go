//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// fleet is many claims in one namespace.
type fleet struct {
	namespace string
	// classes are the claims' storage classes, by the claims' names.
	classes map[string]string
	// labels are the claims'; nil protects them.
	labels map[string]string
}

// apps gives the claims as apps without a Deployment, by name.
func (f fleet) apps() []harness.App {
	var apps []harness.App
	for _, name := range slices.Sorted(maps.Keys(f.classes)) {
		apps = append(apps, harness.App{
			Namespace: f.namespace, Name: name, Class: f.classes[name], Size: "64Mi", ClaimOnly: true, Labels: f.labels,
			Annotations: map[string]string{v1alpha1.RestoreWithoutPodAnnotation: "true"}, // the hand comes later
		})
	}
	return apps
}

// manifest gives all claims in one.
func (f fleet) manifest() string {
	parts := []string{namespaceManifest(f.namespace, "")}
	for _, app := range f.apps() {
		parts = append(parts, app.Workload())
	}
	return strings.Join(parts, "---\n")
}

// hand is a pod that holds every claim, each at /claims/<name>.
const hand = "hand"

func (f fleet) handManifest() string {
	var mounts, volumes strings.Builder
	for _, app := range f.apps() {
		_, _ = fmt.Fprintf(&mounts, "        - {name: %[1]s, mountPath: /claims/%[1]s}\n", app.Name)
		_, _ = fmt.Fprintf(&volumes, "    - {name: %[1]s, persistentVolumeClaim: {claimName: %[1]s}}\n", app.Name)
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata:
  name: %s
  namespace: %s
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: shell
      image: %s
      command: [/bin/sleep, infinity]
      volumeMounts:
%s  volumes:
%s`, hand, f.namespace, harness.BusyboxImage, mounts.String(), volumes.String())
}

// take starts the hand and waits until it holds every claim.
func (s *scenario) take(f fleet) {
	s.Helper()
	s.apply(f.handManifest())
	require.NoError(s, cluster.AwaitPod(s.ctx, f.namespace, hand))
}

// stories reads the story on every claim, by the claims' names.
func (s *scenario) stories(f fleet) map[string]string {
	s.Helper()
	out, err := cluster.Exec(s.ctx, f.namespace, hand, "/bin/sh", "-c", `cd /claims && for c in *; do printf '%s %s\n' "$c" "$(head -n 1 "$c/story")"; done`)
	require.NoError(s, err)
	stories := map[string]string{}
	for line := range strings.Lines(out) {
		name, story, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		stories[name] = story
	}
	return stories
}

// storyOf is what seedFleet writes on a claim.
func storyOf(name string) string { return "this is what " + name + " must not lose" }

// seedFleet makes the claims, writes a story on each and backs them all up with
// restic.
func (s *scenario) seedFleet(f fleet) {
	s.Helper()
	s.seedFleetBy(f, cluster.BackUp)
}

// seedFleetBy does the same with another way to take a backup.
func (s *scenario) seedFleetBy(f fleet, backUp func(ctx context.Context, namespace, claim string) (string, error)) {
	s.Helper()
	s.fillFleet(f)

	const atOnce = 10
	backups, ctx := errgroup.WithContext(s.ctx)
	backups.SetLimit(atOnce)
	for _, app := range f.apps() {
		backups.Go(func() error {
			_, err := backUp(ctx, app.Namespace, app.Name)
			return err
		})
	}
	require.NoError(s, backups.Wait())
}

// fillFleet makes the claims and writes a story on each.
func (s *scenario) fillFleet(f fleet) {
	s.Helper()
	s.apply(f.manifest())
	s.take(f)
	_, err := cluster.Exec(s.ctx, f.namespace, hand, "/bin/sh", "-c",
		`cd /claims && for c in *; do printf 'this is what %s must not lose' "$c" > "$c/story"; done && sync`)
	require.NoError(s, err)
}

// requireStories requires that every claim holds its own story.
func (s *scenario) requireStories(f fleet) {
	s.Helper()
	want := map[string]string{}
	for name := range f.classes {
		want[name] = storyOf(name)
	}
	require.Equal(s, want, s.stories(f))
}

// awaitFleetBound waits until every claim is Bound.
func (s *scenario) awaitFleetBound(f fleet) {
	s.Helper()
	waiting, ctx := errgroup.WithContext(s.ctx)
	for _, app := range f.apps() {
		waiting.Go(func() error { return cluster.AwaitBound(ctx, app) })
	}
	require.NoError(s, waiting.Wait())
}
