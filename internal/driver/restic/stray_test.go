package restic_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

// ruled makes a driver with rules.
func ruled(t *testing.T, program, address, adopt, foreign string, policy attribution.Policy) *restic.Driver {
	t.Helper()
	rules, problems := attribution.ParseRules(restic.Strays, adopt, foreign)
	require.Empty(t, problems)
	cluster := clusterWith(t, secretWith(fullSecret()))
	d, err := restic.New(restic.Config{
		Repository: address, SecretName: "soteria-restic", SecretNamespace: system, Namespace: system,
		Program: program, CacheDir: t.TempDir(), Rules: rules, Unattributed: policy,
	}, restic.Cluster{Client: cluster, Reader: cluster})
	require.NoError(t, err)
	return d
}

// told lists and gives, by name, whose each snapshot is: claims, "stray", or "" where
// nothing is told of it.
func told(t *testing.T, d *restic.Driver, ids map[string]string) (map[string]string, *drivertest.Listing) {
	t.Helper()
	listing := &drivertest.Listing{}
	_, err := d.List(t.Context(), listing)
	require.NoError(t, err)
	whose := map[string][]string{}
	for _, b := range listing.Backups {
		whose[b.ID] = append(whose[b.ID], b.Claim.String())
	}
	for _, s := range listing.Strayed {
		whose[s.ID] = append(whose[s.ID], "stray")
	}
	got := map[string]string{}
	for name, id := range ids {
		slices.Sort(whose[id])
		got[name] = strings.Join(whose[id], " ")
	}
	return got, listing
}

// TestWhoseSnapshotsOfOthersAre goes through the ways in which other tools, and
// people, name what they back up.
func TestWhoseSnapshotsOfOthersAre(t *testing.T) {
	for version, program := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) { whoseSnapshotsOfOthersAre(t, program(t)) })
	}
}

func whoseSnapshotsOfOthersAre(t *testing.T, exe string) {
	r := local(t, exe)
	r.Init(t)
	root := t.TempDir()
	folder := func(path string) string {
		at := filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(at, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(at, "file"), []byte(path), 0o600))
		return at
	}
	data := folder("data")
	ids := map[string]string{
		"soteria":         add(t, r, claim, then),
		"volsync":         r.Snapshot(t, data, "--host", "volsync"),
		"k8up":            r.Snapshot(t, folder("data/www"), "--host", "shop"),
		"tag":             r.Snapshot(t, data, "--host", "node-1", "--tag", "shop/db"),
		"namespace alone": r.Snapshot(t, data, "--host", "node-1", "--tag", "namespace=shop"),
		"pvc alone":       r.Snapshot(t, data, "--host", "node-1", "--tag", "pvc=db"),
		"application":     r.Snapshot(t, data, "--host", "node-1", "--tag", "grafana"),
		"laptop":          r.Snapshot(t, data, "--host", "laptop"),
		"case":            r.Snapshot(t, data, "--host", "node-1", "--tag", "Namespace=shop", "--tag", "PVC=db"),
		"no such names":   r.Snapshot(t, data, "--host", "node-1", "--tag", "namespace=Shop,pvc=My_DB"),
		"two namespaces":  r.Snapshot(t, data, "--host", "node-1", "--tag", "namespace=shop,namespace=staging,pvc=db"),
		"a note":          r.Snapshot(t, data, "--host", "soteria", "--tag", "soteria=expectations"),
		"no note":         r.Snapshot(t, data, "--host", "node-1", "--tag", "soteria=expectations"),
	}
	// A backup of Soteria's that lost its tags; what it was is in its host alone.
	lost := backup.Claim{Namespace: "shop", Name: "lost"}
	before := add(t, r, lost, then)
	r.Run(t, "tag", "--set", "moved", before)

	got, listing := told(t, ruled(t, exe, r.Address, "", "", attribution.Hold), ids)
	assert.Equal(t, map[string]string{
		"soteria": "apps/data", "volsync": "stray", "k8up": "stray", "tag": "stray", "namespace alone": "stray", "pvc alone": "stray",
		"application": "stray", "laptop": "stray", "case": "stray", "no such names": "stray", "two namespaces": "shop/db staging/db stray",
		"a note": "", "no note": "stray",
	}, got)
	i := slices.IndexFunc(listing.Strayed, func(s attribution.Stray) bool { return s.FormerID == before })
	require.GreaterOrEqual(t, i, 0, "the one that lost its tags keeps its former id")
	assert.Equal(t, []backup.Claim{lost}, listing.Strayed[i].Claims, "its host still names its claim")
	require.Error(t, listing.Words.Doubt("5e1f", listing.Strayed))

	adopt := "host=volsync,path=*/data => media/photos; host={namespace},path=" + root + "/data/{pvc}; tag={namespace}/{pvc}; tag=grafana => monitoring/grafana\n" +
		"tag=namespace={namespace},host=node-1 => {namespace}/db; tag=pvc={pvc},host=node-1 => shop/{pvc}; host={namespace}/{pvc}; tag=Namespace={namespace},tag=PVC={pvc}"
	d := ruled(t, exe, r.Address, adopt, "host=laptop", attribution.Hold)
	got, listing = told(t, d, ids)
	assert.Equal(t, map[string]string{
		"soteria": "apps/data", "volsync": "media/photos", "k8up": "shop/www", "tag": "shop/db", "namespace alone": "shop/db", "pvc alone": "shop/db",
		"application": "monitoring/grafana", "laptop": "", "case": "shop/db", "no such names": "stray", "two namespaces": "shop/db staging/db stray",
		"a note": "", "no note": "stray",
	}, got)
	for _, b := range listing.Backups {
		assert.Equal(t, b.ID == ids["soteria"], b.Own, "%s of %s: what was adopted is never Soteria's own", b.ID, b.Claim)
		assert.NotEmpty(t, b.Locator, "what was adopted can be restored")
	}
	assert.Contains(t, claimsOf(listing), lost.String())

	got, listing = told(t, ruled(t, exe, r.Address, "tag=grafana => monitoring/grafana; host=node-1 => shop/db", "", attribution.Ignore), ids)
	assert.Equal(t, map[string]string{
		"soteria": "apps/data", "volsync": "", "k8up": "", "tag": "shop/db", "namespace alone": "shop/db", "pvc alone": "shop/db",
		"application": "stray", "laptop": "", "case": "shop/db", "no such names": "shop/db", "two namespaces": "shop/db",
		"a note": "", "no note": "shop/db",
	}, got, "what is ignored is of no claim, and what rules disagree on stays in doubt")
	require.Len(t, listing.Strayed, 1)
	assert.Contains(t, listing.Strayed[0].Why, "rule")
}

func claimsOf(listing *drivertest.Listing) []string {
	var claims []string
	for _, b := range listing.Backups {
		claims = append(claims, b.Claim.String())
	}
	return claims
}

func TestNoRuleHasASayAboutWhatSoteriaTagged(t *testing.T) {
	exe := restictest.Restic(t)
	r := local(t, exe)
	r.Init(t)
	ids := map[string]string{
		"soteria":       add(t, r, claim, then),
		"contradicting": r.Snapshot(t, t.TempDir(), "--host", "node-1", "--tag", "namespace=shop,grafana"),
	}
	got, listing := told(t, ruled(t, exe, r.Address, "host={namespace}/{pvc} => {namespace}/x-{pvc}; tag=grafana => monitoring/grafana", "host=apps/*", attribution.Hold), ids)
	assert.Equal(t, map[string]string{"soteria": "apps/data", "contradicting": "stray"}, got)
	assert.Equal(t, "a rule makes it one of monitoring/grafana, and its tags say otherwise", listing.Strayed[0].Why)
}

func TestWhatWasAdoptedIsNeverForgotten(t *testing.T) {
	exe := restictest.Restic(t)
	r := local(t, exe)
	r.Init(t)
	newest, older := add(t, r, claim, then), add(t, r, claim, then.AddDate(0, 0, -1))
	adopted := r.Snapshot(t, t.TempDir(), "--host", "apps", "--tag", "apps/data")
	d := ruled(t, exe, r.Address, "tag={namespace}/{pvc}", "", attribution.Hold)
	of := func(id string) backup.Backup { return backup.Backup{Claim: claim, ID: id, Own: true} }
	for _, doomed := range [][]backup.Backup{{of(adopted)}, {of(older), of(adopted)}} {
		err := d.Forget(t.Context(), driver.ForgetRequest{Claim: claim, Backups: doomed, Stays: of(newest)})
		assert.Equal(t, backup.Denied, backup.KindOf(err), "%v", err)
	}
	err := d.Forget(t.Context(), driver.ForgetRequest{Claim: claim, Backups: []backup.Backup{of(older)}, Stays: of(adopted)})
	assert.Equal(t, backup.Conflict, backup.KindOf(err), "one that was adopted is no backup to stay: %v", err)
	got, _ := told(t, d, map[string]string{"newest": newest, "older": older, "adopted": adopted})
	assert.Equal(t, map[string]string{"newest": "apps/data", "older": "apps/data", "adopted": "apps/data"}, got)
	require.NoError(t, d.Forget(t.Context(), driver.ForgetRequest{Claim: claim, Backups: []backup.Backup{of(older)}, Stays: of(newest)}))
}

func TestThePolicyOfStraysIsChecked(t *testing.T) {
	cfg := restic.Config{Unattributed: "maybe"}
	i := slices.IndexFunc(cfg.Validate(), func(err error) bool {
		return strings.HasPrefix(err.Error(), `SOTERIA_RESTIC_UNATTRIBUTED: "maybe" must be one of hold, ignore`)
	})
	assert.GreaterOrEqual(t, i, 0)
}
