package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

// namespace begins every metric's name.
const namespace = "soteria"

// The buckets, in seconds. Admission has a budget of 3 s within the webhook's
// time-out of 5 s; a listing is given up after 2 min unless told otherwise; a
// restore moves anything from an empty folder to terabytes.
var (
	admissionBuckets = []float64{.001, .005, .01, .05, .1, .25, .5, 1, 2, 2.5, 3, 5}
	listingBuckets   = []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
	restoreBuckets   = []float64{5, 10, 30, 60, 120, 300, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 24 * 3600}
)

// ok is the value of the label result where nothing went wrong; otherwise it is
// the error's kind.
const ok = "ok"

// Metrics counts what happens. It is safe for concurrent use.
type Metrics struct {
	verdicts          *prometheus.CounterVec
	admission         *prometheus.HistogramVec
	listings          *prometheus.CounterVec
	confirmations     *prometheus.CounterVec
	listingDuration   *prometheus.HistogramVec
	existsRequests    *prometheus.CounterVec
	backupRequests    *prometheus.CounterVec
	backups           *prometheus.CounterVec
	policyBackups     *prometheus.CounterVec
	forgotten         *prometheus.CounterVec
	retention         *prometheus.CounterVec
	restoreRequests   *prometheus.CounterVec
	restoreAttempts   *prometheus.CounterVec
	namespaceBackups  *prometheus.CounterVec
	namespaceRestores *prometheus.CounterVec
	restoreDuration   *prometheus.HistogramVec
	authzDenials      *prometheus.CounterVec
	panics            prometheus.Counter
	inventories       prometheus.Counter
	memoryCopies      *prometheus.CounterVec
	copiesRemoved     *prometheus.CounterVec
}

// New makes the metrics and registers them. It panics where a name is taken,
// which only a defect can bring about.
func New(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		confirmations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "listing_confirmations_total",
			Help: "Times that the last listing of a repository was found to stand, in the place of another one, by driver.",
		}, []string{"driver"}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "verdicts_total",
			Help: "Verdicts that admission gave on claims, by verdict and by the rule that decided.",
		}, []string{"verdict", "reason"}),
		admission: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "admission_duration_seconds",
			Help: "Time that admission took to reach a verdict.", Buckets: admissionBuckets,
		}, []string{"verdict"}),
		listings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "listings_total",
			Help: "Listings of whole repositories, by driver; result is ok when the listing was believed, else the kind of error.",
		}, []string{"driver", "result"}),
		listingDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "listing_duration_seconds",
			Help: "Time that listings of whole repositories took.", Buckets: listingBuckets,
		}, []string{"driver"}),
		existsRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "exists_requests_total",
			Help: "Answers to /exists, by decision: restore, fresh or unknown.",
		}, []string{"decision"}),
		backupRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "backup_requests_total",
			Help: "Requests for a backup; result is ok, dry_run or the kind of error.",
		}, []string{"driver", "result"}),
		backups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "backups_total",
			Help: "Backups that have ended, by result: succeeded, partial or failed.",
		}, []string{"driver", "result"}),
		policyBackups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "policy_backups_total",
			Help: "Backups that policies had due; result is ok when it was started, else the kind of error.",
		}, []string{"result"}),
		forgotten: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "backups_forgotten_total",
			Help: "Old backups that retention has removed.",
		}, []string{"driver"}),
		retention: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "retention_refusals_total",
			Help: "Times that old backups of a claim were kept although its policy does not keep them, by what kept them.",
		}, []string{"reason"}),
		restoreRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "restore_requests_total",
			Help: "Requests to the API for a restore; result is ok, dry_run or the kind of error, driver is none where no backup was chosen.",
		}, []string{"driver", "result"}),
		namespaceBackups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "namespace_backup_requests_total",
			Help: "Requests for backups of a whole namespace; result is ok, dry_run, partial or the kind of error.",
		}, []string{"driver", "result"}),
		namespaceRestores: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "namespace_restore_requests_total",
			Help: "Requests for restores of a whole namespace; result is ok, dry_run, partial or the kind of error, driver is none or several where it is not one.",
		}, []string{"driver", "result"}),
		restoreAttempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "restore_attempts_total",
			Help: "Attempts to give a claim its data that have ended, by result; driver is blank for claims that start empty.",
		}, []string{"driver", "result"}),
		restoreDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "restore_duration_seconds",
			Help: "Time from the first look at a claim until it had its volume, all attempts included.", Buckets: restoreBuckets,
		}, []string{"driver"}),
		authzDenials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "authz_denials_total",
			Help: "Requests that were not let in, or whose sign-in headers were ignored (untrusted_proxy), by reason.",
		}, []string{"reason"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "http_panics_total",
			Help: "HTTP requests that ended in a panic, each a defect.",
		}),
		inventories: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "inventory_refresh_failures_total",
			Help: "Inventories that could not be made; the last one stands.",
		}),
		memoryCopies: newMemoryCopies(),
		copiesRemoved: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "copies_removed_total",
			Help: "Removals of copies that were made to look at a backup, by who had them removed (person or expiry); result is ok or the kind of error.",
		}, []string{"by", "result"}),
	}
	registry.MustRegister(m.verdicts, m.admission, m.listings, m.confirmations, m.listingDuration, m.existsRequests,
		m.backupRequests, m.backups, m.policyBackups, m.forgotten, m.retention, m.restoreRequests, m.namespaceBackups, m.namespaceRestores, m.restoreAttempts,
		m.restoreDuration, m.authzDenials, m.panics, m.inventories, m.memoryCopies, m.copiesRemoved)
	return m
}

// Verdict counts a verdict of admission and how long it took to reach.
func (m *Metrics) Verdict(kind decision.Kind, reason decision.Reason, took time.Duration) {
	m.verdicts.WithLabelValues(kind.String(), string(reason)).Inc()
	m.admission.WithLabelValues(kind.String()).Observe(took.Seconds())
}

// Listed counts a listing of a driver's repository.
func (m *Metrics) Listed(driver string, took time.Duration, _ int, err error) {
	m.listings.WithLabelValues(driver, result(err)).Inc()
	m.listingDuration.WithLabelValues(driver).Observe(took.Seconds())
}

// Confirmed counts a listing that was found to stand, in the place of another one.
func (m *Metrics) Confirmed(driver string, _ time.Duration) {
	m.confirmations.WithLabelValues(driver).Inc()
}

// ExistsAnswered counts an answer to /exists.
func (m *Metrics) ExistsAnswered(decision string) {
	m.existsRequests.WithLabelValues(decision).Inc()
}

// BackupRequested counts a request for a backup.
func (m *Metrics) BackupRequested(driver string, dryRun bool, err error) {
	m.backupRequests.WithLabelValues(driver, requested(dryRun, err)).Inc()
}

// RestoreRequested counts a request to the API for a restore; the driver is that
// of the chosen backup, "none" where none was chosen.
func (m *Metrics) RestoreRequested(driver string, dryRun bool, err error) {
	m.restoreRequests.WithLabelValues(driver, requested(dryRun, err)).Inc()
}

// NamespaceBackupRequested counts a request for backups of a namespace. An error
// of kind Partial is for some of the claims only.
func (m *Metrics) NamespaceBackupRequested(driver string, dryRun bool, err error) {
	m.namespaceBackups.WithLabelValues(driver, requested(dryRun, err)).Inc()
}

// NamespaceRestoreRequested does the same for restores; the driver is "several"
// where the chosen backups are of more than one, "none" where none was chosen.
func (m *Metrics) NamespaceRestoreRequested(driver string, dryRun bool, err error) {
	m.namespaceRestores.WithLabelValues(driver, requested(dryRun, err)).Inc()
}

// BackupFinished counts a backup that has ended. Driver and result come from
// small closed sets.
func (m *Metrics) BackupFinished(driver, result string) {
	m.backups.WithLabelValues(driver, result).Inc()
}

// BackupsForgotten counts backups that retention has removed.
func (m *Metrics) BackupsForgotten(driver string, n int) {
	m.forgotten.WithLabelValues(driver).Add(float64(n))
}

// RetentionRefused counts a time that old backups were kept. The reason comes from
// a small closed set.
func (m *Metrics) RetentionRefused(reason string) {
	m.retention.WithLabelValues(reason).Inc()
}

// PolicyBackup counts an attempt to start a backup that a policy had due.
func (m *Metrics) PolicyBackup(err error) {
	m.policyBackups.WithLabelValues(result(err)).Inc()
}

// Attempted counts an attempt to give a claim its data that has ended. Driver
// and result come from small closed sets.
func (m *Metrics) Attempted(driver, result string) {
	m.restoreAttempts.WithLabelValues(driver, result).Inc()
}

// Completed records how long a claim waited for its volume.
func (m *Metrics) Completed(driver string, took time.Duration) {
	m.restoreDuration.WithLabelValues(driver).Observe(took.Seconds())
}

// AuthzDenied counts a request that was not let in, or not believed. The reason
// comes from a small closed set.
func (m *Metrics) AuthzDenied(reason string) { m.authzDenials.WithLabelValues(reason).Inc() }

// Panicked counts a request that ended in a panic.
func (m *Metrics) Panicked() { m.panics.Inc() }

// InventoryFailed counts an inventory that could not be made.
func (m *Metrics) InventoryFailed() { m.inventories.Inc() }

// CopyRemoved counts a copy to look at that was removed or could not be. The value of by
// comes from a small closed set.
func (m *Metrics) CopyRemoved(by string, err error) {
	m.copiesRemoved.WithLabelValues(by, result(err)).Inc()
}

func requested(dryRun bool, err error) string {
	if err == nil && dryRun {
		return "dry_run"
	}
	return result(err)
}

func result(err error) string {
	if err == nil {
		return ok
	}
	return backup.KindOf(err).String()
}
