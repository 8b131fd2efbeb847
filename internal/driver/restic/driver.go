package restic

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/memory"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
	"github.com/soteria-dr/soteria/internal/driver/restic/store"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// Cluster is how the driver reaches Kubernetes.
type Cluster struct {
	// Client writes. Reader reads the API server itself, not a cache: whether a
	// backup is running, or a Job has a pod left, must not be answered from
	// what was so a moment ago.
	Client client.Client
	Reader client.Reader
	// Cache holds Soteria's own Jobs and their pods, for looking on while they work;
	// nil does without.
	Cache client.Reader
	// Logs reads the progress that movers print; nil does without.
	Logs moverjob.LogReader
	// Clock is the time; nil is the real one.
	Clock clock.PassiveClock
	// Observe looks at the answers of the repository's store; nil does without.
	Observe store.Observer
	// MayMake returns why no repository may be made without a person's decision,
	// nil if one may. It is asked before, and with the identity of what was made
	// once more after that. Without it no repository is made.
	MayMake func(ctx context.Context, made string) error
}

// Driver is the restic driver. It is safe for concurrent use.
type Driver struct {
	cfg      Config
	location cli.Location
	cluster  Cluster
	fills    moverjob.Fills

	// turn is held by who reads the repository.
	turn chan struct{}

	mu sync.Mutex
	// lastSeen is the identity that the repository had when a listing ended, store what
	// its store is looked at through, and kept what the last listing read.
	lastSeen string
	store    *store.Store
	kept     *reading
	// readOnce is true once a listing has succeeded.
	readOnce bool
	// provedRead is what the repository was proved to hold at provedAt.
	provedRead *reading
	provedAt   time.Time
	// notes are those that the last whole listing held.
	notes []note.Note
	// noted is true once there was one.
	noted bool

	copies memory.Reader
}

// The roles that the driver plays.
var (
	_ driver.Lister    = (*Driver)(nil)
	_ driver.Confirmer = (*Driver)(nil)
	_ driver.Backuper  = (*Driver)(nil)
	_ driver.Filler    = (*Driver)(nil)
	_ driver.Pruner    = (*Driver)(nil)
	_ driver.Tester    = (*Driver)(nil)
)

// New makes the driver. The configuration must be valid; SoteriaImage is needed
// for backups and fills.
func New(cfg Config, cluster Cluster) (*Driver, error) {
	location, err := cli.ParseLocation(cfg.Repository, cfg.S3Endpoint)
	if err != nil {
		return nil, backup.Errorf(backup.Invalid, "SOTERIA_RESTIC_REPOSITORY: %w", err)
	}
	cfg.Program = cmp.Or(cfg.Program, "restic")
	cfg.CacheDir = cmp.Or(cfg.CacheDir, filepath.Join(os.TempDir(), "restic-cache"))
	cfg.JobDeadline = cmp.Or(cfg.JobDeadline, DefaultJobDeadline)
	cfg.TestRoom = cmp.Or(cfg.TestRoom, DefaultTestRoom)
	if cluster.Clock == nil {
		cluster.Clock = clock.RealClock{}
	}
	return &Driver{
		cfg: cfg, location: location, cluster: cluster, turn: make(chan struct{}, 1),
		fills: moverjob.Fills{Client: cluster.Client, Reader: cluster.Reader, Cache: cluster.Cache, Logs: cluster.Logs, Namespace: cfg.Namespace, Clock: cluster.Clock},
	}, nil
}

// Name implements [driver.Lister].
func (d *Driver) Name() string { return Name }

// Location is the repository's address as restic takes it; it holds no secret.
func (d *Driver) Location() string { return d.location.Text }

// credentials reads the Secret, anew each time: it may come late, be half
// written, or change. Errors are of kind Credentials and name the Secret and
// the keys at fault, or Unavailable where it could not be read.
func (d *Driver) credentials(ctx context.Context) (cli.Credentials, error) {
	credentials, _, err := d.readSecret(ctx)
	return credentials, err
}

// readSecret returns the credentials, and what identifies the Secret as it is now:
// another one, or one that was changed, is identified by something else.
func (d *Driver) readSecret(ctx context.Context) (credentials cli.Credentials, version string, err error) {
	name := types.NamespacedName{Namespace: d.cfg.SecretNamespace, Name: d.cfg.SecretName}
	var secret corev1.Secret
	err = d.cluster.Reader.Get(ctx, name, &secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, "", backup.Errorf(backup.Credentials, "Secret %s with the repository's credentials does not exist", name)
	case err != nil:
		return nil, "", backup.Errorf(backup.Unavailable, "reading Secret %s: %w", name, err)
	}
	credentials, err = cli.ReadCredentials(d.location.Kind, fmt.Sprintf("Secret %s", name), secret.Data)
	return credentials, string(secret.UID) + "/" + secret.ResourceVersion, err
}

// program points restic at the repository, with the credentials as they are
// now.
func (d *Driver) program(ctx context.Context) (cli.Program, error) {
	program, _, err := d.programNow(ctx)
	return program, err
}

// programNow is program, with what identifies the Secret that the credentials are from.
func (d *Driver) programNow(ctx context.Context) (program cli.Program, secret string, err error) {
	credentials, secret, err := d.readSecret(ctx)
	if err != nil {
		return cli.Program{}, "", err
	}
	return cli.Program{
		Path: d.cfg.Program, Location: d.location, Credentials: credentials,
		Region: d.cfg.S3Region, CacheDir: d.cfg.CacheDir,
	}, secret, nil
}
