//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// TestTheConsole has a browser do what an operator does, and looks at the cluster
// for what came of it. The browser's part is in e2e/console.
func TestTheConsole(t *testing.T) {
	const namespace, lost = "e2e-console", "e2e-console-lost"
	s := begin(t, 40*time.Minute, namespace, lost)
	photos := harness.App{Namespace: namespace, Name: "photos", Size: "64Mi"}
	late := harness.App{Namespace: namespace, Name: "late", Size: "64Mi"}
	s.start(photos)
	s.write(photos, "a story that the browser saves")
	s.seed(late, "a story that comes late")
	of := map[string]string{"CLAIM_NAMESPACE": namespace, "CLAIM": photos.Name}

	s.run("a claim is found and backed up, and the backup is there", func(s *scenario) {
		s.browse("back-up.spec.ts", of, nil)
		require.Len(s, s.backups(photos), 1)
	})
	s.run("a backup is restored to a new claim, and to none that exists", func(s *scenario) {
		s.browse("restore.spec.ts", of, map[string]string{"TARGET": "photos-again"})
		again := fleet{namespace: namespace, classes: map[string]string{"photos-again": "local"}}
		s.awaitFleetBound(again)
		s.take(again)
		require.Equal(s, map[string]string{"photos-again": "a story that the browser saves"}, s.stories(again))
	})
	s.run("a copy to look at is marked, listed and removed, and its claim with it", func(s *scenario) {
		const look = "photos-look"
		s.browse("copy.spec.ts", of, map[string]string{"TARGET": look})
		s.await("claim "+look+" to be gone", func(ctx context.Context) (bool, string, error) {
			err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: look}, &corev1.PersistentVolumeClaim{})
			return apierrors.IsNotFound(err), fmt.Sprint(err), client.IgnoreNotFound(err)
		})
	})
	s.run("a backup as of a time that none is from restores nothing", func(s *scenario) {
		s.browse("as-of.spec.ts", of, nil)
	})
	s.run("a namespace that was lost is restored as a whole", func(s *scenario) {
		claims := fleet{namespace: lost, classes: map[string]string{"one": "local", "two": "local", "three": "local"}}
		s.seedFleet(claims)
		s.destroy(lost)
		s.apply(namespaceManifest(lost, ""))
		s.browse("lost-namespace.spec.ts", map[string]string{
			"LOST_NAMESPACE": lost, "LOST_CLAIMS": strings.Join(slices.Sorted(maps.Keys(claims.classes)), " "),
		}, nil)
		s.awaitFleetBound(claims)
		s.take(claims)
		s.requireStories(claims)
	})
	s.run("a namespace is backed up as a whole, and each backup tells how it ended", func(s *scenario) {
		s.browse("back-up-namespace.spec.ts", map[string]string{"NAMESPACE": lost, "CLAIMS": "one three two"}, nil)
	})
	s.run("a policy is made, changed and paused, kept in the secret, and deleted", func(s *scenario) {
		s.browse("policy-made.spec.ts", of, nil)
		require.Contains(s, s.policiesSecret(), namespace)
		s.browse("policy-deleted.spec.ts", of, nil)
		require.NotContains(s, s.policiesSecret(), namespace)
	})
	s.run("every view can be read by everybody, dark, light and on a phone", func(s *scenario) {
		s.configure(bucketScanned)
		s.await("the bucket to be scanned", func(ctx context.Context) (bool, string, error) {
			var bucket wire.Bucket
			status, err := cluster.Ask(ctx, "v1/b2", &bucket)
			return status == http.StatusOK, http.StatusText(status), err
		})
		s.browse("looks.spec.ts", of, nil)
	})
	s.run("a claim that is held shows why, and is well once S3 is back", func(s *scenario) {
		held := map[string]string{"CLAIM_NAMESPACE": namespace, "CLAIM": late.Name}
		_, err := cluster.Kubectl(s.ctx, "", "delete", "-n", namespace, "deploy/"+late.Name, "pvc/"+late.Name)
		require.NoError(s, err)
		start := stopS3(s)
		s.after(start)
		require.NoError(s, cluster.AwaitUnknown(s.ctx, "connection refused"))
		s.awaitAccepted(late)
		s.requireWaiting(late)
		s.awaitHeld(late)
		s.browse("held.spec.ts", held, map[string]string{"CAUSE": "connection refused"})
		require.NoError(s, start(s.ctx))
		s.browse("brought-back.spec.ts", held, nil)
		s.awaitRunning(late)
		require.Equal(s, "a story that comes late", s.story(late))
	})
	s.run("who has not signed in, or may not look, is told so", func(s *scenario) {
		s.configure(map[string]string{"SOTERIA_AUTH_REQUIRED": "true", "SOTERIA_TRUSTED_PROXIES": "127.0.0.1, ::1"})
		s.browse("signed-out.spec.ts", map[string]string{"ALLOWED_GROUP": "maintenance"}, nil)
	})
}

// browse has a browser do one file of tests, at a port that is forwarded for it.
func (s *scenario) browse(tests string, variables, more map[string]string) {
	s.Helper()
	address, end, err := cluster.Port(s.ctx)
	require.NoError(s, err)
	s.after(func(context.Context) error { return end() })
	all := maps.Clone(variables)
	maps.Copy(all, more)
	report, err := cluster.Browse(s.ctx, address, tests, all)
	require.NoError(s, err)
	s.Log(report)
}

// awaitHeld waits until the inventory says that an app's claim is held, and not only
// checked for backups.
func (s *scenario) awaitHeld(app harness.App) {
	s.Helper()
	s.await("claim "+app.Name+" to be held", func(ctx context.Context) (bool, string, error) {
		var known wire.Inventory
		status, err := cluster.Ask(ctx, "v1/inventory", &known)
		if err != nil || status != http.StatusOK {
			return false, http.StatusText(status), err
		}
		for _, namespace := range known.Namespaces {
			for _, claim := range namespace.PVCs {
				if claim.Namespace == app.Namespace && claim.PVC == app.Name {
					held := claim.HealthReason == "held" && claim.HoldReason != string(decision.ReasonChecking)
					return held, claim.HealthReason + " " + claim.HoldReason, nil
				}
			}
		}
		return false, "the inventory lacks the claim", nil
	})
}

// policiesSecret is all that is in the Secret of the API's policies.
func (s *scenario) policiesSecret() string {
	s.Helper()
	var kept corev1.Secret
	require.NoError(s, client.IgnoreNotFound(cluster.Get(s.ctx, client.ObjectKey{Namespace: harness.SoteriaNamespace, Name: "soteria-policies"}, &kept)))
	var all strings.Builder
	for name, value := range kept.Data {
		_, _ = fmt.Fprintf(&all, "%s: %s\n", name, value)
	}
	return all.String()
}
