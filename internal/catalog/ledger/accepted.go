package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

// AcceptedConfigMap is the name of the ConfigMap that holds which strays were
// accepted.
const AcceptedConfigMap = "soteria-unattributed"

// MaxAccepted is how many strays of a repository can be accepted, so that the
// ConfigMap stays below the 1 MiB that Kubernetes takes.
const MaxAccepted = 100_000

// digestSize is how many bytes are kept of the hash of an id. That any of a
// hundred thousand ids shares them with one more has a probability of 1 in 10^14.
const digestSize = 8

// Accepted implements [catalog.Register] in a ConfigMap. For each repository it
// has a key with JSON that names it, and one with the sorted digests of the ids.
// It is safe for concurrent use, also by several processes.
type Accepted struct {
	writer    client.Writer
	reader    client.Reader
	namespace string
}

var _ catalog.Register = (*Accepted)(nil)

// NewAccepted makes a register in Soteria's own namespace. The reader must read from
// the API server itself, not from a cache. It needs the verbs get and update on
// the ConfigMap by name, and create on ConfigMaps.
func NewAccepted(writer client.Writer, reader client.Reader, namespace string) *Accepted {
	return &Accepted{writer: writer, reader: reader, namespace: namespace}
}

// acceptedEntry is the JSON of one repository. Fields may be added: readers pass
// over those that they do not know.
type acceptedEntry struct {
	Driver     string `json:"driver"`
	Repository string `json:"repository"`
	// Count is how many strays were accepted, for people.
	Count int `json:"count"`
}

// digests are the sorted digests of ids, one after another.
type digests []byte

// Has implements [catalog.Accepted].
func (d digests) Has(id string) bool {
	want := digest(id)
	_, found := sort.Find(len(d)/digestSize, func(i int) int { return bytes.Compare(want, d[i*digestSize:(i+1)*digestSize]) })
	return found
}

func digest(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return sum[:digestSize]
}

func digestsOf(ids []string) digests {
	all := make([][]byte, 0, len(ids))
	for _, id := range ids {
		all = append(all, digest(id))
	}
	slices.SortFunc(all, bytes.Compare)
	return bytes.Join(slices.CompactFunc(all, bytes.Equal), nil)
}

// keysOf returns the keys of a repository: of its entry, and of its digests. An
// identity may be longer than a key and hold other characters.
func keysOf(driver, repository string) (entry, ids string) {
	sum := sha256.Sum256([]byte(repository))
	entry = driver + "-" + hex.EncodeToString(sum[:digestSize])
	return entry, entry + ".ids"
}

// Accepted implements [catalog.Register].
func (a *Accepted) Accepted(ctx context.Context, driver, repository string) (catalog.Accepted, error) {
	stored, err := configmap.Read(ctx, a.reader, a.namespace, AcceptedConfigMap)
	if err != nil {
		return nil, err
	}
	entryKey, idsKey := keysOf(driver, repository)
	text, recorded := stored.Data[entryKey]
	if !recorded {
		return nil, nil //nolint:nilnil // nothing is recorded, as the interface says
	}
	var e acceptedEntry
	if err = json.Unmarshal([]byte(text), &e); err == nil && (e.Driver != driver || e.Repository != repository) {
		err = errors.New("it is about another repository")
	}
	ids := digests(stored.BinaryData[idsKey])
	if err == nil && len(ids)%digestSize != 0 {
		err = fmt.Errorf("%s is cut off", idsKey)
	}
	if err != nil {
		return nil, backup.Errorf(backup.RepositoryChanged,
			"key %q of ConfigMap %s/%s cannot be understood (%w): `soteria repository accept %s` writes it again", entryKey, a.namespace, AcceptedConfigMap, err, driver)
	}
	return ids, nil
}

// Begin implements [catalog.Register].
func (a *Accepted) Begin(ctx context.Context, driver, repository string, ids []string) error {
	return a.replace(ctx, driver, repository, ids, func(stored *corev1.ConfigMap) error {
		if key, _ := keysOf(driver, repository); stored.Data[key] != "" {
			return backup.Errorf(backup.Conflict, "the %s repository is recorded by now", driver)
		}
		return nil
	})
}

// Accept records that a person has accepted the strays with these ids, and no
// others. It may be repeated.
func (a *Accepted) Accept(ctx context.Context, driver, repository string, ids []string) error {
	const attempts = 5
	var err error
	for range attempts {
		err = a.replace(ctx, driver, repository, ids, func(*corev1.ConfigMap) error { return nil })
		if backup.KindOf(err) != backup.Conflict {
			return err
		}
	}
	return err
}

// replace writes what is recorded of one repository and nothing else, unless the
// check of what is stored fails. It fails with kind Conflict when somebody else
// wrote meanwhile.
func (a *Accepted) replace(ctx context.Context, driver, repository string, ids []string, check func(*corev1.ConfigMap) error) error {
	if len(ids) > MaxAccepted {
		return backup.Errorf(backup.Unprocessable, "the %s repository holds %d backups of no known claim, and no more than %d can be accepted: "+
			"say by rules whose they are, or that they are of no claim, see `soteria repository adopt --dry-run %s`", driver, len(ids), MaxAccepted, driver)
	}
	stored, err := configmap.Read(ctx, a.reader, a.namespace, AcceptedConfigMap)
	if err != nil {
		return err
	}
	if err := check(stored); err != nil {
		return err
	}
	entryKey, idsKey := keysOf(driver, repository)
	text, err := json.Marshal(acceptedEntry{Driver: driver, Repository: repository, Count: len(ids)})
	if err != nil {
		return fmt.Errorf("writing ConfigMap %s/%s: %w", a.namespace, AcceptedConfigMap, err)
	}
	if stored.Data == nil {
		stored.Data = make(map[string]string, 1)
	}
	if stored.BinaryData == nil {
		stored.BinaryData = make(map[string][]byte, 1)
	}
	stored.Data[entryKey], stored.BinaryData[idsKey] = string(text), digestsOf(ids)
	return configmap.Write(ctx, a.writer, stored, fmt.Sprintf("ConfigMap %s/%s", a.namespace, AcceptedConfigMap))
}
