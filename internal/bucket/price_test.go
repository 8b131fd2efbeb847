package bucket_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/bucket"
)

func TestWhatIsNoPriceIsRefused(t *testing.T) {
	for _, text := range []string{"", "free", "-1", "1,5", ".5", "5.", "1e9", "1/3", "0x1", " 1", "0.0000000001"} {
		_, err := bucket.ParsePrice(text, "USD")
		assert.Equal(t, backup.Invalid, backup.KindOf(err), text)
	}
	for _, text := range []string{"0", "0.006", "12", "00.5"} {
		_, err := bucket.ParsePrice(text, "USD")
		assert.NoError(t, err, text)
	}
}
