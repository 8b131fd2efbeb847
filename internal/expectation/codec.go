package expectation

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// header is the first line of an encoded memory.
type header struct {
	Format  int `json:"format"`
	Records int `json:"records"`
}

// line is one record of an encoded memory.
type line struct {
	Namespace string     `json:"ns"`
	Name      string     `json:"pvc"`
	Newest    *time.Time `json:"newest,omitempty"`
	ID        string     `json:"id,omitempty"`
	SeenAt    *time.Time `json:"seen,omitempty"`
	Count     int        `json:"count,omitempty"`
	Epoch     int        `json:"epoch,omitempty"`
	Accepted  *time.Time `json:"accepted,omitempty"`
	Leaving   *time.Time `json:"leaving,omitempty"`
	Until     *time.Time `json:"until,omitempty"`
}

func lineOf(claim backup.Claim, r Record) line {
	return line{
		Namespace: claim.Namespace, Name: claim.Name, Newest: optional(r.Newest), ID: r.ID, SeenAt: optional(r.SeenAt), Count: r.Count, Epoch: r.Epoch,
		Accepted: optional(r.AcceptedAt), Leaving: optional(r.Leaving), Until: optional(r.LeavingUntil),
	}
}

func (l line) record() Record {
	return Record{
		Newest: timeOf(l.Newest), ID: l.ID, SeenAt: timeOf(l.SeenAt), Count: l.Count, Epoch: l.Epoch,
		AcceptedAt: timeOf(l.Accepted), Leaving: timeOf(l.Leaving), LeavingUntil: timeOf(l.Until),
	}
}

// format is the version of the encoding. A reader refuses a higher one: what it
// does not understand may be all that is left to tell that a backup is missing.
const format = 1

// Encode writes claims as lines of JSON, in the order of their names, so that the
// same memory is always the same bytes.
func Encode(w io.Writer, claims Claims) error {
	buffered := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffered)
	if err := encoder.Encode(header{Format: format, Records: len(claims)}); err != nil {
		return fmt.Errorf("encoding expectations: %w", err)
	}
	for _, claim := range slices.SortedFunc(maps.Keys(claims), byName) {
		if err := encoder.Encode(lineOf(claim, claims[claim])); err != nil {
			return fmt.Errorf("encoding expectations: %w", err)
		}
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("encoding expectations: %w", err)
	}
	return nil
}

// Decode reads what [Encode] wrote. Anything but the whole of it is an error: a
// memory that was cut short expects too little.
func Decode(r io.Reader) (Claims, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var h header
	if err := decoder.Decode(&h); err != nil {
		return nil, fmt.Errorf("decoding expectations: %w", err)
	}
	if h.Format != format {
		return nil, fmt.Errorf("decoding expectations: format %d is not %d: use the version of Soteria that wrote it", h.Format, format)
	}
	claims := make(Claims)
	for {
		var l line
		err := decoder.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("decoding expectations: %w", err)
		}
		claim := backup.Claim{Namespace: l.Namespace, Name: l.Name}
		if err := claim.Validate(); err != nil {
			return nil, fmt.Errorf("decoding expectations: %w", err)
		}
		if _, twice := claims[claim]; twice {
			return nil, fmt.Errorf("decoding expectations: %s is there twice", claim)
		}
		claims[claim] = l.record()
	}
	if len(claims) != h.Records {
		return nil, fmt.Errorf("decoding expectations: %d records where %d were written", len(claims), h.Records)
	}
	return claims, nil
}

func byName(a, b backup.Claim) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
