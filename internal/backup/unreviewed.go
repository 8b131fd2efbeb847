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

// Span is a time in which a claim's data was unreviewed. It is open where Until is
// the zero time.
type Span struct{ Since, Until time.Time }

// holds reports whether the time is in the span.
func (s Span) holds(at time.Time) bool {
	return !at.Before(s.Since) && (s.Until.IsZero() || at.Before(s.Until))
}

// untold is how long others' backups count as unreviewed after the last one that is
// marked, where nothing tells how that ended: the claim may have been restored since.
const untold = 30 * 24 * time.Hour

// markUnreviewed sets Unreviewed on the backups that others took while the data of
// their claim was unreviewed, since others do not tag theirs. The backups are one
// claim's, newest first; they are not changed where nothing is to be set. Remembered
// are the spans that are known beside what the backups tell.
func markUnreviewed(newestFirst []Backup, remembered []Span) []Backup {
	spans := append(taggedSpans(newestFirst, remembered), rememberedSpans(newestFirst, remembered)...)
	if len(spans) == 0 {
		return newestFirst
	}
	marked := slices.Clone(newestFirst)
	for i := range marked {
		b := &marked[i]
		if !b.Own && slices.ContainsFunc(spans, func(s Span) bool { return s.holds(b.TakenAt) }) {
			b.Unreviewed = true
		}
	}
	return marked
}

// taggedSpans reads the times in which data was unreviewed off the backups that
// Soteria took: from the time that a tagged one names until the next one that is
// not tagged, else until some time after the last tagged one. Those that are
// remembered are left out.
func taggedSpans(newestFirst []Backup, remembered []Span) []Span {
	var spans []Span
	for _, b := range newestFirst {
		if !b.Own || !b.Unreviewed {
			continue
		}
		since := sinceOf(b)
		same := func(s Span) bool { return s.Since.Equal(since) }
		if slices.ContainsFunc(spans, same) || slices.ContainsFunc(remembered, same) {
			continue // a newer one tells of it, or what is remembered does
		}
		s := Span{Since: since, Until: reviewedAfter(newestFirst, b.TakenAt)}
		if s.Until.IsZero() {
			s.Until = b.TakenAt.Add(untold)
		}
		spans = append(spans, s)
	}
	return spans
}

// rememberedSpans ends the spans that are remembered, where Soteria took a backup of
// reviewed data before they did.
func rememberedSpans(newestFirst []Backup, remembered []Span) []Span {
	spans := make([]Span, 0, len(remembered))
	for _, s := range remembered {
		// What is dated within what clocks differ by may be of the claim before.
		if reviewed := reviewedAfter(newestFirst, s.Since.Add(MaxAhead)); !reviewed.IsZero() && (s.Until.IsZero() || reviewed.Before(s.Until)) {
			s.Until = reviewed
		}
		spans = append(spans, s)
	}
	return spans
}

// reviewedAfter returns when Soteria took the first backup of reviewed data after a
// time; the zero time where it took none.
func reviewedAfter(newestFirst []Backup, after time.Time) time.Time {
	var first time.Time
	for _, b := range newestFirst {
		if !b.TakenAt.After(after) {
			break
		}
		if b.Own && !b.Unreviewed {
			first = b.TakenAt
		}
	}
	return first
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
