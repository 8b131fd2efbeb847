package note_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/secret"
)

func repository(t *testing.T, program string) (restictest.Repository, cli.Program) {
	t.Helper()
	r := restictest.Repository{Restic: program, Address: filepath.Join(t.TempDir(), "repository"), CacheDir: t.TempDir()}
	r.Init(t)
	return r, cli.Program{
		Path: program, Location: cli.Location{Kind: cli.Local, Text: r.Address}, CacheDir: t.TempDir(),
		Credentials: cli.Credentials{cli.KeyPassword: secret.New(restictest.Password)},
	}
}

func TestANoteIsReadAsItWasWritten(t *testing.T) {
	for version, program := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			r, restic := repository(t, program(t))
			none, err := note.List(t.Context(), restic, note.Expectations)
			require.NoError(t, err)
			assert.Empty(t, none)

			content := bytes.Repeat([]byte("what is remembered\n"), 100_000)
			draft := note.Draft{Kind: note.Expectations, Cluster: "home", Instance: "i", Since: then}
			first, err := note.Write(t.Context(), restic, draft, content, "1s")
			require.NoError(t, err)
			draft.Over = []string{first}
			second, err := note.Write(t.Context(), restic, draft, []byte("more"), "1s")
			require.NoError(t, err)
			_, err = note.Write(t.Context(), restic, note.Draft{Kind: "outcomes"}, []byte("other"), "1s")
			require.NoError(t, err)
			// A backup that somebody tagged as a note is none.
			r.Snapshot(t, t.TempDir(), "--tag", "soteria=expectations,namespace=apps,pvc=data", "--host", "soteria")

			notes, err := note.List(t.Context(), restic, note.Expectations)
			require.NoError(t, err)
			require.Len(t, notes, 2)
			heads := note.Heads(notes)
			require.Len(t, heads, 1)
			assert.Equal(t, second, heads[0].ID)
			draft.Since = then
			assert.Equal(t, draft, heads[0].Draft)

			for _, n := range notes {
				want := content
				if n.ID == second {
					want = []byte("more")
				}
				got, err := note.Read(t.Context(), restic, n)
				require.NoError(t, err)
				assert.Equal(t, want, got)
			}
			require.NoError(t, note.Forget(t.Context(), restic, []string{first}, "1s"))
			notes, err = note.List(t.Context(), restic, note.Expectations)
			require.NoError(t, err)
			assert.Equal(t, heads, notes)
			r.Run(t, "check")
		})
	}
}

func TestANoteThatCannotBeReadIsAnErrorAndNotNothing(t *testing.T) {
	r, restic := repository(t, restictest.Restic(t))
	id, err := note.Write(t.Context(), restic, note.Draft{Kind: note.Expectations}, []byte("x"), "1s")
	require.NoError(t, err)
	n := note.Note{ID: id, Draft: note.Draft{Kind: note.Expectations}}

	t.Run("with the wrong password", func(t *testing.T) {
		wrong := restic
		wrong.Credentials = cli.Credentials{cli.KeyPassword: secret.New("wrong")}
		wrong.CacheDir = t.TempDir()
		for _, err := range []error{
			func() error { _, err := note.List(t.Context(), wrong, note.Expectations); return err }(),
			func() error { _, err := note.Read(t.Context(), wrong, n); return err }(),
			func() error { _, err := note.Write(t.Context(), wrong, n.Draft, nil, "1s"); return err }(),
		} {
			require.Error(t, err)
			assert.Equal(t, backup.Credentials, backup.KindOf(err))
		}
	})
	t.Run("with its data gone", func(t *testing.T) {
		require.NoError(t, os.RemoveAll(filepath.Join(r.Address, "data")))
		bare := restic
		bare.CacheDir = t.TempDir()
		_, err := note.Read(t.Context(), bare, n)
		require.ErrorContains(t, err, "reading Soteria's own snapshot "+id[:8])
	})
	t.Run("with its snapshot's file unreadable", func(t *testing.T) {
		files, err := filepath.Glob(filepath.Join(r.Address, "snapshots", "*"))
		require.NoError(t, err)
		for _, file := range files {
			require.NoError(t, os.Chmod(file, 0o600))
			require.NoError(t, os.WriteFile(file, []byte("garbage"), 0o600))
		}
		bare := restic
		bare.CacheDir = t.TempDir()
		_, err = note.List(t.Context(), bare, note.Expectations)
		require.Error(t, err)
	})
}

func TestATagThatResticWouldTakeApartIsRefused(t *testing.T) {
	for _, cluster := range []string{"a,namespace=apps", "a b", "a\nb"} {
		_, err := note.Write(t.Context(), cli.Program{Path: "/nowhere"}, note.Draft{Kind: note.Expectations, Cluster: cluster}, nil, "1s")
		require.ErrorContains(t, err, "holds a comma")
	}
}

func TestNothingButAnIdIsForgotten(t *testing.T) {
	for _, id := range []string{"--keep-last", "latest", strings.Repeat("g", 64), ""} {
		err := note.Forget(t.Context(), cli.Program{Path: "/nowhere"}, []string{id}, "1s")
		require.ErrorContains(t, err, "is not the id of a snapshot")
	}
	require.NoError(t, note.Forget(t.Context(), cli.Program{Path: "/nowhere"}, nil, "1s"))
}
