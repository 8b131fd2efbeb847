package longhorn

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
	"github.com/soteria-dr/soteria/internal/stall"
)

// Outcomes is told what came of backups, by the replica that drove them. One
// that a crash fell into may be told twice.
type Outcomes interface {
	// BackupEnded tells that a backup of the claim has ended: well, with the
	// backup's name, or not, with an error that says why in Longhorn's words and
	// the name if the backup had one by then. The claim's next backup waits until
	// it returns, for 30 s at the most, when ctx ends.
	BackupEnded(ctx context.Context, claim backup.Claim, name string, err error)
	// BackupStalled reports that a backup of the claim does not come further, and who
	// holds it up: once, when that changes, and again every hour. The name is empty
	// until the backup has one.
	BackupStalled(ctx context.Context, claim backup.Claim, name string, mark stall.Mark)
}

// Cluster is how the driver reaches Kubernetes.
type Cluster struct {
	// Client writes. Reader reads the API server itself, not a cache.
	Client client.Client
	Reader client.Reader
	// REST is any client of the API server, such as one of a clientset's;
	// Longhorn's custom resources are read through it.
	REST rest.Interface
	// Identity names this replica, in Leases. No two that run at a time share it.
	Identity string
	// Outcomes hears how backups end; nil is nobody.
	Outcomes Outcomes
	// Clock is the time; nil is the real one.
	Clock clock.WithTicker
	// Log hears of what is tried again later; nil is the default logger.
	Log *slog.Logger
	// Observe wraps what calls of Longhorn's API go through; nil wraps nothing.
	Observe func(next http.RoundTripper) http.RoundTripper
}

// Driver is the Longhorn driver. It is safe for concurrent use. Backups need
// [Driver.Start] to run.
type Driver struct {
	cfg     Config
	cluster Cluster
	api     *api.Client
	records records
	runner  *runner

	mu sync.Mutex
	// unreadable holds the names of backups that Longhorn had not read when the
	// last listing gave up waiting for them.
	unreadable map[string]struct{}
}

// The roles that this file's neighbours play.
var (
	_ driver.Lister   = (*Driver)(nil)
	_ driver.Backuper = (*Driver)(nil)
	_ driver.Pruner   = (*Driver)(nil)
)

// New makes the driver. The configuration must be valid.
func New(cfg Config, cluster Cluster) (*Driver, error) {
	cfg = cfg.withDefaults()
	if cluster.Clock == nil {
		cluster.Clock = clock.RealClock{}
	}
	if cluster.Log == nil {
		cluster.Log = slog.Default()
	}
	calls, err := api.New(cfg.URL, api.Options{Clock: cluster.Clock, Observe: cluster.Observe})
	if err != nil {
		return nil, backup.Errorf(backup.Invalid, "SOTERIA_LONGHORN_URL: %w", err)
	}
	return &Driver{
		cfg: cfg, cluster: cluster, api: calls, records: records{rest: cluster.REST, namespace: cfg.Namespace}, runner: newRunner(),
	}, nil
}

// Name implements [driver.Lister].
func (d *Driver) Name() string { return Name }
