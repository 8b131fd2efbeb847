package stall

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// Mark is a stall as it is kept on the object that does the work: the Job or the
// Lease of a backup. It lets every replica show the stall, and the next leader not
// tell it again.
type Mark struct {
	Cause   Cause  `json:"cause"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
	// Since is when the work last came further, as far as is known.
	Since time.Time `json:"since"`
	// ToldAt is when an event last said so.
	ToldAt time.Time `json:"toldAt"`
}

// ReadMark reads the mark off an object's annotations; false where there is none
// that makes sense. Anyone who may change the object may have written it: its words are
// for those alone who may see the object.
func ReadMark(annotations map[string]string) (Mark, bool) {
	text, marked := annotations[v1alpha1.StalledAnnotation]
	if !marked {
		return Mark{}, false
	}
	var m Mark
	if json.Unmarshal([]byte(text), &m) != nil || !slices.Contains(Causes(), m.Cause) {
		return Mark{}, false
	}
	m.Message, m.Remedy = quote(m.Message), quote(m.Remedy)
	return m, true
}

// Next is the mark of a stall that is observed now, and whether it is to be told.
func (m Mark) Next(found Stall, since, now time.Time, repeat time.Duration) (next Mark, news bool) {
	told := Told{Stall: Stall{Cause: m.Cause, Message: m.Message, Remedy: m.Remedy}, At: m.ToldAt}
	told, news = told.News(found, now, repeat)
	if m.Cause == found.Cause && !m.Since.IsZero() && m.Since.Before(since) {
		since = m.Since
	}
	return Mark{Cause: found.Cause, Message: quote(found.Message), Remedy: quote(found.Remedy), Since: since.UTC(), ToldAt: told.At.UTC()}, news
}

// Text is the value of the annotation.
func (m Mark) Text() string {
	text, _ := json.Marshal(m) //nolint:errchkjson // strings and times of this century can be encoded
	return string(text)
}

// Says returns what a person should know, in one line.
func (m Mark) Says() string { return m.Message + "; " + m.Remedy }
