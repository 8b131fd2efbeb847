package restic

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/store"
	"github.com/soteria-dr/soteria/internal/kube/configmap"
)

const (
	// handedKey is the one key of a part's ConfigMap.
	handedKey = "snapshots.json.gz"
	// handedPatience bounds the reading of what was handed over.
	handedPatience = 10 * time.Second
	// rereadPatience bounds the reading of the whole that no one waits for.
	rereadPatience = 10 * time.Minute
	// HandOverEvery is how often what was read is handed over at most, and HandOverLook
	// how soon after a reading that is done.
	HandOverEvery = 5 * time.Minute
	HandOverLook  = 10 * time.Second
	// LookEvery is how often is looked whether there is anything to read.
	LookEvery = time.Minute
)

func handedName(part int) string { return fmt.Sprintf("soteria-restic-reading-%02d", part) }

// handedOver returns what another replica read of the repository, as far as its
// snapshots are still there: now is what the store was seen to hold. It returns nil
// where there is nothing that can be gone by, and the whole is to be read.
//
// What is handed over lies in Soteria's own namespace, where no tenant writes. It counts
// only for the same config, address and Secret, for as long after the whole was read as
// the reader itself would go by it, and says of a snapshot what its content-addressed file
// holds, never which there are: that is for the store. Where a snapshot is gone, restic
// lists the files itself.
func (d *Driver) handedOver(ctx context.Context, program cli.Program, secret string, opened *store.Store, now store.Contents) *reading {
	how, snapshots, err := d.readHanded(ctx)
	if err != nil || len(snapshots) == 0 {
		return nil // no one handed anything over that can be understood
	}
	read := &reading{identity: how.Identity, store: opened, config: now.Config, wholeAt: how.WholeAt, secret: secret, handed: true}
	if how != handedOf(d.location.Text, read) || !idPattern.MatchString(how.Identity) || !read.isRecent(d.cluster.Clock.Now()) {
		return nil
	}
	var gone []string
	for _, s := range snapshots {
		if _, there := slices.BinarySearch(now.Snapshots, s.ID); there {
			read.snapshots = append(read.snapshots, s)
		} else {
			gone = append(gone, s.ID)
		}
	}
	if len(gone) > 0 && !areGone(ctx, program, opened, gone, now.Snapshots) {
		return nil
	}
	read.mark = store.Contents{Snapshots: idsOf(read.snapshots), Config: read.config}.Mark()
	return read
}

// readHanded reads all parts of what was handed over. The whole was read when the
// part of the oldest reading was; of readings that differ in anything else nothing
// follows.
func (d *Driver) readHanded(ctx context.Context) (handed, []snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, handedPatience)
	defer cancel()
	var all handed
	gathered := newGatherer()
	for part := range handedParts {
		stored, err := configmap.Read(ctx, d.cluster.Reader, d.cfg.Namespace, handedName(part))
		if err != nil {
			return handed{}, nil, err
		}
		how, err := unpackPart(stored.BinaryData[handedKey], part, gathered.add)
		if err != nil {
			return handed{}, nil, err
		}
		if part == 0 || how.WholeAt.Before(all.WholeAt) {
			how.WholeAt, all.WholeAt = how.WholeAt.UTC(), how.WholeAt.UTC()
		}
		if part == 0 {
			all = how
		}
		if how.WholeAt = all.WholeAt; how != all {
			return handed{}, nil, fmt.Errorf("parts of what was handed over are of different readings")
		}
	}
	return all, gathered.snapshots, nil
}

// areGone reports whether restic, too, lists none of the snapshots that are gone from
// the store's list, and all of those that are there, and whether the store's next list
// lacks them as well.
func areGone(ctx context.Context, program cli.Program, opened *store.Store, gone, there []string) bool {
	var listed []string
	err := cli.RunWhole(ctx, program, cli.Invocation{
		Args: []string{"list", "snapshots", "--no-lock"},
		Stdout: func(stdout io.Reader) error {
			text, err := io.ReadAll(stdout)
			listed = strings.Fields(string(text))
			return err
		},
		Otherwise: backup.Unavailable,
	}, "the list of snapshot files")
	if err != nil {
		return false
	}
	later, err := opened.Look(ctx)
	if err != nil {
		return false
	}
	slices.Sort(listed)
	in := func(ids []string) func(string) bool {
		return func(id string) bool { _, found := slices.BinarySearch(ids, id); return found }
	}
	return !slices.ContainsFunc(gone, in(listed)) && !slices.ContainsFunc(gone, in(later.Snapshots)) &&
		!slices.ContainsFunc(there, func(id string) bool { return !in(listed)(id) })
}

// Relay has the leader hand over what it read of the repository to replicas whose disks
// are empty, in ConfigMaps of Soteria's own namespace: about 100 bytes for each snapshot.
// Every so often it writes those parts that have changed, of 16, and all of them
// after the whole was read.
type Relay struct {
	Driver *Driver
	// Look is how often it looks whether anything has changed, see [HandOverLook], and Every
	// the least time between two times that it writes, see [HandOverEvery].
	Look, Every time.Duration
	Log         *slog.Logger

	// written are the digests of what was written last, or found to be written, and
	// wroteAt is when that was. mark and wholeAt are of the reading that was.
	written [handedParts][sha256.Size]byte
	wroteAt time.Time
	mark    string
	wholeAt time.Time
}

// Start hands over until ctx ends. It says once why it cannot.
func (r *Relay) Start(ctx context.Context) error {
	said := ""
	every(ctx, r.Look, func() {
		err := r.handOver(ctx)
		if err == nil || ctx.Err() != nil {
			said = ""
			return
		}
		if why := backup.Message(err); why != said {
			said = why
			r.Log.Info("what was read of the repository is not handed over; a new replica may take minutes to know the backups", "driver", Name, "error", err)
		}
	})
	return nil
}

// handOver writes what has changed. What was taken over from another replica is not
// handed on before it was read here.
func (r *Relay) handOver(ctx context.Context) error {
	read, now := r.Driver.keptReading(), r.Driver.cluster.Clock.Now()
	if read == nil || read.handed || read.mark == r.mark && read.wholeAt.Equal(r.wholeAt) || driver.Within(r.Every, r.wroteAt, now) {
		return nil
	}
	how := handedOf(r.Driver.location.Text, read)
	for part, snapshots := range parts(read.snapshots) {
		packed, err := packPart(how, snapshots)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(packed)
		if sum == r.written[part] {
			continue
		}
		if err := r.write(ctx, part, packed); err != nil {
			return err
		}
		r.written[part], r.wroteAt = sum, now
	}
	r.mark, r.wholeAt, r.wroteAt = read.mark, read.wholeAt, now
	return nil
}

func (r *Relay) write(ctx context.Context, part int, packed []byte) error {
	stored, err := configmap.Read(ctx, r.Driver.cluster.Reader, r.Driver.cfg.Namespace, handedName(part))
	if err != nil {
		return err
	}
	if slices.Equal(stored.BinaryData[handedKey], packed) {
		return nil
	}
	stored.Data, stored.BinaryData = nil, map[string][]byte{handedKey: packed}
	return configmap.Write(ctx, r.Driver.cluster.Client, stored, "ConfigMap "+stored.Namespace+"/"+stored.Name)
}

// Rereader has every replica read the whole repository before what it knows is too old
// to go by, so that no question waits for that, and soon after it began with what
// another replica had read.
type Rereader struct {
	Driver *Driver
	// Look is how often it looks whether that is due; see [LookEvery].
	Look time.Duration
	Log  *slog.Logger
}

// NeedLeaderElection has every replica do it.
func (Rereader) NeedLeaderElection() bool { return false }

// Start reads until ctx ends.
func (r Rereader) Start(ctx context.Context) error {
	every(ctx, r.Look, func() {
		if err := r.Driver.reread(ctx); err != nil && ctx.Err() == nil {
			r.Log.Warn("the repository could not be read again; questions wait for that once it is due", "driver", Name, "kind", backup.KindOf(err).String(), "error", err)
		}
	})
	return nil
}

// every does something now and then until ctx ends.
func every(ctx context.Context, pause time.Duration, do func()) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// reread reads the whole where that is due soon, or was never done here. What it reads
// replaces what was kept. Where it finds another repository or no access, or what was
// handed over to be wrong, the next listing reads the whole, too, and says so. What is too
// old already is left to the next listing, which is tried again less and less often.
func (d *Driver) reread(ctx context.Context) error {
	const early = driver.WholeEvery / 6 * 5
	kept, began := d.keptReading(), d.cluster.Clock.Now()
	if kept == nil || !kept.isRecent(began) || !kept.handed && driver.Within(early, kept.wholeAt, began) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, rereadPatience)
	defer cancel()
	program, secret, err := d.programNow(ctx)
	if err != nil {
		return err
	}
	opened := d.open(program)
	if opened == nil || kept.store != opened {
		return nil // the next listing reads the whole with the credentials of now
	}
	now, err := opened.Look(ctx)
	if err != nil {
		return err
	}
	read, err := d.readWhole(ctx, program, opened, now)
	if slices.Contains([]backup.Kind{backup.RepositoryChanged, backup.RepositoryAbsent, backup.Credentials}, backup.KindOf(err)) {
		d.replace(nil)
	}
	if err != nil || read.store == nil {
		return err
	}
	read.secret = secret
	if kept.handed && !agree(kept.snapshots, read.snapshots) {
		d.replace(nil)
		return backup.Errorf(backup.Internal, "what another replica handed over of the repository at %s is not what restic reads there", d.location.Text)
	}
	d.replace(read)
	return nil
}

// replace replaces what the next listing goes by, unless that has read the whole later.
// Nil drops it, also for the movers that are made next.
func (d *Driver) replace(read *reading) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if read == nil {
		d.provedRead = nil
	}
	if read == nil || d.kept == nil || !d.kept.wholeAt.After(read.wholeAt) {
		d.kept = read
	}
}

// agree reports whether two readings say the same of each snapshot that both hold.
func agree(a, b []snapshot) bool {
	texts := make(map[string]string, len(a))
	for _, s := range a {
		texts[s.ID] = textOf(s)
	}
	return !slices.ContainsFunc(b, func(s snapshot) bool {
		text, both := texts[s.ID]
		return both && text != textOf(s)
	})
}

func textOf(s snapshot) string {
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error() // a year that has no text
	}
	return string(text)
}
