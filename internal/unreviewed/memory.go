package unreviewed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

// ConfigMap is the name of the ConfigMap whose creation tells when the gate of this
// cluster was first seen closed: its age is set by the API server, by the clock that
// claims' ages are set by. A [Book] is kept in it.
const ConfigMap = "soteria-gate"

// lookEvery is how often the gate is looked at until it was seen closed.
const lookEvery = 30 * time.Second

// Memory remembers when the gate was first seen closed. It is safe for concurrent
// use.
type Memory struct {
	// Client makes the ConfigMap; Reader reads it from the API server itself.
	Client client.Writer
	Reader client.Reader
	// Namespace is Soteria's own.
	Namespace string
	// Closed reports whether the gate is closed now.
	Closed func(context.Context) bool
	Clock  clock.Clock
	Log    *slog.Logger

	mu    sync.Mutex
	since time.Time
}

// Since returns when the gate was first seen closed; the zero time where it never
// was. Once known it is not read again. The error is of kind Unavailable.
func (m *Memory) Since(ctx context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.since.IsZero() {
		return m.since, nil
	}
	var kept corev1.ConfigMap
	err := m.Reader.Get(ctx, types.NamespacedName{Namespace: m.Namespace, Name: ConfigMap}, &kept)
	switch {
	case apierrors.IsNotFound(err):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, backup.Errorf(backup.Unavailable, "reading ConfigMap %s/%s, which tells since when the gate is there: %w", m.Namespace, ConfigMap, err)
	}
	m.since = kept.CreationTimestamp.Time
	return m.since, nil
}

// NeedLeaderElection tells controller-runtime that the leader alone remembers.
func (m *Memory) NeedLeaderElection() bool { return true }

// Start looks at the gate until it was seen closed once. It is controller-runtime's
// Runnable.
func (m *Memory) Start(ctx context.Context) error {
	for {
		known, err := m.look(ctx)
		if err != nil && ctx.Err() == nil {
			m.Log.Warn("it cannot be remembered that the gate is closed", "error", err)
		}
		if known {
			return nil
		}
		timer := m.Clock.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		}
	}
}

// look remembers the gate if it is closed, and reports whether it is remembered.
func (m *Memory) look(ctx context.Context) (known bool, err error) {
	since, err := m.Since(ctx)
	if err != nil || !since.IsZero() {
		return err == nil, err
	}
	if !m.Closed(ctx) {
		return false, nil
	}
	made := configmap.New(m.Namespace, ConfigMap)
	made.Annotations = map[string]string{"soteria.dev/purpose": "The gate of this cluster was first seen closed when this object was created. Claims that are younger and have no verdict are reviewed."}
	err = configmap.Write(ctx, m.Client, made, fmt.Sprintf("ConfigMap %s/%s", m.Namespace, ConfigMap))
	if err != nil && backup.KindOf(err) != backup.Conflict { // another process was first
		return false, err
	}
	return true, nil
}
