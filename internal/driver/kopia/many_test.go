package kopia_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
)

func TestFiveHundredClaims(t *testing.T) {
	r := kopiatest.New(t)
	r.Backup(t, claim, then)
	claims := r.Fill(t, 500)
	listing := listed(t, in(t, r.Folder))
	found := map[backup.Claim]int{}
	for _, b := range listing.Backups {
		found[b.Claim]++
	}
	require.Len(t, found, 501)
	for _, c := range claims {
		assert.Equal(t, 1, found[c], c)
	}
	assert.Empty(t, listing.Doubts)
}

// BenchmarkListing lists 600 sources: with an index that is known, after a
// backup, and as a process does first.
func BenchmarkListing(b *testing.B) {
	r := kopiatest.New(b)
	r.Backup(b, claim, then)
	r.Fill(b, 600)
	b.Run("when nothing changed", func(b *testing.B) {
		d := in(b, r.Folder)
		listed(b, d)
		b.ReportAllocs()
		for b.Loop() {
			listed(b, d)
		}
		b.StopTimer()
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		b.ReportMetric(float64(stats.HeapAlloc)/(1<<20), "MiB-heap")
		_, _ = d.List(b.Context(), &drivertest.Listing{})
	})
	b.Run("as the first one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			listed(b, in(b, r.Folder))
		}
	})
}
