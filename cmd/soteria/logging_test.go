package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDurationsAreLoggedWithTheirUnit(t *testing.T) {
	var log bytes.Buffer
	slog.New(newHandler(&log, slog.LevelInfo)).With("since", time.Minute).Info("listed", "took", 1500*time.Millisecond, slog.Group("of", "pause", time.Microsecond), "backups", 3)
	var line map[string]any
	require.NoError(t, json.Unmarshal(log.Bytes(), &line))
	assert.Equal(t, "1.5s", line["took"])
	assert.Equal(t, "1m0s", line["since"])
	assert.Equal(t, map[string]any{"pause": "1µs"}, line["of"])
	assert.InDelta(t, 3, line["backups"], 0)
}

// waited is a value that says itself what is logged of it.
type waited struct{ pause time.Duration }

func (w waited) LogValue() slog.Value {
	return slog.GroupValue(slog.Duration("pause", w.pause), slog.Int("times", 2))
}

func TestDurationsHaveTheirUnitWhereverTheyAre(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(newHandler(&log, slog.LevelInfo))
	logger.WithGroup("outer").With(slog.Group("inner", "since", time.Hour)).Info("listed", "of", waited{time.Second}, "deep", slog.GroupValue(slog.Group("deeper", "took", time.Millisecond)), "n", 1)
	var line map[string]any
	require.NoError(t, json.Unmarshal(log.Bytes(), &line))
	assert.Equal(t, map[string]any{
		"inner": map[string]any{"since": "1h0m0s"}, "of": map[string]any{"pause": "1s", "times": 2.0}, "deep": map[string]any{"deeper": map[string]any{"took": "1ms"}}, "n": 1.0,
	}, line["outer"])

	log.Reset()
	logger.Debug("not asked for", "took", time.Second)
	assert.Empty(t, log.String())
}

func TestTheLevelOfTheLogIsNamedAsOthersNameIt(t *testing.T) {
	for text, level := range map[string]slog.Level{
		"warning": slog.LevelWarn, "WARNING": slog.LevelWarn, "warn": slog.LevelWarn, "Error": slog.LevelError, "debug": slog.LevelDebug, "info": slog.LevelInfo,
	} {
		t.Run(text, func(t *testing.T) {
			environment := valid(map[string]string{"SOTERIA_LOG_LEVEL": text})
			c, err := readConfig(environment)
			require.NoError(t, err)
			assert.Equal(t, level, c.LogLevel)
			assert.Equal(t, text, environment["SOTERIA_LOG_LEVEL"], "the environment is left as it is")

			plumber, err := readPlumberConfig(map[string]string{"S3_ENDPOINT": "minio:9000", "S3_BUCKET": "backups", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b", "LOG_LEVEL": text})
			require.NoError(t, err)
			assert.Equal(t, level, plumber.LogLevel)
		})
	}
	_, err := readConfig(valid(map[string]string{"SOTERIA_LOG_LEVEL": "warnings"}))
	require.ErrorContains(t, err, "SOTERIA_LOG_LEVEL: ")
}
