package mounts_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"

	"github.com/soteria-dr/soteria/e2e/tools/csi/mounts"
)

// A root filesystem; a data disk whose folder "sub" is mounted at /data; the volume a shown at two targets, once a
// folder of it only; the volume ab shown at one; a filesystem mounted inside volume c; and another disk that has a
// folder of the same path as a.
const kernelTable = `1 0 8:1 / / rw - ext4 /dev/root rw
2 1 8:2 /sub /data rw - ext4 /dev/data rw
3 1 8:2 /sub/a /pods/1/mount rw - ext4 /dev/data rw
4 1 8:2 /sub/a/deep /pods/2/mount\040point ro - ext4 /dev/data rw
5 1 8:2 /sub/ab /pods/3/mount rw - ext4 /dev/data rw
6 2 0:40 / /data/c/cache rw - tmpfs tmpfs rw
7 1 8:3 /sub/a /elsewhere rw - ext4 /dev/other rw
8 1 8:2 /sub/ab /pods/1/mount rw - ext4 /dev/data rw
`

func table(t *testing.T) mounts.Table {
	t.Helper()
	infos, err := mountinfo.GetMountsFromReader(strings.NewReader(kernelTable), nil)
	if err != nil {
		t.Fatal(err)
	}
	return infos
}

func TestLocateFollowsTheDeepestMount(t *testing.T) {
	for dir, want := range map[string]mounts.Place{
		"/":             {Major: 8, Minor: 1, Path: "/"},
		"/etc/ssl":      {Major: 8, Minor: 1, Path: "/etc/ssl"},
		"/database":     {Major: 8, Minor: 1, Path: "/database"},
		"/data":         {Major: 8, Minor: 2, Path: "/sub"},
		"/data/a":       {Major: 8, Minor: 2, Path: "/sub/a"},
		"/data/c/cache": {Major: 0, Minor: 40, Path: "/"},
		"/pods/1/mount": {Major: 8, Minor: 2, Path: "/sub/ab"},
	} {
		t.Run(dir, func(t *testing.T) {
			place, err := table(t).Locate(dir)
			if err != nil {
				t.Fatal(err)
			}
			if place != want {
				t.Errorf("Locate = %+v, want %+v", place, want)
			}
		})
	}
}

func TestUsersAreAllThatARemovalWouldHurt(t *testing.T) {
	for dir, want := range map[string][]string{
		"/data/a":  {"/pods/1/mount", "/pods/2/mount point"},
		"/data/ab": {"/pods/3/mount", "/pods/1/mount"},
		"/data/c":  {"/data/c/cache"},
		"/data/d":  nil,
	} {
		t.Run(dir, func(t *testing.T) {
			users, err := table(t).Users(dir)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(users, want) {
				t.Errorf("Users = %q, want %q", users, want)
			}
		})
	}
}

func TestAtReturnsTheTopmostMount(t *testing.T) {
	if mount := table(t).At("/pods/1/mount"); mount == nil || mount.Root != "/sub/ab" {
		t.Errorf("At = %+v, want the later of two mounts", mount)
	}
	if mount := table(t).At("/pods"); mount != nil {
		t.Errorf("At = %+v, want none", mount)
	}
}
