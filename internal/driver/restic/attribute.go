package restic

import (
	"slices"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
)

// Strays are the settings about snapshots that do not say whose they are.
var Strays = attribution.Settings{
	Driver: Name, Noun: "restic snapshots",
	Unattributed: "SOTERIA_RESTIC_UNATTRIBUTED", Adopt: "SOTERIA_RESTIC_ADOPT", Foreign: "SOTERIA_RESTIC_FOREIGN",
	Keys: []string{attribution.KeyHost, attribution.KeyPath, attribution.KeyTag},
}

// attribute says which claims a snapshot is a backup of, and whether it is a stray. The tags
// that Soteria puts on snapshots come first: no rule has a say about one that
// names one claim by them. Where they name several claims, a rule may say which
// one it is; until it does, the snapshot is a backup of each of them and a stray too.
func (c Config) attribute(s snapshot) (claims []backup.Claim, stray *attribution.Stray) {
	named := claimsOf(s.Tags)
	if len(named) == 1 || outcome.IsOwn(s.Host, s.Tags) {
		return named, nil
	}
	facts := s.facts()
	ruling := c.Rules.Of(facts)
	stray = &attribution.Stray{ID: s.ID, FormerID: s.Original, TakenAt: s.Time, Facts: facts, Claims: named, Why: ruling.Why}
	switch {
	case len(named) > 1:
		if ruling.Standing == attribution.Adopted && slices.Contains(named, ruling.Claim) {
			return []backup.Claim{ruling.Claim}, nil
		}
		claims = named
	case ruling.Standing == attribution.Adopted && s.contradicts(ruling.Claim):
		stray.Why = "a rule makes it one of " + ruling.Claim.String() + ", and its tags say otherwise"
	case ruling.Standing == attribution.Adopted:
		return []backup.Claim{ruling.Claim}, nil
	case ruling.Standing == attribution.Foreign:
		return nil, nil
	default:
		stray.Claims = attribution.Hints(facts)
	}
	if c.Unattributed == attribution.Ignore && stray.Why == "" {
		return claims, nil
	}
	return claims, stray
}

// facts are what rules go by.
func (s snapshot) facts() attribution.Facts {
	return attribution.Facts{attribution.KeyHost: {s.Host}, attribution.KeyPath: s.Paths, attribution.KeyTag: s.Tags}
}

// contradicts reports whether the snapshot's tags name another namespace or
// another name than the claim's. Names that cannot be are no contradiction.
func (s snapshot) contradicts(claim backup.Claim) bool {
	possible := func(prefix string, as func(value string) backup.Claim) []string {
		return slices.DeleteFunc(valuesOf(s.Tags, prefix), func(value string) bool { return as(value).Validate() != nil })
	}
	namespaces := possible(namespaceTag, func(value string) backup.Claim { return backup.Claim{Namespace: value, Name: claim.Name} })
	pvcs := possible(pvcTag, func(value string) backup.Claim { return backup.Claim{Namespace: claim.Namespace, Name: value} })
	return len(namespaces) > 0 && !slices.Contains(namespaces, claim.Namespace) || len(pvcs) > 0 && !slices.Contains(pvcs, claim.Name)
}
