package table_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/bench/table"
)

func TestATableSaysWhatWasReached(t *testing.T) {
	var out strings.Builder
	require.NoError(t, table.Print(&out, []table.Row{
		{What: "restore", Now: "4 s", Limit: "1 s", Goal: "≤ 5 s", Met: table.Is(true)},
		{What: "herd", Now: "600 s", Goal: "≤ 300 s", Met: table.Is(false)},
		{What: "idle", Now: "1 % | 2 %"},
		table.Failed("proof", errors.New("no cluster\nanywhere")),
	}))
	assert.Equal(t, strings.TrimPrefix(`
| what    | now                               | limit or peer | goal    | met |
| ------- | --------------------------------- | ------------- | ------- | --- |
| restore | 4 s                               | 1 s           | ≤ 5 s   | yes |
| herd    | 600 s                             | –             | ≤ 300 s | no  |
| idle    | 1 % \| 2 %                        | –             | –       | –   |
| proof   | not measured: no cluster anywhere | –             | –       | –   |
`, "\n"), out.String())
}

func TestATableThatCannotBeWrittenSaysSo(t *testing.T) {
	assert.ErrorContains(t, table.Print(broken{}, nil), "the pipe is closed")
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the pipe is closed") }
