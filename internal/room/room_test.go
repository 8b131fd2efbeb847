package room_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/room"
)

func of(capacity string, bytes, files int64) backup.Backup {
	b := backup.Backup{ID: "abcdef01234567", SizeBytes: bytes, Files: files}
	if capacity != "" {
		b.Tags = []string{"capacity=" + capacity}
	}
	return b
}

func TestWhetherAVolumeHasRoomForABackup(t *testing.T) {
	const mi = 1 << 20
	cases := map[string]struct {
		size   string
		backup backup.Backup
		want   room.Fit
	}{
		"as large as it was": {"200Mi", of("200Mi", 100*mi, 1), room.Fits},
		"as large as it was, and the data is larger than it":   {"200Mi", of("200Mi", 900*mi, 1), room.Exceeds},
		"as large as it was, and full to the brim":             {"200Mi", of("200Mi", 200*mi, 1), room.Fits},
		"larger than it was and than the data that was on it":  {"1Gi", of("200Mi", 900*mi, 1), room.Fits},
		"larger than it was, whatever is in it":                {"1Gi", of("200Mi", -1, -1), room.Fits},
		"smaller, and the data does not fit":                   {"64Mi", of("200Mi", 180*mi, 9), room.TooSmall},
		"smaller, and the data fits":                           {"64Mi", of("200Mi", 20*mi, 9), room.Tight},
		"smaller, and the data fits without room to spare":     {"64Mi", of("200Mi", 60*mi, 9), room.TooSmall},
		"smaller, and nobody knows how much data there is":     {"64Mi", of("200Mi", -1, -1), room.Unproved},
		"smaller, and the size is that of a volume":            {"64Mi", of("200Mi", 200*mi, -1), room.Unproved},
		"it is not told how large it was, and the data fits":   {"1Gi", of("", 20*mi, 9), room.Unproved},
		"it is not told how large it was, and the data is not": {"64Mi", of("", 200*mi, 9), room.Unproved},
		"what is told is no size":                              {"64Mi", of("huge", 200*mi, 9), room.Unproved},
		"what is told is less than nothing":                    {"64Mi", of("-1Gi", 200*mi, 9), room.Unproved},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, room.Judge(resource.MustParse(c.size), c.backup))
		})
	}
}

func TestAVolumeAsLargeAsItWasIsNeverTooSmall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		was := rapid.Int64Range(1, math.MaxInt64/2).Draw(t, "was")
		size := rapid.Int64Range(was, math.MaxInt64/2).Draw(t, "size")
		b := of(resource.NewQuantity(was, resource.BinarySI).String(), rapid.Int64Range(-1, math.MaxInt64/4).Draw(t, "bytes"), rapid.Int64Range(-1, 100).Draw(t, "files"))
		want := room.Fits
		if b.Files >= 0 && b.SizeBytes > size {
			want = room.Exceeds
		}
		assert.Equal(t, want, room.Judge(*resource.NewQuantity(size, resource.BinarySI), b))
	})
}

func TestALargerVolumeNeverFitsWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		better := map[room.Fit]int{room.TooSmall: 0, room.Unproved: 0, room.Tight: 1, room.Exceeds: 1, room.Fits: 2}
		b := of(resource.NewQuantity(rapid.Int64Range(1, 1<<40).Draw(t, "was"), resource.BinarySI).String(),
			rapid.Int64Range(-1, 1<<40).Draw(t, "bytes"), rapid.Int64Range(-1, 100).Draw(t, "files"))
		size := rapid.Int64Range(1, 1<<40).Draw(t, "size")
		more := rapid.Int64Range(size, 1<<41).Draw(t, "more")
		less := room.Judge(*resource.NewQuantity(size, resource.BinarySI), b)
		assert.LessOrEqual(t, better[less], better[room.Judge(*resource.NewQuantity(more, resource.BinarySI), b)])
	})
}

func TestWhatIsSaidOfAClaimThatIsTooSmall(t *testing.T) {
	small := of("200Mi", 180<<20, 9)
	assert.Equal(t, "the claim asks for 64Mi; the backup abcdef01 was taken of a volume of 200Mi and holds 180 MiB",
		room.Describe(resource.MustParse("64Mi"), resource.Quantity{}, small))
	assert.Equal(t, "the claim asks for 64Mi and its volume has 1Gi; the backup abcdef01 holds 1.5 KiB",
		room.Describe(resource.MustParse("64Mi"), resource.MustParse("1Gi"), of("", 1536, 9)))
	assert.Contains(t, room.Remedy(small), "delete it and apply it with 200Mi")
	assert.Contains(t, room.Remedy(of("", -1, -1)), "a larger size")
}
