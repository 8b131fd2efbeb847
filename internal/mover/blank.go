package mover

import (
	"context"
	"flag"
	"io"
	"os"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// parseBlank reads `blank --target <folder>` and `blank --device <file>`.
func parseBlank(flags *flag.FlagSet, args []string) (work, error) {
	target := flags.String("target", "", "the `folder` that must be empty")
	device := flags.String("device", "", "the raw block `device` that must be readable")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if *device != "" {
		return func(_ context.Context, _ Process, result *report.Result) error { return blankDevice(*device, result) }, nil
	}
	return func(_ context.Context, _ Process, result *report.Result) error {
		return blank(*target, result)
	}, require(flags, "target")
}

// blankDevice verifies that a raw device can be read. What a device holds that
// nobody has written to is the storage's own business.
func blankDevice(device string, result *report.Result) error {
	opened, err := os.Open(device) // #nosec G304 -- the volume's device
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "opening the device: %w", err)
	}
	defer opened.Close() //nolint:errcheck // only read from
	const sector = 512
	if _, err := io.ReadFull(opened, make([]byte, sector)); err != nil {
		return backup.Errorf(backup.DriverFailed, "reading the device: %w", err)
	}
	result.Restored, result.Expected = &report.Counts{}, &report.Counts{}
	return nil
}

// blank verifies that a volume is empty, and leaves it as it is.
func blank(target string, result *report.Result) error {
	names, err := entries(target)
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "reading the volume: %w", err)
	}
	if len(names) > 0 {
		const shown = 5
		list := strings.Join(names[:min(len(names), shown)], ", ")
		if len(names) > shown {
			list += ", …"
		}
		return backup.Errorf(backup.DriverFailed, "the new volume is not empty: it holds %s", list)
	}
	result.Restored, result.Expected = &report.Counts{}, &report.Counts{}
	return nil
}
