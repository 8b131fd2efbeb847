package unreviewed

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

// maxSpans is how many lives of one claim are remembered, the newest.
const maxSpans = 4

// Spans are the times in which the data of claims was unreviewed, by claim, oldest
// first. A span begins when its claim was created and ends when the next claim of
// that name was; it is not remembered any more once the claim's data is vouched for.
type Spans map[backup.Claim][]backup.Span

// Life is what is seen of a claim that exists.
type Life struct {
	// Created is when the claim was, to the second.
	Created time.Time
	// Unreviewed is true while a person has to say which of its data is right, and
	// Vouched once the claim itself says that it is.
	Unreviewed, Vouched bool
}

// lifeOf reads a living claim. Whether it is unreviewed is left to be filled in.
func lifeOf(claim *corev1.PersistentVolumeClaim) Life {
	return Life{Created: claim.CreationTimestamp.Time, Vouched: Read(claim, decision.Facts{}, time.Time{}).vouched()}
}

// After returns the spans after lives were seen, and reports whether they changed. A
// claim that was not seen changes nothing: its volume may be there and be backed up.
func (s Spans) After(lives map[backup.Claim]Life) (after Spans, changed bool) {
	after = maps.Clone(s)
	if after == nil {
		after = Spans{}
	}
	for claim, life := range lives {
		spans := spansAfter(s[claim], life)
		switch {
		case slices.Equal(spans, s[claim]):
			continue
		case len(spans) == 0:
			delete(after, claim)
		default:
			after[claim] = spans
		}
		changed = true
	}
	return after, changed
}

func spansAfter(spans []backup.Span, life Life) []backup.Span {
	var after []backup.Span
	known := false
	for _, s := range spans {
		if s.Since.Equal(life.Created) {
			if life.Vouched {
				continue
			}
			known = true
		}
		if s.Until.IsZero() && s.Since.Before(life.Created) {
			s.Until = life.Created.UTC()
		}
		after = append(after, s)
	}
	if life.Unreviewed && !life.Vouched && !known {
		after = append(after, backup.Span{Since: life.Created.UTC()})
	}
	return after[max(0, len(after)-maxSpans):]
}

// storedSpan is a span as it is stored.
type storedSpan struct {
	Since time.Time  `json:"since"`
	Until *time.Time `json:"until,omitempty"`
}

// encode writes the spans as JSON, in the order of their claims' names.
func (s Spans) encode() (string, error) {
	stored := make(map[string][]storedSpan, len(s))
	for claim, spans := range s {
		for _, span := range spans {
			one := storedSpan{Since: span.Since.UTC()}
			if !span.Until.IsZero() {
				until := span.Until.UTC()
				one.Until = &until
			}
			stored[claim.String()] = append(stored[claim.String()], one)
		}
	}
	text, err := json.Marshal(stored)
	if err != nil {
		return "", fmt.Errorf("encoding the times in which claims were unreviewed: %w", err)
	}
	return string(text), nil
}

// decodeSpans reads what encode wrote; "" is none.
func decodeSpans(text string) (Spans, error) {
	spans := Spans{}
	if text == "" {
		return spans, nil
	}
	var stored map[string][]storedSpan
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return nil, fmt.Errorf("decoding the times in which claims were unreviewed: %w", err)
	}
	for name, of := range stored {
		claim, err := backup.ParseClaim(name)
		if err != nil {
			return nil, fmt.Errorf("decoding the times in which claims were unreviewed: %w", err)
		}
		for _, one := range of {
			span := backup.Span{Since: one.Since.UTC()}
			if one.Until != nil {
				span.Until = one.Until.UTC()
			}
			spans[claim] = append(spans[claim], span)
		}
	}
	return spans, nil
}
