package backup

import (
	"slices"
	"strings"
	"time"
)

// UnreviewedTag begins the tag of a backup that Soteria took of a claim which had
// been bound without a verdict while older backups of it existed. The time from
// which on the claim's data is unreviewed follows (RFC 3339): when the claim was
// created. The tag is kept with the backup, so that it survives the cluster.
const UnreviewedTag = "soteria-unreviewed="

// UnreviewedSince makes the tag for data that is unreviewed since then.
func UnreviewedSince(since time.Time) string { return UnreviewedTag + since.UTC().Format(time.RFC3339) }

// CallersTags counts the tags that the caller of a backup gave it, without the one
// by which Soteria marks it.
func CallersTags(tags []string) int {
	count := 0
	for _, tag := range tags {
		if !strings.HasPrefix(tag, UnreviewedTag) {
			count++
		}
	}
	return count
}

// IsUnreviewed reports whether a backup's tags say that its data is unreviewed. A
// tag whose time cannot be read counts all the same.
func IsUnreviewed(tags []string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return strings.HasPrefix(tag, UnreviewedTag) })
}

// span is a time in which a claim's data was unreviewed. A zero end is open.
type span struct{ since, end time.Time }

func (s span) holds(at time.Time) bool {
	return !at.Before(s.since) && (s.end.IsZero() || at.Before(s.end))
}

// markUnreviewed sets Unreviewed on the backups that others took while the data of
// their claim was unreviewed, since others do not tag theirs. The backups are one
// claim's, newest first; they are not changed where nothing is to be set.
func markUnreviewed(newestFirst []Backup) []Backup {
	spans := unreviewedSpans(newestFirst)
	if len(spans) == 0 {
		return newestFirst
	}
	marked := slices.Clone(newestFirst)
	for i := range marked {
		b := &marked[i]
		if !b.Own && slices.ContainsFunc(spans, func(s span) bool { return s.holds(b.TakenAt) }) {
			b.Unreviewed = true
		}
	}
	return marked
}

// unreviewedSpans reads the times in which data was unreviewed off the backups
// that Soteria took: from the time that a tagged one names until the next one
// that is not tagged.
func unreviewedSpans(newestFirst []Backup) []span {
	var spans []span
	var reviewed time.Time // of the oldest backup so far that Soteria took of reviewed data
	for _, b := range newestFirst {
		switch {
		case b.Own && !b.Unreviewed:
			reviewed = b.TakenAt
		case b.Own:
			s := span{since: sinceOf(b), end: reviewed}
			if len(spans) == 0 || spans[len(spans)-1] != s {
				spans = append(spans, s)
			}
		}
	}
	return spans
}

// sinceOf reads since when a tagged backup's data is unreviewed: since it was
// taken, where its tag does not tell.
func sinceOf(b Backup) time.Time {
	for _, tag := range b.Tags {
		if text, tagged := strings.CutPrefix(tag, UnreviewedTag); tagged {
			if since, err := time.Parse(time.RFC3339, text); err == nil && since.Before(b.TakenAt) {
				return since
			}
		}
	}
	return b.TakenAt
}
