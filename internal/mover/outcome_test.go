package mover_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

// snapshots reads all snapshots of the repository with restic itself: the records
// by the id of the backup that each is of, and how many other snapshots there are.
func (v volume) snapshots(t *testing.T) (records map[string][]outcome.Record, backups int) {
	t.Helper()
	var all []struct {
		ID   string
		Time time.Time
		Host string `json:"hostname"`
		Tags []string
	}
	require.NoError(t, json.Unmarshal(v.repository.Run(t, "snapshots", "--json"), &all))
	records = map[string][]outcome.Record{}
	for _, s := range all {
		r, ok := outcome.Parse(s.Host, s.Tags)
		if !ok {
			backups++
			continue
		}
		records[r.Of] = append(records[r.Of], r)
		assert.Equal(t, 2000, s.Time.Year(), "it is never the latest for anybody")
	}
	return records, backups
}

// fill has the volume hold so many files of so many bytes.
func (v volume) fill(t *testing.T, files, size int) {
	t.Helper()
	old, err := filepath.Glob(filepath.Join(v.data, "*"))
	require.NoError(t, err)
	for _, file := range old {
		require.NoError(t, os.Remove(file))
	}
	for i := range files {
		require.NoError(t, os.WriteFile(filepath.Join(v.data, fmt.Sprint(i)), []byte(strings.Repeat(string(rune('a'+i%26)), size)), 0o644))
	}
}

func TestHowABackupEndedIsRecordedBesideIt(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v := newVolume(t, restic(t))
			v.repository.Init(t)
			v.fill(t, 5, 100)
			_, complete, _ := v.backup(t)

			v.restic = wrapped(t, restic(t), `exec setpriv --bounding-set=-dac_override,-dac_read_search "$RESTIC" "$@"`)
			require.NoError(t, os.Chmod(filepath.Join(v.data, "0"), 0))
			_, partial, _ := v.backup(t)

			records, backups := v.snapshots(t)
			require.Equal(t, 2, backups)
			claim := backup.Claim{Namespace: "apps", Name: "data"}
			assert.Equal(t, map[string][]outcome.Record{
				complete.Snapshot: {{Of: complete.Snapshot, Claim: claim, Files: 5, Bytes: 500}},
				partial.Snapshot:  {{Of: partial.Snapshot, Claim: claim, Files: 4, Bytes: 400, Partial: true}},
			}, records)
			assert.Empty(t, complete.Backup.Unrecorded)
			assert.Empty(t, partial.Backup.Unrecorded)
		})
	}
}

func TestARecordTakesNoRoomButItsSnapshotFile(t *testing.T) {
	t.Parallel()
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	v.fill(t, 3, 100)
	v.backup(t)
	count := func(folder string) (n int) {
		require.NoError(t, filepath.Walk(filepath.Join(v.repository.Address, folder), func(_ string, info os.FileInfo, err error) error {
			if err == nil && !info.IsDir() {
				n++
			}
			return err
		}))
		return n
	}
	packs, indexes, snapshots := count("data"), count("index"), count("snapshots")
	v.backup(t) // of an unchanged volume
	assert.Equal(t, snapshots+2, count("snapshots"), "the backup and its record")
	assert.LessOrEqual(t, count("data")-packs, 1, "the folders on the way to the volume, at most")
	assert.LessOrEqual(t, count("index")-indexes, 1)
}

func TestABackupThatLostMostOfItsFilesDoesNotCountUntilAPersonSaysSo(t *testing.T) {
	t.Parallel()
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v := newVolume(t, restic(t))
			v.repository.Init(t)
			v.fill(t, 10, 1000)
			_, whole, _ := v.backup(t, "--shrink-percent", "50")
			require.Empty(t, whole.Backup.Void)

			v.fill(t, 2, 1000)
			status, lost, _ := v.backup(t, "--shrink-percent", "50")
			require.Zero(t, status, "it is saved, and trying again would not help")
			assert.Contains(t, lost.Backup.Void, "2 files and 2000 bytes, where backup "+whole.Snapshot[:8])
			_, again, _ := v.backup(t, "--shrink-percent", "50")
			assert.Contains(t, again.Backup.Void, whole.Snapshot[:8], "nor does the next, which is compared with the last that counts")

			_, mistyped, _ := v.backup(t, "--shrink-percent", "50", "--accept", "0000000000")
			assert.Contains(t, mistyped.Backup.Notes[0], "nothing is accepted: 0 backups of apps/data")
			assert.NotEmpty(t, mistyped.Backup.Void)

			_, accepted, _ := v.backup(t, "--shrink-percent", "50", "--accept", again.Snapshot[:8])
			assert.Empty(t, accepted.Backup.Void, "it is compared with the one that was accepted")
			assert.Contains(t, accepted.Backup.Notes[0], "backup "+again.Snapshot[:8]+" is accepted")
			_, after, _ := v.backup(t, "--shrink-percent", "50", "--accept", again.Snapshot[:8])
			assert.Empty(t, after.Backup.Void)
			assert.Empty(t, after.Backup.Notes, "it counts already")

			all := outcome.Records{}
			records, _ := v.snapshots(t)
			for _, each := range records {
				for _, r := range each {
					all.Add(r)
				}
			}
			for name, c := range map[string]struct {
				snapshot string
				want     backup.Outcome
			}{
				"before the loss": {whole.Snapshot, backup.OutcomeComplete}, "after the loss": {lost.Snapshot, backup.OutcomeVoid},
				"accepted": {again.Snapshot, backup.OutcomeComplete}, "after that": {after.Snapshot, backup.OutcomeComplete},
			} {
				r, ok := all.For(backup.Claim{Namespace: "apps", Name: "data"}, c.snapshot)
				require.True(t, ok, name)
				assert.Equal(t, c.want, r.Outcome(), name)
			}
		})
	}
}

func TestWhatABackupIsNotComparedWith(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		// before makes the backup of ten files that is not to be compared with.
		before func(t *testing.T, v volume)
		args   []string
	}{
		"another claim's": {before: func(t *testing.T, v volume) {
			v.repository.Snapshot(t, v.data, "--host", "apps/other", "--tag", "namespace=apps,pvc=other")
		}},
		"one that others made": {before: func(t *testing.T, v volume) {
			v.repository.Snapshot(t, v.data, "--host", "laptop", "--tag", "namespace=apps,pvc=data")
		}},
		"another cluster's": {before: func(t *testing.T, v volume) { v.backup(t, "--tag", "cluster=west") }, args: []string{"--tag", "cluster=east"}},
		"one of the future": {before: func(t *testing.T, v volume) {
			v.repository.Snapshot(t, v.data, "--host", "apps/data", "--tag", "namespace=apps,pvc=data", "--time", "2099-01-01 00:00:00")
		}},
		"one of an earlier life":   {before: func(t *testing.T, v volume) { v.backup(t) }, args: []string{"--since", "2098-01-01T00:00:00Z"}},
		"any, as the guard is off": {before: func(t *testing.T, v volume) { v.backup(t) }, args: []string{"--shrink-percent", "100"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := newVolume(t, restictest.Restic(t))
			v.repository.Init(t)
			v.fill(t, 10, 1000)
			c.before(t, v)
			v.fill(t, 1, 1000)
			_, made, _ := v.backup(t, append([]string{"--shrink-percent", "50"}, c.args...)...)
			assert.Empty(t, made.Backup.Void)
			assert.Empty(t, made.Backup.Unrecorded)
		})
	}
}

func TestAnOutcomeThatCannotBeRecordedStaysUnknownAndIsTold(t *testing.T) {
	for name, line := range map[string]string{
		"the earlier backups cannot be listed":    `[ "$1" != snapshots ] || exit 1`,
		"the list of earlier ones is not whole":   `[ "$1" != snapshots ] || echo 'Ignoring "abc": invalid data returned' >&2`,
		"the list of earlier ones is cut short":   `[ "$1" != snapshots ] || { echo '[{"id":"'; exit 0; }`,
		"the record cannot be written":            `case "$*" in *--stdin*) exit 1;; esac`,
		"restic writes no record and says it did": `case "$*" in *--stdin*) exit 0;; esac`,
	} {
		t.Run(name, func(t *testing.T) {
			v := newVolume(t, wrapped(t, restictest.Restic(t), line+"\n"+`exec "$RESTIC" "$@"`))
			v.repository.Restic = restictest.Restic(t)
			v.repository.Init(t)
			v.fill(t, 2, 10)
			status, made, output := v.backup(t)
			require.Zero(t, status, "the backup is saved")
			assert.NotEmpty(t, made.Snapshot)
			assert.NotEmpty(t, made.Backup.Unrecorded)
			assert.Contains(t, output, "the outcome of the backup is not recorded")
			records, backups := v.snapshots(t)
			assert.Empty(t, records)
			assert.Equal(t, 1, backups)
		})
	}
}

func TestABackupIsComparedWithThoseFromBeforeTheClusterHadAName(t *testing.T) {
	t.Parallel()
	v := newVolume(t, restictest.Restic(t))
	v.repository.Init(t)
	v.fill(t, 10, 1000)
	v.backup(t)
	v.fill(t, 1, 1000)
	_, made, _ := v.backup(t, "--shrink-percent", "50", "--tag", "cluster=east")
	assert.NotEmpty(t, made.Backup.Void)
}
