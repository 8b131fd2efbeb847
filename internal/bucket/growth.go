package bucket

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	strictjson "sigs.k8s.io/json"

	"github.com/soteria-dr/soteria/internal/backup"
)

const (
	// growthFormat is the version of the format below.
	growthFormat = 1
	// pointsKept is how many days are kept: a year, so that this month can be
	// compared with the same of last year. They take some 30 kB.
	pointsKept = 400
)

// Point is what a bucket held at the end of a scan, counted as in [Figures].
type Point struct {
	At      time.Time `json:"at"`
	Bytes   int64     `json:"bytes"`
	Objects int64     `json:"objects"`
}

// growth is what scans of a store found in the past: the last one of each day in
// UTC, oldest first. It has a key of its own, so that a Soteria that knows
// nothing of it goes on working beside it and leaves it as it is.
type growth struct {
	Format int     `json:"format"`
	Store  Store   `json:"store"`
	Points []Point `json:"points"`
}

// parseGrowth reads what is kept of past scans.
func parseGrowth(text string) (growth, error) {
	var g growth
	strict, err := strictjson.UnmarshalStrict([]byte(text), &g)
	if err := errors.Join(append(strict, err)...); err != nil {
		return growth{}, err
	}
	if g.Format != growthFormat {
		return growth{}, fmt.Errorf("it is of format %d, not %d", g.Format, growthFormat)
	}
	for i, p := range g.Points {
		if p.Bytes < 0 || p.Objects < 0 {
			return growth{}, fmt.Errorf("at %s it has %d bytes in %d objects", stamp(p.At), p.Bytes, p.Objects)
		}
		if i > 0 && byDay(g.Points[i-1], p) >= 0 {
			return growth{}, fmt.Errorf("the day of %s does not come after the one before it", stamp(p.At))
		}
	}
	return g, nil
}

func (g growth) String() string {
	text, err := json.Marshal(g)
	if err != nil {
		// No type of a growth can fail to be written.
		panic(err)
	}
	return string(text) + "\n"
}

// with adds what a scan found, in the place of what an earlier one of the same
// day did. Of more days than are kept the oldest goes.
func (g growth) with(f Figures) growth {
	point := Point{At: f.ScannedAt.UTC(), Bytes: f.Bytes, Objects: f.Objects}
	points := slices.Clone(g.Points)
	at, sameDay := slices.BinarySearchFunc(points, point, byDay)
	if sameDay {
		points[at] = point
	} else {
		points = slices.Insert(points, at, point)
	}
	g.Points = points[max(0, len(points)-pointsKept):]
	return g
}

// until gives the points that are no later than the day of the last scan. Later
// ones are those of a clock that was wrong, then or now.
func (g growth) until(last time.Time) []Point {
	after := slices.IndexFunc(g.Points, func(p Point) bool { return backup.DaysBetween(last, p.At) > 0 })
	if after < 0 {
		return g.Points
	}
	return g.Points[:after]
}

func byDay(a, b Point) int { return backup.DaysBetween(b.At, a.At) }
