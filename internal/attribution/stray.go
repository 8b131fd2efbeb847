package attribution

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Stray is a backup of which nothing says for certain which claim it is of.
type Stray struct {
	// ID identifies it within its driver.
	ID string
	// FormerID is the id that the same backup had before its labels were changed,
	// where the backup system keeps it; else empty.
	FormerID string
	// TakenAt is when it was taken; zero where that is not known.
	TakenAt time.Time
	// Facts are what rules go by.
	Facts Facts
	// Claims are those that it names, though not for certain: a doubt about it
	// is one about them before all.
	Claims []backup.Claim
	// Why says what contradicts what, where something does.
	Why string
}

// Words say to users what strays mean. Errors carry a [backup.Kind].
type Words interface {
	// Doubt says what the strays keep from being proved of every claim, where
	// they are from, and how that is settled. The repository is the identity of the
	// one that holds them. It returns nil where there are none.
	Doubt(repository string, strays []Stray) error
	// DoubtOf says that a stray may be the claim's, which it names.
	DoubtOf(claim backup.Claim, stray Stray) error
}

// Policy is what strays mean.
type Policy string

// The policies.
const (
	// Hold takes it that a stray may be of any claim.
	Hold Policy = "hold"
	// Ignore takes it that strays are of no claim, except those that rules
	// disagree on.
	Ignore Policy = "ignore"
)

// Check reports whether the policy is one; the setting is named in the error, of
// kind Invalid.
func (p Policy) Check(setting string) error {
	if p == Hold || p == Ignore {
		return nil
	}
	return backup.Errorf(backup.Invalid, "%s: %q must be one of %s, %s", setting, string(p), Hold, Ignore)
}

// Settings name what an operator settles strays with. They implement [Words].

type Settings struct {
	// Driver is the driver's name, Noun what its backups are called, such as
	// "restic snapshots".
	Driver, Noun string
	// Unattributed, Adopt and Foreign are environment variables.
	Unattributed, Adopt, Foreign string
	// Keys are those of facts, in the order in which they are told.
	Keys []string
}

var _ Words = Settings{}

// The bounds of what is told of strays.
const (
	maxOrigins = 2
	maxOrigin  = 100
	maxWhy     = 160
)

// Origin describes where a backup is from: its facts in one line, bounded.
func (s Settings) Origin(facts Facts) string {
	var parts []string
	for _, key := range s.Keys {
		values := slices.DeleteFunc(slices.Clone(facts[key]), func(v string) bool { return v == "" })
		switch len(values) {
		case 0:
		case 1:
			parts = append(parts, key+" "+values[0])
		default:
			parts = append(parts, key+"s "+strings.Join(values, " "))
		}
	}
	if len(parts) == 0 {
		return "an unknown place"
	}
	return backup.Clip(backup.Printable(strings.Join(parts, ", ")), maxOrigin)
}

// Doubt implements [Words].
func (s Settings) Doubt(repository string, strays []Stray) error {
	if len(strays) == 0 {
		return nil
	}
	origins := s.origins(strays)
	first := origins[0].example
	var told []string
	for _, o := range origins[:min(len(origins), maxOrigins)] {
		told = append(told, o.String())
	}
	if more := len(origins) - len(told); more > 0 {
		told = append(told, fmt.Sprintf("and more from %d other places", more))
	}
	accept := backup.Command("soteria", "repository", "accept", s.Driver, repository)
	text := fmt.Sprintf("nothing says which claim %d %s are of, so that they may be of this one: %s. "+
		"Say whose they are with %s (such as %q), or that they are of no claim with %s (such as %q), "+
		"and see what that does with `soteria repository adopt --dry-run %s`; or accept those that are there now with `%s`",
		len(strays), s.Noun, strings.Join(told, "; "), s.Adopt, s.SuggestAdopt(first.Facts), s.Foreign, s.SuggestForeign(first.Facts), s.Driver, accept)
	return backup.WithSettle(&backup.Error{Kind: backup.Unavailable, Message: text}, accept)
}

// DoubtOf implements [Words].
func (s Settings) DoubtOf(claim backup.Claim, stray Stray) error {
	why := ""
	if stray.Why != "" {
		why = " (" + backup.Clip(stray.Why, maxWhy) + ")"
	}
	return backup.Errorf(backup.Unavailable,
		"backup %s from %s may be of %s, and nothing says so for certain%s: say whose it is with %s (such as %q)",
		backup.ShortID(stray.ID), s.Origin(stray.Facts), claim, why, s.Adopt, s.SuggestAdopt(stray.Facts))
}

// origin is where several strays are from.
type origin struct {
	from    string
	count   int
	example Stray
}

// String reports the origin, by its newest stray.
func (o origin) String() string {
	at := ""
	if !o.example.TakenAt.IsZero() {
		at = " of " + o.example.TakenAt.UTC().Format(time.DateOnly)
	}
	why := ""
	if o.example.Why != "" {
		why = ", " + backup.Clip(o.example.Why, maxWhy)
	}
	return fmt.Sprintf("%d from %s (%s%s%s)", o.count, o.from, backup.ShortID(o.example.ID), at, why)
}

// origins groups strays, those with the most first.
func (s Settings) origins(strays []Stray) []origin {
	byFrom := make(map[string]*origin)
	for _, stray := range strays {
		from := s.Origin(stray.Facts)
		o, known := byFrom[from]
		if !known {
			o = &origin{from: from, example: stray}
			byFrom[from] = o
		}
		o.count++
		if newer := cmp.Or(stray.TakenAt.Compare(o.example.TakenAt), strings.Compare(stray.ID, o.example.ID)); newer > 0 {
			o.example = stray
		}
	}
	all := make([]origin, 0, len(byFrom))
	for _, o := range byFrom {
		all = append(all, *o)
	}
	slices.SortFunc(all, func(a, b origin) int { return cmp.Or(b.count-a.count, strings.Compare(a.from, b.from)) })
	return all
}
