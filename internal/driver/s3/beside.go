package s3

import (
	"context"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/soteria-dr/soteria/internal/backup"
)

// neighbour returns a claim whose folder holds anything, of the same namespace if there is
// such; false where none is known.
func (s *seen) neighbour(of backup.Claim) (backup.Claim, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found backup.Claim
	for claim := range s.claims {
		if claim == of {
			continue
		}
		if found = claim; found.Namespace == of.Namespace {
			break
		}
	}
	return found, found != backup.Claim{}
}

// isCrowded reports whether a folder was seen to hold more than a page, since the last
// listing.
func (s *seen) isCrowded(folder string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, crowded := s.crowded[folder]
	return crowded
}

// sawCrowd takes in that a folder holds more than a page.
func (s *seen) sawCrowd(folder string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.crowded == nil {
		s.crowded = make(map[string]struct{})
	}
	s.crowded[folder] = struct{}{}
}

// shared returns the deepest folder that two folders are in, and the name in it of each, or
// of what leads to it.
func shared(a, b string) (folder, nameOfA, nameOfB string) {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	depth := 0
	for depth < min(len(as), len(bs))-1 && as[depth] == bs[depth] {
		depth++
	}
	return strings.Join(as[:depth], "/"), as[depth], bs[depth]
}

// beside proves by one request both that one of the claims has no folder, and that the
// bucket still holds those of others, and reports whether it did: it lists the folder that
// the claim's would be in, and that of another one is. Where nothing follows, the claims
// are to be looked at by themselves. A claim that had anything is not for it.
func (p *proving) beside(ctx context.Context, claims []backup.Claim) (bool, error) {
	at := slices.IndexFunc(claims, func(claim backup.Claim) bool {
		held, _ := p.seen.of(claim)
		return !held
	})
	if at < 0 {
		return false, nil
	}
	neighbour, known := p.seen.neighbour(claims[at])
	own, has := p.layout.Folder(claims[at])
	other, hasOther := p.layout.Folder(neighbour)
	if !known || !has || !hasOther {
		return false, nil
	}
	folder, mine, theirs := shared(own, other)
	if mine == theirs || p.seen.isCrowded(folder) {
		return false, nil
	}
	names, full := 0, false
	for found, err := range p.store.List(ctx, minio.ListObjectsOptions{Prefix: prefixOf(folder)}) {
		if err != nil {
			return false, err
		}
		name, isFolder := strings.CutSuffix(strings.TrimPrefix(found.Key, prefixOf(folder)), "/")
		if name == mine {
			return false, nil
		}
		full = full || isFolder && name == theirs
		if names++; names == page {
			p.seen.sawCrowd(folder)
			return false, nil
		}
	}
	if full {
		p.proved[claims[at]] = true
	}
	return full, nil
}
