package backup_test

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestClip(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		most int
		want string
	}{
		"text that has room stays":               {"a claim", 7, "a claim"},
		"longer text ends with a mark":           {"a longer claim", 10, "a longe…"},
		"no character is cut in two":             {"ééééé", 8, "éé…"},
		"what is no text is left out":            {"a\xffb", 8, "ab"},
		"and where it is cut as well":            {"a\xffbcdefgh", 6, "ab…"},
		"where there is no room the mark is all": {"a claim", 2, "…"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, backup.Clip(c.text, c.most)) })
	}
}

func FuzzClip(f *testing.F) {
	f.Add("ééééé", 8)
	f.Fuzz(func(t *testing.T, text string, most int) {
		most = max(3, min(most, 1<<20))
		clipped := backup.Clip(text, most)
		require.LessOrEqual(t, len(clipped), most)
		require.True(t, utf8.ValidString(clipped))
	})
}
