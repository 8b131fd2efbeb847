package volume

import (
	"fmt"
	"regexp"
	"strings"
)

// maxHandle leaves room in a file name, of 255 bytes, for what the store puts around a handle.
const maxHandle = 200

// A handle starts with a letter or digit: never with a dot, which is the store's, nor with a dash.
var handlePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// CheckHandle says why a handle is not one that this package could have given out. The error is an [ErrInvalid].
func CheckHandle(handle string) error {
	switch {
	case handle == "":
		return fmt.Errorf("%w: the volume handle is empty", ErrInvalid)
	case len(handle) > maxHandle:
		return fmt.Errorf("%w: the volume handle is longer than %d bytes", ErrInvalid, maxHandle)
	case !handlePattern.MatchString(handle):
		return fmt.Errorf("%w: volume handle %q may hold only letters, digits, '.', '_' and '-', and starts with a letter or digit",
			ErrInvalid, handle)
	}
	return nil
}

const (
	partialSuffix = ".partial"
	deletedSuffix = ".deleted"
	recordSuffix  = ".json"
)

func partialName(handle string) string { return "." + handle + partialSuffix }
func deletedName(handle string) string { return "." + handle + deletedSuffix }
func recordName(handle string) string  { return "." + handle + recordSuffix }

// recordOf returns the handle that a file in the data directory is the record of.
func recordOf(name string) (handle string, ok bool) {
	handle, hadDot := strings.CutPrefix(name, ".")
	handle, hadSuffix := strings.CutSuffix(handle, recordSuffix)
	return handle, hadDot && hadSuffix && CheckHandle(handle) == nil
}

// isHalfMade tells whether a name in the data directory is of a folder that was being made or removed.
func isHalfMade(name string) bool {
	handle, ok := strings.CutPrefix(name, ".")
	if !ok {
		return false
	}
	for _, suffix := range []string{partialSuffix, deletedSuffix} {
		if cut, found := strings.CutSuffix(handle, suffix); found && CheckHandle(cut) == nil {
			return true
		}
	}
	return false
}
