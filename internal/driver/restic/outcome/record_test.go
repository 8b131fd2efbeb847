package outcome_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
)

var (
	claim = backup.Claim{Namespace: "apps", Name: "data"}
	id    = strings.Repeat("ab", 32)
)

func drawRecord(t *rapid.T) outcome.Record {
	r := outcome.Record{
		Of: rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "of"), Claim: claim,
		Files: rapid.Int64Min(-1).Draw(t, "files"), Bytes: rapid.Int64Min(-1).Draw(t, "bytes"),
		Partial: rapid.Bool().Draw(t, "partial"), Void: rapid.Bool().Draw(t, "void"),
	}
	r.Accepted = r.Void && rapid.Bool().Draw(t, "accepted")
	if rapid.Bool().Draw(t, "begun is known") {
		r.Begun = time.Unix(rapid.Int64Range(1, 1<<33).Draw(t, "begun"), 0).UTC()
	}
	return r
}

func TestARecordIsReadAsItWasWrittenWhateverTheOrderOfItsTags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := drawRecord(t)
		tags := rapid.Permutation(written.Tags()).Draw(t, "tags")
		for _, tag := range tags {
			require.NotContains(t, tag, ",", "restic would split it")
		}
		read, ok := outcome.Parse(outcome.Host, tags)
		require.True(t, ok, "%v", tags)
		require.Equal(t, written.Outcome(), read.Outcome())
		written.Void = written.Void && !written.Accepted // an accepted one was void, which needs no tag
		require.Equal(t, written, read)
	})
}

func TestWhatIsNoRecordIsNotTakenForOne(t *testing.T) {
	good := outcome.Record{Of: id, Claim: claim, Files: 1, Bytes: 2}.Tags()
	without := func(prefix string, more ...string) []string {
		return append(slices.DeleteFunc(slices.Clone(good), func(tag string) bool { return strings.HasPrefix(tag, prefix) }), more...)
	}
	for name, c := range map[string]struct {
		host string
		tags []string
	}{
		"a backup that names a namespace":       {outcome.Host, append(slices.Clone(good), "namespace=apps")},
		"a backup that names a claim":           {outcome.Host, append(slices.Clone(good), "pvc=data")},
		"a snapshot of another host":            {"laptop", good},
		"another of Soteria's own snapshots":    {outcome.Host, without("soteria=", "soteria=expectations")},
		"no tags":                               {outcome.Host, nil},
		"no snapshot is named":                  {outcome.Host, without("of=")},
		"two snapshots are named":               {outcome.Host, append(slices.Clone(good), "of="+strings.Repeat("cd", 32))},
		"the beginning of an id":                {outcome.Host, without("of=", "of=abababab")},
		"no claim":                              {outcome.Host, without("claim=")},
		"a claim that can be none":              {outcome.Host, without("claim=", "claim=apps")},
		"no outcome":                            {outcome.Host, without("outcome=")},
		"an outcome of a later version":         {outcome.Host, without("outcome=", "outcome=splendid")},
		"an outcome that says that it has none": {outcome.Host, without("outcome=", "outcome=unknown")},
	} {
		t.Run(name, func(t *testing.T) {
			_, ok := outcome.Parse(c.host, c.tags)
			assert.False(t, ok)
		})
	}
	t.Run("counts that make no sense are unknown", func(t *testing.T) {
		r, ok := outcome.Parse(outcome.Host, without("files=", "files=-3"))
		require.True(t, ok)
		assert.Equal(t, int64(-1), r.Files)
		assert.Equal(t, int64(2), r.Bytes)
	})
}

func TestOfSeveralRecordsTheWorstHoldsUnlessAPersonAcceptedIt(t *testing.T) {
	complete, partial := outcome.Record{Of: id, Claim: claim, Files: 3, Bytes: -1}, outcome.Record{Of: id, Claim: claim, Files: -1, Bytes: 4, Partial: true}
	void, accepted := outcome.Record{Of: id, Claim: claim, Void: true}, outcome.Record{Of: id, Claim: claim, Accepted: true}
	for name, c := range map[string]struct {
		records []outcome.Record
		want    backup.Outcome
	}{
		"complete":                      {[]outcome.Record{complete, complete}, backup.OutcomeComplete},
		"complete and partial":          {[]outcome.Record{complete, partial}, backup.OutcomePartial},
		"complete and void":             {[]outcome.Record{complete, void}, backup.OutcomeVoid},
		"void and accepted":             {[]outcome.Record{void, accepted}, backup.OutcomeComplete},
		"void, partial and accepted":    {[]outcome.Record{void, partial, accepted}, backup.OutcomePartial},
		"partial and accepted for void": {[]outcome.Record{partial, void}, backup.OutcomeVoid},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				all := outcome.Records{}
				for _, r := range c.records {
					all.Add(r)
				}
				r, ok := all.For(claim, "", "cd", id)
				require.True(t, ok)
				assert.Equal(t, c.want, r.Outcome())
				slices.Reverse(c.records)
			}
		})
	}
	all := outcome.Records{}
	all.Add(complete)
	_, ok := all.For(backup.Claim{Namespace: "apps", Name: "other"}, id)
	assert.False(t, ok, "another claim's backup is not what the record is of")
}

func FuzzParse(f *testing.F) {
	f.Add("soteria", "soteria=outcome\nof="+id+"\nclaim=a/b\noutcome=partial\nfiles=1\nbytes=2")
	f.Add("soteria", "soteria=outcome\nof="+id+"\nclaim=a/b\noutcome=void\npartial=true\naccepted=true")
	f.Fuzz(func(t *testing.T, host, lines string) {
		read, ok := outcome.Parse(host, strings.Split(lines, "\n"))
		if !ok {
			return
		}
		require.NoError(t, read.Claim.Validate())
		require.NotEqual(t, backup.OutcomeUnknown, read.Outcome())
		again, ok := outcome.Parse(outcome.Host, read.Tags())
		require.True(t, ok)
		require.Equal(t, read.Outcome(), again.Outcome())
	})
}
