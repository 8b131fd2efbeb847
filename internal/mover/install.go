package mover

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/soteria-dr/soteria/internal/mover/report"
)

// parseInstall reads `install <file>`.
func parseInstall(flags *flag.FlagSet, args []string) (work, error) {
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() != 1 {
		return nil, fmt.Errorf("needs the file to install to")
	}
	destination := flags.Arg(0)
	return func(context.Context, Process, *report.Result) error { return install(destination) }, nil
}

// install copies the running executable. It is written under another name first,
// so that destination is never half a program, also when it is done again.
func install(destination string) error {
	const executable = 0o555
	own, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("opening the own executable: %w", err)
	}
	defer own.Close() //nolint:errcheck // only read from

	unfinished := destination + ".unfinished"
	if err := os.Remove(unfinished); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("removing what an earlier install left: %w", err)
	}
	copied, err := os.OpenFile(unfinished, os.O_CREATE|os.O_EXCL|os.O_WRONLY, executable) // #nosec G302 G304 -- a program, where the caller wants it
	if err != nil {
		return fmt.Errorf("installing: %w", err)
	}
	if _, err := io.Copy(copied, own); err != nil {
		_ = copied.Close()
		return fmt.Errorf("installing: %w", err)
	}
	if err := copied.Chmod(executable); err != nil { // whatever the umask
		_ = copied.Close()
		return fmt.Errorf("installing: %w", err)
	}
	if err := copied.Close(); err != nil {
		return fmt.Errorf("installing: %w", err)
	}
	if err := os.Rename(unfinished, destination); err != nil {
		return fmt.Errorf("installing: %w", err)
	}
	return nil
}
