package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
)

func TestASnapshotThatCannotBeReadIsToldFromAStoreThatCannotBeAsked(t *testing.T) {
	id := "0123456789" + strings.Repeat("ab", 27)
	for line, want := range map[string]struct{ unread, gone bool }{
		"Load(<snapshot/0123456789>, 0, 0) returned error, retrying after 720.254544ms: <snapshot/0123456789> does not exist":              {true, true},
		"Load(<snapshot/0123456789>, 0, 0) returned error, retrying after 1s: unexpected HTTP response (404): 404 Not Found":               {true, true},
		"Load(<snapshot/0123456789>, 0, 0) failed: open /repository/snapshots/0123456789abab: no such file or directory":                   {true, true},
		`{"message_type":"exit_error","code":1,"message":"Fatal: failed to load snapshot 01234567: <snapshot/0123456789> does not exist"}`: {true, true},
		"failed to load snapshot 01234567: load(<snapshot/0123456789>): invalid data returned":                                             {true, false},
		"Load(<snapshot/0123456789>, 0, 0) returned error, retrying after 1s: dial tcp 10.0.0.1:443: connect: connection refused":          {},
		"Load(<snapshot/9876543210>, 0, 0) returned error, retrying after 1s: <snapshot/9876543210> does not exist":                        {},
		"failed to load snapshot 98765432: load(<snapshot/9876543210>): invalid data returned":                                             {},
		"Load(<lock/0123456789>, 0, 0) returned error, retrying after 1s: <lock/0123456789> does not exist":                                {},
		"": {},
	} {
		unread, gone := cli.SnapshotUnread(line, id)
		assert.Equal(t, want, struct{ unread, gone bool }{unread, gone}, line)
	}
	unread, _ := cli.SnapshotUnread("failed to load snapshot 01234567: invalid data returned", "")
	assert.False(t, unread, "none was named")
}
