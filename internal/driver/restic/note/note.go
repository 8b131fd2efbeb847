package note

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what a note holds. It is a word of small letters, and part of the note's
// tag and of its file's name.
type Kind string

// Expectations is the kind of notes that hold what is remembered of each claim's
// backups (package expectation).
const Expectations Kind = "expectations"

// Host is the host of the snapshots that are notes.
const Host = "soteria"

// The tags of a note.
const (
	// KindTag, with the kind, marks a snapshot as a note.
	KindTag = "soteria="
	// ClusterTag is the name of the cluster that the note is about.
	ClusterTag = "cluster="

	instanceTag = "instance="
	sinceTag    = "since="
	overTag     = "over="
)

// claimTags are the tags that name a claim: what has one is no note.
var claimTags = []string{"namespace=", "pvc="}

// file is the name of the file that a note of the kind is.
func (k Kind) file() string { return "soteria-" + string(k) + ".json" }

// Snapshot is what of a restic snapshot tells whether it is a note, with the names
// that `restic snapshots --json` uses.
type Snapshot struct {
	ID    string    `json:"id"`
	Time  time.Time `json:"time"`
	Host  string    `json:"hostname"`
	Paths []string  `json:"paths"`
	Tags  []string  `json:"tags"`
}

// Note is one note in a repository, without what it holds.
type Note struct {
	// ID is the id of its snapshot.
	ID string
	// At is when it was written, by its writer's clock.
	At time.Time
	Draft
}

// Draft is what a note says of itself when it is written.
type Draft struct {
	Kind Kind
	// Cluster is the name of the cluster that it is about; "" where it has none.
	Cluster string
	// Instance is the installation of Soteria that wrote it.
	Instance string
	// Since is when that installation wrote its first note of this kind and
	// cluster, to the second; the zero time where the note does not say.
	Since time.Time
	// Over are the ids of the notes that it supersedes.
	Over []string
}

// Parse reads the note that a snapshot is, and reports whether it is one: a snapshot
// of the one file of its kind, from Soteria's host, that names no claim. A tag alone
// makes no note, since a tag may be a caller's.
func Parse(s Snapshot) (Note, bool) {
	kinds := values(s.Tags, KindTag)
	if s.Host != Host || len(kinds) != 1 || len(s.Paths) != 1 || s.Paths[0] != "/"+Kind(kinds[0]).file() {
		return Note{}, false
	}
	for _, prefix := range claimTags {
		if len(values(s.Tags, prefix)) > 0 {
			return Note{}, false
		}
	}
	n := Note{ID: s.ID, At: s.Time, Draft: Draft{Kind: Kind(kinds[0]), Over: values(s.Tags, overTag)}}
	n.Cluster, n.Instance = first(s.Tags, ClusterTag), first(s.Tags, instanceTag)
	if seconds, err := strconv.ParseInt(first(s.Tags, sinceTag), 10, 64); err == nil {
		n.Since = time.Unix(seconds, 0).UTC()
	}
	return n, true
}

// tags are the tags of a note. A value that restic would take apart is an error.
func (d Draft) tags() ([]string, error) {
	tags := []string{KindTag + string(d.Kind)}
	if d.Cluster != "" {
		tags = append(tags, ClusterTag+d.Cluster)
	}
	if d.Instance != "" {
		tags = append(tags, instanceTag+d.Instance)
	}
	if !d.Since.IsZero() {
		tags = append(tags, sinceTag+strconv.FormatInt(d.Since.Unix(), 10))
	}
	for _, id := range d.Over {
		tags = append(tags, overTag+id)
	}
	for _, tag := range tags {
		if strings.ContainsFunc(tag, func(r rune) bool { return r <= ' ' || r == ',' || r == 0x7f }) {
			return nil, fmt.Errorf("tag %q of a note holds a comma, a space or a control character", tag)
		}
	}
	return tags, nil
}

// Of returns the notes of a kind that are about a cluster.
func Of(notes []Note, kind Kind, cluster string) []Note {
	return slices.DeleteFunc(slices.Clone(notes), func(n Note) bool { return n.Kind != kind || n.Cluster != cluster })
}

// Clusters returns the names of the clusters that notes of a kind are about, each once
// and sorted; "" is among them where a note names none.
func Clusters(notes []Note, kind Kind) []string {
	names := make(map[string]struct{})
	for _, n := range notes {
		if n.Kind == kind {
			names[n.Cluster] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Heads returns those notes that no other one of them supersedes. The notes must be
// of one kind and cluster. Together the heads hold all that the others hold.
func Heads(notes []Note) []Note {
	superseded := make(map[string]bool)
	for _, n := range notes {
		for _, id := range n.Over {
			superseded[id] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(notes), func(n Note) bool { return superseded[n.ID] })
}

// Outdated returns the ids of those notes that are of no more use: superseded, and
// not among the keep newest of their instance. The notes must be of one kind and
// cluster.
func Outdated(notes []Note, keep int) []string {
	heads := make(map[string]bool)
	for _, n := range Heads(notes) {
		heads[n.ID] = true
	}
	newest := slices.SortedFunc(slices.Values(notes), func(a, b Note) int { return b.At.Compare(a.At) })
	kept := make(map[string]int)
	var outdated []string
	for _, n := range newest {
		if kept[n.Instance] < keep || heads[n.ID] {
			kept[n.Instance]++
			continue
		}
		outdated = append(outdated, n.ID)
	}
	return outdated
}

func values(tags []string, prefix string) []string {
	var found []string
	for _, tag := range tags {
		if value, ok := strings.CutPrefix(tag, prefix); ok {
			found = append(found, value)
		}
	}
	return found
}

func first(tags []string, prefix string) string {
	if found := values(tags, prefix); len(found) > 0 {
		return found[0]
	}
	return ""
}
