package kopia_test

import (
	"crypto/rand"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
)

func TestAClaimWhoseSnapshotsTheIndexLostIsInDoubt(t *testing.T) {
	r := kopiatest.New(t)
	r.Backup(t, other, then)
	d := in(t, r.Folder)
	known := kopiatest.Blobs(t, r.Folder, "x")
	id := r.Backup(t, claim, then)
	require.Equal(t, []string{id}, idsOf(listed(t, d), claim))
	lost := map[string][]byte{}
	for _, path := range kopiatest.Blobs(t, r.Folder, "x") {
		if !slices.Contains(known, path) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			lost[path] = text
			require.NoError(t, os.Remove(path))
		}
	}
	require.NotEmpty(t, lost)
	for name, lister := range map[string]driver.Lister{"one that has listed before": d, "another": in(t, r.Folder)} {
		for range 2 { // it stays so
			listing := listed(t, lister)
			assert.Empty(t, idsOf(listing, claim), name)
			assert.Len(t, idsOf(listing, other), 1, name)
			require.Contains(t, listing.Doubts, claim, name)
			assert.Contains(t, listing.Doubts[claim].Error(), id, name)
			assert.True(t, backup.MayBeNewer(listing.Doubts[claim], then), name)
			assert.False(t, backup.MayBeNewer(listing.Doubts[claim], then.Add(time.Hour)), name)
			assert.NotContains(t, listing.Doubts, other, name)
		}
	}
	for path, text := range lost {
		require.NoError(t, os.WriteFile(path, text, 0o600))
	}
	mended := listed(t, d)
	assert.Equal(t, []string{id}, idsOf(mended, claim))
	assert.Empty(t, mended.Doubts)
}

func TestEveryClaimIsInDoubtWhileAPackThatTheIndexLostCannotBeRead(t *testing.T) {
	r := kopiatest.New(t)
	known := kopiatest.Blobs(t, r.Folder, "x")
	packs := kopiatest.Blobs(t, r.Folder, "q")
	r.Backup(t, claim, then)
	for _, path := range kopiatest.Blobs(t, r.Folder, "x") {
		if !slices.Contains(known, path) {
			require.NoError(t, os.Remove(path))
		}
	}
	for _, path := range kopiatest.Blobs(t, r.Folder, "q") {
		if !slices.Contains(packs, path) {
			require.NoError(t, garbled(path))
		}
	}
	assert.Contains(t, listed(t, in(t, r.Folder)).Doubts, backup.Claim{})
}

func TestAClaimWhoseBackupIsRunningOrWasCutOffIsInDoubt(t *testing.T) {
	r := kopiatest.New(t)
	client := r.Connect(t, "data-backup", "apps")
	cmd := client.Command(t, "snapshot", "create", t.TempDir(), "--override-source", kopiatest.Source(claim), "--stdin-file", "stream")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	_, err = stdin.Write(noise(t, 64<<20)) // as much as makes Kopia write packs
	require.NoError(t, err)

	d := in(t, r.Folder)
	running := listed(t, d)
	assert.Empty(t, running.Backups)
	require.Contains(t, running.Doubts, claim)
	assert.Len(t, running.Doubts, 1)

	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	assert.Contains(t, listed(t, d).Doubts, claim)
}

func noise(t *testing.T, n int) []byte {
	t.Helper()
	text := make([]byte, n)
	_, err := rand.Read(text)
	require.NoError(t, err)
	return text
}
