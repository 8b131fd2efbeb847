package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const printed = `goos: linux
BenchmarkExists/500_of_600_have_backups/1_connections-2                	  100000	  0.05 p50-ms	 1.0 p99-ms	 1.3 ratio	 13000 requests/s	 2.0 stand-in-p99-ms	 10000 stand-in-requests/s
BenchmarkExists/0_of_600_have_backups/32_connections-2                 	  100000	 90 p99-ms	 1.3 ratio	 13000 requests/s	 2 stand-in-p99-ms	 10000 stand-in-requests/s
BenchmarkPlumberNone/5000_claims/32_connections/soteria-2               	     100	  2000 ns/op	 1.0 store-requests/op	 0 unanswered-%
BenchmarkPlumberNone/5000_claims/32_connections/plumber4-stand-in-2     	     100	  2000 ns/op	 1.0 store-requests/op	 0 unanswered-%
BenchmarkTwentyThousandSnapshots/30_ms_away/first_listing-2             	       1	50446060906 ns/op	     20057 requests/op
BenchmarkTwentyThousandSnapshots/30_ms_away/proof-2                     	       1	800000000 ns/op	        21.00 requests/op
--- BENCH: BenchmarkOther
PASS
`

func TestWhatWasMeasuredIsPassedOnAndPutBesideItsGoals(t *testing.T) {
	var out strings.Builder
	require.NoError(t, report(strings.NewReader(printed), &out))
	passed, rows, found := strings.Cut(out.String(), "\n\n")
	require.True(t, found)
	assert.Equal(t, strings.TrimSpace(printed), passed)
	lines := strings.Split(strings.TrimSpace(rows), "\n")
	require.Len(t, lines, 2+5, "%s", rows)
	assert.Contains(t, lines[2], "13000/s, p99 1 ms (1.30 ×)")
	assert.Contains(t, lines[2], "| yes |")
	assert.Contains(t, lines[3], "p99 90 ms (1.30 ×)")
	assert.Contains(t, lines[3], "| no  |", "it is faster, with a worse tail")
	assert.Contains(t, lines[4], "1 requests a question, 0 % unanswered")
	assert.Contains(t, lines[4], "| yes |")
	assert.Contains(t, lines[5], "0.80 s, 21 requests")
	assert.Contains(t, lines[5], "| yes |")
	assert.Contains(t, lines[6], "50.4 s, 20057 requests")
}
