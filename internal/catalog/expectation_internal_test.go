package catalog

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestJudge(t *testing.T) {
	const ours, other = "5e1f", "0bad"
	tests := map[string]struct {
		pin      string
		recorded Expectation
		listed   listed
		want     Expectation
		refusal  string
	}{
		"the first listing records an empty repository where it may be new": {
			listed: listed{repository: ours, expected: ExpectNothing},
			want:   Expectation{Repository: ours},
		},
		"an empty repository that this cluster has not seen before is refused, with the way out": {
			listed:  listed{repository: ours},
			refusal: "if it is new, accept it with: soteria repository accept 5e1f, or set SOTERIA_EXPECT_BACKUPS=restic=false",
		},
		"an empty repository beside others is refused with the way to go on without it": {
			listed:  listed{repository: ours, others: true},
			refusal: "; until then SOTERIA_RESTORE_WITHOUT=restic restores what others hold",
		},
		"an emptied repository beside others, too": {
			recorded: Expectation{Repository: ours, HeldBackups: true},
			listed:   listed{repository: ours, others: true},
			refusal:  "; until then SOTERIA_RESTORE_WITHOUT=restic restores what others hold",
		},
		"and an empty one of which backups are expected": {
			listed:  listed{repository: ours, expected: ExpectBackups, others: true},
			refusal: "; until then SOTERIA_RESTORE_WITHOUT=restic restores what others hold",
		},
		"an empty repository that this cluster has not seen before is refused though it is pinned": {
			pin:     ours,
			listed:  listed{repository: ours},
			refusal: "soteria repository accept 5e1f",
		},
		"an empty repository that was accepted, or recorded by the version before, is believed": {
			recorded: Expectation{Repository: ours},
			listed:   listed{repository: ours},
			want:     Expectation{Repository: ours},
		},
		"an empty repository is refused where backups are expected, whatever is recorded": {
			recorded: Expectation{Repository: ours},
			listed:   listed{repository: ours, expected: ExpectBackups},
			refusal:  "set SOTERIA_EXPECT_BACKUPS=restic=false",
		},
		"an emptied repository is refused though the configuration expects nothing": {
			recorded: Expectation{Repository: ours, HeldBackups: true},
			listed:   listed{repository: ours, expected: ExpectNothing},
			refusal:  "has held backups and is empty now",
		},
		"an empty repository is refused where a claim is remembered to have had a backup in it": {
			listed:  listed{repository: ours, expected: ExpectNothing, remembered: true},
			refusal: "has held backups and is empty now",
		},
		"the first listing records that there are backups": {
			listed: listed{repository: ours, backups: 3},
			want:   Expectation{Repository: ours, HeldBackups: true},
		},
		"the first backup is remembered": {
			recorded: Expectation{Repository: ours},
			listed:   listed{repository: ours, backups: 1},
			want:     Expectation{Repository: ours, HeldBackups: true},
		},
		"the same repository changes nothing": {
			recorded: Expectation{Repository: ours, HeldBackups: true},
			listed:   listed{repository: ours, backups: 1},
			want:     Expectation{Repository: ours, HeldBackups: true},
		},
		"an emptied repository is refused": {
			recorded: Expectation{Repository: ours, HeldBackups: true},
			listed:   listed{repository: ours},
			refusal:  "has held backups and is empty now",
		},
		"an emptied repository is refused though it is pinned": {
			pin:      ours,
			recorded: Expectation{Repository: ours, HeldBackups: true},
			listed:   listed{repository: ours},
			refusal:  "soteria repository accept " + ours,
		},
		"another repository is refused, with the way out": {
			recorded: Expectation{Repository: ours, HeldBackups: true},
			listed:   listed{repository: other, backups: 9},
			refusal:  "this cluster has used 5e1f so far: point Soteria back to that one, or accept the new one with: soteria repository accept 0bad",
		},
		"another repository is taken when the pin confirms it": {
			pin:      other,
			recorded: Expectation{Repository: ours, HeldBackups: true},
			listed:   listed{repository: other, backups: 1},
			want:     Expectation{Repository: other, HeldBackups: true},
		},
		"another repository that is empty is not taken by a pin alone": {
			pin:      other,
			recorded: Expectation{Repository: ours, HeldBackups: true},
			listed:   listed{repository: other},
			refusal:  "soteria repository accept 0bad",
		},
		"a repository that is not the pinned one is refused, though it is the recorded one": {
			pin:      other,
			recorded: Expectation{Repository: ours},
			listed:   listed{repository: ours, backups: 1},
			refusal:  "the configuration pins 0bad",
		},
		"a repository that is not the pinned one is refused by a cluster that remembers nothing": {
			pin:     other,
			listed:  listed{repository: ours},
			refusal: "the configuration pins 0bad",
		},
		"a driver that does not tell which repository it listed is not believed": {
			recorded: Expectation{},
			listed:   listed{backups: 3},
			refusal:  "did not tell which repository",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.listed.driver = "restic"
			got, err := judge(test.pin, test.recorded, test.listed)
			if test.refusal == "" {
				require.NoError(t, err)
				assert.Equal(t, test.want, got)
				return
			}
			require.ErrorContains(t, err, test.refusal)
			assert.Zero(t, got)
		})
	}
}

func TestJudgeNeverForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		identity := rapid.SampledFrom([]string{"", "a", "b"})
		pin := identity.Draw(t, "pin")
		recorded := Expectation{Repository: identity.Draw(t, "recorded")}
		if recorded.Repository != "" {
			recorded.HeldBackups = rapid.Bool().Draw(t, "held")
		}
		l := listed{
			driver: "restic", repository: identity.Draw(t, "listed"), backups: rapid.IntRange(0, 2).Draw(t, "backups"),
			expected: rapid.SampledFrom([]Expected{Unsaid, ExpectBackups, ExpectNothing}).Draw(t, "expected"), remembered: rapid.Bool().Draw(t, "remembered"),
		}

		after, err := judge(pin, recorded, l)
		if err != nil {
			assert.Contains(t, []backup.Kind{backup.RepositoryChanged, backup.RepositoryUnaccepted, backup.Internal}, backup.KindOf(err))
			return
		}
		if l.backups == 0 {
			assert.NotEqual(t, ExpectBackups, l.expected, "an empty repository was believed that holds backups")
			assert.False(t, l.remembered, "an empty repository was believed though claims had backups in it")
			assert.True(t, l.expected == ExpectNothing || recorded.Repository == l.repository, "an empty repository was believed that nobody knows")
		}
		assert.Equal(t, l.repository, after.Repository)
		assert.Equal(t, l.backups > 0 || (recorded.HeldBackups && recorded.Repository == l.repository), after.HeldBackups)
		if pin != "" {
			assert.Equal(t, pin, l.repository)
		} else if recorded.Repository != "" {
			assert.Equal(t, recorded.Repository, l.repository)
		}
		assert.False(t, l.backups == 0 && recorded == Expectation{Repository: l.repository, HeldBackups: true}, "an emptied repository was believed")
		again, err := judge(pin, after, l)
		require.NoError(t, err)
		assert.Equal(t, after, again, "judging again records nothing more")
	})
}
