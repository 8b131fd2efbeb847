package outcome

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

const (
	// Host is the host name of the snapshots that Soteria makes for itself.
	Host = "soteria"
	// OwnTag begins the tag of such a snapshot that says what it is for.
	OwnTag = "soteria="
	// Tag is the tag of a record. Together with [ClaimTag] it finds the records of
	// one claim.
	Tag = OwnTag + "outcome"
	// Time is the moment that every record is of, as restic's --time takes it.
	Time = "2000-01-01 00:00:00"
	// Filename and Content are the file that every record holds.
	Filename = "outcome"
	Content  = "The tags of this snapshot say how the backup of= ended. Soteria reads them.\n"
)

// The other tags of a record.
const (
	ofTag       = "of="
	claimTag    = "claim="
	outcomeTag  = "outcome="
	partialTag  = "partial=true"
	acceptedTag = "accepted=true"
	begunTag    = "begun="
	filesTag    = "files="
	bytesTag    = "bytes="
)

// claimTags begin the tags that make a snapshot a backup of a claim.
var claimTags = []string{"namespace=", "pvc="}

// Record is how the taking of one backup ended.
type Record struct {
	// Of is the full id of the backup's snapshot.
	Of string
	// Claim is the claim that it is of.
	Claim backup.Claim
	// Files and Bytes are what the backup holds, as restic counted while it took
	// it; negative where that is not known.
	Files, Bytes int64
	// Begun is when the API server created the Job that took the backup, which is
	// certainly before the backup was taken; the zero time where that is not known.
	Begun time.Time
	// Partial is true when some files could not be read.
	Partial bool
	// Void is true when the backup lost most of what the one before it held.
	Void bool
	// Accepted is true when a person said that a backup which was void is right.
	Accepted bool
}

// Outcome returns what the record comes to.
func (r Record) Outcome() backup.Outcome {
	switch {
	case r.Void && !r.Accepted:
		return backup.OutcomeVoid
	case r.Partial:
		return backup.OutcomePartial
	default:
		return backup.OutcomeComplete
	}
}

// ClaimTag returns the tag of the records of a claim's backups.
func ClaimTag(claim backup.Claim) string { return claimTag + claim.String() }

// Tags returns the tags that the record is written as. [Parse] reads them.
func (r Record) Tags() []string {
	tags := []string{Tag, ofTag + r.Of, ClaimTag(r.Claim), outcomeTag + r.Outcome().String()}
	if r.Outcome() == backup.OutcomeVoid && r.Partial {
		tags = append(tags, partialTag)
	}
	if r.Accepted {
		tags = append(tags, acceptedTag)
	}
	if !r.Begun.IsZero() {
		tags = append(tags, begunTag+r.Begun.UTC().Format(time.RFC3339))
	}
	if r.Files >= 0 {
		tags = append(tags, filesTag+strconv.FormatInt(r.Files, 10))
	}
	if r.Bytes >= 0 {
		tags = append(tags, bytesTag+strconv.FormatInt(r.Bytes, 10))
	}
	return tags
}

// IsOwn reports whether a snapshot with this host and these tags is one that
// Soteria made for itself. One that names a claim is a backup, whatever else its
// tags say.
func IsOwn(host string, tags []string) bool {
	return host == Host && hasPrefix(tags, OwnTag) && !slices.ContainsFunc(claimTags, func(prefix string) bool { return hasPrefix(tags, prefix) })
}

func hasPrefix(tags []string, prefix string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return strings.HasPrefix(tag, prefix) })
}

var idPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Parse reads the record that a snapshot with this host and these tags is. It
// reports false for any other snapshot, and for a record that it does not
// understand: the outcome is then unknown.
func Parse(host string, tags []string) (Record, bool) {
	if !IsOwn(host, tags) || !slices.Contains(tags, Tag) {
		return Record{}, false
	}
	r := Record{Of: value(tags, ofTag), Partial: slices.Contains(tags, partialTag), Accepted: slices.Contains(tags, acceptedTag)}
	claim, err := backup.ParseClaim(value(tags, claimTag))
	if err != nil || !idPattern.MatchString(r.Of) {
		return Record{}, false
	}
	r.Claim, r.Files, r.Bytes = claim, number(tags, filesTag), number(tags, bytesTag)
	if begun, err := time.Parse(time.RFC3339, value(tags, begunTag)); err == nil {
		r.Begun = begun.UTC()
	}
	switch value(tags, outcomeTag) {
	case backup.OutcomeComplete.String():
	case backup.OutcomePartial.String():
		r.Partial = true
	case backup.OutcomeVoid.String():
		r.Void = true
	default:
		return Record{}, false
	}
	return r, true
}

// value returns what follows the prefix in the only tag that begins with it, ""
// where there is none or more than one.
func value(tags []string, prefix string) string {
	found := ""
	for _, tag := range tags {
		rest, ok := strings.CutPrefix(tag, prefix)
		switch {
		case !ok:
		case found != "":
			return ""
		default:
			found = rest
		}
	}
	return found
}

func number(tags []string, prefix string) int64 {
	n, err := strconv.ParseInt(value(tags, prefix), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// Records are records by the id of the snapshot that each is of.
type Records map[string]Record

// Add adds a record. Of several for one snapshot an accepted one holds, else the
// worst.
func (all Records) Add(r Record) {
	known, there := all[r.Of]
	if !there {
		all[r.Of] = r
		return
	}
	known.Partial = known.Partial || r.Partial
	known.Void = known.Void || r.Void
	known.Accepted = known.Accepted || r.Accepted
	if r.Begun.After(known.Begun) {
		known.Begun = r.Begun
	}
	known.Files, known.Bytes = max(known.Files, r.Files), max(known.Bytes, r.Bytes)
	all[r.Of] = known
}

// For returns the record of the claim's snapshot with the first of these ids that
// has one: a snapshot's own, and the one that it had before somebody retagged or
// copied it.
func (all Records) For(claim backup.Claim, ids ...string) (Record, bool) {
	for _, id := range ids {
		if r, there := all[id]; there && id != "" && r.Claim == claim {
			return r, true
		}
	}
	return Record{}, false
}
