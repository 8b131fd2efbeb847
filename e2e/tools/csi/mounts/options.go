package mounts

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// attributeOf is what a bind mount can do of the usual mount options. The options of a filesystem proper are unknown
// here: a folder has none.
var attributeOf = map[string]unix.MountAttr{
	"ro":         {Attr_set: unix.MOUNT_ATTR_RDONLY},
	"nosuid":     {Attr_set: unix.MOUNT_ATTR_NOSUID},
	"nodev":      {Attr_set: unix.MOUNT_ATTR_NODEV},
	"noexec":     {Attr_set: unix.MOUNT_ATTR_NOEXEC},
	"nodiratime": {Attr_set: unix.MOUNT_ATTR_NODIRATIME},
	"noatime":    {Attr_set: unix.MOUNT_ATTR_NOATIME, Attr_clr: unix.MOUNT_ATTR__ATIME},
	"relatime":   {Attr_set: unix.MOUNT_ATTR_RELATIME, Attr_clr: unix.MOUNT_ATTR__ATIME},
}

// CheckOptions says which mount option is unknown.
func CheckOptions(options []string) error {
	_, err := attributes(options)
	return err
}

// attributes merges what the options ask for.
func attributes(options []string) (unix.MountAttr, error) {
	var all unix.MountAttr
	for _, option := range options {
		attribute, known := attributeOf[option]
		if !known {
			return unix.MountAttr{}, fmt.Errorf("mount option %q is unknown to bind mounts", option)
		}
		all.Attr_set |= attribute.Attr_set
		all.Attr_clr |= attribute.Attr_clr
	}
	return all, nil
}

// readOnly tells whether a mount's options, as the kernel prints them, make it read-only.
func readOnly(options string) bool {
	for option := range strings.SplitSeq(options, ",") {
		if option == "ro" {
			return true
		}
	}
	return false
}
