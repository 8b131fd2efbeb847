package node

import (
	"slices"
	"testing"
)

func TestParseMountsTakesOnlyWhatIsBelow(t *testing.T) {
	table := []byte(`20 1 8:1 / / rw - ext4 /dev/a rw
21 20 0:20 / /state rw - tmpfs a rw
22 20 0:21 / /state/a\040b rw - tmpfs a rw
23 22 0:22 / /state/a\040b/c\134d rw shared:1 - tmpfs a rw
24 20 0:23 / /state2/x rw - tmpfs a rw
`)
	got := parseMounts(table, "/state")
	want := []string{`/state/a b/c\d`, "/state/a b", "/state"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
