package admission

import (
	"cmp"
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
)

// remembered is how long what was read is told again: consoles ask all the time.
const remembered = 10 * time.Second

// Gate reads how the gate is. It is safe for concurrent use.
type Gate struct {
	reader client.Reader
	clock  clock.PassiveClock

	mu     sync.Mutex
	readAt time.Time
	last   Report
}

// New makes a gate that is read from the API server.
func New(reader client.Reader, clock clock.PassiveClock) *Gate {
	return &Gate{reader: reader, clock: clock}
}

// Report tells how the gate is, or was up to ten seconds ago.
func (g *Gate) Report(ctx context.Context) Report {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.readAt.IsZero() && g.clock.Since(g.readAt) < remembered {
		return g.last
	}
	found, err := g.read(ctx)
	if err != nil {
		return Report{State: Unknown, Message: backup.Message(err)}
	}
	g.last, g.readAt = judge(found), g.clock.Now()
	return g.last
}

// read reads what the gate is made of.
func (g *Gate) read(ctx context.Context) (o objects, err error) {
	err = cmp.Or(
		get(ctx, g.reader, configurationName, &o.mutating),
		get(ctx, g.reader, configurationName, &o.validating),
		get(ctx, g.reader, lockName, &o.lock),
		get(ctx, g.reader, lockName, &o.lockBinding),
		get(ctx, g.reader, refuseName, &o.refuse),
		get(ctx, g.reader, refuseName, &o.refuseBinding),
	)
	if err != nil {
		return objects{}, backup.Errorf(backup.Unavailable, "whether the gate is closed could not be read: %w", err)
	}
	return o, nil
}

// get reads an object into a pointer, which stays nil where there is none, also
// because the API server knows none of its kind, as before Kubernetes 1.36.
func get[T any, P interface {
	*T
	client.Object
}](ctx context.Context, reader client.Reader, name string, into *P) error {
	object := P(new(T))
	err := reader.Get(ctx, types.NamespacedName{Name: name}, object)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil
	}
	if err == nil {
		*into = object
	}
	return err
}
