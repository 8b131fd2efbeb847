package copies

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

const (
	// bookName is the ConfigMap that holds the records, one under the lock of each. The
	// Role names it.
	bookName = "soteria-copies"
	// importedKey holds when it was written down which claims an earlier version marked.
	importedKey = "imported-at"
	// maxRecords and maxStored, in bytes, bound the book when a record is added: a ConfigMap
	// takes a mebibyte, and there is room for what is noted of each record later.
	maxRecords = 500
	maxStored  = 900 << 10
	// tries is how often a change is begun again that another replica was faster with.
	tries = 10
)

// Book holds the records. It is safe for concurrent use, also by several replicas.
type Book struct {
	// Client writes; Reader reads the API server itself.
	Client client.Client
	Reader client.Reader
	// Namespace is Soteria's own.
	Namespace string

	// mu has the changes of this replica wait for each other, not meet in conflicts.
	mu sync.Mutex
}

// page is the book as it was read.
type page struct {
	records map[string]Record
	// imported is true once it is written down which claims an earlier version marked.
	imported bool
	// unreadable names the records that could not be understood. They are left alone.
	unreadable []string
	stored     *corev1.ConfigMap
}

// Begin writes down that a claim is about to be made. What is written down of an earlier
// attempt at the same copy stays once that has its uid: another replica may have made the
// claim a moment ago. The error is of kind Conflict where there are too many copies, and
// Unavailable where it could not be written.
func (b *Book) Begin(ctx context.Context, r Record) error {
	r.UID = ""
	return b.change(ctx, func(p *page) error {
		before, again := p.records[r.Lock]
		if again && before.UID != "" {
			return nil
		}
		if !again && len(p.records) >= maxRecords {
			return backup.Errorf(backup.Conflict, "there are %d copies to look at already, and no more are kept account of; remove some (GET /v1/copies lists them)", len(p.records))
		}
		if err := p.put(r); err != nil {
			return err
		}
		return p.fits()
	})
}

// Made writes down that the claim of a record was made, with the uid that the API server
// answered.
func (b *Book) Made(ctx context.Context, r Record) error {
	return b.change(ctx, func(p *page) error { return p.put(r) })
}

// Drop removes a record; that there is none is no error.
func (b *Book) Drop(ctx context.Context, lock string) error {
	return b.change(ctx, func(p *page) error {
		p.drop(lock)
		return nil
	})
}

// read reads the book. The error is of kind Unavailable.
func (b *Book) read(ctx context.Context) (*page, error) {
	stored, err := configmap.Read(ctx, b.Reader, b.Namespace, bookName)
	if err != nil {
		return nil, err
	}
	p := &page{records: map[string]Record{}, stored: stored}
	for key, text := range stored.Data {
		if key == importedKey {
			p.imported = true
			continue
		}
		var r Record
		if err := json.Unmarshal([]byte(text), &r); err != nil || r.Lock != key || r.Claim.Validate() != nil {
			p.unreadable = append(p.unreadable, key)
			continue
		}
		p.records[key] = r
	}
	slices.Sort(p.unreadable)
	return p, nil
}

// change reads the book, edits it and writes it, again where somebody else wrote it
// meanwhile. Where the edit changes nothing, nothing is written.
func (b *Book) change(ctx context.Context, edit func(*page) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	for range tries {
		var p *page
		if p, err = b.read(ctx); err != nil {
			return err
		}
		before := maps.Clone(p.stored.Data)
		if err := edit(p); err != nil {
			return err
		}
		if maps.Equal(before, p.stored.Data) {
			return nil
		}
		err = configmap.Write(ctx, b.Client, p.stored, "the records of copies in ConfigMap "+b.Namespace+"/"+bookName)
		if backup.KindOf(err) != backup.Conflict {
			return err
		}
	}
	return backup.Errorf(backup.Unavailable, "the records of copies change too fast: %w", err)
}

// put adds a record or replaces it.
func (p *page) put(r Record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing the record of copy %s: %w", r.Claim, err)
	}
	if p.stored.Data == nil {
		p.stored.Data = map[string]string{}
	}
	p.stored.Data[r.Lock] = string(text)
	p.records[r.Lock] = r
	return nil
}

// fits refuses a page that has grown too large; the error is of kind Conflict.
func (p *page) fits() error {
	size := 0
	for key, value := range p.stored.Data {
		size += len(key) + len(value)
	}
	if size > maxStored {
		return backup.Errorf(backup.Conflict, "the records of copies take too much room; remove some copies (GET /v1/copies lists them)")
	}
	return nil
}

func (p *page) drop(lock string) {
	if _, known := p.records[lock]; known {
		delete(p.records, lock)
		delete(p.stored.Data, lock)
	}
}

// setImported writes down that what an earlier version marked is in the book.
func (p *page) setImported(at time.Time) {
	if p.stored.Data == nil {
		p.stored.Data = map[string]string{}
	}
	p.stored.Data[importedKey] = at.UTC().Format(time.RFC3339)
	p.imported = true
}

// sorted returns the records, newest first.
func (p *page) sorted() []Record {
	return slices.SortedFunc(maps.Values(p.records), func(a, b Record) int {
		if c := b.MadeAt.Compare(a.MadeAt); c != 0 {
			return c
		}
		return strings.Compare(a.Lock, b.Lock)
	})
}

// warnings tell of records that could not be understood.
func (p *page) warnings(namespace string) []string {
	told := make([]string, 0, len(p.unreadable))
	for _, key := range p.unreadable {
		told = append(told, fmt.Sprintf("record %s in ConfigMap %s/%s cannot be understood, so its copy is not removed by Soteria: "+
			"remove the claim with annotation %s=%s by hand, then that key of the ConfigMap", backup.Clip(key, backup.MaxWord), namespace, bookName, v1alpha1.TestAnnotation, backup.Clip(key, backup.MaxWord)))
	}
	return told
}
