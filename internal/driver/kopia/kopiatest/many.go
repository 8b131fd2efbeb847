package kopiatest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/kopia/kopia/repo/blob/filesystem"
	"github.com/kopia/kopia/repo/content"
	"github.com/kopia/kopia/repo/format"
	"github.com/kopia/kopia/repo/manifest"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
)

// perFlush is how many snapshots [Repository.Fill] writes before it writes an
// index blob.
const perFlush = 50

// Fill adds snapshots of n claims, data-0 and on in the namespace many, all of
// them of what an existing snapshot is of. They are written by kopia's packages,
// since the program takes a second for each.
func (r *Repository) Fill(t testing.TB, n int) []backup.Claim {
	t.Helper()
	var listed []map[string]any
	require.NoError(t, json.Unmarshal(r.Run(t, "snapshot", "list", "--all", "--json"), &listed))
	require.NotEmpty(t, listed, "a snapshot to make others like it")

	ctx := t.Context()
	store, err := filesystem.New(ctx, &filesystem.Options{Path: r.Folder}, false)
	require.NoError(t, err)
	described, err := format.NewManager(ctx, store, "", time.Minute, Password, time.Now)
	require.NoError(t, err)
	shared, err := content.NewSharedManager(ctx, store, described, nil, nil, nil, nil)
	require.NoError(t, err)
	contents := content.NewWriteManager(ctx, shared, content.SessionOptions{SessionUser: "a", SessionHost: "test"}, "")
	manifests, err := manifest.NewManager(ctx, contents, manifest.ManagerOptions{}, nil)
	require.NoError(t, err)

	var claims []backup.Claim
	for i := range n {
		claim := backup.Claim{Namespace: "many", Name: fmt.Sprintf("data-%d", i)}
		claims = append(claims, claim)
		user := claim.Name + "-backup"
		one := listed[0]
		one["source"] = map[string]string{"host": claim.Namespace, "userName": user, "path": "/data"}
		_, err := manifests.Put(ctx, map[string]string{"type": "snapshot", "username": user, "hostname": claim.Namespace, "path": "/data"}, one)
		require.NoError(t, err)
		if i%perFlush == perFlush-1 || i == n-1 {
			require.NoError(t, manifests.Flush(ctx))
			require.NoError(t, contents.Flush(ctx))
		}
	}
	require.NoError(t, shared.CloseShared(ctx))
	return claims
}
