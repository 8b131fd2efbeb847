package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	strictjson "sigs.k8s.io/json"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

// ConfigMap is the name of the ConfigMap that holds the expectations.
const ConfigMap = "soteria-repositories"

// Ledger implements [catalog.Ledger]. It is safe for concurrent use, also by
// several processes.
type Ledger struct {
	writer    client.Writer
	reader    client.Reader
	namespace string
}

// New makes a ledger in Soteria's own namespace. The reader must read from the
// API server itself, not from a cache (controller-runtime's APIReader). It needs
// the verbs get and update on the ConfigMap by name, and create on ConfigMaps.
func New(writer client.Writer, reader client.Reader, namespace string) *Ledger {
	return &Ledger{writer: writer, reader: reader, namespace: namespace}
}

// entry is the JSON of one key.
type entry struct {
	Repository  string `json:"repository"`
	HeldBackups bool   `json:"heldBackups"`
}

// neverListed stands for the identity of a repository that holds backups of Soteria's
// and that nothing looks at. The version before takes it for another repository.
const neverListed = "never-listed"

// Expectation implements [catalog.Ledger].
func (l *Ledger) Expectation(ctx context.Context, driver string) (catalog.Expectation, error) {
	stored, err := configmap.Read(ctx, l.reader, l.namespace, ConfigMap)
	if err != nil {
		return catalog.Expectation{}, err
	}
	return l.parse(stored, driver)
}

// Record implements [catalog.Ledger].
func (l *Ledger) Record(ctx context.Context, driver string, before, after catalog.Expectation) error {
	return l.replace(ctx, driver, func(recorded catalog.Expectation) (catalog.Expectation, error) {
		if recorded != before {
			return recorded, backup.Errorf(backup.Conflict, "%s has changed since it was read", l.key(driver))
		}
		return after, nil
	})
}

// Accept records that a person knows the repository and what it holds now,
// which may be nothing. Whatever was expected before is forgotten. It may be
// repeated.
func (l *Ledger) Accept(ctx context.Context, driver, repository string) error {
	if repository == "" {
		return &backup.Error{Kind: backup.Invalid, Field: "repository", Message: "the identity of the repository to accept is missing"}
	}
	const attempts = 5
	var err error
	for range attempts {
		err = l.replace(ctx, driver, func(catalog.Expectation) (catalog.Expectation, error) {
			return catalog.Expectation{Repository: repository}, nil
		})
		if backup.KindOf(err) != backup.Conflict {
			return err
		}
	}
	return err
}

// Held implements [catalog.Ledger].
func (l *Ledger) Held(ctx context.Context) ([]string, error) {
	stored, err := configmap.Read(ctx, l.reader, l.namespace, ConfigMap)
	if err != nil {
		return nil, err
	}
	var held []string
	for _, driver := range slices.Sorted(maps.Keys(stored.Data)) {
		if e, err := l.read(stored, driver); err != nil || e.HeldBackups {
			held = append(held, driver)
		}
	}
	return held, nil
}

// HoldsUnlisted records that a driver's repository holds backups though nothing looks
// at it, so that it proves of no claim that it has none: see [Ledger.Held]. It is to
// be called before the first of them is taken, and may be repeated.
func (l *Ledger) HoldsUnlisted(ctx context.Context, driver string) error {
	const attempts = 5
	var err error
	for range attempts {
		var stored *corev1.ConfigMap
		if stored, err = configmap.Read(ctx, l.reader, l.namespace, ConfigMap); err != nil {
			return err
		}
		before, unread := l.read(stored, driver)
		if unread != nil || before.HeldBackups {
			break // it counts as one that holds backups already: see Held
		}
		after := entry{Repository: cmp.Or(before.Repository, neverListed), HeldBackups: true}
		if err = l.write(ctx, stored, driver, after); backup.KindOf(err) != backup.Conflict {
			return err
		}
	}
	return err
}

// Forget removes what is recorded of a driver's repository, whatever it is. It may be
// repeated. It is for a person to decide on: see [catalog.Ledger].
func (l *Ledger) Forget(ctx context.Context, driver string) error {
	const attempts = 5
	var err error
	for range attempts {
		var stored *corev1.ConfigMap
		if stored, err = configmap.Read(ctx, l.reader, l.namespace, ConfigMap); err != nil {
			return err
		}
		if _, recorded := stored.Data[driver]; !recorded {
			return nil
		}
		delete(stored.Data, driver)
		if err = configmap.Write(ctx, l.writer, stored, l.key(driver)); backup.KindOf(err) != backup.Conflict {
			return err
		}
	}
	return err
}

// replace changes one driver's expectation and nothing else, or fails with kind
// Conflict when somebody else wrote meanwhile.
func (l *Ledger) replace(ctx context.Context, driver string, change func(catalog.Expectation) (catalog.Expectation, error)) error {
	stored, err := configmap.Read(ctx, l.reader, l.namespace, ConfigMap)
	if err != nil {
		return err
	}
	before, err := l.parse(stored, driver)
	if err != nil {
		return err
	}
	after, err := change(before)
	if err != nil || after == before {
		return err
	}
	return l.write(ctx, stored, driver, entry(after))
}

func (l *Ledger) write(ctx context.Context, stored *corev1.ConfigMap, driver string, after entry) error {
	value, err := json.MarshalIndent(after, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", l.key(driver), err)
	}
	if stored.Data == nil {
		stored.Data = make(map[string]string, 1)
	}
	stored.Data[driver] = string(value) + "\n"
	return configmap.Write(ctx, l.writer, stored, l.key(driver))
}

// parse reads one driver's expectation. Of a repository that was never listed nothing
// is expected.
func (l *Ledger) parse(stored *corev1.ConfigMap, driver string) (catalog.Expectation, error) {
	expected, err := l.read(stored, driver)
	if expected.Repository == neverListed {
		return catalog.Expectation{}, err
	}
	return expected, err
}

// read reads one driver's entry. A field that is unknown, misspelled or given twice
// is an error, since what it was meant to say would be lost.
func (l *Ledger) read(stored *corev1.ConfigMap, driver string) (catalog.Expectation, error) {
	value, ok := stored.Data[driver]
	if !ok {
		return catalog.Expectation{}, nil
	}
	var e entry
	strict, err := strictjson.UnmarshalStrict([]byte(value), &e)
	if err = errors.Join(append(strict, err)...); err == nil && e.Repository == "" {
		err = errors.New("the repository is missing")
	}
	if err != nil {
		return catalog.Expectation{}, backup.Errorf(backup.RepositoryChanged,
			"%s cannot be understood (%w): mend it, or remove the key to start over", l.key(driver), err)
	}
	return catalog.Expectation(e), nil
}

func (l *Ledger) key(driver string) string {
	return fmt.Sprintf("key %q of ConfigMap %s/%s", driver, l.namespace, ConfigMap)
}
