package longhorntest

import (
	"cmp"
	"time"
)

// volume is a volume and what is being done to it.
type volume struct {
	name, engine, access string
	size, engineSize     int64
	replicas             int
	encrypted            bool
	frontend, image      string
	target               string // of later backups
	block                int64  // of backups, in bytes
	asked                map[string]any
	fromBackup           string
	status               map[string]any // kubernetesStatus
	state, robustness    string
	ready, expanding     bool
	required, initiated  bool
	restoring            bool
	progress             int
	failed               string
	made, expanded       time.Time
	deleted              time.Time
}

// Volume is a volume that exists already.
type Volume struct {
	Name string
	// Size is in bytes; 0 is 1 GiB.
	Size int64
	// Namespace and PVC name the claim that it belongs to; empty if it was never
	// anybody's.
	Namespace, PVC string
	Attached       bool
	Faulted        bool
	// Target is the backup target of its backups; empty is the default one.
	Target string
}

// AddVolume adds a volume.
func (l *Longhorn) AddVolume(v Volume) {
	l.mu.Lock()
	defer l.mu.Unlock()
	made := &volume{
		name: v.Name, size: max(v.Size, 1<<30), engine: "v1", access: "rwo", replicas: 3, state: "detached", robustness: "unknown", ready: true, made: l.now(),
		frontend: "blockdev", target: cmp.Or(v.Target, "default"), block: smallBlock,
	}
	made.engineSize = made.size
	if v.PVC != "" {
		made.status = map[string]any{"pvName": v.Name, "pvStatus": "Bound", "namespace": v.Namespace, "pvcName": v.PVC, "lastPVCRefAt": "", "lastPodRefAt": "", "workloadsStatus": nil}
	}
	if v.Attached {
		made.state, made.robustness = "attached", "healthy"
	}
	if v.Faulted {
		made.robustness, made.ready = "faulted", false
	}
	l.volumes[v.Name] = made
}

// HasVolume reports whether there is a volume of this name.
func (l *Longhorn) HasVolume(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.volumes[name]
	return ok
}

// advance moves a volume on by its age, in the order that was seen: created
// without any flag, then to be restored, restoring while attached, then detached
// and ready.
func (l *Longhorn) advance(v *volume) {
	if !v.deleted.IsZero() {
		v.state, v.ready = "deleting", false
		if l.clock.Since(v.deleted) > 2*time.Second {
			delete(l.volumes, v.name)
		}
		return
	}
	if v.expanding && l.clock.Since(v.expanded) > 2*time.Second {
		v.expanding, v.engineSize = false, v.size
	}
	if !v.restoring {
		return
	}
	switch age := l.clock.Since(v.made); {
	case age < time.Second:
	case age < 2*time.Second:
		v.state, v.robustness, v.engineSize = "creating", "unknown", v.size
	case age < 3*time.Second:
		v.state, v.required, v.initiated = "attaching", true, true
	case l.faults.RestoreError != "":
		v.state, v.robustness, v.failed, v.restoring = "detached", "faulted", l.faults.RestoreError, false
	case age < 5*time.Second || l.faults.RestoresPause:
		v.state, v.robustness, v.required, v.initiated, v.progress = "attached", "degraded", true, true, 37
	case age < 6*time.Second:
		v.state, v.robustness, v.required, v.initiated, v.progress, v.ready = "attached", "healthy", false, true, 100, true
	case age < 7*time.Second:
		v.state, v.required, v.initiated, v.ready = "detaching", false, true, false
	default:
		v.state, v.robustness, v.required, v.initiated, v.progress, v.ready, v.restoring = "detached", "unknown", false, true, 100, true, false
	}
}
