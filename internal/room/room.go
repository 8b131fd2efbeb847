package room

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Fit is whether a volume has room for a backup. The zero value is that it could not
// be told.
type Fit uint8

// The fits.
const (
	// Unproved: what the backup says of itself does not settle it. Whoever fills the
	// volume must look first.
	Unproved Fit = iota
	// Fits: the volume is at least as large as the one that the backup was taken of.
	Fits
	// Tight: the volume is smaller than that, and the data is seen to fit.
	Tight
	// TooSmall: the volume is smaller than that, and the data does not fit.
	TooSmall
	// Exceeds: the volume is at least as large as that, and smaller than the data. Files
	// with holes are so; or the storage kept to no size then, and this one does.
	Exceeds
)

// Judge judges whether a volume of this size has room for a backup. A file system
// needs room of its own: data fits where a twentieth of it and 16 MiB remain.
//
// A size alone says that data fits, never that it does not: files with holes are
// larger than the room they take, and some storage has more room than its volumes'
// sizes say. So nothing is too small that is as large as it was.
func Judge(size resource.Quantity, b backup.Backup) Fit {
	const share, base = 20, 16 << 20
	was, told := capacity(b)
	data, counted := b.SizeBytes, b.SizeBytes >= 0 && b.Files >= 0 // else the size is a volume's
	switch {
	case told && size.Cmp(was) >= 0 && counted && data > size.Value():
		return Exceeds
	case told && size.Cmp(was) >= 0:
		return Fits
	case !told || !counted:
		return Unproved
	case data+data/share+base <= size.Value():
		return Tight
	default:
		return TooSmall
	}
}

// capacity is the size of the volume that the backup was taken of, as its tags tell.
// Anybody may have written them.
func capacity(b backup.Backup) (was resource.Quantity, told bool) {
	was, err := resource.ParseQuantity(b.Described().Capacity)
	if err != nil || was.Sign() <= 0 {
		return resource.Quantity{}, false
	}
	return was, true
}

// Describe compares the sizes in words for the user: what the claim asks for, what its
// volume has, where that is known and another, and what the backup is of.
func Describe(asked, size resource.Quantity, b backup.Backup) string {
	claim := "the claim asks for " + asked.String()
	if size.Sign() > 0 && size.Cmp(asked) != 0 {
		claim += fmt.Sprintf(" and its volume has %s", size.String())
	}
	of := ""
	if was, told := capacity(b); told {
		of = fmt.Sprintf(" was taken of a volume of %s", was.String())
	}
	if b.SizeBytes >= 0 {
		if of != "" {
			of += " and"
		}
		of += fmt.Sprintf(" holds %s", Bytes(b.SizeBytes))
	}
	if of == "" {
		of = " does not tell its size"
	}
	return fmt.Sprintf("%s; the backup %s%s", claim, backup.ShortID(b.ID), of)
}

// Remedy is what to do about a claim that is too small. It says how large the claim
// should be, where that is known.
func Remedy(b backup.Backup) string {
	enough := "a larger size"
	if was, told := capacity(b); told {
		enough = was.String()
	}
	return fmt.Sprintf("a claim that waits cannot be edited: delete it and apply it with %s, or choose another backup with the annotation soteria.dev/restore-backup", enough)
}

// Bytes prints a size for people, in binary units.
func Bytes(n int64) string {
	const unit = 1024
	value, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for value >= unit && i < len(units)-1 {
		value /= unit
		i++
	}
	return fmt.Sprintf("%.4g %s", value, units[i])
}
