package longhorn

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestTagsThatCannotBeKeptAreRefused(t *testing.T) {
	for sentence, tags := range map[string][]string{
		"an empty one":                   {""},
		"one of spaces":                  {"  "},
		"a long one":                     {strings.Repeat("x", 129)},
		"one with a line break":          {"a\nb"},
		"one that is no text":            {"\xff"},
		"one that names another claim":   {"pvc=other"},
		"one that names another place":   {"namespace=other"},
		"too many":                       strings.Split(strings.Repeat("x,", 33), ","),
		"one bad one among several":      {"a", "b", ""},
		"one that names half of a claim": {"pvc="},
		"one that names a cluster":       {"cluster=home"},
	} {
		t.Run(sentence, func(t *testing.T) {
			err := checkTags(photos, tags)
			require.Error(t, err)
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.Equal(t, "tags", backup.FieldOf(err))
		})
	}
	most := strings.Split(strings.Repeat("x,", 31)+"x", ",")
	assert.NoError(t, checkTags(photos, append(most, "soteria-unreviewed=2026-01-02T03:04:05Z")), "Soteria's own tag takes no room of the caller's")
	assert.NoError(t, checkTags(photos, []string{"namespace=media", "pvc=photos", "before upgrade, by hand"}))
}

func TestTagsAreReadAsTheyWereWritten(t *testing.T) {
	tag := rapid.StringN(1, 20, 100).Filter(func(s string) bool { return checkTags(photos, []string{s}) == nil })
	rapid.Check(t, func(t *rapid.T) {
		tags := rapid.SliceOfNDistinct(tag, 0, 5, rapid.ID[string]).Draw(t, "tags")
		joined := joinTags(tags)
		assert.ElementsMatch(t, tags, splitTags(joined))
		assert.NotContains(t, joined, "=", "Longhorn's engine would split it there")
		assert.False(t, strings.ContainsFunc(joined, unicode.IsSpace))
	})
}

func FuzzSplitTags(f *testing.F) {
	for _, seed := range []string{"", ",", "a,b", "a%3Db", "%", "%ff", "a+b,,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, joined string) {
		for _, tag := range splitTags(joined) {
			assert.NotEmpty(t, tag)
		}
	})
}
