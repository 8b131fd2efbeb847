package expectation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/expectation"
)

func TestWhatAnotherClusterSettledHoldsForThatOneAlone(t *testing.T) {
	photos := backup.Claim{Namespace: "media", Name: "photos"}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	record := func(hours int, epoch int) expectation.Record {
		return expectation.Record{Newest: at.Add(time.Duration(hours) * time.Hour), ID: "x", Count: 1, Epoch: epoch}
	}
	lost := record(2, 0).Accept(nil, at.Add(5*time.Hour))
	removed := record(2, 0).Forget([]backup.Backup{{TakenAt: at.Add(2 * time.Hour)}}, nil, at.Add(3*time.Hour))
	for name, test := range map[string]struct{ own, other, want expectation.Record }{
		"an acceptance of another's takes nothing away": {own: record(1, 0), other: lost, want: record(1, 0)},
		"nor does a later epoch of its":                 {own: record(2, 0), other: record(1, 9), want: record(2, 0)},
		"a later backup of its is expected":             {own: record(1, 4), other: record(2, 0), want: record(2, 4)},
		"but not one whose loss was accepted here":      {own: lost, other: record(3, 0), want: lost},
		"nor one that Soteria removed here":             {own: removed, other: record(2, 0), want: removed},
	} {
		t.Run(name, func(t *testing.T) {
			others := expectation.Copies{"": {photos: test.other}, "attic": {photos: test.other}}
			assert.Equal(t, test.want, others.Join(expectation.Claims{photos: test.own}, "home")[photos])
			own := expectation.Copies{"home": {photos: test.own}, "": {photos: test.other}}
			assert.Equal(t, test.want, own.Join(nil, "home")[photos], "the own copy counts as what is remembered in the cluster")
		})
	}
	both := expectation.Copies{"": {photos: lost}}
	assert.Equal(t, lost, both.Join(expectation.Claims{photos: record(2, 0)}, "")[photos], "the copy without a name is a nameless cluster's own")
}

func TestARemovalDoesNotUndoTheOneBefore(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	older, newer := backup.Backup{TakenAt: at}, backup.Backup{TakenAt: at.Add(time.Hour)}
	other := expectation.Record{Newest: newer.TakenAt, Count: 2}
	record := expectation.Record{Newest: newer.TakenAt, Count: 2}.Forget([]backup.Backup{newer}, []backup.Backup{older}, at)
	record = record.Forget([]backup.Backup{older}, nil, at.Add(time.Hour))
	assert.Zero(t, record.Adopt(other).Newest)
}

func TestACopyOfAnotherClusterNeverLowersWhatIsExpected(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own, others := claims().Draw(t, "own"), expectation.Copies{"": claims().Draw(t, "unnamed"), "attic": claims().Draw(t, "attic")}
		joined := others.Join(own, "home")
		for claim, record := range own {
			assert.False(t, joined[claim].Newest.Before(record.Newest), "%s", claim)
			assert.Equal(t, record.Epoch, joined[claim].Epoch)
			assert.Equal(t, record.AcceptedAt, joined[claim].AcceptedAt)
		}
		assert.Equal(t, joined, others.Join(joined, "home"), "joining again changes nothing")
	})
}
