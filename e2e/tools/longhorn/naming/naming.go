// Package naming tells how each generation of Longhorn names the BackupVolume of a volume, since a backup target that has
// lived long holds names of all of them.
package naming

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Generation is a release from which BackupVolumes have been named in one way.
type Generation string

const (
	// Plain names a BackupVolume as its volume, and does not say the volume's name anywhere else: until 1.7.
	Plain Generation = "1.6"
	// Random adds a random suffix: 1.8.0 to 1.9.0. A target synced by two clusters, or twice, has two names.
	Random Generation = "1.8"
	// Hashed adds a suffix that follows from volume and target: since 1.9.1.
	Hashed Generation = "1.9"
)

// suffixBytes is how much of a checksum or of chance a name carries: eight hexadecimal digits.
const suffixBytes = 4

// Parse reads a generation; empty is Hashed.
func Parse(text string) (Generation, error) {
	switch generation := Generation(text); generation {
	case "":
		return Hashed, nil
	case Plain, Random, Hashed:
		return generation, nil
	default:
		return "", fmt.Errorf("no generation of names %q: one of %q, %q, %q", text, Plain, Random, Hashed)
	}
}

// BackupVolume names the BackupVolume of a volume on a target. chance fills its argument; it is used by Random alone.
func (g Generation) BackupVolume(volume, target string, chance func([]byte)) string {
	switch g {
	case Plain:
		return volume
	case Random:
		suffix := make([]byte, suffixBytes)
		chance(suffix)
		return volume + "-" + hex.EncodeToString(suffix)
	case Hashed:
		return volume + "-" + checksum(volume+"-"+target)
	default:
		panic("naming: unknown generation " + string(g))
	}
}

// SaysVolume tells whether a BackupVolume of this generation has its volume's name in its spec.
func (g Generation) SaysVolume() bool {
	return g != Plain
}

func checksum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:suffixBytes])
}
