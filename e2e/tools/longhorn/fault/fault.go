// Package fault says what shall misbehave. Tests write a list of faults into a ConfigMap; the parts of the program ask a
// [Set] whether one of them hits what they are about to do.
package fault

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/naming"
)

// Kind is what goes wrong.
type Kind string

// Faults of the API's answers. They are matched against "METHOD path?query" and counted by request.
const (
	Slow       Kind = "slow"
	Status500  Kind = "status500"
	Half       Kind = "half"
	WrongTypes Kind = "wrongTypes"
	APIMaster  Kind = "apiMaster"
	LargeBlock Kind = "largeBlock"
)

// Faults of what the API tells about. They are matched against the name of an object and counted by object.
const (
	TargetUnavailable      Kind = "targetUnavailable"
	SyncNever              Kind = "syncNever"
	SyncHalf               Kind = "syncHalf"
	BackupError            Kind = "backupError"
	UploadPause            Kind = "uploadPause"
	RestoreFault           Kind = "restoreFault"
	RestorePause           Kind = "restorePause"
	LabelsMissing          Kind = "labelsMissing"
	DuplicateBackupVolumes Kind = "duplicateBackupVolumes"
	Naming                 Kind = "naming"
	Throttle               Kind = "throttle"
)

var kinds = []Kind{
	Slow, Status500, Half, WrongTypes, APIMaster, LargeBlock,
	TargetUnavailable, SyncNever, SyncHalf, BackupError, UploadPause, RestoreFault, RestorePause,
	LabelsMissing, DuplicateBackupVolumes, Naming, Throttle,
}

// Where labels may be missing; see [Fault.From].
const (
	FromBackup       = "backup"
	FromBackupVolume = "backupVolume"
	FromBoth         = "both"
)

// Fault is one entry of the list.
type Fault struct {
	Kind Kind `json:"fault"`
	// Match is a regular expression that must be found in what the fault is asked about. Empty: everything.
	Match string `json:"match,omitempty"`
	// Times is how often the fault hits; 0: for ever.
	Times int `json:"times,omitempty"`
	// Delay is for Slow, such as "5s".
	Delay Duration `json:"delay,omitempty"`
	// Message is for Status500, TargetUnavailable, BackupError and RestoreFault.
	Message string `json:"message,omitempty"`
	// Percent is where UploadPause and RestorePause stop, 0 to 99.
	Percent int `json:"percent,omitempty"`
	// BytesPerSecond is for Throttle.
	BytesPerSecond int64 `json:"bytesPerSecond,omitempty"`
	// From is for LabelsMissing: FromBackup, FromBackupVolume or FromBoth (as is empty).
	From string `json:"from,omitempty"`
	// Generation is for Naming.
	Generation naming.Generation `json:"generation,omitempty"`
}

// Duration is a time.Duration written as in "1m30s".
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// MarshalText writes a duration.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// Parse reads a list of faults. A field that no fault has, and a value that the fault at hand cannot use, is an error:
// a test that misspells a fault must not pass because nothing went wrong.
func Parse(content []byte) ([]Fault, error) {
	var faults []Fault
	if err := yaml.UnmarshalStrict(content, &faults); err != nil {
		return nil, fmt.Errorf("read the faults: %w", err)
	}
	for i, fault := range faults {
		if err := fault.check(); err != nil {
			return nil, fmt.Errorf("fault %d, %q: %w", i+1, fault.Kind, err)
		}
	}
	return faults, nil
}

func (f Fault) check() error {
	if !slices.Contains(kinds, f.Kind) {
		return errors.New("there is no such fault")
	}
	if _, err := regexp.Compile(f.Match); err != nil {
		return fmt.Errorf("match: %w", err)
	}
	if f.Times < 0 {
		return errors.New("times is negative")
	}
	if f.Percent < 0 || f.Percent > 99 {
		return errors.New("percent is not within 0 and 99")
	}
	if !slices.Contains([]string{"", FromBackup, FromBackupVolume, FromBoth}, f.From) {
		return fmt.Errorf("from: one of %q, %q, %q", FromBackup, FromBackupVolume, FromBoth)
	}
	if f.Kind == Slow && f.Delay <= 0 {
		return errors.New("delay is missing")
	}
	if f.Kind == Throttle && f.BytesPerSecond <= 0 {
		return errors.New("bytesPerSecond is missing")
	}
	_, err := naming.Parse(string(f.Generation))
	return err
}

// Set is the faults that are on. It is safe for concurrent use; its zero value has none.
type Set struct {
	mu      sync.Mutex
	entries []*entry
}

type entry struct {
	Fault
	match *regexp.Regexp
	// requests is how many were hit, objects which were.
	requests int
	objects  map[string]struct{}
}

// Replace puts these faults, which [Parse] has read, in the place of all others. One that was in the set before goes on
// counting where it was.
func (s *Set) Replace(faults []Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := make([]*entry, 0, len(faults))
	for _, fault := range faults {
		entries = append(entries, s.take(fault))
	}
	s.entries = entries
}

// take removes from the set the entry of just this fault, or makes a new one.
func (s *Set) take(fault Fault) *entry {
	for i, known := range s.entries {
		if known.Fault == fault {
			s.entries = slices.Delete(s.entries, i, i+1)
			return known
		}
	}
	return &entry{Fault: fault, match: regexp.MustCompile(fault.Match), objects: map[string]struct{}{}}
}

// Request tells whether a fault of this kind hits a request, "METHOD path?query". Each call counts.
func (s *Set) Request(kind Kind, request string) (Fault, bool) {
	return s.find(kind, request, func(e *entry) bool {
		if e.Times > 0 && e.requests >= e.Times {
			return false
		}
		e.requests++
		return true
	})
}

// Object tells whether a fault of this kind hits an object. Each name counts once, however often it is asked about.
func (s *Set) Object(kind Kind, name string) (Fault, bool) {
	return s.find(kind, name, func(e *entry) bool {
		if _, known := e.objects[name]; known {
			return true
		}
		if e.Times > 0 && len(e.objects) >= e.Times {
			return false
		}
		e.objects[name] = struct{}{}
		return true
	})
}

func (s *Set) find(kind Kind, text string, hit func(*entry) bool) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if e.Kind == kind && e.match.MatchString(text) && hit(e) {
			return e.Fault, true
		}
	}
	return Fault{}, false
}

// Or is the fault's message, or another one where it has none.
func (f Fault) Or(message string) string {
	if f.Message != "" {
		return f.Message
	}
	return message
}
