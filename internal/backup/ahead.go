package backup

import (
	"cmp"
	"slices"
	"time"
)

// Start is what is known of when one backup was taken.
type Start struct {
	// ID is the backup's.
	ID string
	// Claim and Cluster are whose backup it is: one cluster takes the backups of one
	// claim one after the other.
	Claim   Claim
	Cluster string
	// Begun is when Soteria began it, by a clock that is gone by, which is certainly
	// before it was taken; the zero time where that is not known. Dated is what the
	// backup says, by the clock of the node that took it.
	Begun, Dated time.Time
}

// Ahead returns, by id, when the backups were begun that are dated ahead: a later one
// was begun more than [MaxAhead] before the time that they say they were taken. Unlike a date that
// is still to come, this shows for as long as both are there. A backup after which no
// other began is not among them, nor one of which it is not known when it was begun.
func Ahead(starts []Start) map[string]time.Time {
	known := slices.DeleteFunc(slices.Clone(starts), func(s Start) bool { return s.Begun.IsZero() })
	slices.SortFunc(known, func(a, b Start) int {
		return cmp.Or(cmp.Compare(a.Claim.Namespace, b.Claim.Namespace), cmp.Compare(a.Claim.Name, b.Claim.Name), cmp.Compare(a.Cluster, b.Cluster), a.Begun.Compare(b.Begun))
	})
	ahead := make(map[string]time.Time)
	next := -1 // the first of the same claim that was begun later
	for i := len(known) - 1; i >= 0; i-- {
		s := known[i]
		switch {
		case i+1 == len(known) || known[i+1].Claim != s.Claim || known[i+1].Cluster != s.Cluster:
			next = -1
		case known[i+1].Begun.After(s.Begun):
			next = i + 1
		}
		if next >= 0 && s.Dated.After(known[next].Begun.Add(MaxAhead)) {
			ahead[s.ID] = s.Begun
		}
	}
	return ahead
}
