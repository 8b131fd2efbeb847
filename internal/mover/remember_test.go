package mover_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/memory"
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
