package restore

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

// record writes the status if it changed since it was read. It fails with a
// conflict when somebody else wrote in between: the pass then starts over.
func (r *Reconciler) record(ctx context.Context, o *observed) error {
	if !o.adopted {
		return nil
	}
	o.noteProgress()
	if equality.Semantic.DeepEqual(o.stored.Status, o.restore.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(o.stored, client.MergeFromWithOptimisticLock{})
	if err := r.client.Status().Patch(ctx, o.restore, patch); err != nil {
		// It may have been written all the same.
		r.memory.change(o.claim.UID, func(known *firsthand) { known.record, known.version = "", unknownVersion })
		return fmt.Errorf("record the status of Restore %s/%s: %w", o.restore.Namespace, o.restore.Name, err)
	}
	o.stored = o.restore.DeepCopy()
	r.memory.change(o.claim.UID, func(known *firsthand) { known.record, known.version = o.restore.UID, o.restore.ResourceVersion })
	return nil
}

// waits says that a phase is not settled yet, and why.
func (o *observed) waits(phase v1alpha1.Phase, condition, reason, message string) {
	s := o.status()
	s.Phase = phase
	s.Message = message
	o.setCondition(condition, metav1.ConditionFalse, reason, message)
}

// settles says that a phase's condition is met.
func (o *observed) settles(condition, reason, message string) {
	o.setCondition(condition, metav1.ConditionTrue, reason, message)
}

func (o *observed) setCondition(condition string, value metav1.ConditionStatus, reason, message string) {
	o.setConditionAt(o.now, condition, value, reason, message)
}

// setConditionAt sets a condition that holds since the time given, which is that of what
// it rests on.
func (o *observed) setConditionAt(since time.Time, condition string, value metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&o.status().Conditions, metav1.Condition{
		Type:               condition,
		Status:             value,
		Reason:             reason,
		Message:            message,
		ObservedGeneration: o.restore.Generation,
		LastTransitionTime: metav1.NewTime(since),
	})
}

// newStatus is the status of a restore that begins.
func newStatus(o *observed) v1alpha1.RestoreStatus {
	started := metav1.NewTime(o.now)
	return v1alpha1.RestoreStatus{
		ObservedGeneration: o.restore.Generation,
		Phase:              v1alpha1.PhaseSelecting,
		Claim:              &v1alpha1.ClaimReference{Name: o.claim.Name, UID: o.claim.UID, Lock: o.claim.Spec.VolumeName},
		StartedAt:          &started,
		ProgressedAt:       &started,
		Message:            "looking for backups",
	}
}

// pin turns a backup into its record.
func pin(b backup.Backup, notes ...string) *v1alpha1.PinnedBackup {
	const most = 8 // that the record takes
	var kept []string
	for _, note := range notes[:min(most, len(notes))] {
		kept = append(kept, backup.Clip(note, backup.MaxNote))
	}
	return &v1alpha1.PinnedBackup{
		Driver:    b.Driver,
		ID:        b.ID,
		ShortID:   backup.ShortID(b.ID),
		TakenAt:   metav1.NewTime(b.TakenAt),
		SizeBytes: b.SizeBytes,
		Files:     b.Files,
		Locator:   b.Locator,
		Source:    v1alpha1.SourceClaim{Cluster: backup.Clip(b.Cluster, backup.MaxClusterName), Namespace: b.Claim.Namespace, Name: b.Claim.Name},
		Capacity:  backup.Clip(b.Described().Capacity, backup.MaxWord),
		Notes:     kept,
		Content:   contentOf(b),
	}
}

// contentOf records what a backup is recognised by under another id; nil where its
// system says nothing, or nothing that the record takes.
func contentOf(b backup.Backup) *v1alpha1.BackupContent {
	const most = 253
	if b.Content == "" && b.Origin == "" || len(b.Content) > most || len(b.Origin) > most {
		return nil
	}
	return &v1alpha1.BackupContent{Backup: b.ID, Tree: b.Content, Original: b.Origin}
}

// unpin turns the record back into the backup; nil gives the zero backup.
func unpin(p *v1alpha1.PinnedBackup) backup.Backup {
	if p == nil {
		return backup.Backup{}
	}
	var content v1alpha1.BackupContent
	if p.Content != nil && p.Content.Backup == p.ID {
		content = *p.Content
	}
	return backup.Backup{
		Claim:     backup.Claim{Namespace: p.Source.Namespace, Name: p.Source.Name},
		Cluster:   p.Source.Cluster,
		Driver:    p.Driver,
		ID:        p.ID,
		TakenAt:   p.TakenAt.Time,
		SizeBytes: p.SizeBytes,
		Files:     p.Files,
		Locator:   p.Locator,
		Origin:    content.Original,
		Content:   content.Tree,
		Tags:      backup.Described{Capacity: p.Capacity}.Tags(),
	}
}

// progressOf records progress in steps that a person would notice, which also
// bounds how often it is written: its counts change only with its summary.
func progressOf(last *v1alpha1.Progress, p driver.Progress) *v1alpha1.Progress {
	summary := summarize(p)
	if last != nil && last.Summary == summary {
		return last
	}
	return &v1alpha1.Progress{
		BytesDone: p.BytesDone, BytesTotal: p.BytesTotal,
		FilesDone: p.FilesDone, FilesTotal: p.FilesTotal,
		Summary: summary,
	}
}

func summarize(p driver.Progress) string {
	const whole = 100
	switch {
	case p.BytesTotal > 0:
		percent := min(whole, int64(float64(p.BytesDone)/float64(p.BytesTotal)*whole))
		return fmt.Sprintf("%d%% of %s", percent, size(p.BytesTotal))
	case p.BytesDone > 0:
		return size(p.BytesDone)
	default:
		return ""
	}
}

// size prints bytes for people, in binary units.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n), "KMGTPE"
	i := -1
	for value >= unit && i < len(units)-1 {
		value /= unit
		i++
	}
	return fmt.Sprintf("%.1f %ciB", value, units[i])
}

// took is how long the restore has been under way.
func (o *observed) took() time.Duration {
	if started := o.status().StartedAt; started != nil {
		return max(0, o.now.Sub(started.Time))
	}
	return 0
}
