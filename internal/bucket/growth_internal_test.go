package bucket

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var morning = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

// found is what a scan found so many hours after that morning.
func found(hours int, bytes int64) Figures {
	return Figures{ScannedAt: morning.Add(time.Duration(hours) * time.Hour), Bytes: bytes, Objects: 1}
}

func sizes(points []Point) []int64 {
	all := []int64{}
	for _, p := range points {
		all = append(all, p.Bytes)
	}
	return all
}

func TestGrowth(t *testing.T) {
	t.Run("has one point of each day, the last", func(t *testing.T) {
		g := growth{}.with(found(0, 1)).with(found(17, 2)).with(found(18, 3)).with(found(48, 4))
		assert.Equal(t, []int64{2, 3, 4}, sizes(g.Points))
		assert.Equal(t, Point{At: morning.Add(48 * time.Hour), Bytes: 4, Objects: 1}, g.Points[2])
	})
	t.Run("is the same when the same scan is added again", func(t *testing.T) {
		g := growth{}.with(found(0, 1))
		assert.Equal(t, g, g.with(found(0, 1)))
	})
	t.Run("does not change what it was made of", func(t *testing.T) {
		g := growth{}.with(found(0, 1))
		g.with(found(1, 2))
		assert.Equal(t, []int64{1}, sizes(g.Points))
	})
	t.Run("loses the oldest day once there are too many", func(t *testing.T) {
		g := growth{}
		for day := range pointsKept + 3 {
			g = g.with(found(24*day, int64(day)))
		}
		assert.Len(t, g.Points, pointsKept)
		assert.Equal(t, int64(3), g.Points[0].Bytes)
	})
	t.Run("keeps what a wrong clock said of days to come, and does not tell it", func(t *testing.T) {
		wrong := found(24*365*20, 9)
		g := growth{}.with(found(0, 1)).with(wrong).with(found(24, 2))
		assert.Equal(t, []int64{1, 2}, sizes(g.until(morning.Add(24*time.Hour))))
		assert.Equal(t, []int64{1, 2, 9}, sizes(g.until(wrong.ScannedAt)))
	})
	t.Run("fits in a ConfigMap", func(t *testing.T) {
		g := growth{Format: growthFormat}
		for day := range pointsKept {
			g = g.with(found(24*day, 1<<50))
		}
		assert.Less(t, len(g.String()), 64<<10)
	})
}

// FuzzParseGrowth holds that what is read of a ConfigMap, which anybody may have
// edited, can be added to and written again.
func FuzzParseGrowth(f *testing.F) {
	f.Add(growth{Format: growthFormat, Store: Store{Bucket: "backups"}}.with(found(0, 1)).with(found(24, 2)).String())
	f.Add(`{"format":1,"points":[{"at":"9999-12-31T23:59:59Z"},{"at":"0001-01-01T00:00:00Z"}]}`)
	f.Add(`{"format":1,"points":[{"at":"2026-01-01T00:00:00Z","bytes":-1}]}`)
	f.Add(`{"format":2}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, text string) {
		g, err := parseGrowth(text)
		if err != nil {
			assert.Zero(t, g)
			return
		}
		more := g.with(found(0, 1))
		again, err := parseGrowth(more.String())
		require.NoError(t, err)
		assert.Equal(t, more.String(), again.String())
		assert.NotEmpty(t, more.until(morning))
	})
}
