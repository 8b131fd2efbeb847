package copies_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
)

var noon = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)

func TestWhenACopyExpires(t *testing.T) {
	for text, at := range map[string]time.Time{
		"":                          {},
		"36h":                       noon.Add(36 * time.Hour),
		"90m":                       noon.Add(90 * time.Minute),
		"7d":                        noon.AddDate(0, 0, 7),
		"36500d":                    noon.Add(36500 * 24 * time.Hour),
		"2026-04-12T15:30:00+02:00": noon.Add(90 * time.Minute),
	} {
		expiry, err := copies.ParseExpiry(text)
		require.NoError(t, err, text)
		got, err := expiry.From(noon)
		require.NoError(t, err, text)
		assert.True(t, at.Equal(got), "%q: %s", text, got)
	}
}

func TestWhatIsNoExpiryIsRefused(t *testing.T) {
	for _, text := range []string{"0s", "-1h", "0d", "-1d", "d", "1.5d", "36501d", "99999999999999999999d", "24", "tomorrow", "2026-04-12", "1h2d", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"} {
		_, err := copies.ParseExpiry(text)
		assert.Equal(t, backup.Invalid, backup.KindOf(err), text)
		assert.Equal(t, "expires", backup.FieldOf(err), text)
	}
	passed, err := copies.ParseExpiry("2026-04-12T12:00:00Z")
	require.NoError(t, err)
	_, err = passed.From(noon)
	assert.Equal(t, backup.Invalid, backup.KindOf(err), "a time that has come already")
}

func FuzzParseExpiry(f *testing.F) {
	for _, text := range []string{"24h", "7d", "2026-04-12T12:00:00Z", "", "-1d", "0001-01-01T00:00:00Z", "9223372036854775807d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		expiry, err := copies.ParseExpiry(text)
		if err != nil {
			require.Equal(t, backup.Invalid, backup.KindOf(err))
			return
		}
		again, err := copies.ParseExpiry(expiry.String())
		require.NoError(t, err)
		require.True(t, again.After == expiry.After && again.At.Equal(expiry.At), "%q is written as %q", text, expiry)
		at, err := expiry.From(noon)
		require.True(t, err != nil || at.IsZero() == (expiry == copies.Expiry{}))
		require.True(t, at.IsZero() || at.After(noon), "a copy would be gone before it is there")
	})
}
