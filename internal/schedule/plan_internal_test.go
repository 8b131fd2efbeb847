package schedule

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAClaimsPlaceIsItsOwnAndPlacesAreEven(t *testing.T) {
	const claims, parts = 2000, 10
	counts := make([]int, parts)
	for i := range claims {
		claim := backup.Claim{Namespace: "media", Name: fmt.Sprintf("data-%d", i)}
		fraction := fractionOf(claim)
		require.Equal(t, fraction, fractionOf(claim))
		require.GreaterOrEqual(t, fraction, 0.0)
		counts[min(int(fraction*parts), parts-1)]++
	}
	for part, count := range counts {
		assert.InDelta(t, claims/parts, count, claims/parts/3, "part %d", part)
	}
}

func TestTheWaitAfterFailuresDoublesToItsBound(t *testing.T) {
	for name, test := range map[string]struct {
		gap  time.Duration
		want []time.Duration
	}{
		"of a daily policy":       {24 * time.Hour, []time.Duration{10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute, 320 * time.Minute, 6 * time.Hour, 6 * time.Hour}},
		"of an hourly policy":     {time.Hour, []time.Duration{10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour, time.Hour}},
		"of one every few minute": {5 * time.Minute, []time.Duration{5 * time.Minute, 5 * time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			for i, want := range test.want {
				assert.Equal(t, want, retryAfter(i+1, test.gap, 0))
				assert.Equal(t, want+want/5, retryAfter(i+1, test.gap, 1))
			}
		})
	}
}

func TestWhatRunsAndListingsComeTo(t *testing.T) {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	ended := Run{Started: at(-10), Ended: at(-5)}
	failed := Run{Started: at(-10), Ended: at(-5), Failure: "it failed"}
	backups := func(minutes ...int) []backup.Backup {
		var all []backup.Backup
		for _, m := range minutes {
			all = append(all, backup.Backup{TakenAt: at(m)})
		}
		return all
	}
	cases := map[string]struct {
		listedAt time.Time
		backups  []backup.Backup
		runs     []Run
		last     time.Time
		failures int
		running  bool
	}{
		"nothing":                               {listedAt: noon},
		"a backup":                              {listedAt: noon, backups: backups(-60, -120), last: at(-60)},
		"a run":                                 {listedAt: noon, runs: []Run{{Started: at(-1)}}, running: true},
		"a run that made a backup":              {listedAt: noon, backups: backups(-9), runs: []Run{ended}, last: at(-9)},
		"a run by a clock that is ahead":        {listedAt: noon, backups: backups(-11), runs: []Run{ended}, last: at(-10)},
		"a run that the listing is older than":  {listedAt: at(-6), backups: backups(-60), runs: []Run{ended}, last: at(-10)},
		"a run, and no listing":                 {runs: []Run{ended}, last: at(-10)},
		"a run of which nothing came":           {listedAt: noon, backups: backups(-60), runs: []Run{ended}, last: at(-60), failures: 1},
		"a run that failed":                     {backups: backups(-60), runs: []Run{failed}, last: at(-60), failures: 1},
		"a run that failed but left a backup":   {listedAt: noon, backups: backups(-9), runs: []Run{failed}, last: at(-9)},
		"a run that failed before one that did": {runs: []Run{failed, {Started: at(-4), Ended: at(-3)}}, last: at(-4)},
		"a backup dated ahead of now":           {listedAt: noon, backups: backups(60, -120), last: at(-120)},
		"only a backup dated ahead of now":      {listedAt: noon, backups: backups(60)},
		"two that failed":                       {runs: []Run{failed, {Started: at(-4), Ended: at(-3), Failure: "again"}}, failures: 2},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			h := recall(Repository{ListedAt: test.listedAt}, test.backups, test.runs, backup.Rules{Now: noon})
			assert.Equal(t, test.last, h.last)
			assert.Equal(t, test.failures, h.failures)
			assert.Equal(t, test.running, h.running)
			assert.Equal(t, test.failures > 0, h.failure != "")
		})
	}
}

// BenchmarkPlan judges 10,000 claims, a quarter of which declare a schedule.
func BenchmarkPlan(b *testing.B) {
	const claims = 10_000
	book, err := policy.NewBook([]policy.Policy{{Namespace: "media", IntervalHours: 24, Enabled: true}})
	require.NoError(b, err)
	w := world{now: noon, rules: backup.Rules{Now: noon}, since: noon, book: book, drivers: []string{"restic"}, fallback: "restic", concurrency: 4}
	backups := []backup.Backup{{TakenAt: noon.Add(-time.Hour)}}
	w.repositories = map[string]Repository{"restic": {Driver: "restic", ListedAt: noon, Of: func(backup.Claim) []backup.Backup { return backups }}}
	for i := range claims {
		c := Claim{Claim: backup.Claim{Namespace: "media", Name: fmt.Sprintf("data-%d", i)}, UID: types.UID(fmt.Sprint(i)), Made: noon.AddDate(0, -1, 0)}
		if i%4 == 0 {
			c.Annotations = map[string]string{"soteria.dev/backup-schedule": "15 */6 * * *"}
		}
		w.claims = append(w.claims, c)
	}
	b.ReportAllocs()
	for b.Loop() {
		if p := w.plan(); len(p.standings) != claims {
			b.Fatal(len(p.standings))
		}
	}
}

func TestRunsThatDoNoWorkTakeNoSlot(t *testing.T) {
	world := func(stuck string) world {
		w := world{drivers: []string{"restic"}, concurrency: 4, runs: map[types.UID][]Run{}}
		for i := range 4 {
			uid := types.UID(fmt.Sprint(i))
			w.runs[uid] = []Run{{ClaimUID: uid, Driver: "restic", Started: noon, Stuck: stuck}}
		}
		return w
	}
	assert.Equal(t, 0, world("").free()["restic"])
	assert.Equal(t, 4, world("its node is gone").free()["restic"])
	h := recall(Repository{}, nil, world("its node is gone").runs["1"], backup.Rules{Now: noon})
	assert.True(t, h.running, "its own claim waits for it")
	assert.Equal(t, "its node is gone", h.stuck)
}

func TestADefaultKeepHoldsWhereAPolicyOfThatDriverHasNone(t *testing.T) {
	own, byDefault := retention.Keep{Last: 2}, retention.Keep{Daily: 7}
	book, err := policy.NewBook([]policy.Policy{
		{Namespace: "plain", IntervalHours: 24, Enabled: true},
		{Namespace: "own", IntervalHours: 24, Enabled: true, Keep: own},
		{Namespace: "other", IntervalHours: 24, Enabled: true, Driver: "longhorn"},
		{Namespace: "off", IntervalHours: 24},
	})
	require.NoError(t, err)
	keeps := func(defaults map[string]retention.Keep) map[string]retention.Keep {
		w := world{now: noon, rules: backup.Rules{Now: noon}, since: noon, book: book, drivers: []string{"longhorn", "restic"}, fallback: "restic", concurrency: 4, keeps: defaults}
		for _, namespace := range []string{"plain", "own", "other", "off", "none"} {
			w.claims = append(w.claims, Claim{Claim: backup.Claim{Namespace: namespace, Name: "data"}, UID: types.UID(namespace), Made: noon})
		}
		all := map[string]retention.Keep{}
		for _, s := range w.plan().standings {
			all[s.Claim.Namespace] = s.Policy.Keep
		}
		return all
	}
	assert.Equal(t, map[string]retention.Keep{"plain": byDefault, "own": own, "other": {}, "off": {}}, keeps(map[string]retention.Keep{"restic": byDefault}))
	assert.Equal(t, map[string]retention.Keep{"plain": {}, "own": own, "other": {}, "off": {}}, keeps(nil), "nothing is removed unless it was asked for")
}
