package main

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/mem"
)

// taking counts the backups that it takes.
type taking struct{ taken int }

func (t *taking) Backup(context.Context, driver.BackupRequest) (driver.BackupStarted, error) {
	t.taken++
	return driver.BackupStarted{}, nil
}

// Backups are taken with Longhorn, and SOTERIA_RESTORE_DRIVERS names restic alone.
func TestBackupsThatNothingLooksAtLetNoClaimStartEmpty(t *testing.T) {
	d := newDesk(t)
	held := ledger.New(d.cluster, d.cluster, "soteria")
	settings := catalog.DefaultConfig()
	settings.Expect = map[string]catalog.Expected{"restic": catalog.ExpectNothing}
	known := catalog.New(settings, []driver.Lister{mem.NewLister("restic", "repository-1")}, held, clock.RealClock{}, noObserver{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- known.Start(ctx) }()
	defer func() {
		cancel()
		require.NoError(t, <-ended)
	}()
	longhorn := &taking{}
	backuper := unlisted{Backuper: longhorn, name: "longhorn", record: held.HoldsUnlisted}

	_, err := backuper.Backup(ctx, driver.BackupRequest{Claim: cacheOfAI, DryRun: true})
	require.NoError(t, err)
	require.Equal(t, backup.None, known.Prove(ctx, cacheOfAI).Certainty(), "nothing was backed up yet")

	_, err = backuper.Backup(ctx, driver.BackupRequest{Claim: cacheOfAI})
	require.NoError(t, err)
	assert.Equal(t, 2, longhorn.taken)
	known.BackupEnded(cacheOfAI, "a job") // what was known is not used any more
	answer := known.Prove(ctx, cacheOfAI)
	assert.Equal(t, backup.Unknown, answer.Certainty())
	assert.ErrorContains(t, answer.Err(), "longhorn has held backups of this cluster and is not looked at")
	assert.ErrorContains(t, answer.Err(), "name it in SOTERIA_RESTORE_DRIVERS")
}

func TestNoBackupIsTakenWhereItCannotBeRecordedThatNothingLooksAtIt(t *testing.T) {
	longhorn := &taking{}
	backuper := unlisted{Backuper: longhorn, name: "longhorn", record: func(context.Context, string) error { return errors.New("the API server is away") }}
	_, err := backuper.Backup(t.Context(), driver.BackupRequest{Claim: cacheOfAI})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.Zero(t, longhorn.taken)
}
