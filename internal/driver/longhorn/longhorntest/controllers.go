package longhorntest

import (
	"maps"
	"slices"
	"time"
)

// reconcile does one round of what Longhorn's controllers do.
func (l *Longhorn) reconcile() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.targets {
		l.syncTarget(t)
	}
	for _, bv := range l.bvs {
		l.syncVolume(bv)
	}
	for _, b := range l.backups {
		l.readBackup(b)
		l.upload(b)
		l.finishDeletion(b)
	}
	for _, s := range l.snaps {
		if !l.faults.SnapshotsNever && l.faults.SnapshotError == "" && l.clock.Since(s.made) > time.Second {
			s.ready = true
		}
	}
	for _, v := range l.volumes {
		l.advance(v)
	}
}

func isDue(requested, synced time.Time) bool { return synced.IsZero() || requested.After(synced) }

func (l *Longhorn) syncTarget(t *target) {
	if !isDue(t.requested, t.sync) || t.url == "" || l.faults.TargetsNever || l.faults.StuckTarget == t.name {
		return
	}
	began := l.now()
	if t.available = t.why == ""; !t.available {
		return
	}
	held := make(map[string]bool)
	for _, s := range l.stored {
		if s.Target == t.name {
			held[s.Volume] = true
		}
	}
	for _, bv := range l.bvs {
		if bv.target != t.name {
			continue
		}
		switch {
		case !held[bv.volume]:
			delete(l.bvs, bv.name)
			maps.DeleteFunc(l.backups, func(_ string, b *backup) bool { return b.Target == t.name && b.Volume == bv.volume && b.snapshot == "" })
		case l.faults.MissesVolumes == 0:
			bv.requested = began
		}
		delete(held, bv.volume)
	}
	l.faults.MissesVolumes = max(0, l.faults.MissesVolumes-1)
	for volume := range held {
		l.pullVolume(t, volume)
	}
	t.sync = began
}

func (l *Longhorn) pullVolume(t *target, volume string) {
	name := volume
	switch l.naming {
	case Naming18:
		name = l.generated(volume + "-")
	case Naming19:
		name = volume + "-" + hash(volume+t.name, 8)
	case Naming16:
	}
	l.bvs[name] = &backupVolume{name: name, target: t.name, volume: volume}
	if l.faults.DuplicateVolumes {
		second := l.generated(volume + "-")
		l.bvs[second] = &backupVolume{name: second, target: t.name, volume: volume}
	}
}

func (l *Longhorn) syncVolume(bv *backupVolume) {
	if !isDue(bv.requested, bv.sync) || l.faults.VolumesNever || l.faults.StuckVolumesOf == bv.target {
		return
	}
	began := l.now()
	var last Stored
	held := make(map[string]bool)
	for _, s := range l.stored {
		if s.Target != bv.target || s.Volume != bv.volume {
			continue
		}
		held[s.Name] = true
		if l.backups[s.Name] == nil {
			l.backups[s.Name] = &backup{Stored: Stored{Target: s.Target, Volume: s.Volume, Name: s.Name}, made: began}
		}
		if !s.SnapshotCreated.Before(last.SnapshotCreated) {
			last = s
		}
	}
	for name, b := range l.backups {
		ofHere := b.Target == bv.target && b.Volume == bv.volume && (b.snapshot == "" || b.state == "Completed")
		if ofHere && !held[name] {
			delete(l.backups, name)
		}
	}
	bv.labels, bv.sync = maps.Clone(last.Labels), began
}

func (l *Longhorn) readBackup(b *backup) {
	if b.read || l.faults.BackupsNever || (b.snapshot != "" && b.state != "Completed") {
		return
	}
	i := slices.IndexFunc(l.stored, func(s Stored) bool { return s.Name == b.Name })
	if i < 0 || l.stored[i].Unreadable {
		return
	}
	b.Stored, b.state, b.progress, b.read, b.readAt = l.stored[i], "Completed", 100, true, l.now()
}

// finishDeletion removes a backup that somebody asked to be deleted.
func (l *Longhorn) finishDeletion(b *backup) {
	if !b.deleted || l.faults.DeletionsPause {
		return
	}
	l.stored = slices.DeleteFunc(l.stored, func(s Stored) bool { return s.Name == b.Name })
	delete(l.backups, b.Name)
}

func (l *Longhorn) newBackup(s *snapshot, labels map[string]string) *backup {
	name := l.generated("backup-")
	b := &backup{snapshot: s.name, made: l.now(), Stored: Stored{
		Target: "default", Volume: s.volume, Name: name, SnapshotCreated: s.made, Created: l.now(), Labels: labels, VolumeSize: 1 << 30, Snapshot: s.name,
	}}
	if v := l.volumes[s.volume]; v != nil {
		b.VolumeSize = v.size
	}
	l.backups[name] = b
	return b
}

// upload moves a backup that is made here from one state to the next.
func (l *Longhorn) upload(b *backup) {
	age := l.clock.Since(b.made)
	switch {
	case b.snapshot == "" || b.state == "Completed" || b.state == "Error" || age < time.Second:
	case l.faults.UploadError != "":
		b.state, b.errText, b.read, b.readAt = "Error", l.faults.UploadError, true, l.now()
	case age < 2*time.Second || l.faults.UploadsPause:
		b.state, b.progress = "InProgress", 40
	default:
		b.state, b.progress, b.Created = "Completed", 100, l.now()
		l.stored = append(l.stored, b.Stored)
	}
}
