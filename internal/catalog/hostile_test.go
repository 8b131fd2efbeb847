package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// hostile is what someone may write where a name is expected.
const hostile = "x; rm -rf / #\n\x1b[201~\u202e'`reboot`$(reboot)"

// TestNoNameThatOthersWroteIsPrintedAsACommand puts hostile text wherever a repository
// names something, and looks at all that a person is told.
func TestNoNameThatOthersWroteIsPrintedAsACommand(t *testing.T) {
	yesterday := func() time.Time { return time.Now().Add(-24 * time.Hour) }
	inBubbles(t, map[string]func(*testing.T){
		"a claim's namespace": func(t *testing.T) {
			r := newRepository("restic", backup.Claim{Namespace: hostile, Name: "photos"})
			c := start(t, nil, r)
			harmless(t, c)
			assert.Equal(t, backup.Unknown, c.Prove(within(t, budget), photos).Certainty(), "it may be of any claim")
			assert.Empty(t, c.Overviews()[0].Of(backup.Claim{Namespace: hostile, Name: "photos"}))
		},
		"a claim's name": func(t *testing.T) {
			harmless(t, start(t, nil, newRepository("restic", backup.Claim{Namespace: "media", Name: hostile})))
		},
		"the repository's identity": func(t *testing.T) {
			r := newRepository("restic", photos)
			r.id = hostile
			c := start(t, func(cfg *catalog.Config) { cfg.Expect = nil }, r)
			harmless(t, c)
			assert.Contains(t, backup.SettleOf(c.Prove(within(t, budget), music).Err()), "soteria repository accept 'x; rm -rf / #")
		},
		"the id of a backup that is missing": func(t *testing.T) {
			memory := &remembered{claims: expectation.Claims{photos: {Newest: yesterday(), ID: hostile, Count: 1}}}
			c := start(t, func(cfg *catalog.Config) { cfg.Memory = memory }, newRepository("restic", music))
			harmless(t, c)
			assert.Equal(t, backup.BackupMissing, backup.KindOf(c.Prove(within(t, budget), photos).Err()))
		},
		"the id of a backup in the copy of the memory": func(t *testing.T) {
			beside := &remembered{claims: expectation.Claims{photos: {Newest: yesterday(), ID: hostile, Count: 1}}}
			harmless(t, start(t, func(cfg *catalog.Config) { cfg.Copies = map[string]catalog.Copy{"restic": beside} }, newRepository("restic", music)))
		},
		"another cluster": func(t *testing.T) {
			r := newRepository("restic", music)
			r.backups[0].Cluster = hostile
			harmless(t, start(t, func(cfg *catalog.Config) { cfg.Clusters = backup.Clusters{Own: "prod"} }, r))
		},
		"a stray's host, path and tags": func(t *testing.T) {
			r := newRepository("restic", music)
			r.strays = []attribution.Stray{{ID: hostile, TakenAt: yesterday(), Facts: attribution.Facts{"host": {hostile}, "path": {hostile}, "tag": {hostile, "namespace=" + hostile}}}}
			harmless(t, start(t, nil, r))
		},
		"a driver that was dropped": func(t *testing.T) {
			b := newBench(nil, newMemory(), newRepository("restic", music))
			b.ledger.set(func(m *memory) { m.recorded[hostile] = catalog.Expectation{Repository: "5e1f", HeldBackups: true} })
			run(t, b.Catalog)
			harmless(t, b)
		},
	})
}

// harmless looks at what is said of two claims: nothing that a terminal obeys, and in
// a command no word that a shell does.
func harmless(t *testing.T, c bench) {
	t.Helper()
	for _, claim := range []backup.Claim{photos, music} {
		a := c.Prove(within(t, budget), claim)
		for _, why := range []error{a.Err(), a.Doubt()} {
			said := backup.Message(why)
			for _, r := range said {
				assert.True(t, unicode.IsPrint(r), "%q says %U", said, r)
			}
			quoted := strings.Split(strings.ReplaceAll(backup.SettleOf(why), `'\''`, ""), "'")
			for i := 0; i < len(quoted); i += 2 {
				assert.NotContains(t, quoted[i], ";", fmt.Sprintf("%q has that outside of quotes", quoted))
				assert.NotContains(t, quoted[i], "`")
				assert.NotContains(t, quoted[i], "$")
			}
		}
	}
}
