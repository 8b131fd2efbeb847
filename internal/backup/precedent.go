package backup

import "time"

// Precedent says which earlier backup of a claim a new one is held against.
type Precedent struct {
	// Cluster is the cluster that takes the new one; backups of another are not
	// compared with, those that name none are.
	Cluster string
	// Since, when not zero, is when the claim started empty on purpose: backups from
	// before are not compared with.
	Since time.Time
	// Now is the time; a backup that says that it is from later is not compared with.
	Now time.Time
	// Made is the id of the new one, "" before it is made.
	Made string
}

// Newest returns the newest of a claim's backups that counts and says how many files
// it holds. One that is partial counts: what lost most of that, too, lost data.
func (p Precedent) Newest(earlier []Backup) (newest Backup, found bool) {
	for _, b := range earlier {
		excluded := b.Outcome == OutcomeVoid || b.ID == p.Made || b.Cluster != "" && b.Cluster != p.Cluster ||
			b.TakenAt.Before(p.Since) || b.TakenAt.After(p.Now) || b.Files < 0
		if !excluded && (!found || b.TakenAt.After(newest.TakenAt)) {
			newest, found = b, true
		}
	}
	return newest, found
}
