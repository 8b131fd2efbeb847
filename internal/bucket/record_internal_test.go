package bucket

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARecordReadsAsItWasWritten(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, r := range map[string]record{
		"before the first scan": {Format: recordFormat, Store: Store{Endpoint: "s3.example.com", Bucket: "backups"}},
		"after scans of all sorts": {
			Format: recordFormat, Store: Store{Endpoint: "s3.example.com", Bucket: "backups", Prefix: "a/"}, AttemptedAt: at, Attempts: 2,
			Failure: &failure{At: at, Message: "no"},
			Figures: &Figures{
				Objects: 1, Bytes: 2, History: &History{Versions: 3, NoncurrentBytes: 4, DeleteMarkers: 5},
				Largest: []Prefix{{Prefix: "a/", Objects: 6, Bytes: 7}}, ScannedAt: at, Took: time.Second,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(r.String())
			require.NoError(t, err)
			assert.Equal(t, r, got)
		})
	}
}

// FuzzParse holds that what is read of a ConfigMap, which anybody may have
// edited, can be waited for and written again.
func FuzzParse(f *testing.F) {
	f.Add(record{Format: recordFormat, Figures: &Figures{}, Failure: &failure{}}.String())
	f.Add(`{"format":1,"attempts":9223372036854775807,"attemptedAt":"9999-12-31T23:59:59Z"}`)
	f.Add(`{"format":2}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parse(text)
		if err != nil {
			assert.Zero(t, r)
			return
		}
		wait := r.due(time.Now(), time.Hour)
		assert.True(t, 0 <= wait && wait <= time.Hour, wait)
		again, err := parse(r.String())
		require.NoError(t, err)
		assert.Equal(t, r.String(), again.String())
	})
}
