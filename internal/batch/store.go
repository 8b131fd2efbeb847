package batch

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

const (
	// slots is how many batches are kept at most. The Role names each of them.
	slots = 16
	// key holds the record, compressed.
	key = "batch.json.gz"
	// maxStored bounds what is written: a ConfigMap takes a mebibyte.
	maxStored = 900 << 10
	// maxRead bounds what is read from what was written.
	maxRead = 64 << 20
	// kept is how long a batch is shown after it has ended.
	kept = 7 * 24 * time.Hour
)

// Store keeps records. It is safe for concurrent use, also by several replicas.
type Store struct {
	// Client writes; Reader reads the API server itself.
	Client client.Client
	Reader client.Reader
	// Namespace is Soteria's own.
	Namespace string
}

func slotName(slot int) string { return fmt.Sprintf("soteria-batch-%02d", slot) }

// slotOf returns the slot that an id names.
func slotOf(id string) (int, bool) {
	prefix, random, found := strings.Cut(id, "-")
	for slot := range slots {
		if prefix == fmt.Sprintf("%02d", slot) {
			return slot, found && random != ""
		}
	}
	return 0, false
}

// Create writes a new batch, with an id of its own. Where all slots are taken by
// batches that have not ended the error is of kind Busy.
func (s Store) Create(ctx context.Context, record Record) (Record, error) {
	taken, err := s.slots(ctx)
	if err != nil {
		return Record{}, err
	}
	for _, slot := range free(taken) {
		record.ID = fmt.Sprintf("%02d-%s", slot, random())
		record.version = taken[slot].version
		stored, err := s.write(ctx, slot, record)
		if backup.KindOf(err) == backup.Conflict {
			continue // another replica was faster
		}
		return stored, err
	}
	return Record{}, backup.Errorf(backup.Busy, "%d batches are under way already; ask again once one has ended", slots)
}

// free returns the slots that a new batch may take, in the order in which to try them.
func free(taken map[int]Record) []int {
	var usable []int
	for slot := range slots {
		if old, used := taken[slot]; !used || old.Ended() || old.ID == "" {
			usable = append(usable, slot)
		}
	}
	slices.SortStableFunc(usable, func(a, b int) int { return taken[a].EndedAt.Compare(taken[b].EndedAt) })
	return usable
}

func random() string {
	const length = 10
	bytes := make([]byte, length)
	_, _ = rand.Read(bytes) // never fails
	return hex.EncodeToString(bytes)
}

// Save writes a batch that was read or created. Where somebody else wrote it since, the
// error is of kind Conflict.
func (s Store) Save(ctx context.Context, record Record) (Record, error) {
	slot, ok := slotOf(record.ID)
	if !ok {
		return Record{}, backup.Errorf(backup.Internal, "batch %q has no slot", record.ID)
	}
	return s.write(ctx, slot, record)
}

// Get returns a batch. The error is of kind NotFound where it is not kept any more.
func (s Store) Get(ctx context.Context, id string) (Record, error) {
	gone := backup.Errorf(backup.NotFound, "there is no batch %q; the last %d are kept, for a week", backup.Clip(backup.Printable(id), backup.MaxWord), slots)
	slot, ok := slotOf(id)
	if !ok {
		return Record{}, gone
	}
	stored, err := configmap.Read(ctx, s.Reader, s.Namespace, slotName(slot))
	if err != nil {
		return Record{}, err
	}
	record, err := decode(stored)
	if err != nil {
		return Record{}, err
	}
	if record.ID != id {
		return Record{}, gone
	}
	return record, nil
}

// List returns the batches that are kept, newest first.
func (s Store) List(ctx context.Context) ([]Record, error) {
	taken, err := s.slots(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Record, 0, len(taken))
	for _, record := range taken {
		if record.ID != "" {
			list = append(list, record)
		}
	}
	slices.SortFunc(list, func(a, b Record) int { return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// Remove empties the slots of batches that ended long ago.
func (s Store) Remove(ctx context.Context, now time.Time) error {
	list, err := s.List(ctx)
	if err != nil {
		return err
	}
	for _, record := range list {
		if !record.Ended() || now.Sub(record.EndedAt) < kept {
			continue
		}
		slot, _ := slotOf(record.ID)
		old := configmap.New(s.Namespace, slotName(slot))
		if err := s.Client.Delete(ctx, old, client.Preconditions{ResourceVersion: &record.version}); client.IgnoreNotFound(err) != nil {
			return backup.Errorf(backup.Unavailable, "removing batch %s: %w", record.ID, err)
		}
	}
	return nil
}

// slots reads all slots that are taken. One that cannot be understood has no id: its
// place may be taken.
func (s Store) slots(ctx context.Context) (map[int]Record, error) {
	var list corev1.ConfigMapList
	if err := s.Reader.List(ctx, &list, client.InNamespace(s.Namespace), client.MatchingLabels{v1alpha1.RoleLabel: v1alpha1.RoleBatch}); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing batches: %w", err)
	}
	taken := make(map[int]Record, len(list.Items))
	for i := range list.Items {
		for slot := range slots {
			if list.Items[i].Name != slotName(slot) {
				continue
			}
			record, err := decode(&list.Items[i])
			if err != nil {
				record = Record{version: list.Items[i].ResourceVersion}
			}
			taken[slot] = record
		}
	}
	return taken, nil
}

func (s Store) write(ctx context.Context, slot int, record Record) (Record, error) {
	data, err := encode(record)
	if err != nil {
		return Record{}, err
	}
	stored := configmap.New(s.Namespace, slotName(slot))
	stored.Labels[v1alpha1.RoleLabel] = v1alpha1.RoleBatch
	stored.ResourceVersion, stored.BinaryData = record.version, map[string][]byte{key: data}
	if err := configmap.Write(ctx, s.Client, stored, "batch "+record.ID); err != nil {
		return Record{}, err
	}
	record.version = stored.ResourceVersion
	return record, nil
}

// encode writes a record; of one that is too large the error is of kind Invalid.
func encode(record Record) ([]byte, error) {
	text, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("writing batch %s: %w", record.ID, err)
	}
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	if _, err := writer.Write(text); err != nil {
		return nil, fmt.Errorf("compressing batch %s: %w", record.ID, err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("compressing batch %s: %w", record.ID, err)
	}
	if compressed.Len() > maxStored {
		return nil, backup.Errorf(backup.Invalid, "%d claims are too many for one batch; name some of them in claims", len(record.Members))
	}
	return compressed.Bytes(), nil
}

func decode(stored *corev1.ConfigMap) (Record, error) {
	record := Record{version: stored.ResourceVersion}
	data, there := stored.BinaryData[key]
	if !there {
		return record, nil
	}
	unreadable := func(err error) error {
		return backup.Errorf(backup.Unavailable, "ConfigMap %s/%s holds no batch: %w", stored.Namespace, stored.Name, err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return Record{}, unreadable(err)
	}
	text, err := io.ReadAll(io.LimitReader(reader, maxRead))
	if err != nil {
		return Record{}, unreadable(err)
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return Record{}, unreadable(err)
	}
	record.version = stored.ResourceVersion
	return record, nil
}
