package metrics

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/stall"
)

// scrapeTimeout bounds what one scrape may wait for.
const scrapeTimeout = 5 * time.Second

// State is where metrics are read from when Prometheus scrapes. What cannot be
// read is left out of that scrape and reported as its error; the other metrics
// are served all the same.
type State struct {
	// Restores reads all Restores, from a cache: it is called on each scrape.
	Restores client.Reader
	// ListedAt tells, by driver, when the last listing that was believed began;
	// the zero time where none was yet.
	ListedAt func() map[string]time.Time
	// Missing counts, by driver, the claims whose newest backup is gone, though Soteria
	// did not remove it.
	Missing func() map[string]int
	// StalledBackups counts, by who holds them up, the backups that do not come further;
	// nil where no backups are taken.
	StalledBackups func(context.Context) (map[stall.Cause]int, error)
	// CertificateEnds tells when the webhook's serving certificate expires.
	CertificateEnds func() (time.Time, error)
	// ClockOffsets tells, by source, how far its clock is ahead of this process's;
	// nil where no one compares.
	ClockOffsets func() map[string]time.Duration
	// Clock tells what a listing's age is measured by.
	Clock clock.PassiveClock
}

// Watch registers the metrics that are read from state.
func Watch(registry prometheus.Registerer, state State) {
	registry.MustRegister(restores{state.Restores}, catalogAge{state.ListedAt, state.Clock}, missing{state.Missing}, certificate{state.CertificateEnds}, clockOffsets{state.ClockOffsets}, stalledBackups{state.StalledBackups})
}

var (
	restoresDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "restores"),
		"Restores that exist, by phase.", []string{"phase"}, nil)
	heldDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "held_claims"),
		"Claims that wait because it is not settled which backup they get, or whether they may start empty.", nil, nil)
	stalledDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "restore_stalled"),
		"Restores, and removals of cancelled ones, of which nothing has moved for two minutes, by who holds them up.", []string{"cause"}, nil)
	stalledBackupDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "backup_stalled"),
		"Backups of which nothing has moved for two minutes, by who holds them up.", []string{"cause"}, nil)
	catalogAgeDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "catalog_age_seconds"),
		"Time since the last listing began that was believed, by driver; +Inf where there was none yet.", []string{"driver"}, nil)
	clockOffsetDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "clock_offset_seconds"),
		"How far the clock of a source, such as the API server, is ahead of this process's.", []string{"source"}, nil)
	missingDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "missing_backups"),
		"Claims whose newest backup is gone, though Soteria did not remove it, by driver.", []string{"driver"}, nil)
	certificateDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "certificate_expiry_timestamp_seconds"),
		"When the webhook's serving certificate expires, in seconds since 1970.", nil, nil)
)

// phases are all values of the label phase, so that each has a series even while
// no Restore is in it.
var phases = []v1alpha1.Phase{
	v1alpha1.PhaseSelecting, v1alpha1.PhasePreparing, v1alpha1.PhaseTransferring,
	v1alpha1.PhaseVerifying, v1alpha1.PhaseHandingOver, v1alpha1.PhaseCompleted,
}

type stalledBackups struct {
	count func(context.Context) (map[stall.Cause]int, error)
}

func (stalledBackups) Describe(descs chan<- *prometheus.Desc) { descs <- stalledBackupDesc }

// Collect reports nothing where not all could be counted: fewer would look like an
// improvement.
func (s stalledBackups) Collect(metrics chan<- prometheus.Metric) {
	if s.count == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	counts, err := s.count(ctx)
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(stalledBackupDesc, err)
		return
	}
	for _, cause := range stall.Causes() {
		metrics <- prometheus.MustNewConstMetric(stalledBackupDesc, prometheus.GaugeValue, float64(counts[cause]), string(cause))
	}
}

type clockOffsets struct {
	offsets func() map[string]time.Duration
}

func (clockOffsets) Describe(descs chan<- *prometheus.Desc) { descs <- clockOffsetDesc }

func (c clockOffsets) Collect(metrics chan<- prometheus.Metric) {
	if c.offsets == nil {
		return
	}
	for source, offset := range c.offsets() {
		metrics <- prometheus.MustNewConstMetric(clockOffsetDesc, prometheus.GaugeValue, offset.Seconds(), source)
	}
}

type restores struct{ reader client.Reader }

func (restores) Describe(descs chan<- *prometheus.Desc) {
	descs <- restoresDesc
	descs <- heldDesc
	descs <- stalledDesc
}

func (r restores) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	var all v1alpha1.RestoreList
	if err := r.reader.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		metrics <- prometheus.NewInvalidMetric(restoresDesc, err)
		return
	}
	counts := make(map[v1alpha1.Phase]int, len(phases))
	held := 0
	stalled := map[stall.Cause]int{}
	for i := range all.Items {
		if c := meta.FindStatusCondition(all.Items[i].Status.Conditions, v1alpha1.ConditionStalled); c != nil && c.Status == metav1.ConditionTrue {
			stalled[stall.Cause(c.Reason)]++
		}
		counts[phaseOf(&all.Items[i])]++
		if holds(&all.Items[i]) {
			held++
		}
	}
	for _, phase := range phases {
		metrics <- prometheus.MustNewConstMetric(restoresDesc, prometheus.GaugeValue, float64(counts[phase]), string(phase))
	}
	metrics <- prometheus.MustNewConstMetric(heldDesc, prometheus.GaugeValue, float64(held))
	for _, cause := range stall.Causes() {
		metrics <- prometheus.MustNewConstMetric(stalledDesc, prometheus.GaugeValue, float64(stalled[cause]), string(cause))
	}
}

// phaseOf gives a Restore's phase; one that nobody has looked at yet is where
// every restore begins.
func phaseOf(r *v1alpha1.Restore) v1alpha1.Phase {
	if r.Status.Phase == "" {
		return v1alpha1.PhaseSelecting
	}
	return r.Status.Phase
}

// holds reports whether a claim waits for the Restore to be settled. A Restore
// that a user wrote holds nothing until a claim refers to it.
func holds(r *v1alpha1.Restore) bool {
	claimed := r.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleLocked || r.Status.Claim != nil
	return claimed && phaseOf(r) == v1alpha1.PhaseSelecting
}

type catalogAge struct {
	listedAt func() map[string]time.Time
	clock    clock.PassiveClock
}

func (catalogAge) Describe(descs chan<- *prometheus.Desc) { descs <- catalogAgeDesc }

func (c catalogAge) Collect(metrics chan<- prometheus.Metric) {
	for driver, at := range c.listedAt() {
		age := math.Inf(1)
		if !at.IsZero() {
			age = c.clock.Since(at).Seconds()
		}
		metrics <- prometheus.MustNewConstMetric(catalogAgeDesc, prometheus.GaugeValue, age, driver)
	}
}

type missing struct{ count func() map[string]int }

func (missing) Describe(descs chan<- *prometheus.Desc) { descs <- missingDesc }

func (m missing) Collect(metrics chan<- prometheus.Metric) {
	for driver, n := range m.count() {
		metrics <- prometheus.MustNewConstMetric(missingDesc, prometheus.GaugeValue, float64(n), driver)
	}
}

type certificate struct{ ends func() (time.Time, error) }

func (certificate) Describe(descs chan<- *prometheus.Desc) { descs <- certificateDesc }

func (c certificate) Collect(metrics chan<- prometheus.Metric) {
	ends, err := c.ends()
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(certificateDesc, err)
		return
	}
	metrics <- prometheus.MustNewConstMetric(certificateDesc, prometheus.GaugeValue, seconds(ends))
}

// seconds gives a time as Prometheus counts it.
func seconds(t time.Time) float64 { return float64(t.Unix()) }
