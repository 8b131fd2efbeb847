package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestExitCodes(t *testing.T) {
	cases := map[string]struct {
		args []string
		env  map[string]string
		code int
		says string
	}{
		"a wrong configuration is the caller's mistake": {nil, map[string]string{"SOTERIA_RESTORE_MODE": "maybe"}, exitUsage, "SOTERIA_RESTORE_MODE"},
		"an unknown command is the caller's mistake":    {[]string{"dance"}, nil, exitUsage, "dance"},
		"serve takes no arguments":                      {[]string{"serve", "now"}, valid(nil), exitUsage, "no arguments"},
		"repository needs to know what to do":           {[]string{"repository"}, valid(nil), exitUsage, "init"},
		"accept needs an identity":                      {[]string{"repository", "accept"}, valid(nil), exitUsage, "ID"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, tc.code, run(t.Context(), tc.args, tc.env, &stdout, &stderr))
			assert.Contains(t, stderr.String(), tc.says)
			assert.Empty(t, stdout.String())
		})
	}
}
