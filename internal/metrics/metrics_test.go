package metrics_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/stall"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// everything lets everything happen once.
func everything(m *metrics.Metrics) {
	refused := backup.Errorf(backup.Credentials, "wrong password")
	m.Verdict(decision.Hold, decision.ReasonUnknown, 2500*time.Millisecond)
	m.Verdict(decision.Ignore, decision.ReasonNotOptedIn, time.Millisecond)
	m.Listed("restic", time.Second, 12, nil)
	m.Listed("restic", time.Minute, 0, refused)
	m.ExistsAnswered("fresh")
	m.BackupRequested("restic", false, nil)
	m.BackupRequested("restic", true, nil)
	m.BackupRequested("restic", true, refused)
	m.BackupFinished("restic", "succeeded")
	m.BackupsForgotten("restic", 3)
	m.RetentionRefused("restore_open")
	m.CopyRemoved("person", nil)
	m.CopyRemoved("expiry", refused)
	m.PolicyBackup(nil)
	m.PolicyBackup(refused)
	m.Attempted("restic", "filled")
	m.Attempted("blank", "filled")
	m.RestoreRequested("restic", false, nil)
	m.RestoreRequested("longhorn", true, nil)
	m.RestoreRequested("none", false, backup.Errorf(backup.NotFound, "no backup"))
	m.NamespaceBackupRequested("restic", false, nil)
	m.NamespaceRestoreRequested("several", false, backup.Errorf(backup.Partial, "some"))
	m.Completed("restic", time.Minute)
	m.AuthzDenied("wrong_token")
	m.Panicked()
	m.InventoryFailed()
}

func TestWhatHappensIsCounted(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	everything(metrics.New(registry))
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP soteria_verdicts_total Verdicts that admission gave on claims, by verdict and by the rule that decided.
# TYPE soteria_verdicts_total counter
soteria_verdicts_total{reason="BackupsUnknown",verdict="Hold"} 1
soteria_verdicts_total{reason="NotOptedIn",verdict="Ignore"} 1
# HELP soteria_listings_total Listings of whole repositories, by driver; result is ok when the listing was believed, else the kind of error.
# TYPE soteria_listings_total counter
soteria_listings_total{driver="restic",result="credentials"} 1
soteria_listings_total{driver="restic",result="ok"} 1
# HELP soteria_exists_requests_total Answers to /exists, by decision: restore, fresh or unknown.
# TYPE soteria_exists_requests_total counter
soteria_exists_requests_total{decision="fresh"} 1
# HELP soteria_backup_requests_total Requests for a backup; result is ok, dry_run or the kind of error.
# TYPE soteria_backup_requests_total counter
soteria_backup_requests_total{driver="restic",result="credentials"} 1
soteria_backup_requests_total{driver="restic",result="dry_run"} 1
soteria_backup_requests_total{driver="restic",result="ok"} 1
# HELP soteria_backups_total Backups that have ended, by result: succeeded, partial or failed.
# TYPE soteria_backups_total counter
soteria_backups_total{driver="restic",result="succeeded"} 1
# HELP soteria_policy_backups_total Backups that policies had due; result is ok when it was started, else the kind of error.
# TYPE soteria_policy_backups_total counter
soteria_policy_backups_total{result="credentials"} 1
soteria_policy_backups_total{result="ok"} 1
# HELP soteria_backups_forgotten_total Old backups that retention has removed.
# TYPE soteria_backups_forgotten_total counter
soteria_backups_forgotten_total{driver="restic"} 3
# HELP soteria_retention_refusals_total Times that old backups of a claim were kept although its policy does not keep them, by what kept them.
# TYPE soteria_retention_refusals_total counter
soteria_retention_refusals_total{reason="restore_open"} 1
# HELP soteria_restore_requests_total Requests to the API for a restore; result is ok, dry_run or the kind of error, driver is none where no backup was chosen.
# TYPE soteria_restore_requests_total counter
soteria_restore_requests_total{driver="longhorn",result="dry_run"} 1
soteria_restore_requests_total{driver="none",result="not_found"} 1
soteria_restore_requests_total{driver="restic",result="ok"} 1
# HELP soteria_namespace_backup_requests_total Requests for backups of a whole namespace; result is ok, dry_run, partial or the kind of error.
# TYPE soteria_namespace_backup_requests_total counter
soteria_namespace_backup_requests_total{driver="restic",result="ok"} 1
# HELP soteria_namespace_restore_requests_total Requests for restores of a whole namespace; result is ok, dry_run, partial or the kind of error, driver is none or several where it is not one.
# TYPE soteria_namespace_restore_requests_total counter
soteria_namespace_restore_requests_total{driver="several",result="partial"} 1
# HELP soteria_restore_attempts_total Attempts to give a claim its data that have ended, by result; driver is blank for claims that start empty.
# TYPE soteria_restore_attempts_total counter
soteria_restore_attempts_total{driver="blank",result="filled"} 1
soteria_restore_attempts_total{driver="restic",result="filled"} 1
# HELP soteria_authz_denials_total Requests that were not let in, or whose sign-in headers were ignored (untrusted_proxy), by reason.
# TYPE soteria_authz_denials_total counter
soteria_authz_denials_total{reason="wrong_token"} 1
# HELP soteria_http_panics_total HTTP requests that ended in a panic, each a defect.
# TYPE soteria_http_panics_total counter
soteria_http_panics_total 1
# HELP soteria_inventory_refresh_failures_total Inventories that could not be made; the last one stands.
# TYPE soteria_inventory_refresh_failures_total counter
soteria_inventory_refresh_failures_total 1
# HELP soteria_copies_removed_total Removals of copies that were made to look at a backup, by who had them removed (person or expiry); result is ok or the kind of error.
# TYPE soteria_copies_removed_total counter
soteria_copies_removed_total{by="expiry",result="credentials"} 1
soteria_copies_removed_total{by="person",result="ok"} 1
`), "soteria_verdicts_total", "soteria_listings_total", "soteria_exists_requests_total",
		"soteria_backup_requests_total", "soteria_backups_total", "soteria_restore_requests_total", "soteria_namespace_backup_requests_total",
		"soteria_namespace_restore_requests_total", "soteria_restore_attempts_total", "soteria_http_panics_total",
		"soteria_authz_denials_total", "soteria_policy_backups_total", "soteria_backups_forgotten_total", "soteria_retention_refusals_total", "soteria_inventory_refresh_failures_total",
		"soteria_copies_removed_total"))
	for name, series := range map[string]int{
		"soteria_admission_duration_seconds": 2, "soteria_listing_duration_seconds": 1, "soteria_restore_duration_seconds": 1,
	} {
		got, err := testutil.GatherAndCount(registry, name)
		require.NoError(t, err)
		assert.Equal(t, series, got, name)
	}
}

func TestEveryMetricIsNamedAsPrometheusWouldHaveIt(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	everything(metrics.New(registry))
	metrics.Watch(registry, state(t))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func restore(name string, change ...func(*v1alpha1.Restore)) *v1alpha1.Restore {
	r := &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: name}}
	for _, c := range change {
		c(r)
	}
	return r
}

func locked(r *v1alpha1.Restore) {
	r.Labels = map[string]string{v1alpha1.RoleLabel: v1alpha1.RoleLocked}
}

func inPhase(phase v1alpha1.Phase) func(*v1alpha1.Restore) {
	return func(r *v1alpha1.Restore) {
		r.Status.Phase = phase
		r.Status.Claim = &v1alpha1.ClaimReference{Name: r.Name}
	}
}

func cluster(t *testing.T, restores ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(restores...).Build()
}

func state(t *testing.T, restores ...client.Object) metrics.State {
	t.Helper()
	return metrics.State{
		Restores: cluster(t, restores...),
		ListedAt: func() map[string]time.Time {
			return map[string]time.Time{"restic": noon.Add(-90 * time.Second), "longhorn": {}}
		},
		Missing:         func() map[string]int { return map[string]int{"restic": 2, "longhorn": 0} },
		CertificateEnds: func() (time.Time, error) { return noon, nil },
		Clock:           clocktesting.NewFakePassiveClock(noon),
	}
}

func TestWhatIsIsReadAtScrape(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	metrics.Watch(registry, state(t,
		restore("just locked", locked),
		restore("looking for a backup", inPhase(v1alpha1.PhaseSelecting)),
		restore("written by hand, wanted by no claim", func(*v1alpha1.Restore) {}),
		restore("transferring", inPhase(v1alpha1.PhaseTransferring), func(r *v1alpha1.Restore) {
			r.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: "NodeLost"}}
		}),
		restore("done", inPhase(v1alpha1.PhaseCompleted), func(r *v1alpha1.Restore) {
			r.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionFalse, Reason: "Progressing"}}
		}),
		restore("done too", inPhase(v1alpha1.PhaseCompleted)),
	))
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP soteria_restores Restores that exist, by phase.
# TYPE soteria_restores gauge
soteria_restores{phase="Completed"} 2
soteria_restores{phase="HandingOver"} 0
soteria_restores{phase="Preparing"} 0
soteria_restores{phase="Selecting"} 3
soteria_restores{phase="Transferring"} 1
soteria_restores{phase="Verifying"} 0
# HELP soteria_held_claims Claims that wait because it is not settled which backup they get, or whether they may start empty.
# TYPE soteria_held_claims gauge
soteria_held_claims 2
# HELP soteria_restore_stalled Restores, and removals of cancelled ones, of which nothing has moved for two minutes, by who holds them up.
# TYPE soteria_restore_stalled gauge
soteria_restore_stalled{cause="Attacher"} 0
soteria_restore_stalled{cause="BackupSystem"} 0
soteria_restore_stalled{cause="JobController"} 0
soteria_restore_stalled{cause="Kubelet"} 0
soteria_restore_stalled{cause="Mover"} 0
soteria_restore_stalled{cause="NodeLost"} 1
soteria_restore_stalled{cause="Person"} 0
soteria_restore_stalled{cause="Policy"} 0
soteria_restore_stalled{cause="Provisioner"} 0
soteria_restore_stalled{cause="Quota"} 0
soteria_restore_stalled{cause="Scheduler"} 0
soteria_restore_stalled{cause="Unknown"} 0
# HELP soteria_catalog_age_seconds Time since the last listing began that was believed, by driver; +Inf where there was none yet.
# TYPE soteria_catalog_age_seconds gauge
soteria_catalog_age_seconds{driver="longhorn"} +Inf
soteria_catalog_age_seconds{driver="restic"} 90
# HELP soteria_missing_backups Claims whose newest backup is gone, though Soteria did not remove it, by driver.
# TYPE soteria_missing_backups gauge
soteria_missing_backups{driver="longhorn"} 0
soteria_missing_backups{driver="restic"} 2
# HELP soteria_certificate_expiry_timestamp_seconds When the webhook's serving certificate expires, in seconds since 1970.
# TYPE soteria_certificate_expiry_timestamp_seconds gauge
soteria_certificate_expiry_timestamp_seconds 1.7723664e+09
`)))
}

func TestWhatCannotBeReadIsAnErrorAndNotZero(t *testing.T) {
	s := state(t)
	s.Restores = interceptor.NewClient(cluster(t), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("the cache has not synced")
		},
	})
	s.CertificateEnds = func() (time.Time, error) { return time.Time{}, errors.New("no certificate yet") }
	registry := prometheus.NewPedanticRegistry()
	metrics.Watch(registry, s)
	families, err := registry.Gather()
	assert.ErrorContains(t, err, "the cache has not synced")
	assert.ErrorContains(t, err, "no certificate yet")
	require.Len(t, families, 2)
	assert.Equal(t, "soteria_catalog_age_seconds", families[0].GetName())
	assert.Equal(t, "soteria_missing_backups", families[1].GetName())
}

func TestBackupsThatAreStalledAreCountedByCause(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	s := state(t)
	s.StalledBackups = func(context.Context) (map[stall.Cause]int, error) { return map[stall.Cause]int{stall.NodeLost: 2}, nil }
	metrics.Watch(registry, s)
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != "soteria_backup_stalled" {
			continue
		}
		assert.Len(t, family.GetMetric(), len(stall.Causes()), "each cause has a series")
		for _, m := range family.GetMetric() {
			want := 0.0
			if m.GetLabel()[0].GetValue() == "NodeLost" {
				want = 2
			}
			assert.InDelta(t, want, m.GetGauge().GetValue(), 0)
		}
		return
	}
	t.Fatal("there is no soteria_backup_stalled")
}

func TestStalledBackupsThatCannotBeCountedAreAnErrorOfTheScrape(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	s := state(t)
	s.StalledBackups = func(context.Context) (map[stall.Cause]int, error) { return nil, errors.New("the API server is away") }
	metrics.Watch(registry, s)
	_, err := registry.Gather()
	assert.ErrorContains(t, err, "the API server is away")
}
