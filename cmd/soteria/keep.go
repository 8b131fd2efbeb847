package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/retention"
)

// keepAsArgs, as SOTERIA_DEFAULT_KEEP, has the options in SOTERIA_RESTIC_FORGET_ARGS
// say which backups stay where a policy does not.
const keepAsArgs = "args"

// KeepConfig settles which backups stay where a policy does not say it. It is exported
// for the library that reads it.
type KeepConfig struct {
	DefaultKeep string `env:"SOTERIA_DEFAULT_KEEP"`

	// defaultKeeps hold by driver.
	defaultKeeps map[string]retention.Keep
}

// deriveKeep reads the default keep. What cannot be counted as restic would count it is
// a mistake: too much would be removed.
func (c *config) deriveKeep() []error {
	switch c.DefaultKeep {
	case "":
		return nil
	case keepAsArgs:
	default:
		return []error{fmt.Errorf("SOTERIA_DEFAULT_KEEP: %q must be %s, or left out to keep all", c.DefaultKeep, keepAsArgs)}
	}
	keep, err := keepOf(c.restic("").KeepArgs())
	if err != nil {
		return []error{fmt.Errorf("SOTERIA_DEFAULT_KEEP: %w", err)}
	}
	c.defaultKeeps = map[string]retention.Keep{restic.Name: keep}
	return nil
}

// keepOf reads options of `restic forget`.
func keepOf(options map[string]string) (retention.Keep, error) {
	var keep retention.Keep
	numbers := map[string]*int{
		"keep-last": &keep.Last, "keep-hourly": &keep.Hourly, "keep-daily": &keep.Daily,
		"keep-weekly": &keep.Weekly, "keep-monthly": &keep.Monthly, "keep-yearly": &keep.Yearly,
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		number, counted := numbers[name]
		if !counted {
			return retention.Keep{}, fmt.Errorf("--%s in SOTERIA_RESTIC_FORGET_ARGS keeps by what a policy cannot count: remove it, or give the policies a keep of their own", name)
		}
		value, err := strconv.Atoi(options[name])
		if err != nil {
			return retention.Keep{}, fmt.Errorf("--%s in SOTERIA_RESTIC_FORGET_ARGS is %q, which is no number", name, options[name])
		}
		*number = value
	}
	if keep.IsZero() {
		return keep, fmt.Errorf("SOTERIA_RESTIC_FORGET_ARGS has no option such as --keep-daily 7")
	}
	return keep, keep.Validate()
}

// unusedForgetArgs are the options in SOTERIA_RESTIC_FORGET_ARGS that nothing goes by.
func (c *config) unusedForgetArgs() []string {
	unused := c.restic("").UnusedForgetArgs()
	if len(c.defaultKeeps) == 0 {
		return unused
	}
	return slices.DeleteFunc(unused, func(name string) bool { return strings.HasPrefix(name, "--keep-") })
}
