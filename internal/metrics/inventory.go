package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/inventory"
)

// WatchInventory registers the metrics that are read from the latest inventory
// when Prometheus scrapes. A claim that is gone has no series any more; neither
// has a value that nobody can tell, or a copy to look at. Ages go on while no inventory can be made.
func WatchInventory(registry prometheus.Registerer, latest func() (*inventory.Inventory, error), c clock.PassiveClock) {
	registry.MustRegister(freshness{latest, c})
}

var (
	claimLabels = []string{"namespace", "pvc", "volume", "driver"}

	ageDesc = prometheus.NewDesc("pvc_backup_age_hours",
		"Hours since a claim's newest backup was taken; no series where none is known.", claimLabels, nil)
	healthDesc = prometheus.NewDesc("pvc_backup_health",
		"1 while a claim's newest backup is young enough, else 0; no series where no backup is expected.", claimLabels, nil)
	lastSuccessDesc = prometheus.NewDesc("pvc_backup_last_success_timestamp_seconds",
		"When a claim's newest backup was taken, in seconds since 1970; no series where none is known.", claimLabels, nil)
	countDesc = prometheus.NewDesc("pvc_backup_count",
		"Backups of a claim by driver; no series where it is not known whether there are any.", claimLabels, nil)
	unreviewedDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "claim_unreviewed"),
		"1 for each claim that was bound without a verdict although older backups of it exist, until a person says which data is right.", []string{"namespace", "pvc"}, nil)
	refreshedDesc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "inventory_refresh_timestamp_seconds"),
		"When the facts of the latest inventory were gathered, in seconds since 1970.", nil, nil)
)

// freshness reads how well each claim is backed up.
type freshness struct {
	latest func() (*inventory.Inventory, error)
	clock  clock.PassiveClock
}

func (freshness) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{ageDesc, healthDesc, lastSuccessDesc, countDesc, unreviewedDesc, refreshedDesc} {
		descs <- desc
	}
}

func (f freshness) Collect(metrics chan<- prometheus.Metric) {
	known, err := f.latest()
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(refreshedDesc, err)
		return
	}
	metrics <- prometheus.MustNewConstMetric(refreshedDesc, prometheus.GaugeValue, seconds(known.GeneratedAt()))
	claims := known.Claims()
	for i := range claims {
		if !claims[i].Copy {
			f.collect(metrics, &claims[i], known)
		}
	}
}

func (f freshness) collect(metrics chan<- prometheus.Metric, c *inventory.Claim, known *inventory.Inventory) {
	gauge := func(desc *prometheus.Desc, value float64, driver string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, c.Claim.Namespace, c.Claim.Name, c.Volume, driver)
	}
	if c.Unreviewed != "" {
		metrics <- prometheus.MustNewConstMetric(unreviewedDesc, prometheus.GaugeValue, 1, c.Claim.Namespace, c.Claim.Name)
	}
	now := f.clock.Now()
	if c.Health.Expected() {
		health := 0.0
		if c.Health.Healthy() && c.Backups.Fresh(now, known.MaxAge()) {
			health = 1
		}
		gauge(healthDesc, health, c.Driver)
	}
	if c.Backups.Count == 0 {
		if c.Health == inventory.NoBackups {
			gauge(countDesc, 0, c.Driver)
		}
		return
	}
	if !c.Backups.Newest.IsZero() {
		gauge(ageDesc, c.Backups.Age(now).Hours(), c.Driver)
		gauge(lastSuccessDesc, seconds(c.Backups.Newest), c.Driver)
	}
	for _, each := range c.Backups.ByDriver {
		gauge(countDesc, float64(each.Count), each.Driver)
	}
}
