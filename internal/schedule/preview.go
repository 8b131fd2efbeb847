package schedule

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// Preview tells what keeping a policy would do now, and keeps nothing. Errors are those
// of [Scheduler.Put].
func (s *Scheduler) Preview(ctx context.Context, p policy.Policy) (policy.Preview, error) {
	p, err := s.admissible(p)
	if err != nil {
		return policy.Preview{}, err
	}
	before, err := s.cfg.Store.Read(ctx)
	if err != nil {
		return policy.Preview{}, err
	}
	kept := before.Kept()
	others := slices.DeleteFunc(kept, p.SameTarget)
	preview := policy.Preview{Policy: p, Replaces: len(others) < len(before.Kept())}
	after, err := policy.NewBook(append(others, p))
	if err != nil {
		return policy.Preview{}, err
	}
	if preview.NamespaceMissing, err = s.missing(ctx, p.Namespace); err != nil {
		return policy.Preview{}, err
	}
	claims, err := observeClaims(ctx, s.cfg.Reader, s.cfg.Namespace, s.cfg.Copies)
	if err != nil {
		return policy.Preview{}, err
	}
	for _, c := range claims {
		if c.Namespace != p.Namespace || p.PVC != "" && c.Name != p.PVC {
			continue
		}
		preview.Matches = append(preview.Matches, matchOf(p, c, after))
	}
	slices.SortFunc(preview.Matches, func(a, b policy.Match) int { return policy.ByClaim(a.Claim, b.Claim) })
	return preview, nil
}

// matchOf says whether a policy would hold for a claim, and what overrides it.
func matchOf(p policy.Policy, c Claim, after *policy.Book) policy.Match {
	assigned, _ := after.For(c.Claim, c.Labels, c.Annotations)
	match := policy.Match{Claim: c.Claim, Holder: assigned.Policy, Holds: assigned.Policy.Source == p.Source}
	if match.Holds {
		match.Reason, match.Message = c.Obstacle, c.Message
	}
	return match
}

// missing reports whether there is no namespace of a name.
func (s *Scheduler) missing(ctx context.Context, name string) (bool, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	switch err := s.cfg.Reader.Get(ctx, types.NamespacedName{Name: name}, namespace); {
	case apierrors.IsNotFound(err):
		return true, nil
	case err != nil:
		return false, backup.Errorf(backup.Unavailable, "looking whether namespace %s exists: %w", name, err)
	}
	return false, nil
}
