package expectation

import (
	"maps"
	"slices"
	"time"
)

// Copies is what is remembered beside the backups of a repository, by the name of the
// cluster that remembers it; "" is for those without a name, of which there may be
// several.
type Copies map[string]Claims

// Join joins what the cluster of this name remembers with the copies: with its own by
// [Union], since both are one memory, and with others' by [Record.Adopt]. The result
// may be claims; it must not be changed.
func (c Copies) Join(claims Claims, own string) Claims {
	joined := Union(claims, c[own])
	for _, cluster := range slices.Sorted(maps.Keys(c)) {
		if cluster == own {
			continue
		}
		adopted := make(Claims)
		for claim, record := range c[cluster] {
			if after := joined[claim].Adopt(record); after != joined[claim] {
				adopted[claim] = after
			}
		}
		joined = Union(joined, adopted)
	}
	return joined
}

// Adopt returns the record with the newest backup that another cluster remembers of
// the claim, where that is the later one. What the other settled holds for the other
// alone: its epochs and acceptances are not adopted. What this one settled holds: a
// backup is not expected again that was taken before a person accepted the loss, or
// that Soteria removed.
func (r Record) Adopt(other Record) Record {
	for _, settled := range []time.Time{r.Newest, r.AcceptedAt, r.Leaving} {
		if !other.Newest.After(settled) {
			return r
		}
	}
	r.Newest, r.ID, r.SeenAt, r.Count = other.Newest, other.ID, other.SeenAt, other.Count
	return r
}
