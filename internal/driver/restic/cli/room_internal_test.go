package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARunMayTakeWhatTheContainerHasLeft(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no cgroup":            {nil, 0},
		"no limit":             {map[string]string{"memory.max": "max\n", "memory.current": "1000000\n"}, 0},
		"use is not told":      {map[string]string{"memory.max": "536870912\n"}, 0},
		"half is used":         {map[string]string{"memory.max": "536870912\n", "memory.current": "134217728\n"}, 256 << 20},
		"some is only a cache": {map[string]string{"memory.max": "536870912\n", "memory.current": "134217728\n", "memory.stat": "anon 1\ninactive_file 67108864\n"}, 320 << 20},
		"nearly all is used":   {map[string]string{"memory.max": "536870912\n", "memory.current": "530000000\n"}, 128 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for file, content := range test.files {
				require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600))
			}
			assert.Equal(t, test.want, room(folder))
		})
	}
}
