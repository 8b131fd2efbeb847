package catalog

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestSnapshotKeepsEveryBackupWithItsClaim(t *testing.T) {
	b := newBuilder("restic")
	var given []backup.Backup
	for i := range 500 {
		given = append(given, someBackup(i, 17))
	}
	for _, i := range rand.Perm(len(given)) {
		b.Backup(given[i])
	}
	s := b.snapshot("5e1f", moment{}, time.Time{})

	assert.Equal(t, 500, s.size)
	assert.Len(t, s.byClaim, 17)
	kept := 0
	for claim, found := range s.byClaim {
		backups := found.backups
		kept += len(backups)
		assert.IsNonIncreasing(t, times(backups))
		for _, one := range backups {
			assert.Equal(t, claim, one.Claim)
			assert.Equal(t, []string{"namespace=" + claim.Namespace, "pvc=" + claim.Name}, one.Tags)
		}
	}
	assert.Equal(t, 500, kept)
}

func TestSnapshotWindowsCannotGrowIntoEachOther(t *testing.T) {
	b := newBuilder("restic")
	for i := range 4 {
		b.Backup(someBackup(i, 2))
	}
	s := b.snapshot("5e1f", moment{}, time.Time{})
	first, second := someBackup(0, 2).Claim, someBackup(1, 2).Claim
	before := s.byClaim[second].backups[0]
	_ = append(s.byClaim[first].backups, backup.Backup{})
	assert.Equal(t, before, s.byClaim[second].backups[0])
}

func times(backups []backup.Backup) []int64 {
	taken := make([]int64, 0, len(backups))
	for _, b := range backups {
		taken = append(taken, b.TakenAt.Unix())
	}
	return taken
}

// someBackup is the i-th backup of a repository of so many claims, as a restic
// listing yields it: nothing shared with the backup before.
func someBackup(i, claims int) backup.Backup {
	claim := backup.Claim{Namespace: fmt.Sprintf("namespace-%d", i%claims/10), Name: fmt.Sprintf("data-app-%d", i%claims)}
	return backup.Backup{
		Claim:   claim,
		Driver:  "restic",
		ID:      fmt.Sprintf("%064x", i),
		TakenAt: time.Unix(1_700_000_000+int64(i)*60, 0).In(time.FixedZone("", 7200)),
		Locator: "",
		Tags:    []string{"namespace=" + claim.Namespace, "pvc=" + claim.Name},
	}
}

const many, manyClaims = 200_000, 2_000

// BenchmarkSnapshot makes the snapshot of a large repository and reports what it
// keeps in memory per backup.
func BenchmarkSnapshot(b *testing.B) {
	var kept *snapshot
	before := heap()
	for b.Loop() {
		found := newBuilder("restic")
		for i := range many {
			found.Backup(someBackup(i, manyClaims))
		}
		kept = found.snapshot("5e1f", moment{}, time.Time{})
	}
	b.ReportMetric(float64(heap()-before)/many, "B/backup")
	runtime.KeepAlive(kept)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkKnown looks up claims that have backups in a large repository.
func BenchmarkKnown(b *testing.B) {
	found := newBuilder("restic")
	for i := range many {
		found.Backup(someBackup(i, manyClaims))
	}
	s := newSource(DefaultConfig(), named("restic"), nil, clock.RealClock{}, nil)
	s.latest = found.snapshot("5e1f", s.now(), time.Time{})
	c := &Catalog{sources: []*source{s}}
	claim := someBackup(many/2, manyClaims).Claim
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if c.Known(b.Context(), claim).Certainty() != backup.Found {
				b.Fatal("not found")
			}
		}
	})
}

func TestFreshnessIsMeasuredByBothClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(DefaultConfig(), nil, nil, clock.RealClock{}, nil)
		began := s.now()
		time.Sleep(time.Second)
		asked := time.Now()
		assert.True(t, s.fresh(began, asked), "a second old")
		assert.False(t, s.fresh(began, asked.Add(time.Hour)), "an hour old by both")
		assert.False(t, s.fresh(began, asked.Round(0).Add(-time.Minute)), "the wall clock was set back")
		assert.False(t, s.fresh(began, asked.Round(0).Add(time.Minute)), "the wall clock ran on while the machine slept")
	})
}

// snapshot is what is known after a listing in which nothing is in doubt.
func (b *builder) snapshot(repository string, began moment, ended time.Time) *snapshot {
	return &snapshot{
		contents: b.contents(repository, ended), began: began,
		evidence: backup.Evidence{Driver: b.driver, Repository: repository, BeganAt: began.at, EndedAt: ended},
	}
}
