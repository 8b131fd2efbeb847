package longhorntest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

// Namespace is where the custom resources are.
const Namespace = "longhorn-system"

// TargetURL is the URL of the default backup target of [New].
const TargetURL = "s3://backups@us-east-1/lh/"

// syncLimit is how long after a request Longhorn refuses another one.
const syncLimit = 10 * time.Second

// Naming is how a version names its backup volumes.
type Naming string

// The generations of names.
const (
	Naming16 Naming = "1.6" // the volume's name, which is nowhere else
	Naming18 Naming = "1.8" // with random letters
	Naming19 Naming = "1.9" // with a hash of volume and target
)

// Faults are what goes wrong, or has yet to happen.
type Faults struct {
	// NoSyncAction answers requests for a sync as version 1.6.1 does.
	NoSyncAction bool
	// TargetsNever, VolumesNever and BackupsNever keep Longhorn from syncing
	// backup targets, from syncing backup volumes, and from reading backups.
	TargetsNever, VolumesNever, BackupsNever bool
	// StuckTarget is a backup target that Longhorn never ends to sync, and
	// StuckVolumesOf one whose backup volumes it never ends to sync.
	StuckTarget, StuckVolumesOf string
	// MissesVolumes keeps a target's next sync from reaching its backup volumes,
	// as conflicts do, so many times.
	MissesVolumes int
	// DuplicateVolumes makes a second backup volume for each that is made.
	DuplicateVolumes bool
	// SnapshotsNever keeps snapshots from becoming ready; SnapshotError is what
	// they say.
	SnapshotsNever bool
	SnapshotError  string
	// UploadsPause keeps backups InProgress; UploadError makes them fail.
	UploadsPause bool
	UploadError  string
	// BackupRequestsLost takes requests for a backup without doing anything, so
	// many times; BackupRequestsUnanswered does what is asked and answers with an
	// error.
	BackupRequestsLost, BackupRequestsUnanswered int
	// DeletionsLost takes requests for the deletion of a backup without doing
	// anything; DeletionsPause never ends them.
	DeletionsLost, DeletionsPause bool
	// RestoresPause keeps restores under way; RestoreError makes them fail.
	RestoresPause bool
	RestoreError  string
	// Answer, where not nil, sees each call of the REST API first ("POST
	// volumes/a?action=expand") and answers with status and body if it gives a
	// status.
	Answer func(call string) (status int, body string)
}

// Stored is a backup in a backup store, which outlives a cluster.
type Stored struct {
	Target, Volume, Name string
	// Snapshot is the name of the snapshot that it was made of.
	Snapshot string
	// SnapshotCreated is when the data was as it is; Created, when the upload
	// ended, is later if left out.
	SnapshotCreated, Created time.Time
	Labels                   map[string]string
	// VolumeSize is in bytes; 0 is 1 GiB. Size is what the blocks take, in bytes.
	VolumeSize, Size int64
	// BlockSize is what its blocks take, in bytes; 0 is 2 MiB.
	BlockSize int64
	// BackingImage is that of the volume; empty if it had none.
	BackingImage string
	// Unreadable keeps every Longhorn from reading what the backup is.
	Unreadable bool
}

func (s Stored) url(target string) string {
	return target + "?backup=" + s.Name + "&volume=" + s.Volume
}

// Longhorn is a Longhorn with one backup target. Its methods may be called from
// any goroutine.
type Longhorn struct {
	server *httptest.Server
	clock  fastClock

	mu      sync.Mutex
	faults  Faults
	naming  Naming
	calls   []string
	serial  int
	targets map[string]*target
	stored  []Stored
	bvs     map[string]*backupVolume
	backups map[string]*backup
	volumes map[string]*volume
	snaps   map[string]*snapshot
	// minor is the minor version; settings are Longhorn's, images the names of
	// backing images.
	minor    int
	settings map[string]string
	images   []string
}

type target struct {
	name, url       string
	available       bool
	why             string
	requested, sync time.Time
}

type backupVolume struct {
	name, target, volume string
	labels               map[string]string
	requested, sync      time.Time
	going                bool
}

type backup struct {
	Stored
	snapshot string // as in spec: of backups that were made here
	state    string
	errText  string
	progress int
	read     bool
	readAt   time.Time
	made     time.Time
	going    bool
	deleted  bool // by the REST API
}

type snapshot struct {
	name, volume string
	labels       map[string]string
	ready        bool
	made         time.Time
}

// New starts a Longhorn that ends with the test.
func New(t *testing.T) *Longhorn {
	t.Helper()
	l := &Longhorn{
		clock: newClock(), naming: Naming19, targets: make(map[string]*target), bvs: make(map[string]*backupVolume), backups: make(map[string]*backup),
		volumes: make(map[string]*volume), snaps: make(map[string]*snapshot),
		minor: newest, settings: map[string]string{settingBlock: "2", settingTopology: ""},
	}
	l.targets["default"] = &target{name: "default", url: TargetURL, requested: l.now().Add(-time.Hour)}
	l.reconcile() // the first sync is long over
	l.server = httptest.NewServer(l.handler())
	t.Cleanup(l.server.Close)

	ctx, cancel := context.WithCancel(context.Background())
	var controllers sync.WaitGroup
	controllers.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				l.reconcile()
			}
		}
	})
	t.Cleanup(func() { cancel(); controllers.Wait() })
	return l
}

// URL is the address of the REST API.
func (l *Longhorn) URL() string { return l.server.URL }

// Clock is the clock that Longhorn goes by.
func (l *Longhorn) Clock() clock.WithTicker { return l.clock }

// REST is a client of the Kubernetes API that serves the custom resources.
func (l *Longhorn) REST(t *testing.T) rest.Interface {
	t.Helper()
	config := &rest.Config{Host: l.server.URL, APIPath: "/apis", QPS: -1, ContentConfig: rest.ContentConfig{
		GroupVersion:         &schema.GroupVersion{Group: "longhorn.io", Version: "v1beta2"},
		NegotiatedSerializer: scheme.Codecs.WithoutConversion(),
	}}
	client, err := rest.RESTClientFor(config)
	require.NoError(t, err)
	return client
}

// Change changes what goes wrong.
func (l *Longhorn) Change(change func(*Faults)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.faults)
}

// Name names backup volumes as this version does, from now on.
func (l *Longhorn) Name(naming Naming) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.naming = naming
}

// SetTarget sets a backup target's URL, "" for none, and why it cannot be
// reached, "" if it can.
func (l *Longhorn) SetTarget(name, url, unreachable string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.targets[name]
	if !ok {
		t = &target{name: name}
		l.targets[name] = t
	}
	if t.url != url {
		t.requested = l.now()
	}
	t.url, t.why = url, unreachable
}

// Store puts a backup into a backup store, as if another cluster had made it.
func (l *Longhorn) Store(backups ...Stored) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range backups {
		if b.Target == "" {
			b.Target = "default"
		}
		if b.Created.IsZero() {
			b.Created = b.SnapshotCreated.Add(time.Minute)
		}
		if b.VolumeSize == 0 {
			b.VolumeSize = 1 << 30
		}
		l.stored = append(l.stored, b)
	}
}

// Remove takes a backup out of its store, as if another cluster had deleted it.
func (l *Longhorn) Remove(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored = slices.DeleteFunc(l.stored, func(s Stored) bool { return s.Name == name })
}

// Delete deletes a backup but does not finish with it before Longhorn is told to
// Remove it.
func (l *Longhorn) Delete(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backups[name].going = true
}

// Lose makes it so that Longhorn does not know what became of a backup.
func (l *Longhorn) Lose(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backups[name].state = "Unknown"
}

// DeleteVolume deletes a volume's backup volumes but does not finish with them.
func (l *Longhorn) DeleteVolume(volume string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, bv := range l.bvs {
		bv.going = bv.going || bv.volume == volume
	}
}

// Deleting reports whether a backup is still to be deleted that the REST API was
// asked to delete.
func (l *Longhorn) Deleting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.backups {
		if b.deleted {
			return true
		}
	}
	return false
}

// Reinstall forgets everything but the backup stores and the targets' URLs.
func (l *Longhorn) Reinstall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.bvs)
	clear(l.backups)
	clear(l.volumes)
	clear(l.snaps)
	for _, t := range l.targets {
		t.requested, t.sync, t.available = l.now(), time.Time{}, false
	}
}

// Calls counts the calls of the REST API whose text ("POST
// volumes/a?action=expand") holds this, and lists of custom resources ("LIST backups").
func (l *Longhorn) Calls(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, c := range l.calls {
		if strings.Contains(c, text) {
			n++
		}
	}
	return n
}

// Taken gives the backups of a volume that this cluster made, by their
// snapshots, with their states.
func (l *Longhorn) Taken(volume string) map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := make(map[string]string)
	for _, b := range l.backups {
		if b.Volume == volume && b.snapshot != "" {
			taken[b.snapshot] = b.state
		}
	}
	return taken
}

// Labels gives the labels that the backup of a snapshot has in its store; nil if
// there is none.
func (l *Longhorn) Labels(snapshot string) map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.backups {
		if b.snapshot == snapshot && slices.ContainsFunc(l.stored, func(s Stored) bool { return s.Name == b.Name }) {
			return maps.Clone(b.Labels)
		}
	}
	return nil
}

// Snapshots names a volume's snapshots, in order.
func (l *Longhorn) Snapshots(volume string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for _, s := range l.snaps {
		if s.volume == volume {
			names = append(names, s.name)
		}
	}
	slices.Sort(names)
	return names
}

// AddSnapshot makes a snapshot that is ready, as if somebody had long ago.
func (l *Longhorn) AddSnapshot(volume, name string, labels map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.snaps[name] = &snapshot{name: name, volume: volume, labels: labels, ready: true, made: l.now()}
}

// AddTaken makes a complete backup of a snapshot, as if somebody had long ago.
func (l *Longhorn) AddTaken(snapshot string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.snaps[snapshot]
	b := l.newBackup(s, nil)
	b.state, b.progress, b.read, b.readAt = "Completed", 100, true, l.now()
	l.stored = append(l.stored, b.Stored)
}

// now is the time as Longhorn writes it down, to the second.
func (l *Longhorn) now() time.Time { return l.clock.Now().UTC().Truncate(time.Second) }

// generated gives a name that nobody has.
func (l *Longhorn) generated(prefix string) string {
	l.serial++
	return prefix + hash(fmt.Sprint(prefix, l.serial), 16)
}

func hash(text string, digits int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:digits]
}
