package debian

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestLackingNamesOnlyWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	got, err := lacking(map[string]string{"here": dir, "gone": filepath.Join(dir, "gone")})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"gone"}; !slices.Equal(got, want) {
		t.Errorf("lacking %v, want %v", got, want)
	}
}
