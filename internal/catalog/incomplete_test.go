package catalog_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
)

func TestAPartThatCannotBeReadHidesNothingAndProvesNothing(t *testing.T) {
	missed := backup.Errorf(backup.Unavailable, "cannot reach backup target second; leave it out with SETTING=second")
	// part has the repository lose sight of the claim's newest backup.
	part := func(r *repository, left int) {
		r.set(func(r *repository) { r.backups, r.missed = r.backups[:left], missed })
		pass(time.Minute)
	}
	inBubbles(t, map[string]func(*testing.T){
		"a claim that has backups elsewhere is Found, and its newest is in doubt": func(t *testing.T) {
			memory, r := &remembered{}, newRepository("longhorn", photos)
			pass(time.Hour)
			r.add(photos)
			c := start(t, func(cfg *catalog.Config) { cfg.Memory = memory }, r)
			part(r, 1)
			for _, a := range []backup.Answer{c.Prove(within(t, budget), photos), c.Known(within(t, budget), photos), c.Glance(photos)} {
				assert.Equal(t, []string{"photos-0"}, ids(a))
				assert.Equal(t, missed, a.Doubt(), "not that a backup is missing")
				assert.True(t, a.Evidence()[0].Incomplete)
				assert.Contains(t, a.EvidenceString(), "listed in part")
			}
			assert.Equal(t, map[string]int{"longhorn": 0}, c.Missing(), "nothing tells that it is gone")
			assert.Equal(t, "photos-1", memory.of(photos).ID, "and it is expected still")
		},
		"a claim that has none elsewhere is Unknown": func(t *testing.T) {
			r := newRepository("longhorn", music)
			c := start(t, nil, r)
			require.Equal(t, backup.None, c.Prove(within(t, budget), photos).Certainty())
			part(r, 1)
			for _, a := range []backup.Answer{c.Prove(within(t, budget), photos), c.Known(within(t, budget), photos), c.Glance(photos)} {
				assert.Equal(t, backup.Unknown, a.Certainty())
				assert.Equal(t, missed, a.Err())
			}
			o := c.Overviews()[0]
			assert.NoError(t, o.Failure)
			assert.Equal(t, missed, o.Doubts()[0], "status and plan go by it")
			assert.Equal(t, missed, o.Unproved())
			assert.Equal(t, missed, o.Doubt(photos))
			assert.Equal(t, missed, o.Newest(music))
			assert.Equal(t, missed, o.DoubtOfAttributed(music), "so does retention")
		},
		"nothing elsewhere is no listing": func(t *testing.T) {
			r := newRepository("longhorn", photos)
			c := start(t, nil, r)
			part(r, 0)
			a := c.Prove(within(t, budget), photos)
			assert.Equal(t, backup.Unknown, a.Certainty())
			assert.ErrorContains(t, a.Err(), "SETTING=second", "not that the repository is empty now")
		},
		"it is looked for again soon, and all is told when it is back": func(t *testing.T) {
			r := newRepository("longhorn", photos, music)
			b := newBench(nil, newMemory(), r)
			var told atomic.Int32
			b.OnRecovery(func(string) { told.Add(1) })
			run(t, b.Catalog)
			part(r, 1)
			require.Error(t, b.Prove(within(t, budget), photos).Doubt())
			before := r.listed()
			pass(time.Minute)
			assert.Greater(t, r.listed(), before, "the rest between listings is five minutes otherwise")
			require.EqualValues(t, 1, told.Load(), "once, after the first listing")
			r.set(func(r *repository) { r.missed = nil })
			pass(time.Minute)
			require.NoError(t, b.Glance(photos).Doubt())
			assert.EqualValues(t, 2, told.Load(), "who waits is told")
		},
	})
}
