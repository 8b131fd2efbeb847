package footprint

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// Settle returns to the kernel what only the start needed: garbage, and parts of the program, see
// [ReleaseProgram], whose error it returns. It takes a collection of garbage.
func Settle() error {
	debug.FreeOSMemory()
	return ReleaseProgram()
}

// ReleaseProgram takes out of memory what is mapped of the program's file, its code
// and constants. The kernel reads in again what is used; what only the start needed,
// which is most of a large program, counts no more as this process's memory.
// An error means that less was released, and does no harm.
func ReleaseProgram() error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program: %w", err)
	}
	self, err := procfs.Self()
	if err != nil {
		return fmt.Errorf("reading the process's own state: %w", err)
	}
	mappings, err := self.ProcMaps()
	if err != nil {
		return fmt.Errorf("reading the process's mappings: %w", err)
	}
	for _, m := range mappings {
		if m.Pathname != program || !isFile(m.Perms, hasFixedAddresses()) {
			continue
		}
		if _, _, failed := unix.Syscall(unix.SYS_MADVISE, m.StartAddr, m.EndAddr-m.StartAddr, unix.MADV_DONTNEED); failed != 0 {
			return fmt.Errorf("releasing the program's memory: %w", failed)
		}
	}
	return nil
}

// isFile reports whether a mapping of the program's file holds just what the file
// does: nothing was written to it. The constants of a program without fixed addresses
// were, by the one who loaded it.
func isFile(perms *procfs.ProcMapPermissions, fixed bool) bool {
	return perms.Read && !perms.Write && (perms.Execute || fixed)
}

// hasFixedAddresses reports whether the program was built to be loaded at the addresses
// that its file says.
func hasFixedAddresses() bool {
	info, known := debug.ReadBuildInfo()
	return known && slices.Contains(info.Settings, debug.BuildSetting{Key: "-buildmode", Value: "exe"})
}
