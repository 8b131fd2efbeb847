package memory

import (
	"time"

	"github.com/soteria-dr/soteria/internal/driver/restic/note"
)

const (
	// recent is how long a copy of another installation is told of.
	recent = 24 * time.Hour
	// slack is how far the clocks of two installations may be apart.
	slack = 10 * time.Minute
)

// Rival returns the newest copy that another installation has written under the
// owner's own name within the last day, after the owner had begun to write: both are
// alive, and each takes the other's backups for its own. A cluster that took over
// from one that is gone has no rival, since that one wrote nothing after it began.
func Rival(notes []note.Note, owner Owner, now time.Time) (rival note.Note, found bool) {
	own := note.Of(notes, note.Expectations, owner.Cluster)
	began := time.Time{}
	for _, n := range own {
		if n.Instance == owner.Instance && !n.Since.IsZero() && (began.IsZero() || n.Since.Before(began)) {
			began = n.Since
		}
	}
	if began.IsZero() {
		return note.Note{}, false
	}
	for _, n := range own {
		other := n.Instance != "" && n.Instance != owner.Instance
		if other && n.At.After(began.Add(slack)) && n.At.After(now.Add(-recent)) && n.At.After(rival.At) {
			rival, found = n, true
		}
	}
	return rival, found
}

// Newest returns the owner's newest copy, and reports whether there is one.
func Newest(notes []note.Note, owner Owner) (newest note.Note, found bool) {
	for _, n := range note.Of(notes, note.Expectations, owner.Cluster) {
		if n.Instance == owner.Instance && n.At.After(newest.At) {
			newest, found = n, true
		}
	}
	return newest, found
}
