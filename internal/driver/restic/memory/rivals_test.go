package memory_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/driver/restic/memory"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
)

func TestTwoLiveClustersOfOneNameAreNoticed(t *testing.T) {
	at := func(hours int) time.Time { return then.Add(time.Duration(hours) * time.Hour) }
	copyOf := func(cluster, instance string, since, written int) note.Note {
		return note.Note{ID: instance, At: at(written), Draft: note.Draft{Kind: note.Expectations, Cluster: cluster, Instance: instance, Since: at(since)}}
	}
	me := owner("home", "me")
	for name, test := range map[string]struct {
		notes []note.Note
		now   int
		rival string
	}{
		"alone":                                  {notes: []note.Note{copyOf("home", "me", 0, 5)}, now: 6},
		"before the own first copy":              {notes: []note.Note{copyOf("home", "other", 0, 5)}, now: 6},
		"the one before went, this took over":    {notes: []note.Note{copyOf("home", "other", 0, 5), copyOf("home", "me", 6, 7)}, now: 8},
		"the other wrote after this began":       {notes: []note.Note{copyOf("home", "me", 0, 5), copyOf("home", "other", 4, 6)}, now: 7, rival: "other"},
		"the one before goes on":                 {notes: []note.Note{copyOf("home", "other", 0, 8), copyOf("home", "me", 6, 7)}, now: 8, rival: "other"},
		"that was more than a day ago":           {notes: []note.Note{copyOf("home", "me", 0, 5), copyOf("home", "other", 4, 6)}, now: 31},
		"the other has another name":             {notes: []note.Note{copyOf("home", "me", 0, 5), copyOf("work", "other", 4, 6)}, now: 7},
		"the other does not say who it is":       {notes: []note.Note{copyOf("home", "me", 0, 5), copyOf("home", "", 4, 6)}, now: 7},
		"the newest of two others is told":       {notes: []note.Note{copyOf("home", "me", 0, 5), copyOf("home", "x", 4, 6), copyOf("home", "y", 4, 7)}, now: 8, rival: "y"},
		"clocks differ by less than ten minutes": {notes: []note.Note{{ID: "o", At: at(6).Add(9 * time.Minute), Draft: note.Draft{Kind: note.Expectations, Cluster: "home", Instance: "other"}}, copyOf("home", "me", 6, 7)}, now: 8},
	} {
		t.Run(name, func(t *testing.T) {
			rival, found := memory.Rival(test.notes, me, at(test.now))
			assert.Equal(t, test.rival, rival.Instance)
			assert.Equal(t, test.rival != "", found)
		})
	}
}

func TestTheNewestOwnCopyIsOfThisInstallation(t *testing.T) {
	mine := note.Note{ID: "1", At: then, Draft: note.Draft{Kind: note.Expectations, Cluster: "home", Instance: "me"}}
	theirs := mine
	theirs.ID, theirs.Instance, theirs.At = "2", "other", then.Add(time.Hour)
	newest, found := memory.Newest([]note.Note{mine, theirs}, owner("home", "me"))
	assert.True(t, found)
	assert.Equal(t, mine, newest)
	_, found = memory.Newest([]note.Note{theirs}, owner("home", "me"))
	assert.False(t, found)
}
