package mover_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/memory"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/secret"
)

// packed puts a memory of many claims where a Job finds it, in three parts.
func packed(t *testing.T, claims expectation.Claims) string {
	t.Helper()
	var content bytes.Buffer
	compressed := gzip.NewWriter(&content)
	require.NoError(t, expectation.Encode(compressed, claims))
	require.NoError(t, compressed.Close())
	folder, third := t.TempDir(), content.Len()/3
	all := content.Bytes()
	for i, part := range [][]byte{all[:third], all[third : 2*third], all[2*third:]} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("part-%04d", i)), part, 0o400))
	}
	return folder
}

func remembered(count int) expectation.Claims {
	claims := expectation.Claims{}
	for i := range count {
		claims[backup.Claim{Namespace: "apps", Name: fmt.Sprintf("claim-%d", i)}] =
			expectation.Record{Newest: time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC), ID: "x", Count: 1}
	}
	return claims
}

func (v volume) remember(t *testing.T, identity, from string) (int, string) {
	t.Helper()
	args := append([]string{"remember"}, v.common()...)
	status, result, _ := run(t, t.Context(), append(args, "--identity", identity, "--cluster", "", "--instance", "i", "--from", from)...)
	if status == 0 {
		assert.Len(t, result.Snapshot, 64)
	}
	return status, result.Error
}

func TestWhatIsRememberedIsWrittenBesideTheBackups(t *testing.T) {
	t.Parallel()
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v := newVolume(t, restic(t))
			id := v.repository.Init(t)
			status, _ := v.remember(t, id, packed(t, remembered(1000)))
			require.Zero(t, status)
			more := remembered(1001)
			status, _ = v.remember(t, id, packed(t, more))
			require.Zero(t, status)

			program := cli.Program{
				Path: v.restic, Location: cli.Location{Kind: cli.Local, Text: v.repository.Address}, CacheDir: t.TempDir(),
				Credentials: cli.Credentials{cli.KeyPassword: secret.New(restictest.Password)},
			}
			got, err := new(memory.Reader).Read(t.Context(), program, func(cluster string) bool { return cluster == "" })
			require.NoError(t, err)
			assert.Equal(t, expectation.Copies{"": more}, got)
			v.repository.Run(t, "check")
		})
	}
}

// TestACopyIsWrittenWithoutReadingEverySnapshot counts the runs of restic that read more
// than what the mover was told of.
func TestACopyIsWrittenWithoutReadingEverySnapshot(t *testing.T) {
	t.Parallel()
	v := newVolume(t, restictest.Restic(t))
	id := v.repository.Init(t)
	runs, script := filepath.Join(t.TempDir(), "runs"), filepath.Join(t.TempDir(), "restic")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho \"$*\" >>"+runs+"\nexec "+v.restic+" \"$@\"\n"), 0o755))
	direct := cli.Program{
		Path: v.restic, Location: cli.Location{Kind: cli.Local, Text: v.repository.Address}, CacheDir: t.TempDir(),
		Credentials: cli.Credentials{cli.KeyPassword: secret.New(restictest.Password)},
	}
	v.restic = script
	write := func(claims expectation.Claims, notes ...string) (written string, listings []string) {
		require.NoError(t, os.WriteFile(runs, nil, 0o600))
		args := append(append([]string{"remember"}, v.common()...), "--identity", id, "--instance", "i", "--from", packed(t, claims))
		status, result, _ := run(t, t.Context(), append(args, notes...)...)
		require.Zero(t, status)
		text, err := os.ReadFile(runs)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "snapshots") {
				listings = append(listings, strings.TrimSpace(line))
			}
		}
		return result.Snapshot, listings
	}
	first, listings := write(remembered(1), "--notes", "none")
	assert.Empty(t, listings)
	second, listings := write(remembered(2), "--notes", first)
	assert.Equal(t, []string{"snapshots --json --no-lock " + first}, listings)
	assert.NotEqual(t, first, second)
	all, err := note.List(t.Context(), direct, note.Expectations)
	require.NoError(t, err)
	require.Len(t, note.Heads(all), 1, "the second is over the first")

	// What it was told of has gone since, and another has come.
	v.repository.Run(t, "forget", first)
	third, listings := write(remembered(3), "--notes", first)
	assert.Len(t, listings, 2)
	assert.Contains(t, listings[1], "--tag")
	all, err = note.List(t.Context(), direct, note.Expectations)
	require.NoError(t, err)
	require.Len(t, note.Heads(all), 1)
	assert.Equal(t, third, note.Heads(all)[0].ID)

	// One that it was not told of stays a head until the next copy.
	_, _ = write(remembered(4), "--notes", second)
	got, err := new(memory.Reader).Read(t.Context(), direct, func(string) bool { return true })
	require.NoError(t, err)
	assert.Equal(t, expectation.Copies{"": remembered(4)}, got)
}

func TestNothingIsWrittenToAnotherRepositoryOrHalf(t *testing.T) {
	v := newVolume(t, restictest.Restic(t))
	id := v.repository.Init(t)
	status, why := v.remember(t, "0123456789abcdef", packed(t, remembered(1)))
	assert.Equal(t, 1, status)
	assert.Contains(t, why, "what is remembered is of 0123456789ab")

	half := packed(t, remembered(100))
	require.NoError(t, os.Remove(filepath.Join(half, "part-0002")))
	status, _ = v.remember(t, id, half)
	assert.Equal(t, 1, status)
	status, why = v.remember(t, id, t.TempDir())
	assert.Equal(t, 1, status)
	assert.Contains(t, why, "holds no part")

	absent := v
	absent.repository.Address = filepath.Join(t.TempDir(), "nowhere")
	status, _ = absent.remember(t, id, packed(t, remembered(1)))
	assert.Equal(t, 1, status)
	assert.NoDirExists(t, absent.repository.Address, "no repository is made")
	assert.Equal(t, "[]", string(bytes.TrimSpace(v.repository.Run(t, "snapshots", "--json"))))
}
