package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/secret"
)

// Timeout bounds one look. A store that takes longer is left to restic, which says
// what is wrong with it.
const Timeout = 20 * time.Second

// snapshots is the folder of a repository that has one file for each snapshot.
const snapshots = "snapshots"

// maxConfig bounds a config, in bytes; restic's take about 200.
const maxConfig = 64 << 10

// snapshotName is what the file of a snapshot is named. restic reads no other.
var snapshotName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Contents are what a store held at one moment.
type Contents struct {
	// Snapshots are the ids of the snapshots, sorted, each once.
	Snapshots []string
	// Config is the SHA-256 of the repository's config as it is stored, encrypted. The
	// config of another repository differs, and so does one that was made anew.
	Config [sha256.Size]byte
}

// Mark identifies the contents: other contents have another mark. It is "" for those
// without snapshots: an S3 store answers for a folder that is not there, or that has
// another layout, just as for an empty one.
func (c Contents) Mark() string {
	if len(c.Snapshots) == 0 {
		return ""
	}
	sum := sha256.New()
	sum.Write(c.Config[:])
	for _, id := range c.Snapshots {
		sum.Write([]byte(id)) // of one length
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Observer wraps what requests go through, to look at the answers of the source of
// that name.
type Observer func(source string, next http.RoundTripper) http.RoundTripper

// Store is a repository's store, opened with the credentials of one moment. It keeps
// its connections, and is safe for concurrent use.
type Store struct {
	location    cli.Location
	credentials cli.Credentials
	reader      reader
}

// reader reads one kind of store.
type reader interface {
	// names yields the names in a folder of the repository; an error ends it.
	names(ctx context.Context, folder string, each func(name string)) error
	// config returns the config's bytes.
	config(ctx context.Context) ([]byte, error)
	// close ends idle connections.
	close()
}

// Can reports whether stores of a kind can be looked at.
func Can(kind cli.Kind) bool { return kind == cli.S3 || kind == cli.Rest || kind == cli.Local }

// Open prepares to look at a store and asks it nothing yet. Observe may be nil.
func Open(location cli.Location, credentials cli.Credentials, region string, observe Observer) (*Store, error) {
	if observe == nil {
		observe = func(_ string, next http.RoundTripper) http.RoundTripper { return next }
	}
	s := &Store{location: location, credentials: maps.Clone(credentials)}
	var err error
	switch location.Kind {
	case cli.S3:
		s.reader, err = openBucket(location, credentials, region, observe)
	case cli.Rest:
		s.reader, err = openServer(location, credentials, observe)
	case cli.Local:
		s.reader = newFolder(location.Folder())
	default:
		return nil, backup.Errorf(backup.Internal, "a store of kind %q cannot be looked at", location.Kind)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpenedWith reports whether the store was opened with these credentials.
func (s *Store) OpenedWith(credentials cli.Credentials) bool {
	same := func(a, b secret.String) bool { return a.Reveal() == b.Reveal() }
	return maps.EqualFunc(s.credentials, credentials, same)
}

// Close ends the store's idle connections.
func (s *Store) Close() { s.reader.close() }

// Look returns what the store holds, the snapshots read before the config. Errors are
// of the kinds of [backup.Kind] and hold no secret; whatever is wrong with the
// repository itself is for restic to say.
func (s *Store) Look(ctx context.Context) (Contents, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	var found Contents
	odd := ""
	err := s.reader.names(ctx, snapshots, func(name string) {
		if !snapshotName.MatchString(name) {
			odd = name
			return
		}
		found.Snapshots = append(found.Snapshots, name)
	})
	if err != nil {
		return Contents{}, err
	}
	if odd != "" {
		return Contents{}, backup.Errorf(backup.Unavailable, "the folder of snapshots at %s holds %.80q, which is no snapshot", s.location.Text, odd)
	}
	config, err := s.reader.config(ctx)
	if err != nil {
		return Contents{}, err
	}
	if len(config) == 0 || len(config) > maxConfig {
		return Contents{}, backup.Errorf(backup.Unavailable, "the config at %s has %d bytes", s.location.Text, len(config))
	}
	slices.Sort(found.Snapshots)
	found.Snapshots = slices.Compact(found.Snapshots)
	found.Config = sha256.Sum256(config)
	return found, nil
}

// Locked reports whether there is any lock in the repository, also one that was left
// behind. It is one request. Errors are as those of [Store.Look].
func (s *Store) Locked(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	locked := false
	err := s.reader.names(ctx, "locks", func(string) { locked = true })
	return locked, err
}
