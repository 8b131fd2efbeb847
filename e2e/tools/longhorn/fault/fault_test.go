package fault_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
)

func parse(t *testing.T, content string) []fault.Fault {
	t.Helper()
	faults, err := fault.Parse([]byte(content))
	require.NoError(t, err)
	return faults
}

func setOf(t *testing.T, content string) *fault.Set {
	t.Helper()
	set := &fault.Set{}
	set.Replace(parse(t, content))
	return set
}

func TestAListOfFaultsIsRead(t *testing.T) {
	t.Parallel()
	require.Equal(t, []fault.Fault{
		{Kind: fault.Slow, Match: "GET /v1/volumes", Times: 2, Delay: fault.Duration(5 * time.Second)},
		{Kind: fault.LabelsMissing, From: fault.FromBackup},
		{Kind: fault.Naming, Generation: "1.6"},
	}, parse(t, `
- fault: slow
  match: GET /v1/volumes
  times: 2
  delay: 5s
- fault: labelsMissing
  from: backup
- fault: naming
  generation: "1.6"
`))
	require.Empty(t, parse(t, ""))
}

func TestAMistakeInTheListIsRefused(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"- fault: slwo":                            "no such fault",
		"- {fault: half, tmies: 1}":                "tmies",
		"- {fault: half, match: '('}":              "match",
		"- {fault: half, times: -1}":               "times is negative",
		"- {fault: slow}":                          "delay is missing",
		"- {fault: slow, delay: soon}":             "soon",
		"- {fault: throttle}":                      "bytesPerSecond is missing",
		"- {fault: restorePause, percent: 100}":    "percent",
		"- {fault: labelsMissing, from: snapshot}": "from: one of",
		"- {fault: naming, generation: \"1.7\"}":   "no generation of names",
		"fault: half":                              "read the faults",
	} {
		_, err := fault.Parse([]byte(content))
		require.ErrorContains(t, err, want, content)
	}
}

func TestAFaultHitsWhatItMatches(t *testing.T) {
	t.Parallel()
	set := setOf(t, "- {fault: status500, match: 'POST .*action=snapshotBackup', message: disk on fire}")

	hit, ok := set.Request(fault.Status500, "POST /v1/volumes/a?action=snapshotBackup")
	require.True(t, ok)
	require.Equal(t, "disk on fire", hit.Message)

	_, ok = set.Request(fault.Status500, "GET /v1/volumes/a")
	require.False(t, ok)
	_, ok = set.Request(fault.Half, "POST /v1/volumes/a?action=snapshotBackup")
	require.False(t, ok)
}

func TestRequestsAreCountedOneByOne(t *testing.T) {
	t.Parallel()
	set := setOf(t, "- {fault: half, times: 2}")
	for _, want := range []bool{true, true, false} {
		_, ok := set.Request(fault.Half, "GET /v1/volumes")
		require.Equal(t, want, ok)
	}
}

func TestAnObjectOnceHitStaysHit(t *testing.T) {
	t.Parallel()
	set := setOf(t, "- {fault: backupError, times: 1}")
	for range 3 {
		_, ok := set.Object(fault.BackupError, "vol/first")
		require.True(t, ok)
		_, ok = set.Object(fault.BackupError, "vol/second")
		require.False(t, ok)
	}
}

func TestReplacingTheListKeepsTheCountOfWhatStays(t *testing.T) {
	t.Parallel()
	set := setOf(t, "- {fault: half, times: 1}")
	_, ok := set.Request(fault.Half, "GET /")
	require.True(t, ok)

	set.Replace(parse(t, "[{fault: half, times: 1}, {fault: syncNever}]"))
	_, ok = set.Request(fault.Half, "GET /")
	require.False(t, ok, "the one request was hit before")

	set.Replace(parse(t, "[{fault: half, times: 1, match: GET}]"))
	_, ok = set.Request(fault.Half, "GET /")
	require.True(t, ok, "another fault counts for itself")

	set.Replace(nil)
	_, ok = set.Request(fault.Half, "GET /")
	require.False(t, ok)
}
