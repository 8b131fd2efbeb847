package bucket

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

const (
	// largest is how many prefixes are told.
	largest = 20
	// prefixesKept is how many prefixes are counted at a time, whatever the
	// bucket holds.
	prefixesKept = 4096
)

// Figures are what a bucket holds. They say nothing of uploads that were begun
// and never ended.
type Figures struct {
	// Objects counts objects: their newest versions, where those are no delete
	// markers.
	Objects int64 `json:"objects"`
	// Bytes is all that is stored, noncurrent versions included.
	Bytes int64 `json:"bytes"`
	// History is nil where the store does not tell versions: then there may be
	// some that Bytes lacks.
	History *History `json:"history,omitempty"`
	// Largest are the prefixes that take the most space, largest first.
	Largest []Prefix `json:"largest"`
	// ScannedAt is when the listing ended, Took how long it took.
	ScannedAt time.Time     `json:"scannedAt"`
	Took      time.Duration `json:"took"`
}

// History is what of a bucket is not the newest version of an object.
type History struct {
	// Versions counts all versions of all objects, the newest included and
	// delete markers not.
	Versions        int64 `json:"versions"`
	NoncurrentBytes int64 `json:"noncurrentBytes"`
	DeleteMarkers   int64 `json:"deleteMarkers"`
}

// Prefix is what lies below one prefix, counted as in [Figures].
type Prefix struct {
	Prefix  string `json:"prefix"`
	Objects int64  `json:"objects"`
	Bytes   int64  `json:"bytes"`
}

// Object is one entry of a listing: an object or, where versions are listed, one
// version of it.
type Object struct {
	Key          string
	Size         int64
	Noncurrent   bool
	DeleteMarker bool
}

// Tally sums a listing up. Its memory does not grow with the listing: of more
// prefixes than it keeps it drops the smallest. In a listing in the order of
// keys, as S3 gives it, those are complete by then, so that the largest are
// exact.
type Tally struct {
	listed   string
	figures  Figures
	prefixes map[string]*Prefix
}

// NewTally begins to sum up a listing of the keys below a prefix. Versioned says
// whether it holds all versions.
func NewTally(listed string, versioned bool) *Tally {
	t := &Tally{listed: listed, prefixes: map[string]*Prefix{}}
	if versioned {
		t.figures.History = &History{}
	}
	return t
}

// Add counts one entry. An entry that makes no sense is an error: the listing
// is then not to be believed.
func (t *Tally) Add(o Object) error {
	if !strings.HasPrefix(o.Key, t.listed) {
		return backup.Errorf(backup.Unavailable, "the store lists %.200q, which does not begin with %.200q", o.Key, t.listed)
	}
	if o.Size < 0 {
		return backup.Errorf(backup.Unavailable, "the store says that %.200q has %d bytes", o.Key, o.Size)
	}
	history := t.figures.History
	if history == nil && (o.Noncurrent || o.DeleteMarker) {
		return fmt.Errorf("a version of %.200q in a listing without versions", o.Key)
	}
	if o.DeleteMarker {
		history.DeleteMarkers++
		return nil
	}
	prefix := t.prefix(group(o.Key, t.listed))
	t.figures.Bytes += o.Size
	prefix.Bytes += o.Size
	if !o.Noncurrent {
		t.figures.Objects++
		prefix.Objects++
	}
	if history != nil {
		history.Versions++
	}
	if o.Noncurrent {
		history.NoncurrentBytes += o.Size
	}
	return nil
}

func (t *Tally) prefix(name string) *Prefix {
	if kept, found := t.prefixes[name]; found {
		return kept
	}
	if len(t.prefixes) >= prefixesKept {
		for _, small := range t.bySize()[prefixesKept/2:] {
			delete(t.prefixes, small.Prefix)
		}
	}
	added := &Prefix{Prefix: name}
	t.prefixes[name] = added
	return added
}

func (t *Tally) bySize() []Prefix {
	all := make([]Prefix, 0, len(t.prefixes))
	for _, p := range t.prefixes {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b Prefix) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Objects, a.Objects), cmp.Compare(a.Prefix, b.Prefix))
	})
	return all
}

// Figures gives the sums of a listing that began and ended then. Only the caller
// knows whether the listing was whole.
func (t *Tally) Figures(began, ended time.Time) Figures {
	f := t.figures
	all := t.bySize()
	f.Largest = all[:min(largest, len(all))]
	f.ScannedAt, f.Took = ended.UTC(), ended.Sub(began)
	return f
}
