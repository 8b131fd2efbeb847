package restic

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

const (
	// handedParts is how many parts a reading is handed over in, one for each first digit
	// of a snapshot's id: a new snapshot changes one of them. The Role names each.
	handedParts = 16
	// handedFormat is the format of the parts. Those of another one are not read.
	handedFormat = 1
	// maxHandedPart bounds a part, in bytes as it is stored: a ConfigMap takes a
	// mebibyte. A part takes about 100 bytes for each snapshot.
	maxHandedPart = 1000 << 10
	// maxHandedText bounds what a part may grow to when it is read.
	maxHandedText = 64 << 20
)

// handed is how a replica read what it hands over to one whose disk is empty.
type handed struct {
	Format int `json:"format"`
	// Location is the repository's address, Identity its id, and Config the digest of the
	// config that has this id.
	Location string `json:"location"`
	Identity string `json:"identity"`
	Config   string `json:"config"`
	// Access identifies the Secret with the credentials, as it was then.
	Access string `json:"access"`
	// WholeAt is when the whole was read.
	WholeAt time.Time `json:"wholeAt"`
}

// handedOf returns how a reading was read from a location.
func handedOf(location string, r *reading) handed {
	return handed{
		Format: handedFormat, Location: location, Identity: r.identity, Config: hex.EncodeToString(r.config[:]),
		Access: r.secret, WholeAt: r.wholeAt.Round(0).UTC(),
	}
}

// partOf returns the part that a snapshot belongs to; -1 for an id that is none.
func partOf(id string) int {
	return bytes.IndexByte([]byte("0123456789abcdef"), cmp.Or(id, " ")[0])
}

// parts sorts snapshots by the part that each belongs to, and by their ids there.
func parts(snapshots []snapshot) [handedParts][]snapshot {
	var sorted [handedParts][]snapshot
	for _, s := range snapshots {
		if part := partOf(s.ID); part >= 0 {
			sorted[part] = append(sorted[part], s)
		}
	}
	for _, part := range sorted {
		slices.SortFunc(part, func(a, b snapshot) int { return cmp.Compare(a.ID, b.ID) })
	}
	return sorted
}

// packPart encodes and compresses a part. The same snapshots, read in the same way, are
// the same bytes. One that is too large is an error.
func packPart(how handed, snapshots []snapshot) ([]byte, error) {
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	encoder := json.NewEncoder(compressed)
	if snapshots == nil {
		snapshots = []snapshot{}
	}
	if err := cmp.Or(encoder.Encode(how), encoder.Encode(snapshots), compressed.Close()); err != nil {
		return nil, fmt.Errorf("packing what was read of the repository: %w", err)
	}
	if packed.Len() > maxHandedPart {
		return nil, backup.Errorf(backup.Unprocessable, "%d snapshots take %d bytes, and a ConfigMap holds %d", len(snapshots), packed.Len(), maxHandedPart)
	}
	return packed.Bytes(), nil
}

// unpackPart reads what [packPart] returned for the part of a number, and yields its
// snapshots. After an error what was yielded must be thrown away.
func unpackPart(packed []byte, number int, each func(snapshot)) (handed, error) {
	var how handed
	compressed, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return handed{}, fmt.Errorf("unpacking what was handed over: %w", err)
	}
	text := io.LimitReader(compressed, maxHandedText)
	decoder := json.NewDecoder(text)
	if err := decoder.Decode(&how); err != nil {
		return handed{}, fmt.Errorf("unpacking what was handed over: %w", err)
	}
	if how.Format != handedFormat {
		return handed{}, fmt.Errorf("what was handed over is of format %d", how.Format)
	}
	misplaced, last := false, ""
	err = readSnapshots(io.MultiReader(decoder.Buffered(), text), func(s snapshot) {
		misplaced = misplaced || partOf(s.ID) != number || s.ID <= last
		last = s.ID
		each(s)
	})
	if err == nil && misplaced {
		err = fmt.Errorf("part %d of what was handed over holds what does not belong there", number)
	}
	return how, err
}
