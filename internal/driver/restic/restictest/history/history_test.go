package history_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/history"
)

var claims = []backup.Claim{{Namespace: "apps", Name: "data"}, {Namespace: "media", Name: "photos"}}

func repository(t testing.TB, restic string) restictest.Repository {
	t.Helper()
	r := restictest.Repository{Restic: restic, Address: t.TempDir(), CacheDir: t.TempDir()}
	r.Init(t)
	return r
}

func files(t *testing.T, r restictest.Repository, pattern string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(r.Address, pattern))
	require.NoError(t, err)
	return len(found)
}

func TestResticTakesAHistoryForItsOwn(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run(version, func(t *testing.T) {
			r := repository(t, restic(t))
			newest := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			h := history.History{Claims: claims, Backups: 10, Changed: 4, Newest: newest, Every: time.Hour, Cluster: "home"}
			require.NoError(t, h.Write(r.Address, restictest.Password))
			assert.Equal(t, 10, files(t, r, "snapshots/*"))
			assert.Equal(t, 3, files(t, r, "index/*"))
			assert.Equal(t, 6, files(t, r, "data/*/*"))

			r.Run(t, "check", "--read-data")
			var listed []struct {
				ID       string
				Time     time.Time
				Hostname string
				Paths    []string
				Tags     []string
			}
			require.NoError(t, json.Unmarshal(r.Run(t, "snapshots", "--json", "--host", "media/photos"), &listed))
			require.Len(t, listed, 5)
			last := listed[4]
			assert.True(t, last.Time.Equal(newest))
			assert.Equal(t, []string{"namespace=media", "pvc=photos", "cluster=home"}, last.Tags)
			assert.Equal(t, []string{"/data"}, last.Paths)

			target := t.TempDir()
			r.Run(t, "restore", last.ID, "--target", target)
			content, err := os.ReadFile(filepath.Join(target, "data", "story"))
			require.NoError(t, err)
			assert.Equal(t, "change 8 of a history", strings.TrimSpace(string(content)))
		})
	}
}

func TestAHistoryNeedsItsRepositorysPassword(t *testing.T) {
	r := repository(t, restictest.Restic(t))
	h := history.History{Claims: claims, Backups: 1, Changed: 1}
	require.ErrorContains(t, h.Write(r.Address, "another"), "opening the key with the password")
	require.ErrorContains(t, h.Write(t.TempDir(), restictest.Password), "has 0 keys")
	assert.Zero(t, files(t, r, "snapshots/*"))
}

// BenchmarkHistory writes the history of benchmarks: 20,000 backups of which each
// tenth found a change.
func BenchmarkHistory(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		r := repository(b, restictest.Restic(b))
		b.StartTimer()
		h := history.History{Claims: claims, Backups: 20_000, Changed: 10, Newest: time.Now(), Every: time.Minute}
		require.NoError(b, h.Write(r.Address, restictest.Password))
	}
}
