package note_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/driver/restic/note"
)

var then = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestOnlyASnapshotOfSoteriasOwnFileIsANote(t *testing.T) {
	whole := func() note.Snapshot {
		return note.Snapshot{
			ID: "1", Time: then, Host: "soteria", Paths: []string{"/soteria-expectations.json"},
			Tags: []string{"soteria=expectations", "cluster=home", "instance=i", "since=1767323045", "over=a", "over=b"},
		}
	}
	n, is := note.Parse(whole())
	assert.True(t, is)
	assert.Equal(t, note.Note{ID: "1", At: then, Draft: note.Draft{
		Kind: note.Expectations, Cluster: "home", Instance: "i", Since: then, Over: []string{"a", "b"},
	}}, n)

	for name, change := range map[string]func(*note.Snapshot){
		"another host":             func(s *note.Snapshot) { s.Host = "apps/data" },
		"another file":             func(s *note.Snapshot) { s.Paths = []string{"/data"} },
		"the file of another kind": func(s *note.Snapshot) { s.Paths = []string{"/soteria-outcomes.json"} },
		"two files":                func(s *note.Snapshot) { s.Paths = append(s.Paths, "/data") },
		"no tag":                   func(s *note.Snapshot) { s.Tags = nil },
		"two kinds":                func(s *note.Snapshot) { s.Tags = append(s.Tags, "soteria=outcomes") },
		"a claim's namespace":      func(s *note.Snapshot) { s.Tags = append(s.Tags, "namespace=apps") },
		"a claim's name":           func(s *note.Snapshot) { s.Tags = append(s.Tags, "pvc=data") },
		"a claim's backup tagged as a note": func(s *note.Snapshot) {
			*s = note.Snapshot{ID: "1", Host: "apps/data", Paths: []string{"/data"}, Tags: []string{"namespace=apps", "pvc=data", "soteria=expectations"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := whole()
			change(&s)
			_, is := note.Parse(s)
			assert.False(t, is)
		})
	}
}

// written is a history of notes: each supersedes the heads that its writer saw,
// which may be those of a moment ago.
func written(t *rapid.T) []note.Note {
	var notes []note.Note
	for i := range rapid.IntRange(0, 12).Draw(t, "notes") {
		seen := notes[:max(0, len(notes)-rapid.IntRange(0, 2).Draw(t, "late"))]
		var over []string
		for _, head := range note.Heads(seen) {
			over = append(over, head.ID)
		}
		notes = append(notes, note.Note{
			ID: string(rune('a' + i)), At: then.Add(time.Duration(rapid.IntRange(-5, 5).Draw(t, "minutes")) * time.Minute),
			Draft: note.Draft{Kind: note.Expectations, Instance: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "instance"), Over: over},
		})
	}
	return notes
}

// holds returns all that the heads hold: themselves and what they took over.
func holds(notes []note.Note, heads []note.Note) map[string]bool {
	held := map[string]bool{}
	var take func(id string)
	take = func(id string) {
		if held[id] {
			return
		}
		held[id] = true
		at := slices.IndexFunc(notes, func(n note.Note) bool { return n.ID == id })
		for _, over := range notes[at].Over {
			take(over)
		}
	}
	for _, head := range heads {
		take(head.ID)
	}
	return held
}

func TestTheHeadsHoldEverythingWhateverTheClocksSayAndWhateverIsRemoved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		notes := written(t)
		if got := holds(notes, note.Heads(notes)); len(got) != len(notes) {
			t.Fatalf("the heads of %v hold %v", notes, got)
		}
		keep := rapid.IntRange(0, 3).Draw(t, "keep")
		outdated := note.Outdated(notes, keep)
		// Any of them may be removed, since a removal may end halfway.
		left := slices.DeleteFunc(slices.Clone(notes), func(n note.Note) bool {
			return slices.Contains(outdated, n.ID) && rapid.Bool().Draw(t, "removed")
		})
		if got := holds(notes, note.Heads(left)); len(got) != len(notes) {
			t.Fatalf("without some of %v the heads of %v hold %v", outdated, left, got)
		}
		if again := note.Outdated(left, keep); len(again) > len(outdated) {
			t.Fatalf("%v are outdated once some of %v went", again, outdated)
		}
	})
}

func TestTheNewestOfEachInstanceStay(t *testing.T) {
	var notes []note.Note
	add := func(id, instance string, minute int, over ...string) {
		notes = append(notes, note.Note{ID: id, At: then.Add(time.Duration(minute) * time.Minute), Draft: note.Draft{Instance: instance, Over: over}})
	}
	add("a", "other", 0)
	add("b", "mine", 1, "a")
	add("c", "mine", 2, "b")
	add("d", "mine", 3, "c")
	assert.Equal(t, []string{"b"}, note.Outdated(notes, 2))
	assert.Empty(t, note.Outdated(notes, 3))
	assert.ElementsMatch(t, []string{"a", "b", "c"}, note.Outdated(notes, 0), "the head stays")
}

func TestNotesOfOthersAreNotMixedUp(t *testing.T) {
	notes := []note.Note{
		{ID: "1", Draft: note.Draft{Kind: "expectations", Cluster: "home"}},
		{ID: "2", Draft: note.Draft{Kind: "expectations"}},
		{ID: "3", Draft: note.Draft{Kind: "outcomes", Cluster: "home"}},
	}
	assert.Equal(t, notes[:1], note.Of(notes, "expectations", "home"))
	assert.Equal(t, notes[1:2], note.Of(notes, "expectations", ""))
}
