package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/retention"
)

func TestTheForgetArgumentsAreTheDefaultKeepWhereThatIsAskedFor(t *testing.T) {
	const args = "--keep-daily 7 -w4 --keep-last=3 -m 12 --keep-daily=14 --prune --option s3.connections=5"
	asked, err := readConfig(valid(map[string]string{"SOTERIA_RESTIC_FORGET_ARGS": args, "SOTERIA_DEFAULT_KEEP": "args"}))
	require.NoError(t, err)
	assert.Equal(t, map[string]retention.Keep{"restic": {Last: 3, Daily: 14, Weekly: 4, Monthly: 12}}, asked.defaultKeeps)
	assert.Equal(t, []string{"--prune"}, asked.unusedForgetArgs())

	upgraded, err := readConfig(valid(map[string]string{"SOTERIA_RESTIC_FORGET_ARGS": args}))
	require.NoError(t, err)
	assert.Empty(t, upgraded.defaultKeeps, "what had no use removes nothing after an upgrade")
	assert.Contains(t, upgraded.unusedForgetArgs(), "--keep-daily")
}

func TestADefaultKeepThatCannotBeCountedIsAMistake(t *testing.T) {
	for name, args := range map[string]string{
		"nothing is kept by":     "--prune",
		"there are no arguments": "",
		"a time within":          "--keep-daily 7 --keep-within 1y",
		"a tag":                  "--keep-tag forever --keep-last 3",
		"no end":                 "--keep-last unlimited",
		"less than nothing":      "--keep-last=-1",
		"more than can be meant": "--keep-last 100000",
		"no number":              "--keep-last some",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := readConfig(valid(map[string]string{"SOTERIA_RESTIC_FORGET_ARGS": args, "SOTERIA_DEFAULT_KEEP": "args"}))
			require.ErrorContains(t, err, "SOTERIA_DEFAULT_KEEP: ")
			assert.Empty(t, c.defaultKeeps)
		})
	}
	_, err := readConfig(valid(map[string]string{"SOTERIA_DEFAULT_KEEP": "all"}))
	require.ErrorContains(t, err, "SOTERIA_DEFAULT_KEEP: ")
}
