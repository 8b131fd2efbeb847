package skew_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/soteria-dr/soteria/internal/skew"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// answers is a transport whose answers carry these headers.
type answers map[string]string

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}
	for key, value := range a {
		response.Header.Set(key, value)
	}
	return response, nil
}

func ask(t *testing.T, w *skew.Watch, header answers) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.invalid", http.NoBody)
	require.NoError(t, err)
	response, err := w.Transport("the API server", header).RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
}

func dated(at time.Time) answers { return answers{"Date": at.Format(http.TimeFormat)} }

func TestClocks(t *testing.T) {
	for name, test := range map[string]struct {
		answer answers
		offset time.Duration
		doubt  string
	}{
		"that agree are in no doubt":                   {answer: dated(noon)},
		"within the second of the header agree":        {answer: dated(noon.Add(-time.Second))},
		"that differ by ten minutes are in no doubt":   {answer: dated(noon.Add(10 * time.Minute)), offset: 10 * time.Minute},
		"that differ by more are in doubt":             {answer: dated(noon.Add(11 * time.Minute)), offset: 11 * time.Minute, doubt: "the clock of the API server is 11m0s ahead of Soteria's"},
		"of which the other is behind are in doubt":    {answer: dated(noon.Add(-time.Hour)), offset: -time.Hour, doubt: "1h0m0s behind Soteria's"},
		"are not judged by what a cache answered":      {answer: answers{"Date": noon.Add(-time.Hour).Format(http.TimeFormat), "Age": "3600"}},
		"are not judged by a date that is none":        {answer: answers{"Date": "noon"}},
		"are not judged by an answer that has no date": {answer: answers{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := skew.New(clocktesting.NewFakePassiveClock(noon), slog.New(slog.DiscardHandler))
			ask(t, w, test.answer)
			assert.Equal(t, test.offset, w.Offsets()["the API server"])
			assert.Contains(t, w.Doubt(), test.doubt)
			assert.Equal(t, test.doubt != "", w.Doubt() != "")
		})
	}
}

func TestADoubtIsLoggedOnceAndEnds(t *testing.T) {
	var log bytes.Buffer
	w := skew.New(clocktesting.NewFakePassiveClock(noon), slog.New(slog.NewTextHandler(&log, nil)))
	ask(t, w, dated(noon.Add(time.Hour)))
	ask(t, w, dated(noon.Add(time.Hour)))
	assert.Equal(t, 1, strings.Count(log.String(), "clocks disagree"))
	ask(t, w, dated(noon))
	assert.Empty(t, w.Doubt())
	assert.Contains(t, log.String(), "clocks agree again")
}

func TestAWatchOfNobodyHasNoDoubt(t *testing.T) {
	var w *skew.Watch
	assert.Empty(t, w.Doubt())
	assert.Empty(t, w.Offsets())
	ask(t, w, dated(noon))
}
