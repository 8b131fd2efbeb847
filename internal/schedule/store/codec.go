package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	strictjson "sigs.k8s.io/json"

	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// version is that of the format. A later one may mean what this program does not
// know of, so it is not understood.
const version = 1

// document is the JSON of the Secret's key.
type document struct {
	Version  int      `json:"version"`
	Policies []record `json:"policies"`
}

type record struct {
	Namespace     string         `json:"namespace"`
	PVC           string         `json:"pvc,omitempty"`
	IntervalHours int            `json:"interval_hours,omitempty"`
	Schedule      string         `json:"schedule,omitempty"`
	Driver        string         `json:"driver,omitempty"`
	Enabled       bool           `json:"enabled"`
	Keep          retention.Keep `json:"keep,omitzero"`
}

// encode writes policies, sorted, so that the same ones are always the same text.
func encode(policies []policy.Policy) ([]byte, error) {
	doc := document{Version: version, Policies: make([]record, 0, len(policies))}
	for _, p := range policies {
		doc.Policies = append(doc.Policies, record{
			Namespace: p.Namespace, PVC: p.PVC, IntervalHours: p.IntervalHours, Schedule: p.Schedule, Driver: p.Driver, Enabled: p.Enabled, Keep: p.Keep,
		})
	}
	slices.SortFunc(doc.Policies, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.PVC, b.PVC))
	})
	return json.Marshal(doc)
}

// decode reads what encode wrote. A field that is unknown, misspelled or given
// twice is an error, since what it was meant to say would be lost.
func decode(text []byte) (*policy.Book, error) {
	var doc document
	strict, err := strictjson.UnmarshalStrict(text, &doc)
	if err = errors.Join(append(strict, err)...); err != nil {
		return nil, err
	}
	if doc.Version != version {
		return nil, fmt.Errorf("it is of version %d; this Soteria knows version %d", doc.Version, version)
	}
	policies := make([]policy.Policy, 0, len(doc.Policies))
	for _, r := range doc.Policies {
		policies = append(policies, policy.Policy{
			Namespace: r.Namespace, PVC: r.PVC, IntervalHours: r.IntervalHours, Schedule: r.Schedule, Driver: r.Driver, Enabled: r.Enabled, Keep: r.Keep,
		})
	}
	return policy.NewBook(policies)
}
