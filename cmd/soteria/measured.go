package main

import (
	"slices"

	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/restore"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/retention/enforcer"
	"github.com/soteria-dr/soteria/internal/signin"
)

// foreseen are the series of metrics that exist from the start.
func (c *config) foreseen() metrics.Foreseen {
	only := func(names []string, fits func(string) bool) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !fits(name) })
	}
	return metrics.Foreseen{
		Listed: only(slices.Concat(drivers, lookups), c.looksAt), Taking: only(drivers, c.uses), Restoring: only(drivers, c.uses),
		Backups:  words([]backupjob.Result{backupjob.Succeeded, backupjob.Partial, backupjob.Failed}),
		Attempts: []string{restore.ResultFilled, restore.ResultPartial, restore.ResultFailed},
		Refusals: words(append(retention.Reasons(), enforcer.DriverFailed, enforcer.Unreviewed)),
		Denials:  words(signin.Reasons()),
		Removers: []string{copies.ByPerson, copies.ByExpiry},
	}
}

func words[W ~string](of []W) []string {
	all := make([]string, 0, len(of))
	for _, word := range of {
		all = append(all, string(word))
	}
	return all
}
