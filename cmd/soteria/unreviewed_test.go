package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/mem"
)

// A claim that got past the gate is settled where no older backup of it exists. A
// repository that proves of no claim that it has none does not settle it.
func TestARepositoryThatProvesNothingSettlesNoReview(t *testing.T) {
	for name, test := range map[string]struct {
		expected catalog.Expected
		listed   bool
	}{
		"one that no one accepted":       {catalog.Unsaid, false},
		"one of which nothing was hoped": {catalog.ExpectNothing, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			store := mem.NewLister("restic", "repository-1")
			store.Add(backup.Claim{Namespace: "ai", Name: "models"}, time.Now().Add(-time.Hour))
			settings := catalog.DefaultConfig()
			settings.Expect = map[string]catalog.Expected{"restic": test.expected}
			known := catalog.New(settings, []driver.Lister{store}, d.expectations, clock.RealClock{}, noObserver{})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- known.Start(ctx) }()
			known.Prove(ctx, cacheOfAI)
			_, listed := knownBackups(known)(cacheOfAI)
			cancel()
			require.NoError(t, <-ended)
			assert.Equal(t, test.listed, listed)
		})
	}
}
