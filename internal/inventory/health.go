package inventory

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Health is how well a claim is backed up, in one word of a small closed set.
type Health string

// The healths, in the order in which they are looked for: see the package.
const (
	Deleting     Health = "deleting"
	Held         Health = "held"
	Restoring    Health = "restoring"
	Lost         Health = "lost"
	Unbound      Health = "unbound"
	Unreviewed   Health = "unreviewed"
	Fresh        Health = "fresh"
	Excluded     Health = "excluded"
	Skipped      Health = "skipped"
	LookupFailed Health = "lookup_failed"
	Stale        Health = "stale"
	NoBackups    Health = "no_backups"
)

// Healthy reports whether all is well.
func (h Health) Healthy() bool { return h == Fresh }

// Expected reports whether backups are expected of the claim at all: not while
// it has no volume, nor where somebody has said that it needs none.
func (h Health) Expected() bool { return h != Unbound && h != Excluded && h != Skipped }

// health gives the first health that is true of a claim, and what more there is
// to say.
func (s *subject) health(f *Facts) (health Health, message string) {
	if s.claim.DeletionTimestamp != nil {
		return Deleting, ""
	}
	if phase, message, open := s.openRestore(); open {
		if phase == v1alpha1.PhaseSelecting {
			return Held, message
		}
		return Restoring, message
	}
	switch {
	case s.claim.Status.Phase == corev1.ClaimLost:
		return Lost, "the claim's volume is gone"
	case s.claim.Status.Phase != corev1.ClaimBound:
		return Unbound, ""
	case f.Copies.Has(s.claim.UID):
		return Skipped, kube.TestSpared
	case s.unreviewed != "":
		return Unreviewed, s.unreviewed
	case s.backups.Fresh(f.Now, f.Settings.MaxAge):
		return Fresh, ""
	case s.backups.Count > 0:
		if err := f.unlistedFor(s.name); err != nil {
			return LookupFailed, backup.Message(err)
		}
		return Stale, strings.Join(s.backups.Passed, "; ")
	}
	return s.healthWithoutBackups(f)
}

func (s *subject) healthWithoutBackups(f *Facts) (health Health, message string) {
	switch {
	case s.facts.Excluded:
		return Excluded, ""
	case s.facts.Mode == decision.Skip && s.facts.SkipReason != "":
		return Skipped, s.facts.SkipReason
	}
	if err := f.unlisted(); err != nil {
		return LookupFailed, backup.Message(err)
	}
	if err := f.doubt(s.name); err != nil {
		return LookupFailed, backup.Message(err)
	}
	return NoBackups, ""
}

// openRestore tells how far the claim's restore is; false where there is none or
// it is completed.
func (s *subject) openRestore() (phase v1alpha1.Phase, message string, open bool) {
	if _, _, locked := kube.LockOf(s.claim); !locked {
		return "", "", false
	}
	r := s.ownRestore()
	if r == nil {
		return v1alpha1.PhaseSelecting, "", s.claim.Status.Phase == corev1.ClaimPending || s.claim.Status.Phase == ""
	}
	return r.Status.Phase, r.Status.Message, r.Status.Phase != v1alpha1.PhaseCompleted
}
