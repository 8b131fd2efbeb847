package copies

import (
	"context"
	"log/slog"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/soteria-dr/soteria/internal/kube"
)

// Spared says which claims are copies, so that no backups are taken or expected of them.
// It is safe for concurrent use.
type Spared struct {
	Book *Book
	Log  *slog.Logger

	mu   sync.Mutex
	last *page
}

// Among returns the uids of the claims that are copies. The book is read only where one
// of them is marked, and once: a record is written before its claim is made, so what is
// read after the claims were cannot lack one. Where it cannot be read, what was read last
// counts; a claim that is marked and not known from there is none, since a backup too many
// does less harm than one that is missing.
func (s *Spared) Among(ctx context.Context, claims []corev1.PersistentVolumeClaim) sets.Set[types.UID] {
	var marked []*corev1.PersistentVolumeClaim
	for i := range claims {
		if kube.IsTest(&claims[i]) {
			marked = append(marked, &claims[i])
		}
	}
	if len(marked) == 0 {
		return nil
	}
	now := s.page(ctx)
	if now == nil {
		return nil
	}
	spared := sets.New[types.UID]()
	for _, claim := range marked {
		if now.spares(claim) {
			spared.Insert(claim.UID)
		}
	}
	return spared
}

// page reads the book, or returns what was read last; nil where it was never read.
func (s *Spared) page(ctx context.Context) *page {
	read, err := s.Book.read(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.Log.WarnContext(ctx, "the records of copies could not be read; claims that are marked as copies and not known are backed up like others", "error", err)
		return s.last
	}
	s.last = read
	return read
}

// spares reports whether a claim that is marked is a copy. Until it is written down which
// claims an earlier version marked, every mark counts, as it did then.
func (p *page) spares(claim *corev1.PersistentVolumeClaim) bool {
	r, known := p.records[claim.Spec.VolumeName]
	switch {
	case !known:
		return !p.imported
	case r.Claim.Namespace != claim.Namespace || r.Claim.Name != claim.Name:
		return false
	case r.UID != "":
		return r.UID == claim.UID
	}
	return r.SeenUID == "" || r.SeenUID == claim.UID
}
