package backup

import (
	"fmt"
	"time"
)

// Replace picks the backup that takes the place of one that was chosen by the wish s
// and is gone, out of backups, which must be newest first. Retagging, rewriting and
// copying a backup makes another id of it, and that is the one to take, also where a
// newer one exists: first one that holds the same data, then one of the same moment,
// then one that says that it was made of the same backup.
//
// It must be of the same claim, system and cluster, be restorable, and be one that
// [Rules.Choose] would choose if it were the newest. A wish for an id was a person's,
// and the same person's choice is followed whatever speaks against it; the notes then
// say what does. The error is of kind [NotFound]; where there is such a backup and
// something speaks against it, the error says what.
func (r Rules) Replace(s Selector, gone Backup, backups []Backup) (Chosen, error) {
	candidates := r.wanted(s, backups)
	var refused error
	for _, alike := range likenesses {
		for i, b := range candidates {
			if !r.sameSource(gone, b) || !alike.holds(gone, b) {
				continue
			}
			if why := r.against(s, candidates[i:]); why != "" {
				if refused == nil {
					refused = Errorf(NotFound, "backup %s, which %s, is not taken in its place: %s", ShortID(b.ID), alike.words, why)
				}
				continue
			}
			notes := []string{fmt.Sprintf("backup %s %s", ShortID(b.ID), alike.words)}
			if gone.Content != "" && b.Content != "" && gone.Content != b.Content {
				notes = append(notes, "its content is not what that of the backup was which it replaces: it was rewritten")
			}
			return Chosen{Backup: b, Notes: append(notes, r.about(s, b, candidates)...)}, nil
		}
	}
	if refused != nil {
		return Chosen{}, refused
	}
	return Chosen{}, Errorf(NotFound, "no other backup holds the same data")
}

// likeness is a way in which a backup can be another one under a new id.
type likeness struct {
	holds func(gone, other Backup) bool
	// words follow the name of the other backup.
	words string
}

// likenesses are the ways, the surest first.
var likenesses = []likeness{
	{func(gone, other Backup) bool { return sameContent(gone, other) && sameMoment(gone, other) }, "holds the same data of the same moment"},
	{sameContent, "holds the same data"},
	{sameMoment, "is of the same moment"},
	{sameOrigin, "was made of it"},
}

func sameContent(a, b Backup) bool { return a.Content != "" && a.Content == b.Content }

// sameMoment compares seconds, which is what the record of a chosen backup holds.
func sameMoment(a, b Backup) bool {
	return a.TakenAt.Truncate(time.Second).Equal(b.TakenAt.Truncate(time.Second))
}

// sameOrigin reports whether both were made of one backup, or one of the other.
// A backup that was changed twice names the first one still.
func sameOrigin(a, b Backup) bool { return originOf(a) == originOf(b) }

func originOf(b Backup) string {
	if b.Origin != "" {
		return b.Origin
	}
	return b.ID
}

// sameSource reports whether two backups are of one claim, system and cluster.
// Retagging may add or drop the name of a cluster: both are this cluster's own then.
func (r Rules) sameSource(a, b Backup) bool {
	sameCluster := a.Cluster == Clip(b.Cluster, MaxClusterName) || r.Clusters.Mine(a) && r.Clusters.Mine(b)
	return a.Driver == b.Driver && a.Claim == b.Claim && sameCluster
}

// against says why the first of backups would not be chosen if it were the newest; ""
// if it would.
func (r Rules) against(s Selector, backups []Backup) string {
	b := backups[0]
	if b.Unrestorable != "" {
		return "it cannot be restored: " + b.Unrestorable
	}
	if s.ID != "" {
		return ""
	}
	if why := r.objectionTo(s, b); why != NoObjection {
		return r.words(why, b)
	}
	if better, note := r.complete(s, backups); better.ID != b.ID {
		return note
	}
	return ""
}
