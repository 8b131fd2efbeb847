//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

func TestPoliciesBackClaimsUpByThemselves(t *testing.T) {
	const namespace, writers = "e2e-policies", "e2e-policies-written"
	s := begin(t, 10*time.Minute, namespace)
	api := s.apiWith(nil)
	policies, err := api.Policies(s.ctx)
	require.NoError(s, err)
	for _, p := range policies.Policies {
		if p.Source == "api-claim" || p.Source == "api-namespace" {
			_, err := api.DeletePolicy(s.ctx, p.ID)
			require.NoError(s, err, "left by a run that was broken off")
		}
	}
	s.run("a hundred policies that are written at once through both replicas are all kept", func(s *scenario) {
		const each = 50
		writing, ctx := errgroup.WithContext(s.ctx)
		replicas, err := cluster.Replicas(s.ctx)
		require.NoError(s, err)
		require.Len(s, replicas, 2)
		for _, pod := range replicas {
			api, end, err := cluster.ReplicaAPI(s.ctx, pod.Name)
			require.NoError(s, err)
			s.after(func(context.Context) error { return end() })
			for i := range each {
				writing.Go(func() error {
					_, err := api.PutPolicy(ctx, wire.PolicyRequest{Namespace: writers, PVC: fmt.Sprintf("%s-%d", pod.Name, i), IntervalHours: 6})
					return err
				})
			}
		}
		require.NoError(s, writing.Wait())
		policies, err := api.Policies(s.ctx)
		require.NoError(s, err)
		written := 0
		for _, p := range policies.Policies {
			if p.Namespace == writers {
				written++
				_, err := api.DeletePolicy(s.ctx, p.ID)
				require.NoError(s, err)
			}
		}
		require.Equal(s, 2*each, written)
	})

	// The first backups are spread over three minutes by the claims' names; this one's comes early.
	declared := harness.App{Namespace: namespace, Name: "letters", Size: "64Mi", Labels: map[string]string{"backup": "daily"}}
	asked := harness.App{Namespace: namespace, Name: "asked", Size: "64Mi"}
	for _, app := range []harness.App{declared, asked} {
		s.start(app)
		s.write(app, "kept by itself")
	}
	s.configure(map[string]string{"SOTERIA_POLICY_EVAL_SECONDS": "5"})
	api = s.apiWith(nil)
	policy, err := api.PutPolicy(s.ctx, wire.PolicyRequest{Namespace: namespace, PVC: "asked", Schedule: "* * * * *", Keep: &wire.Keep{Last: 1}})
	require.NoError(s, err)
	s.run("a claim that declares it in Git is backed up", func(s *scenario) { s.awaitBackups(declared, 1) })
	s.run("a claim that the API has a policy for is backed up again and again, and as many are kept as it says", func(s *scenario) {
		s.awaitBackups(asked, 1)
		first := s.backups(asked)
		s.await("the first backup to make room", func(ctx context.Context) (bool, string, error) {
			now, err := cluster.Backups(ctx, namespace, asked.Name)
			if err != nil || len(now) != 1 {
				return false, fmt.Sprintf("%d backups", len(now)), err
			}
			return now[0].ID != first[len(first)-1].ID, "the first is still there", nil
		})
	})
	s.run("the inventory and the policies tell when the next backup is due", func(s *scenario) {
		s.await("the next run to be told", func(ctx context.Context) (bool, string, error) {
			known, err := api.Inventory(ctx)
			for _, claim := range claimsIn(known, namespace) {
				if claim.NextRun == nil || claim.Policy == "" {
					return false, claim.PVC + " has none", err
				}
			}
			return err == nil && len(claimsIn(known, namespace)) == 2, "", err
		})
	})
	s.run("a policy that is deleted holds no longer", func(s *scenario) {
		_, err := api.DeletePolicy(s.ctx, policy.ID)
		require.NoError(s, err)
		left, err := api.Policies(s.ctx)
		require.NoError(s, err)
		for _, p := range left.Policies {
			require.NotEqual(s, policy.ID, p.ID)
		}
	})
}

func (s *scenario) awaitBackups(app harness.App, atLeast int) {
	s.Helper()
	s.await("backups of "+app.Key().String(), func(ctx context.Context) (bool, string, error) {
		backups, err := cluster.Backups(ctx, app.Namespace, app.Name)
		return err == nil && len(backups) >= atLeast, fmt.Sprintf("%d backups", len(backups)), err
	})
}
