package catalog

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/mem"
)

// BenchmarkLearn compares a listing of 10,000 claims with the memory while nothing
// changes, and once every claim has a new backup.
func BenchmarkLearn(b *testing.B) {
	const claims = 10_000
	listing := func(day int) *snapshot {
		found := newBuilder("restic")
		for i := range claims {
			claim := backup.Claim{Namespace: fmt.Sprintf("team-%d", i%97), Name: fmt.Sprintf("data-%d", i)}
			for back := range 3 {
				found.Backup(backup.Backup{Claim: claim, ID: fmt.Sprintf("%064x", i*31+day-back), TakenAt: time.Unix(int64(day-back)*86_400, 0)})
			}
		}
		return found.snapshot("5e1f", moment{}, time.Unix(int64(day)*86_400, 0))
	}
	cfg := DefaultConfig()
	cfg.Memory, cfg.Unaccepted, cfg.Counts = &processMemory{}, &processUnaccepted{}, Counts
	s := newSource(cfg, mem.NewLister("restic", "5e1f"), nil, clock.RealClock{}, nil)
	nothing := s.startCopy(b.Context())
	days := []*snapshot{listing(20_000)}
	for day := range 8 {
		days = append(days, listing(20_001+day))
	}
	s.learn(b.Context(), days[0], s.recall(b.Context(), "5e1f", nothing, nil))
	b.Run("nothing changed", func(b *testing.B) {
		for b.Loop() {
			s.learn(b.Context(), days[0], s.recall(b.Context(), "5e1f", nothing, nil))
		}
	})
	b.Run("every claim changed", func(b *testing.B) {
		for i := range b.N {
			s.learn(b.Context(), days[1+i%8], s.recall(b.Context(), "5e1f", nothing, nil))
		}
	})
}
