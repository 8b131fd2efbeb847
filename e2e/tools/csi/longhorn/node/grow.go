package node

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
	"k8s.io/utils/exec"
)

// errMayNotGrow is returned where the kernel does not let this process grow a file system in use.
var errMayNotGrow = errors.New("this process lacks the capability SYS_RESOURCE, which growing a mounted ext4 takes")

// maxRepaired is the highest exit code of e2fsck after which all is well: see e2fsck(8).
const maxRepaired = 1

// growUnmounted makes the ext file system on a device as large as the device. It leaves a blank device, and any other file
// system, as it is. Longhorn's own driver does this after mounting; but that takes a capability that is denied to
// everybody on some machines.
func (s *Server) growUnmounted(device string) error {
	format, err := s.mounter.GetDiskFormat(device)
	if err != nil {
		return fmt.Errorf("look for a file system on %s: %w", device, err)
	}
	if !strings.HasPrefix(format, "ext") {
		return nil
	}
	// Without a full check resize2fs refuses a file system that was mounted before.
	out, err := s.programs.Command("e2fsck", "-f", "-p", device).CombinedOutput()
	var exit exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitStatus() > maxRepaired) {
		return fmt.Errorf("check the file system on %s: %w: %s", device, err, out)
	}
	_, err = s.resizer.Resize(device, "")
	return err
}

// growMounted makes a mounted file system as large as its device.
func (s *Server) growMounted(device, at string) error {
	need, err := s.resizer.NeedResize(device, at)
	if err != nil || !need {
		return err
	}
	_, err = s.resizer.Resize(device, at)
	if err != nil && !mayGrowMounted() {
		return fmt.Errorf("%w: %w", errMayNotGrow, err)
	}
	return err
}

// mayGrowMounted tells whether this process has the capability that ext4 asks for.
func mayGrowMounted() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // 64 capabilities, 32 in each
	err := unix.Capget(&header, &data[0])
	return err == nil && data[unix.CAP_SYS_RESOURCE/32].Effective&(1<<(unix.CAP_SYS_RESOURCE%32)) != 0
}
