package s3_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/driver/s3"
)

// found is what a listing tells, in words.
type found struct {
	claims, strays []string
	listing        *drivertest.Listing
}

func look(t *testing.T, store *restictest.Server, layout, foreign string) found {
	t.Helper()
	config := settings(store.Host, nil)
	var err error
	config.Layout, err = attribution.ParseLayout(layout)
	require.NoError(t, err)
	config.Foreign, err = s3.ParseForeign(foreign)
	require.NoError(t, err)
	f := found{listing: &drivertest.Listing{}}
	_, err = s3.New(config, nil, clock.RealClock{}).List(t.Context(), f.listing)
	require.NoError(t, err)
	for _, b := range f.listing.Backups {
		f.claims = append(f.claims, b.Claim.String())
	}
	for _, s := range f.listing.Strayed {
		f.strays = append(f.strays, s.ID)
	}
	slices.Sort(f.claims)
	slices.Sort(f.strays)
	f.claims = slices.Compact(f.claims)
	return f
}

// resticAt puts what a repository with one snapshot consists of.
func resticAt(t *testing.T, store *restictest.Server, folder string) {
	for _, key := range []string{"config", "keys/" + id(1), "data/00/" + id(2), "data/ff/" + id(3), "index/" + id(4), "snapshots/" + id(5)} {
		put(t, store, folder+key, noon)
	}
}

func TestARepositoryInAFolderThatIsNoClaimsIsAStray(t *testing.T) {
	const theirs = "{namespace}/{pvc}"
	for name, test := range map[string]struct {
		layout, foreign string
		put             func(t *testing.T, store *restictest.Server)
		claims, strays  []string
	}{
		"at the root": {layout: theirs, put: func(t *testing.T, s *restictest.Server) { resticAt(t, s, "") }, strays: []string{"."}},
		"for each application": {layout: theirs, put: func(t *testing.T, s *restictest.Server) {
			resticAt(t, s, "grafana/")
			resticAt(t, s, "shop/db/")
		}, claims: []string{"shop/db"}, strays: []string{"grafana"}},
		"below a prefix": {layout: theirs, put: func(t *testing.T, s *restictest.Server) {
			resticAt(t, s, "volsync/shop/db/")
			resticAt(t, s, "volsync/shop/www/")
		}, strays: []string{"volsync/shop/db", "volsync/shop/www"}},
		"below two":                          {layout: theirs, put: func(t *testing.T, s *restictest.Server) { resticAt(t, s, "a/b/shop/db/") }, strays: []string{"a/b/shop/db"}},
		"under a name that no namespace has": {layout: theirs, put: func(t *testing.T, s *restictest.Server) { resticAt(t, s, "Shop/db/") }, strays: []string{"Shop/db"}},
		"under a name that no claim has":     {layout: theirs, put: func(t *testing.T, s *restictest.Server) { resticAt(t, s, "shop/My_DB/") }, strays: []string{"shop/My_DB"}},
		"a config alone, with less depth":    {layout: theirs, put: func(t *testing.T, s *restictest.Server) { put(t, s, "shop/config", noon) }, strays: []string{"shop"}},
		"a config alone, at the root":        {layout: theirs, put: func(t *testing.T, s *restictest.Server) { put(t, s, "config", noon) }, strays: []string{"."}},
		"a config alone, with more depth":    {layout: theirs, put: func(t *testing.T, s *restictest.Server) { put(t, s, "volsync/shop/db/config", noon) }, strays: []string{"volsync/shop/db"}},
		"copied in part, without its config": {layout: theirs, put: func(t *testing.T, s *restictest.Server) {
			put(t, s, "grafana/keys/"+id(1), noon)
			put(t, s, "grafana/data/00/"+id(2), noon)
		}, strays: []string{"grafana"}},
		"claims named as restic's folders are claims": {layout: theirs, put: func(t *testing.T, s *restictest.Server) {
			for _, name := range []string{"data", "index", "keys", "locks", "snapshots"} {
				resticAt(t, s, "shop/"+name+"/")
			}
			resticAt(t, s, "data/keys/")
		}, claims: []string{"data/keys", "shop/data", "shop/index", "shop/keys", "shop/locks", "shop/snapshots"}},
		"what is no repository is none": {layout: theirs, put: func(t *testing.T, s *restictest.Server) {
			put(t, s, "pictures/2026/a.jpg", noon)
			put(t, s, "shop/plain/app/config", noon)
			put(t, s, "shop/plain/app/readme", noon)
		}, claims: []string{"pictures/2026", "shop/plain"}},
		"declared foreign": {layout: theirs, foreign: "folder=laptop; folder=old/*", put: func(t *testing.T, s *restictest.Server) {
			resticAt(t, s, "laptop/")
			resticAt(t, s, "old/a/b/")
			resticAt(t, s, "other/")
		}, strays: []string{"other"}},
		"a layout with a fixed namespace": {layout: "{pvc} => shop/{pvc}", put: func(t *testing.T, s *restictest.Server) {
			resticAt(t, s, "db/")
			resticAt(t, s, "media/photos/")
		}, claims: []string{"shop/db"}, strays: []string{"media/photos"}},
		"a layout with something around the name": {layout: "{pvc}-backup => shop/{pvc}", put: func(t *testing.T, s *restictest.Server) {
			resticAt(t, s, "db-backup/")
			resticAt(t, s, "db/")
		}, claims: []string{"shop/db"}, strays: []string{"db"}},
		"a layout below a prefix": {layout: "volsync/{namespace}/{pvc}", put: func(t *testing.T, s *restictest.Server) {
			resticAt(t, s, "volsync/shop/db/")
			resticAt(t, s, "volsync/shop/")
			resticAt(t, s, "shop/db/")
			resticAt(t, s, "other/")
		}, claims: []string{"shop/db"}, strays: []string{"other", "shop/db", "volsync/shop"}},
		"a layout below a prefix and in a namespace": {layout: "volsync/{pvc} => shop/{pvc}", put: func(t *testing.T, s *restictest.Server) {
			resticAt(t, s, "volsync/db/")
			resticAt(t, s, "kopia/db/")
		}, claims: []string{"shop/db"}, strays: []string{"kopia/db"}},
	} {
		t.Run(name, func(t *testing.T) {
			store := restictest.StartS3(t)
			test.put(t, store)
			got := look(t, store, test.layout, test.foreign)
			assert.Equal(t, test.claims, got.claims)
			assert.Equal(t, test.strays, got.strays)
		})
	}
}

func TestALargeStrayIsFoundAndCostsLess(t *testing.T) {
	store := restictest.StartS3(t)
	for _, folder := range []string{"", "grafana/", "volsync/shop/db/"} {
		resticAt(t, store, folder)
		for n := range 1000 {
			put(t, store, fmt.Sprintf("%sdata/%02x/%s", folder, n%256, id(n)), noon)
		}
	}
	resticAt(t, store, "grafana/claim/")
	host, requests := counted(t, store, nil)
	l := &drivertest.Listing{}
	_, err := lister(host, nil).List(t.Context(), l)
	require.NoError(t, err)
	var strays []string
	for _, s := range l.Strayed {
		strays = append(strays, s.ID)
	}
	assert.ElementsMatch(t, []string{".", "grafana", "volsync/shop/db"}, strays)
	require.Len(t, l.Backups, 1, "a repository beside restic's own folders is a claim's")
	assert.Equal(t, backup.Claim{Namespace: "grafana", Name: "claim"}, l.Backups[0].Claim)
	// The root, two folders with their pages, one with its names, and the claims
	// grafana/claim and volsync/shop: a fraction of one request for each of 256 folders.
	assert.LessOrEqual(t, requests.Load(), int64(1+2+2+1+3))
}

func TestTheDoubtNamesTheFoldersAndTheSetting(t *testing.T) {
	store := restictest.StartS3(t)
	resticAt(t, store, "volsync/shop/db/")
	resticAt(t, store, "volsync/shop/www/")
	l := look(t, store, s3.DefaultLayout, "").listing
	err := l.Words.Doubt("backups@store", l.Strayed)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	for _, says := range []string{
		"2 restic repositories", "backups/volsync/shop/db", `by the layout "{namespace}/{pvc}"`,
		`SOTERIA_LOOKUP_S3_LAYOUT (such as "volsync/{namespace}/{pvc}")`, `SOTERIA_LOOKUP_S3_FOREIGN (such as "folder=volsync/shop/`, "soteria repository accept s3 backups@store",
	} {
		assert.ErrorContains(t, err, says)
	}
	require.NotEmpty(t, l.Strayed[0].Claims)
	assert.ErrorContains(t, l.Words.DoubtOf(l.Strayed[0].Claims[0], l.Strayed[0]), "may be of "+l.Strayed[0].Claims[0].String())

	store = restictest.StartS3(t)
	resticAt(t, store, "")
	resticAt(t, store, "grafana/")
	l = look(t, store, s3.DefaultLayout, "").listing
	err = l.Words.Doubt("backups@store", l.Strayed)
	assert.ErrorContains(t, err, "the root of bucket backups, backups/grafana")
	assert.ErrorContains(t, err, `(such as "{pvc} => <namespace>/{pvc}")`)
}
