package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

// ConfigMap is the name of the ConfigMap that holds what the last scan found, and
// under another key what those before it did.
const ConfigMap = "soteria-bucket"

const recordKey, growthKey = "scan.json", "growth.json"

// callTimeout bounds each call to the API server.
const callTimeout = 10 * time.Second

// Keeper keeps what scans found. It is safe for concurrent use, also by several
// processes.
type Keeper struct {
	Writer client.Writer
	// Reader must read from the API server itself, not from a cache.
	Reader client.Reader
	// Namespace is Soteria's own. There the verbs get and update on the ConfigMap
	// by name are needed, and create on ConfigMaps.
	Namespace string
	// Store is what is scanned. What was kept of another one counts for nothing.
	Store Store
}

// load gives what is kept of the store, an empty record where nothing is. What
// cannot be understood counts as nothing too, with unreadable saying why: it
// costs a listing or knowledge of the past, no data.
func (k *Keeper) load(ctx context.Context) (kept record, unreadable, err error) {
	stored, err := k.read(ctx)
	if err != nil {
		return record{}, nil, err
	}
	kept, noRecord := k.record(stored.Data)
	past, noGrowth := k.growth(stored.Data)
	if kept.Figures != nil {
		past = past.with(*kept.Figures)
	}
	kept.growth = past
	return kept, errors.Join(noRecord, noGrowth), nil
}

func (k *Keeper) record(data map[string]string) (record, error) {
	empty := record{Format: recordFormat, Store: k.Store}
	text, found := data[recordKey]
	if !found {
		return empty, nil
	}
	kept, err := parse(text)
	if err != nil {
		return empty, fmt.Errorf("%s: %w", recordKey, err)
	}
	if kept.Store != k.Store {
		return empty, nil
	}
	return kept, nil
}

func (k *Keeper) growth(data map[string]string) (growth, error) {
	empty := growth{Format: growthFormat, Store: k.Store}
	text, found := data[growthKey]
	if !found {
		return empty, nil
	}
	kept, err := parseGrowth(text)
	if err != nil {
		return empty, fmt.Errorf("%s: %w", growthKey, err)
	}
	if kept.Store != k.Store {
		return empty, nil
	}
	return kept, nil
}

// save replaces what is kept. It is of kind Conflict when somebody else wrote at
// the same time, Unavailable otherwise; both may be repeated.
func (k *Keeper) save(ctx context.Context, r record) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stored, err := k.read(ctx)
	if err != nil {
		return err
	}
	if stored.Data == nil {
		stored.Data = make(map[string]string, 2)
	}
	stored.Data[recordKey], stored.Data[growthKey] = r.String(), r.growth.String()
	return configmap.Write(ctx, k.Writer, stored, fmt.Sprintf("ConfigMap %s/%s", k.Namespace, ConfigMap))
}

// read gives the ConfigMap, empty and without a resource version when there is
// none.
func (k *Keeper) read(ctx context.Context) (*corev1.ConfigMap, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return configmap.Read(ctx, k.Reader, k.Namespace, ConfigMap)
}
