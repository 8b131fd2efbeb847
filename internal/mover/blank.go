package mover

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"

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

// Where data betrays itself on a raw device: what is written to one, be it a file
// system, a partition table, an encrypted or a logical volume or a machine's disk,
// writes to its first 4 KiB; but for btrfs, whose first block is further in. What
// lies beyond may be left of another volume, where the storage does not clear it.
const (
	deviceHead  = 4 << 10
	btrfsOffset = 64<<10 + 64
	btrfsMagic  = "_BHRfS_M"
)

// blankDevice verifies that a raw device can be read and shows no sign of data.
func blankDevice(device string, result *report.Result) error {
	opened, err := os.Open(device) // #nosec G304 -- the volume's device
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "opening the device: %w", err)
	}
	defer opened.Close() //nolint:errcheck // only read from
	head := make([]byte, deviceHead)
	if _, err := io.ReadFull(opened, head); err != nil {
		return backup.Errorf(backup.DriverFailed, "reading the device: %w", err)
	}
	magic := make([]byte, len(btrfsMagic))
	if _, err := opened.ReadAt(magic, btrfsOffset); err != nil && !errors.Is(err, io.EOF) {
		return backup.Errorf(backup.DriverFailed, "reading the device: %w", err)
	}
	if bytes.ContainsFunc(head, func(r rune) bool { return r != 0 }) || string(magic) == btrfsMagic {
		return found{names: []string{"data in its first blocks"}}.refuse(result)
	}
	blankCounts(result)
	return nil
}

// blank verifies that a volume is empty, and leaves it as it is.
func blank(volume string, result *report.Result) error {
	names, err := entries(volume)
	if err != nil {
		return backup.Errorf(backup.DriverFailed, "reading the volume: %w", err)
	}
	if len(names) > 0 {
		return found{names: names}.refuse(result)
	}
	blankCounts(result)
	return nil
}

// blankCounts records that a volume holds nothing.
func blankCounts(result *report.Result) {
	result.Restored, result.Expected, result.Finding = &report.Counts{}, &report.Counts{}, report.FindingOwn
}
