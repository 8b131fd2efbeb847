package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

// Foreseen are the values that labels will have, as far as that is known from the start.
type Foreseen struct {
	// Listed, Taking and Restoring are the drivers that are looked at, take backups and
	// restore them.
	Listed, Taking, Restoring []string
	// Backups and Attempts are how backups, and attempts to restore, may end.
	Backups, Attempts []string
	// Refusals are why retention may remove nothing, Denials why a caller may not be let
	// in.
	Refusals, Denials []string
	// Removers are who may have copies to look at removed.
	Removers []string
}

// Begin makes the series that can be foreseen, all at 0: a rate over a series that
// comes with its first event misses that event.
func (m *Metrics) Begin(f Foreseen) {
	kinds := make([]string, 0, len(backup.Kinds()))
	for _, kind := range backup.Kinds() {
		kinds = append(kinds, kind.String())
	}
	results := append([]string{ok}, kinds...)
	requests := append([]string{"dry_run"}, results...)

	for _, v := range decision.Outcomes() {
		m.verdicts.WithLabelValues(v.Kind.String(), string(v.Reason))
		m.admission.WithLabelValues(v.Kind.String())
	}
	zero(m.listings, f.Listed, results)
	zero(m.confirmations, f.Listed)
	for _, driver := range f.Listed {
		m.listingDuration.WithLabelValues(driver)
	}
	zero(m.existsRequests, []string{"restore", "fresh", "unknown"})

	zero(m.backupRequests, f.Taking, requests)
	zero(m.namespaceBackups, f.Taking, requests)
	zero(m.backups, f.Taking, f.Backups)
	zero(m.policyBackups, results)
	zero(m.forgotten, f.Taking)
	zero(m.memoryCopies, f.Taking, results)
	zero(m.retention, f.Refusals)

	const none, several, blank = "none", "several", "blank"
	zero(m.restoreRequests, append([]string{none}, f.Restoring...), requests)
	zero(m.namespaceRestores, append([]string{none, several}, f.Restoring...), requests)
	filled := append([]string{blank}, f.Restoring...)
	zero(m.restoreAttempts, filled, f.Attempts)
	for _, driver := range filled {
		m.restoreDuration.WithLabelValues(driver)
	}
	zero(m.authzDenials, f.Denials)
	zero(m.copiesRemoved, f.Removers, results)
}

// zero makes a counter's series of each combination of its labels' values.
func zero(counter *prometheus.CounterVec, values ...[]string) {
	combinations := [][]string{nil}
	for _, of := range values {
		var longer [][]string
		for _, begun := range combinations {
			for _, value := range of {
				longer = append(longer, append(begun[:len(begun):len(begun)], value))
			}
		}
		combinations = longer
	}
	for _, labels := range combinations {
		counter.WithLabelValues(labels...)
	}
}
