package past_test

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/mover/past"
)

func read(args ...string) (past.Known, error) {
	flags := flag.NewFlagSet("mover", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var known past.Known
	known.Register(flags)
	return known, flags.Parse(args)
}

func TestAMoverIsToldWhatIsKnownAndNothingElse(t *testing.T) {
	id := rapid.StringMatching(`[0-9a-f]{64}`)
	rapid.Check(t, func(t *rapid.T) {
		var known past.Known
		known.Parent = rapid.OneOf(rapid.Just(""), rapid.Just(past.None), id).Draw(t, "parent")
		known.BeforeKnown = rapid.Bool().Draw(t, "known")
		if known.BeforeKnown && rapid.Bool().Draw(t, "before") {
			known.Before = &backup.Backup{
				ID: id.Draw(t, "id"), TakenAt: time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "second"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanosecond")).UTC(),
				Files: rapid.Int64Min(-1).Draw(t, "files"), DataBytes: rapid.Int64Min(-1).Draw(t, "bytes"),
			}
		}
		told, err := read(known.Args()...)
		require.NoError(t, err)
		assert.Equal(t, known, told)
	})
	nothing, err := read()
	require.NoError(t, err)
	assert.Zero(t, nothing)
}

func TestWhatNamesNoBackupIsRefused(t *testing.T) {
	id := strings.Repeat("ab", 32)
	for name, args := range map[string][]string{
		"a parent by the beginning of its id": {"--parent", "abababab"},
		"a parent that is an option":          {"--parent", "--force"},
		"the latest":                          {"--parent", "latest"},
		"an empty parent":                     {"--parent", ""},
		"a backup without figures":            {"--before", id},
		"a backup without files":              {"--before", id + ",2026-03-01T12:00:00Z,,5"},
		"a backup of no time":                 {"--before", id + ",yesterday,1,5"},
		"a backup without bytes":              {"--before", id + ",2026-03-01T12:00:00Z,1,many"},
		"more than a backup":                  {"--before", id + ",2026-03-01T12:00:00Z,1,5,6"},
		"a backup of no id":                   {"--before", "none,2026-03-01T12:00:00Z,1,5"},
	} {
		t.Run(name, func(t *testing.T) {
			known, err := read(args...)
			require.Error(t, err)
			assert.Zero(t, known)
		})
	}
}
