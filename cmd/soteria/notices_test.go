package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
)

// strayLister lists one backup of which nothing says whose it is.
type strayLister struct{}

func (strayLister) Name() string { return restic.Name }

func (strayLister) List(_ context.Context, into driver.Listing) (string, error) {
	into.Strays([]attribution.Stray{{ID: "0123456789abcdef", Facts: attribution.Facts{"host": {"laptop"}}}}, restic.Strays)
	return "repository-1", nil
}

// unreadable is a copy of the memory that cannot be read.
type unreadable struct{}

func (unreadable) Read(context.Context, string) (expectation.Copies, error) {
	return nil, backup.Errorf(backup.Unavailable, "killed")
}

type noObserver struct{}

func (noObserver) Listed(string, time.Duration, int, error) {}
func (noObserver) Confirmed(string, time.Duration)          {}

func TestAcceptedStraysAndAnUnreadMemoryAreNotices(t *testing.T) {
	d := newDesk(t)
	require.NoError(t, d.expectations.Record(t.Context(), restic.Name, catalog.Expectation{}, catalog.Expectation{Repository: "repository-1", HeldBackups: true}))
	settings := catalog.DefaultConfig()
	settings.Accepted, settings.Memory, settings.Copies = d.accepted, d.memory, map[string]catalog.Copy{restic.Name: unreadable{}}
	known := catalog.New(settings, []driver.Lister{strayLister{}}, d.expectations, clock.RealClock{}, noObserver{})
	assert.Empty(t, noticesOfListings(known.Overviews()), "before there is a listing nothing is known to be wrong")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- known.Start(ctx) }()
	known.Prove(ctx, cacheOfAI)
	all := noticesOfListings(known.Overviews())
	cancel()
	require.NoError(t, <-ended)
	require.Len(t, all, 2)
	assert.Equal(t, "MemoryUnavailable", all[0].Reason)
	assert.Contains(t, all[0].Message, "killed")
	assert.Contains(t, all[0].Message, "claims without a backup wait")
	assert.Equal(t, "UnattributedBackupsAccepted", all[1].Reason)
	assert.Contains(t, all[1].Message, "laptop")
	assert.Contains(t, all[1].Message, "SOTERIA_RESTIC_ADOPT")
}

func TestACopyThatCannotBeWrittenAndARivalAreNoticesOfTheirOwn(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	all := noticesOfCopies([]keeper.Report{
		{Repository: "restic", Trouble: "writing it failed: read-only", Listed: keeper.Listed{Rival: "uid-2", RivalAt: at}},
		{Repository: "other"},
	})
	require.Len(t, all, 2)
	assert.Equal(t, "MemoryCopyNotWritten", all[0].Reason)
	assert.Contains(t, all[0].Message, "writing it failed: read-only; correct that")
	assert.Equal(t, "ClusterNameUsedTwice", all[1].Reason)
	assert.Contains(t, all[1].Message, "installation uid-2")
	assert.Contains(t, all[1].Message, "SOTERIA_CLUSTER")

	later := noticesOfCopies([]keeper.Report{{Repository: "restic", Listed: keeper.Listed{Rival: "uid-2", RivalAt: at.Add(time.Hour)}}})
	assert.Equal(t, all[1].Cause, later[0].Cause, "the same rival is no news each time it writes")
}

func TestClocksThatDisagreeAreANotice(t *testing.T) {
	assert.Empty(t, noticesOfClocks(""))
	require.Len(t, noticesOfClocks("the clock is off"), 1)
	assert.Equal(t, "ClocksDisagree", noticesOfClocks("the clock is off")[0].Reason)
}
