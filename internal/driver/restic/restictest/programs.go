package restictest

import (
	"testing"

	"github.com/soteria-dr/soteria/internal/tooltest"
)

// Versions are the versions of restic that everything must work with: the oldest
// one supported, the default of SOTERIA_RESTIC_IMAGE, and the newest one known.
var Versions = map[string]func(testing.TB) string{
	"restic 0.16":       func(t testing.TB) string { return tooltest.Build(t, "restic-0.16", "restic") },
	"the newest restic": Restic,
}

// Restic gives the newest restic.
func Restic(t testing.TB) string { return tooltest.Build(t, "restic", "restic") }
