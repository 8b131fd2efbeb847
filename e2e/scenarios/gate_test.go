//go:build e2e

package scenarios_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/unreviewed"
)

func TestABackupOfAClaimThatPassedAnOpenGateIsNotTheNewest(t *testing.T) {
	const namespace = "e2e-gate"
	s := begin(t, 6*time.Minute, namespace)
	app := harness.App{Namespace: namespace, Name: "data", Size: "64Mi"}
	s.seed(app, "what must not be lost")
	s.destroy(namespace)

	s.after(cluster.RestoreWebhook)
	require.NoError(s, cluster.RemoveWebhook(s.ctx))
	s.start(app)
	require.NoError(s, cluster.RestoreWebhook(s.ctx))
	require.Empty(s, s.story(app), "Kubernetes bound it to an empty volume")
	s.write(app, "what began from nothing")
	s.backUp(app)
	backups := s.backupsFrom(app, 2)
	require.Len(s, backups, 2)
	require.Equal(s, "unreviewed", backups[0].Objection)
	require.Empty(s, backups[1].Objection)
	var existence wire.Existence
	s.await("what would be restored", func(ctx context.Context) (bool, string, error) {
		status, err := cluster.Ask(ctx, "exists/"+namespace+"/data", &existence)
		return status == http.StatusOK, existence.Error, err
	})
	require.Equal(s, wire.DecisionRestore, existence.Decision)
	s.awaitEvent(app, "The claim was bound without a verdict of Soteria's")
	s.await("a metric of the claim", func(ctx context.Context) (bool, string, error) {
		value, err := cluster.Metric(ctx, "soteria_claim_unreviewed")
		return value > 0, "", err
	})

	s.destroy(namespace)
	s.start(app)
	require.Equal(s, "what must not be lost", s.story(app))
	s.awaitCompleted(app)
	s.await("the claim to be reviewed", func(ctx context.Context) (bool, string, error) {
		value, err := cluster.Metric(ctx, "soteria_claim_unreviewed")
		return value == 0, unreviewed.EventReason, err
	})
}
