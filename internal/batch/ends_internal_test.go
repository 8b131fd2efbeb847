package batch

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestAnEndThatSeveralBatchesMayWaitForIsKeptOnce(t *testing.T) {
	cluster := fake.NewClientBuilder().Build()
	runner := &Runner{Store: Store{Client: cluster, Reader: cluster, Namespace: "soteria"}, Log: slog.New(slog.DiscardHandler)}
	for range 3 {
		_, err := runner.Store.Create(t.Context(), Record{Kind: Backup, Namespace: "media", CreatedAt: time.Now(), Members: []Member{{Source: "photos"}}})
		require.NoError(t, err)
	}
	ends := []Ended{{Claim: backup.Claim{Namespace: "media", Name: "photos"}}, {Claim: backup.Claim{Namespace: "media", Name: "of no batch"}}}
	assert.Equal(t, ends[:1], runner.settleEnds(t.Context(), ends))
}
