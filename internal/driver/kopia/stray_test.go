package kopia_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
	"github.com/soteria-dr/soteria/internal/secret"
)

// ruled gives a driver on a folder, with rules.
func ruled(t *testing.T, folder, adopt, foreign string, policy attribution.Policy) *kopia.Driver {
	t.Helper()
	rules, problems := attribution.ParseRules(kopia.Strays(kopia.NameFS), adopt, foreign)
	require.Empty(t, problems)
	return with(t, kopia.Config{Path: folder, Password: secret.New(kopiatest.Password), Rules: rules, Unattributed: policy})
}

func strayIDs(l *drivertest.Listing) []string {
	var ids []string
	for _, s := range l.Strayed {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestASnapshotOfAnotherSourceIsAStray(t *testing.T) {
	r := kopiatest.New(t)
	r.Backup(t, claim, then)
	shop := backup.Claim{Namespace: "shop", Name: "db"}
	k8up := r.Snapshot(t, "root@shop:/data/db", then)
	laptop := r.Snapshot(t, "me@laptop:/home/me", then)
	upper := r.Snapshot(t, "Data-backup@apps:/data", then)
	tagged := r.Snapshot(t, "root@node-1:/srv", then, "--tags", "app:grafana")

	listing := listed(t, in(t, r.Folder))
	assert.Len(t, listing.Backups, 1)
	all := []string{k8up, laptop, upper, tagged}
	slices.Sort(all)
	assert.Equal(t, all, strayIDs(listing))
	err := listing.Words.Doubt(r.ID, listing.Strayed)
	assert.ErrorContains(t, err, "4 Kopia snapshots")
	assert.ErrorContains(t, err, "SOTERIA_KOPIA_ADOPT")
	i := slices.IndexFunc(listing.Strayed, func(s attribution.Stray) bool { return s.ID == k8up })
	assert.Equal(t, []backup.Claim{shop}, listing.Strayed[i].Claims)
	assert.True(t, then.Equal(listing.Strayed[i].TakenAt))

	adopted := ruled(t, r.Folder, "user=root,host={namespace},path=/data/{pvc}; tag=app=grafana => monitoring/grafana; user=data-backup => x/y", "host=laptop", attribution.Hold)
	listing = listed(t, adopted)
	assert.Equal(t, []string{k8up}, idsOf(listing, shop))
	assert.Equal(t, []string{tagged}, idsOf(listing, backup.Claim{Namespace: "monitoring", Name: "grafana"}))
	assert.Len(t, idsOf(listing, claim), 1, "no rule has a say about a source that names a claim")
	assert.Equal(t, []string{upper}, strayIDs(listing))

	assert.Empty(t, listed(t, ruled(t, r.Folder, "", "", attribution.Ignore)).Strayed)
}

func TestABackupThatRunsForAnUnknownSourceIsAStray(t *testing.T) {
	r := kopiatest.New(t)
	client := r.Connect(t, "me", "laptop")
	cmd := client.Command(t, "snapshot", "create", t.TempDir(), "--stdin-file", "stream")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	_, err = stdin.Write(noise(t, 64<<20)) // as much as makes Kopia write packs
	require.NoError(t, err)

	listing := listed(t, in(t, r.Folder))
	assert.Empty(t, listing.Doubts)
	require.Len(t, listing.Strayed, 1)
	assert.ErrorContains(t, listing.Words.Doubt(r.ID, listing.Strayed), "user me, host laptop")
	assert.Empty(t, listed(t, ruled(t, r.Folder, "", "host=laptop", attribution.Hold)).Strayed)
	running := listed(t, ruled(t, r.Folder, "user=me,host=laptop => apps/data", "", attribution.Hold))
	assert.Contains(t, running.Doubts, claim)
	assert.Empty(t, running.Strayed)
}

func TestThePolicyOfStraysIsChecked(t *testing.T) {
	problems := kopia.Config{Path: "/repository", Password: secret.New("x"), Unattributed: "maybe"}.Validate()
	require.Len(t, problems, 1)
	assert.ErrorContains(t, problems[0], `SOTERIA_KOPIA_UNATTRIBUTED: "maybe" must be one of hold, ignore`)
}
