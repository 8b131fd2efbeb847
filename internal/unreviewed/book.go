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
	"github.com/soteria-dr/soteria/internal/cycle"
	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

const (
	// spansKey is where the ConfigMap of the gate holds the spans.
	spansKey = "unreviewed"
	// bookEvery is how often the spans are read, and what is seen of claims is
	// recorded.
	bookEvery = 15 * time.Second
)

// Book keeps [Spans] in the ConfigMap of the gate, for all replicas: each reads it,
// the leader's [Recorder] writes it. It is safe for concurrent use.
type Book struct {
	// Client writes the ConfigMap; Reader reads it from the API server itself.
	Client client.Writer
	Reader client.Reader
	// Namespace is Soteria's own.
	Namespace string
	Clock     clock.Clock
	Log       *slog.Logger

	mu    sync.Mutex
	read  bool
	spans Spans
}

// Of returns the times in which a claim's data was unreviewed. It does not wait. The
// error is of kind Unavailable: they were not read yet.
func (b *Book) Of(claim backup.Claim) ([]backup.Span, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.read {
		return nil, backup.Errorf(backup.Unavailable,
			"it was not read yet from ConfigMap %s/%s which backups that others took are of unreviewed data; that is tried again by itself", b.Namespace, ConfigMap)
	}
	return b.spans[claim], nil
}

// NeedLeaderElection tells controller-runtime that every replica reads.
func (b *Book) NeedLeaderElection() bool { return false }

// Start reads the spans until ctx ends. It is controller-runtime's Runnable.
func (b *Book) Start(ctx context.Context) error {
	cycle.Run(ctx, b.Clock, bookEvery, func(ctx context.Context) {
		if _, _, err := b.load(ctx); err != nil && ctx.Err() == nil {
			b.Log.Warn("it cannot be read which claims were unreviewed; what was read before holds", "error", err)
		}
	})
	return nil
}

// load reads the spans and keeps them. Stored is nil where there is no ConfigMap, so
// that no gate was ever closed.
func (b *Book) load(ctx context.Context) (spans Spans, stored *corev1.ConfigMap, err error) {
	stored = &corev1.ConfigMap{}
	err = b.Reader.Get(ctx, types.NamespacedName{Namespace: b.Namespace, Name: ConfigMap}, stored)
	switch {
	case apierrors.IsNotFound(err):
		stored = nil
	case err != nil:
		return nil, nil, backup.Errorf(backup.Unavailable, "reading ConfigMap %s/%s: %w", b.Namespace, ConfigMap, err)
	default:
		if spans, err = decodeSpans(stored.Data[spansKey]); err != nil {
			return nil, nil, backup.Errorf(backup.Internal, "key %s of ConfigMap %s/%s: %w; remove that key to begin again", spansKey, b.Namespace, ConfigMap, err)
		}
	}
	b.keep(spans)
	return spans, stored, nil
}

func (b *Book) keep(spans Spans) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read, b.spans = true, spans
}

// record brings the spans up to date with what look sees of the claims that they are
// of. An error of kind Conflict means that another process wrote them meanwhile.
func (b *Book) record(ctx context.Context, look func(Spans) (map[backup.Claim]Life, error)) error {
	spans, stored, err := b.load(ctx)
	if err != nil || stored == nil {
		return err
	}
	lives, err := look(spans)
	if err != nil {
		return err
	}
	after, changed := spans.After(lives)
	if !changed {
		return nil
	}
	text, err := after.encode()
	if err != nil {
		return err
	}
	if stored.Data == nil {
		stored.Data = map[string]string{}
	}
	stored.Data[spansKey] = text
	if err := configmap.Write(ctx, b.Client, stored, fmt.Sprintf("ConfigMap %s/%s", b.Namespace, ConfigMap)); err != nil {
		return err
	}
	b.keep(after)
	return nil
}
