package mover

import (
	"context"
	"flag"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/mover/report"
)

// parseBlank reads `blank --target <folder>`.
func parseBlank(flags *flag.FlagSet, args []string) (work, error) {
	target := flags.String("target", "", "the `folder` that must be empty")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return func(_ context.Context, _ Process, result *report.Result) error {
		return blank(*target, result)
	}, require(flags, "target")
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
