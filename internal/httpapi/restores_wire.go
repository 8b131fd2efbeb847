package httpapi

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// restoreOf puts a Restore in the API's words.
func restoreOf(from *v1alpha1.Restore) wire.Restore {
	status := &from.Status
	restore := wire.Restore{
		Namespace: from.Namespace, Name: from.Name,
		Phase: cmp.Or(string(status.Phase), phasePending), Empty: status.Empty, Attempt: status.Attempt,
		Message: status.Message, Evidence: status.Evidence,
		Backup: restoreBackup(status.Backup), Progress: restoreProgress(status.Progress), Conditions: restoreConditions(status.Conditions),
		CreatedAt: from.CreationTimestamp.UTC(), StartedAt: timeOf(status.StartedAt), CompletedAt: timeOf(status.CompletedAt), RetryAt: timeOf(status.RetryAt),
	}
	if status.Claim != nil {
		restore.PVC = status.Claim.Name
	}
	return restore
}

func restoreBackup(pinned *v1alpha1.PinnedBackup) *wire.RestoreBackup {
	if pinned == nil {
		return nil
	}
	return &wire.RestoreBackup{
		Namespace: pinned.Source.Namespace, PVC: pinned.Source.Name,
		Driver: pinned.Driver, ID: pinned.ID, TakenAt: pinned.TakenAt.UTC(),
		SizeBytes: known(pinned.SizeBytes), Files: known(pinned.Files),
	}
}

func restoreProgress(p *v1alpha1.Progress) *wire.RestoreProgress {
	if p == nil {
		return nil
	}
	return &wire.RestoreProgress{BytesDone: p.BytesDone, BytesTotal: p.BytesTotal, FilesDone: p.FilesDone, FilesTotal: p.FilesTotal, Summary: p.Summary}
}

func restoreConditions(conditions []metav1.Condition) []wire.RestoreCondition {
	told := make([]wire.RestoreCondition, 0, len(conditions))
	for _, c := range conditions {
		told = append(told, wire.RestoreCondition{
			Type: c.Type, Met: c.Status == metav1.ConditionTrue, Reason: c.Reason, Message: c.Message, Since: c.LastTransitionTime.UTC(),
		})
	}
	return told
}

// timeOf gives a time, nil where there is none.
func timeOf(t *metav1.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}
