package schedule

import (
	"context"
	"maps"
	"slices"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// Report tells how all claims that have a policy stand now. It reads the policies
// from the API server and all else from caches, but for one list of Leases where
// Longhorn takes backups; its cost grows with the claims alone. What only the
// leader remembers (backups that could not be started, and failed ones that left
// no Job) is told by the leader alone. The error is of kind Unavailable.
func (s *Scheduler) Report(ctx context.Context) (policy.Report, error) {
	w, err := s.observe(ctx, s.cfg.Store.Read)
	if err != nil {
		return policy.Report{}, err
	}
	p := w.plan()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leads {
		s.late = p.late
	}
	return policy.Report{
		At: w.now, EvaluatedAt: s.evaluatedAt,
		Policies:  append(sorted(w.book.Kept()), declarations(w.claims)...),
		Standings: p.standings, Warnings: p.warnings,
	}, nil
}

// Put keeps a policy that holds from the leader's next evaluation on, in the place
// of the one with the same target; replaced tells of that. Kinds of errors:
// Invalid with the field at fault, Conflict if no more policies fit, Unavailable.
func (s *Scheduler) Put(ctx context.Context, p policy.Policy) (kept policy.Policy, replaced bool, err error) {
	if p, err = s.admissible(p); err != nil {
		return policy.Policy{}, false, err
	}
	replaced, err = s.cfg.Store.Put(ctx, p)
	return p, replaced, err
}

// admissible returns the policy as it would be kept. The error is of kind Invalid, with
// the field at fault.
func (s *Scheduler) admissible(p policy.Policy) (policy.Policy, error) {
	p.Source = policy.ForNamespace
	if p.PVC != "" {
		p.Source = policy.ForClaim
	}
	if err := p.Validate(); err != nil {
		return policy.Policy{}, err
	}
	if slices.Contains(kube.ExcludedNamespaces(s.cfg.Namespace), p.Namespace) {
		return policy.Policy{}, &backup.Error{Kind: backup.Invalid, Reason: backup.NamespaceExcluded, Field: "namespace", Message: "Soteria keeps out of namespace " + p.Namespace}
	}
	if _, known := s.cfg.Backupers[p.Driver]; p.Driver != "" && !known {
		return policy.Policy{}, backup.UnknownDriver(p.Driver, slices.Sorted(maps.Keys(s.cfg.Backupers)))
	}
	return p, nil
}

// Delete deletes a policy of the API and gives what it was. Kinds of errors:
// NotFound, Conflict for one that a claim declares, Unavailable.
func (s *Scheduler) Delete(ctx context.Context, id string) (policy.Policy, error) {
	deleted, err := s.cfg.Store.Delete(ctx, id)
	if backup.KindOf(err) != backup.NotFound {
		return deleted, err
	}
	claims, listErr := observeClaims(ctx, s.cfg.Reader, s.cfg.Namespace, s.cfg.Copies)
	if listErr != nil {
		return policy.Policy{}, listErr
	}
	for _, p := range declarations(claims) {
		if p.ID() == id {
			return policy.Policy{}, backup.Errorf(backup.Conflict, "policy %s is declared on %s by its %s: change it there, where Git may hold it", id, p.Claims(), p.Where())
		}
	}
	return policy.Policy{}, err
}

// declarations gives the policies that claims declare, by namespace and name.
func declarations(claims []Claim) []policy.Policy {
	var all []policy.Policy
	for _, c := range claims {
		if p, declared, _ := policy.Declaration(c.Claim, c.Labels, c.Annotations); declared {
			all = append(all, p)
		}
	}
	return sorted(all)
}

func sorted(policies []policy.Policy) []policy.Policy {
	slices.SortFunc(policies, func(a, b policy.Policy) int {
		return policy.ByClaim(backup.Claim{Namespace: a.Namespace, Name: a.PVC}, backup.Claim{Namespace: b.Namespace, Name: b.PVC})
	})
	return policies
}
