package report_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

func TestAResultSurvivesTheTerminationMessage(t *testing.T) {
	sent := report.Result{Action: "restore", Snapshot: strings.Repeat("a", 64), Seconds: 1.5,
		Restored: &report.Counts{Files: 3, Bytes: 1 << 40}, Expected: &report.Counts{Files: 4, Bytes: 1 << 40}, Partial: true}
	sent.Problem("/data/secret: permission denied")
	sent.Fail(backup.Errorf(backup.Partial, "1 file is missing"))

	got, err := report.Decode(string(sent.Encode()))
	require.NoError(t, err)
	assert.Equal(t, sent, got)
	assert.True(t, got.Failed())
	assert.Equal(t, "partial", got.Kind)
	assert.Equal(t, "1 file is missing; /data/secret: permission denied", got.Summary())
}

func TestAResultTooLongLosesProblemsBeforeAnythingElse(t *testing.T) {
	sent := report.Result{Action: "backup", Snapshot: strings.Repeat("b", 64), Partial: true}
	for i := range 10_000 {
		sent.Problem(fmt.Sprintf("/data/%d/%s: permission denied", i, strings.Repeat("ü\x00", 200)))
	}
	encoded := sent.Encode()
	require.LessOrEqual(t, len(encoded), report.Limit)

	got, err := report.Decode(string(encoded))
	require.NoError(t, err)
	assert.Equal(t, sent.Snapshot, got.Snapshot)
	assert.Equal(t, 10_000, got.ProblemCount)
	assert.NotEmpty(t, got.Problems)
	assert.Contains(t, got.Summary(), fmt.Sprintf("and %d more", 10_000-len(got.Problems)))
}

func TestTheWordsOfABackupNeverCostItsCounts(t *testing.T) {
	words := strings.Repeat("\x01", 9000)
	made := &report.Backup{Files: 7, Bytes: 42}
	for range 9 {
		made.Note("%s", words)
	}
	made.Voided("%s", words)
	made.NotRecorded(errors.New(words))
	sent := report.Result{Action: "backup", Snapshot: strings.Repeat("a", 64), Backup: made}
	encoded := sent.Encode()
	require.LessOrEqual(t, len(encoded), report.Limit)
	got, err := report.Decode(string(encoded))
	require.NoError(t, err)
	require.NotNil(t, got.Backup)
	assert.Equal(t, int64(7), got.Backup.Files)
	assert.Equal(t, sent.Snapshot, got.Snapshot)
	assert.NotEmpty(t, got.Backup.Void, "that it does not count is never lost")
}

func TestAnErrorTooLongIsCutShort(t *testing.T) {
	var sent report.Result
	sent.Action = strings.Repeat("x", 9000)
	sent.Fail(errors.New(strings.Repeat("\x01", 9000)))
	got, err := report.Decode(string(sent.Encode()))
	require.NoError(t, err)
	assert.NotEmpty(t, got.Error)
	assert.Equal(t, "internal", got.Kind)
}

func TestWhatIsNoResultIsNotTakenForOne(t *testing.T) {
	for name, message := range map[string]string{
		"nothing":             "",
		"a kubelet's words":   "OOMKilled",
		"half a result":       `{"action":"restore","seco`,
		"another JSON object": `{"a":1}`,
		"null":                `null`,
		"two results":         `{"action":"a"}{"action":"b"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := report.Decode(message)
			require.ErrorIs(t, err, report.ErrNoResult)
		})
	}
}

func TestTheLastProgressOfALogIsFound(t *testing.T) {
	first, second := report.Progress{BytesDone: 1, FilesDone: 1}, report.Progress{BytesDone: 2, BytesTotal: 3, FilesDone: 4, FilesTotal: 5}
	for name, log := range map[string]string{
		"the last line":              string(first.Line()) + string(second.Line()),
		"followed by a half line":    string(first.Line()) + string(second.Line()) + `{"progress":{"by`,
		"followed by another object": string(second.Line()) + `{"level":"info"}` + "\n",
		"followed by words":          string(second.Line()) + "warning: something\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, found := report.LastProgress([]byte(log))
			require.True(t, found)
			assert.Equal(t, second, got)
		})
	}
	for name, log := range map[string]string{"an empty log": "", "no newline": "word", "only newlines": "\n\n", "null": `{"progress":null}`} {
		t.Run(name, func(t *testing.T) {
			_, found := report.LastProgress([]byte(log))
			assert.False(t, found)
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"action":"restore","problem_count":3,"problems":["a"]}`)
	f.Add(`{"progress":{"bytes_done":1}}`)
	f.Fuzz(func(t *testing.T, message string) {
		report.LastProgress([]byte(message))
		r, err := report.Decode(message)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(r.Encode()), report.Limit)
	})
}
