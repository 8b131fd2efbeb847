package node

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// unmountBelow unmounts everything below the folder given, deepest first, and
// returns an error if a mount is left: removing the folder would then remove
// what is mounted.
func unmountBelow(dir string) error {
	mounts, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range mounts {
		err := unix.Unmount(m, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: gone with another
			errs = append(errs, fmt.Errorf("unmount %s: %w", m, err))
		}
	}
	left, err := mountsBelow(dir)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("still mounted: %s", strings.Join(left, ", "))
	}
	return errors.Join(append(errs, err)...)
}

func mountsBelow(dir string) ([]string, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	return parseMounts(table, dir), nil
}

// parseMounts returns the mount points at or below dir, the last made first.
func parseMounts(table []byte, dir string) []string {
	const mountPoint = 4 // fields of a line, counted from zero
	var found []string
	for line := range bytes.Lines(table) {
		fields := strings.Fields(string(line))
		if len(fields) <= mountPoint {
			continue
		}
		at := unescape(fields[mountPoint])
		if at == dir || strings.HasPrefix(at, strings.TrimSuffix(dir, "/")+"/") {
			found = append(found, at)
		}
	}
	slices.Reverse(found)
	return found
}

// unescape replaces the octal escapes that the kernel writes for blanks and
// backslashes.
func unescape(s string) string {
	const escape = 4 // a backslash and three digits
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+escape <= len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+escape], 8, 8); err == nil {
				out.WriteByte(byte(c))
				i += escape - 1
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
