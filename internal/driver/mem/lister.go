package mem

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// Fault is how a listing goes wrong. The zero value is not at all.
type Fault struct {
	// After is how many backups are yielded before the fault shows; more than
	// there are means after all of them.
	After int
	// Err, when set, ends the listing with this error.
	Err error
	// Hang makes the listing wait until its context ends.
	Hang bool
}

// Lister is a [driver.Lister] of a repository in memory. It is safe for
// concurrent use. The zero value is not ready; see [NewLister].
type Lister struct {
	name string
	// Clusters says whose backups are Soteria's own; set it before use.
	Clusters backup.Clusters

	mu         sync.Mutex
	repository string
	absent     bool
	backups    []backup.Backup
	doubts     map[backup.Claim]error
	strays     []attribution.Stray
	reverse    bool
	faults     []Fault
	always     *Fault
	listings   int
	made       int
	forgets    error
}

var _ driver.Lister = (*Lister)(nil)

// NewLister makes the driver of this name on an existing repository with this
// identity that holds no backups.
func NewLister(name, repository string) *Lister {
	return &Lister{name: name, repository: repository}
}

// Name implements [driver.Lister].
func (l *Lister) Name() string { return l.name }

// Add puts a backup of a claim into the repository and returns it.
func (l *Lister) Add(claim backup.Claim, takenAt time.Time, tags ...string) backup.Backup {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made++
	id := fmt.Sprintf("%064x", l.made)
	b := backup.Backup{Claim: claim, Driver: l.name, ID: id, TakenAt: takenAt, SizeBytes: 1024, Files: 4, DataBytes: 1024, Locator: "/data", Tags: tags}
	for _, tag := range tags {
		if cluster, names := strings.CutPrefix(tag, "cluster="); names {
			b.Cluster = cluster
		}
	}
	b.Own = l.Clusters.Mine(b)
	l.backups = append(l.backups, b)
	return b
}

// Remove takes a backup out of the repository.
func (l *Lister) Remove(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removeLocked(id)
}

func (l *Lister) removeLocked(id string) {
	l.backups = slices.DeleteFunc(l.backups, func(b backup.Backup) bool { return b.ID == id })
}

// SetDoubt casts a doubt on a claim in the listings to come, or lifts it with
// nil.
func (l *Lister) SetDoubt(claim backup.Claim, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why == nil {
		delete(l.doubts, claim)
		return
	}
	if l.doubts == nil {
		l.doubts = make(map[backup.Claim]error)
	}
	l.doubts[claim] = why
}

// SetStrays replaces the backups of which nothing says which claim they are of. It
// keeps the slice.
func (l *Lister) SetStrays(strays ...attribution.Stray) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.strays = strays
}

// Words are what this driver's strays mean.
func (l *Lister) Words() attribution.Settings {
	return attribution.Settings{
		Driver: l.name, Noun: l.name + " backups", Unattributed: "MEM_UNATTRIBUTED", Adopt: "MEM_ADOPT", Foreign: "MEM_FOREIGN",
		Keys: []string{attribution.KeyHost, attribution.KeyPath, attribution.KeyTag},
	}
}

// Swap puts another repository, without backups, in the place of this one.
func (l *Lister) Swap(repository string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.repository, l.backups, l.absent = repository, nil, false
}

// SetAbsent makes it so that there is no repository, or that it is back.
func (l *Lister) SetAbsent(absent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.absent = absent
}

// Reverse turns the order around in which backups are yielded.
func (l *Lister) Reverse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reverse = !l.reverse
}

// FailNext makes the next listings go wrong, one fault each, in this order.
func (l *Lister) FailNext(faults ...Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, faults...)
}

// FailAlways makes every listing go wrong until it is called with nil.
func (l *Lister) FailAlways(fault *Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.always = fault
}

// Listings says how many listings began.
func (l *Lister) Listings() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.listings
}

// List implements [driver.Lister]. What it yields is the state at its begin.
func (l *Lister) List(ctx context.Context, into driver.Listing) (string, error) {
	backups, doubts, strays, repository, absent, fault := l.begin()
	if err := ctx.Err(); err != nil {
		return "", backup.Errorf(backup.Unavailable, "listing %s: %w", l.name, err)
	}
	if absent {
		return "", backup.Errorf(backup.RepositoryAbsent, "there is no %s repository %s", l.name, repository)
	}
	for i, b := range backups {
		if fault != nil && i >= fault.After {
			return "", fault.end(ctx)
		}
		into.Backup(b)
	}
	if fault != nil {
		return "", fault.end(ctx)
	}
	for claim, why := range doubts {
		into.Doubt(claim, why)
	}
	into.Strays(strays, l.Words())
	return repository, nil
}

func (l *Lister) begin() (backups []backup.Backup, doubts map[backup.Claim]error, strays []attribution.Stray, repository string, absent bool, fault *Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listings++
	fault = l.always
	if len(l.faults) > 0 {
		fault = &l.faults[0]
		l.faults = l.faults[1:]
	}
	backups = slices.Clone(l.backups)
	if l.reverse {
		slices.Reverse(backups)
	}
	return backups, maps.Clone(l.doubts), slices.Clone(l.strays), l.repository, l.absent, fault
}

func (f *Fault) end(ctx context.Context) error {
	if f.Hang {
		<-ctx.Done()
		return backup.Errorf(backup.Unavailable, "the listing did not end: %w", ctx.Err())
	}
	if f.Err != nil {
		return f.Err
	}
	return backup.Errorf(backup.Unavailable, "the listing was cut short")
}
