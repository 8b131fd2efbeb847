package volume_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/soteria-dr/soteria/e2e/tools/csi/volume"
)

func TestCheckHandle(t *testing.T) {
	for name, test := range map[string]struct {
		handle string
		valid  bool
	}{
		"as the provisioner makes them":       {"vol-pvc-2f1d8c1e-6f0e-4b57-9b0c-0d6a3a3f1c11", true},
		"dots and underscores within":         {"a.b_c", true},
		"as long as may be":                   {strings.Repeat("a", 200), true},
		"too long":                            {strings.Repeat("a", 201), false},
		"empty":                               {"", false},
		"the data directory":                  {".", false},
		"the folder above":                    {"..", false},
		"a way up":                            {"../other", false},
		"a way up in the middle":              {"vol/../../other", false},
		"an absolute path":                    {"/etc", false},
		"a folder inside a volume":            {"vol-a/sub", false},
		"a name that is the store's":          {".vol-a.deleted", false},
		"an option to a command":              {"-rf", false},
		"a zero byte":                         {"vol-a\x00", false},
		"a line break at the end":             {"vol-a\n", false},
		"a letter that looks like another":    {"vol-\u0430", false},
		"a path with the other kind of slash": {`vol\a`, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := volume.CheckHandle(test.handle)
			if test.valid && err != nil {
				t.Errorf("CheckHandle(%q) = %v, want no error", test.handle, err)
			}
			if !test.valid && !errors.Is(err, volume.ErrInvalid) {
				t.Errorf("CheckHandle(%q) = %v, want ErrInvalid", test.handle, err)
			}
		})
	}
}
