package backup_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
)

func held(files, bytes int64) backup.Backup { return backup.Backup{Files: files, DataBytes: bytes} }

func TestWhatTwoBackupsHoldIsCompared(t *testing.T) {
	const gib, mib = 1 << 30, 1 << 20
	for name, c := range map[string]struct {
		newer, older                  backup.Backup
		collapsed, shrunk, lost, same bool
	}{
		"a volume that was wiped":               {held(0, 0), held(4000, 100*gib), true, true, true, true},
		"a database that was made anew":         {held(1000, 40*mib), held(1200, 100*gib), true, true, false, true},
		"packed objects":                        {held(3, 900), held(10_000, 1000), true, true, false, true},
		"logs that rotated":                     {held(20, 4*mib), held(20, 10*mib), false, true, false, true},
		"half is left":                          {held(50, 500), held(100, 1000), false, false, false, true},
		"a quarter is left":                     {held(25, 250), held(100, 1000), true, true, true, true},
		"it grew":                               {held(100, 1000), held(1, 1), false, false, false, true},
		"there was nothing before":              {held(0, 0), held(0, 0), false, false, false, true},
		"nothing is known of the newer":         {held(-1, -1), held(100, 1000), false, false, false, false},
		"nothing is known of the older":         {held(0, 0), held(-1, -1), false, false, false, false},
		"each knows what the other does not":    {held(-1, 0), held(100, -1), false, false, false, false},
		"files alone are known, and are fewer":  {held(1, -1), held(100, 1000), true, true, true, true},
		"blocks alone are known, and are fewer": {held(-1, 1), held(-1, 1000), true, true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := [4]bool{
				backup.Collapsed(c.newer, c.older), backup.Shrunk(c.newer, c.older, 50),
				backup.LostMost(c.newer, c.older, 50), backup.Comparable(c.newer, c.older),
			}
			if want := [4]bool{c.collapsed, c.shrunk, c.lost, c.same}; got != want {
				t.Errorf("collapsed, shrunk, lost, comparable: got %v, want %v", got, want)
			}
		})
	}
}

func TestComparisonsAgreeWithEachOther(t *testing.T) {
	size := rapid.Int64Range(-1, 1<<50)
	rapid.Check(t, func(t *rapid.T) {
		a, b := held(size.Draw(t, "files"), size.Draw(t, "bytes")), held(size.Draw(t, "files"), size.Draw(t, "bytes"))
		if backup.LostMost(a, b, 50) && !backup.Shrunk(a, b, 50) {
			t.Fatal("what lost most has shrunk")
		}
		if (backup.Shrunk(a, b, 50) || backup.Collapsed(a, b)) && !backup.Comparable(a, b) {
			t.Fatal("what cannot be compared has neither shrunk nor collapsed")
		}
		if backup.Collapsed(a, b) && !backup.Shrunk(a, b, 74) {
			t.Fatal("what collapsed has shrunk")
		}
		if backup.Shrunk(a, b, 100) {
			t.Fatal("nothing shrinks by more than all of it")
		}
	})
}
