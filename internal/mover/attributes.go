package mover

import (
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// attributes are a file's owner, mode and time of change of its content.
type attributes struct {
	uid, gid int
	mode     fs.FileMode
	modified time.Time
}

// differ says how a file on a volume differs from what it should be; "" if it does
// not. A symbolic link has no mode of its own.
func (a attributes) differ(stat unix.Stat_t) string {
	switch mode := permissions(a.mode); {
	case int64(a.uid) != int64(stat.Uid) || int64(a.gid) != int64(stat.Gid):
		return fmt.Sprintf("owner %d:%d instead of %d:%d", stat.Uid, stat.Gid, a.uid, a.gid)
	case stat.Mode&unix.S_IFMT != unix.S_IFLNK && stat.Mode&allPermissions != mode:
		return fmt.Sprintf("mode %04o instead of %04o", stat.Mode&allPermissions, mode)
	case !sameTime(a.modified, time.Unix(stat.Mtim.Unix())):
		return fmt.Sprintf("changed at %s instead of %s", time.Unix(stat.Mtim.Unix()).UTC().Format(time.RFC3339Nano), a.modified.UTC().Format(time.RFC3339Nano))
	}
	return ""
}

// allPermissions are the bits of a mode but for those of the type.
const allPermissions = 0o7777

// permissions turns a mode of package fs into the bits that the kernel knows.
func permissions(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: unix.S_ISUID, fs.ModeSetgid: unix.S_ISGID, fs.ModeSticky: unix.S_ISVTX} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// sameTime reports whether a file system that was given a time may answer with the
// other: many keep times in coarser steps, and cut off what is below.
func sameTime(given, kept time.Time) bool {
	for _, step := range []time.Duration{1, 100, time.Microsecond, time.Millisecond, 10 * time.Millisecond, time.Second, 2 * time.Second} {
		if cutOff(given, step).Equal(kept) {
			return true
		}
	}
	return false
}

// cutOff is t, cut down to a whole step since 1970.
func cutOff(t time.Time, step time.Duration) time.Time {
	if step < time.Second {
		nanoseconds := t.Nanosecond()
		return time.Unix(t.Unix(), int64(nanoseconds-nanoseconds%int(step)))
	}
	seconds, whole := t.Unix(), int64(step/time.Second)
	return time.Unix(seconds-(seconds%whole+whole)%whole, 0)
}
