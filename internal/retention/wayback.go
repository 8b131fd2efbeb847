package retention

import (
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Counts reports whether a backup is a reason to remove another. One that is
// partial, void, unreviewed or dated in the future is none.
type Counts func(backup.Backup) bool

// Split is [Choose] where not every backup counts. Those that count are chosen
// among themselves, so that no other takes the place of one. Of the others those
// stay that the policy would keep if all counted.
func Split(backups []backup.Backup, keep Keep, counts Counts, in *time.Location) (kept, removed []backup.Backup) {
	kept, removed = Choose(counted(backups, counts), keep, in)
	allKept, allRemoved := Choose(backups, keep, in)
	for _, b := range allKept {
		if !counts(b) {
			kept = append(kept, b)
		}
	}
	for _, b := range allRemoved {
		if !counts(b) {
			removed = append(removed, b)
		}
	}
	slices.SortFunc(kept, backup.NewestFirst)
	slices.SortFunc(removed, backup.NewestFirst)
	return kept, removed
}

// Spare takes out of removed what may be the only way back to data that was lost. A
// backup goes only if, in its files and in its data,
//
//   - a newer one that stays holds at least as much; or
//   - a newer one that stays holds nearly as much (not far less, see
//     [backup.FarLess]), an older one holds at least as much, and it is not the
//     newest that holds several times what the newest backup holds.
//
// So whatever was lost, at once or slowly, there stays a backup that holds as much
// as any ever did, and the newest from before the loss. What cannot be compared with
// a newer one stays, too. Only backups that count stand in for another. Kept and
// removed are as [Split] gave them.
func Spare(kept, removed []backup.Backup, counts Counts) (stillKept, stillRemoved []backup.Backup) {
	all := append(slices.Clone(kept), removed...)
	slices.SortFunc(all, backup.NewestFirst)
	var newer []backup.Backup
	for i, b := range all {
		if slices.ContainsFunc(removed, sameAs(b)) && replaceable(b, newer, counted(all[i+1:], counts)) {
			stillRemoved = append(stillRemoved, b)
			continue
		}
		stillKept = append(stillKept, b)
		if counts(b) {
			newer = append(newer, b)
		}
	}
	return stillKept, stillRemoved
}

// replaceable reports whether others stand in for b: newer ones that stay, newest
// first, and older ones.
func replaceable(b backup.Backup, newer, older []backup.Backup) bool {
	known := false
	for _, of := range measures {
		if of(b) < 0 {
			continue
		}
		known = true
		if !replaceableIn(of, of(b), newer, older) {
			return false
		}
	}
	return known
}

func replaceableIn(of measure, held int64, newer, older []backup.Backup) bool {
	atLeast := func(other backup.Backup) bool { return of(other) >= held }
	if slices.ContainsFunc(newer, atLeast) {
		return true
	}
	nearly := func(other backup.Backup) bool { return of(other) >= 0 && !farLess(of(other), held) }
	return slices.ContainsFunc(newer, nearly) && slices.ContainsFunc(older, atLeast) && !isWayBack(of, held, newer)
}

// isWayBack reports whether a backup that holds so much is the newest that holds
// several times what the newest backup holds.
func isWayBack(of measure, held int64, newer []backup.Backup) bool {
	newest := of(newer[0])
	moreThanNewest := func(other backup.Backup) bool { return farLess(newest, of(other)) }
	return farLess(newest, held) && !slices.ContainsFunc(newer, moreThanNewest)
}

// measure is one way of saying how much a backup holds; negative is unknown.
type measure func(backup.Backup) int64

var measures = []measure{
	func(b backup.Backup) int64 { return b.Files },
	func(b backup.Backup) int64 { return b.DataBytes },
}

func farLess(held, than int64) bool { return held >= 0 && than > 0 && held <= than/backup.FarLess }

func counted(backups []backup.Backup, counts Counts) []backup.Backup {
	return slices.DeleteFunc(slices.Clone(backups), func(b backup.Backup) bool { return !counts(b) })
}

func sameAs(b backup.Backup) func(backup.Backup) bool {
	return func(other backup.Backup) bool { return other.Driver == b.Driver && other.ID == b.ID }
}
