package restore

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/stall"
)

// event is what a person is told on the claim and on its Restore. Those of the
// same reason and action within a few minutes are counted as one by Kubernetes,
// which keeps the first note: where the note can change its kind, the action
// tells them apart.
type event struct {
	kind   string
	reason string
	action string
	note   string
}

// Reasons of events and conditions beside those of [decision.Reason].
const (
	reasonLooking          = "LookingForBackups"
	reasonRestoreMissing   = "RestoreMissing"
	reasonRestoreInUse     = "RestoreInUse"
	reasonChosenAnew       = "ChosenAnew"
	reasonVolumeNameTaken  = "VolumeNameTaken"
	reasonVolumeKept       = "EarlierVolumeKept"
	reasonVolumeDiffers    = "VolumeDiffersFromClass"
	reasonUnsupported      = "Unsupported"
	reasonStorageClass     = "StorageClassUnusable"
	reasonPrimeNameTaken   = "PrimeNameTaken"
	reasonForeignVolume    = "ForeignVolume"
	reasonOutOfReach       = "VolumeOutOfReach"
	reasonNotEmpty         = "VolumeNotEmpty"
	reasonTooSmall         = "VolumeTooSmall"
	reasonSmaller          = "SmallerThanBackup"
	reasonDriverMissing    = "DriverMissing"
	reasonPreparing        = "Preparing"
	reasonRunning          = "Running"
	reasonTransferFailed   = "TransferFailed"
	reasonTransferPartial  = "TransferIncomplete"
	reasonVerified         = "Verified"
	reasonVerifyFailed     = "VerifyFailed"
	reasonHandingOver      = "HandingOver"
	reasonRestored         = "Restored"
	reasonStartedEmpty     = "StartedEmpty"
	reasonError            = "RestoreError"
	reasonTransferComplete = "Transferred"
	reasonStalled          = "RestoreStalled"
	reasonProgressing      = "Progressing"
	reasonWaitsForPod      = "WaitsForPod"
	reasonWaitsForTurn     = "WaitsForTurn"
)

// looking tells that the look for the claim's backups takes its time.
func looking(source backup.Claim, patience time.Duration) event {
	return event{kind: corev1.EventTypeNormal, reason: reasonLooking, action: "Select", note: fmt.Sprintf(
		"The claim waits and is not started empty: the look for backups of %s has taken more than %s; what comes of it will be told here", source, patience)}
}

// held tells that a claim waits because nothing is settled about its backups. That it
// takes its usual time is no warning.
func held(v decision.Verdict, cause string) event {
	if v.Reason == decision.ReasonChecking {
		return event{kind: corev1.EventTypeNormal, reason: string(v.Reason), action: "Check", note: "The claim waits and is not started empty: " + v.Message}
	}
	return event{kind: corev1.EventTypeWarning, reason: string(v.Reason), action: "Hold " + cause, note: "The claim waits and is not started empty: " + v.Message}
}

// pinned tells which backup the claim gets.
func pinned(v decision.Verdict) event {
	return event{kind: corev1.EventTypeNormal, reason: string(v.Reason), action: "PinBackup", note: "The claim " + v.Message}
}

// freed tells that the claim starts empty, and why.
func freed(v decision.Verdict) event {
	return event{kind: corev1.EventTypeNormal, reason: string(v.Reason), action: "StartEmpty", note: "Nothing is restored: " + v.Message}
}

// obstructed tells that something stands in the way until a person removes it.
func obstructed(reason, message string) event {
	return event{kind: corev1.EventTypeWarning, reason: reason, action: "Wait", note: "The restore waits: " + message}
}

// smaller reports that the claim's volume is smaller than the one that the backup was
// taken of, which need not be wrong.
func smaller(sizes, then string) event {
	return event{kind: corev1.EventTypeWarning, reason: reasonSmaller, action: "CheckRoom", note: sizes + "; " + then}
}

// stalled reports who holds a restore up. The action tells causes apart.
func stalled(found stall.Stall, since time.Time) event {
	return event{kind: corev1.EventTypeWarning, reason: reasonStalled, action: string(found.Cause), note: fmt.Sprintf(
		"Nothing has moved since %s: %s. What to do: %s", since.UTC().Format(time.RFC3339), found.Message, found.Remedy)}
}

// abandoned reports that an attempt's volume was left, and why.
func abandoned(why string) event {
	return event{kind: corev1.EventTypeWarning, reason: reasonOutOfReach, action: "Abandon", note: why + "; the backup is restored again, to a volume elsewhere"}
}

// awaitsNode reports that a volume is handed over which no node can reach just now.
func awaitsNode(why string) event {
	return event{kind: corev1.EventTypeWarning, reason: reasonOutOfReach, action: "HandOver", note: why +
		"; the volume is handed over, and the claim's pod starts once there is such a node. Add one or, if none will come again, delete the claim and apply it again: it is restored elsewhere"}
}

// waitsForPod reports that a restore begins where the claim's pod runs, once there
// is one.
func waitsForPod(class string, until time.Time) event {
	return event{kind: corev1.EventTypeNormal, reason: reasonWaitsForPod, action: "Wait", note: fmt.Sprintf(
		"The restore waits for a pod that uses the claim, since storage class %s makes volumes where that pod runs; without one it begins at %s, on any node (now: annotate the claim with %s=true)",
		class, until.UTC().Format(time.RFC3339), v1alpha1.RestoreWithoutPodAnnotation)}
}

// waitsForTurn reports that as many restores run as may.
func waitsForTurn(message string) event {
	return event{kind: corev1.EventTypeNormal, reason: reasonWaitsForTurn, action: "Wait", note: "The restore waits: " + message}
}

// setAside tells where the data of the claim's earlier life is.
func setAside(volume string) event {
	return event{kind: corev1.EventTypeNormal, reason: reasonVolumeKept, action: "PutAside", note: fmt.Sprintf(
		"What an earlier claim of this name held is kept, as volume %s; delete that volume and its storage once nobody needs it", volume)}
}

// differs tells in what the volume that a backup system made is not as its class
// says.
func differs(class string, warnings []string) event {
	return event{kind: corev1.EventTypeWarning, reason: reasonVolumeDiffers, action: "MakeVolume", note: fmt.Sprintf(
		"The restored volume differs from storage class %s: %s", class, strings.Join(warnings, "; "))}
}

// failed tells that an attempt failed, in the backup system's own words.
func failed(reason string, attempt int32, words string, retryAt time.Time) event {
	return event{kind: corev1.EventTypeWarning, reason: reason, action: fmt.Sprintf("Attempt%d", attempt), note: failure(attempt, words, retryAt)}
}

func failure(attempt int32, words string, retryAt time.Time) string {
	return fmt.Sprintf("attempt %d failed: %s; the next begins at %s (to restore another backup, annotate the claim with %s or %s)",
		attempt, backup.Clip(words, maxWords), retryAt.UTC().Format(time.RFC3339), v1alpha1.RestoreAsOfAnnotation, v1alpha1.RestoreBackupAnnotation)
}

// chosenAnew reports that something else than before is restored, and why.
func chosenAnew(v decision.Verdict) event {
	return event{kind: corev1.EventTypeWarning, reason: reasonChosenAnew, action: "ChooseAgain", note: "What was chosen before does not hold any more. The claim " + v.Message}
}

// finished tells that the claim has its volume.
func finished(status *v1alpha1.RestoreStatus, took time.Duration) event {
	reason := reasonRestored
	if status.Empty {
		reason = reasonStartedEmpty
	}
	return event{kind: corev1.EventTypeNormal, reason: reason, action: "HandOver", note: completion(status, took)}
}

func completion(status *v1alpha1.RestoreStatus, took time.Duration) string {
	switch b := status.Backup; {
	case b != nil:
		words := fmt.Sprintf("restored from the %s backup %s taken %s, in %s", b.Driver, b.ShortID, b.TakenAt.UTC().Format(time.RFC3339), took.Round(time.Second))
		if len(b.Notes) > 0 {
			words += " (" + strings.Join(b.Notes, "; ") + ")"
		}
		return words
	case status.Empty:
		return "bound to a new volume that starts empty, as settled"
	default:
		return "bound to the volume that was filled for it; the record of the backup was lost with an earlier Restore"
	}
}

// maxWords bounds what events and messages quote of other programs, which is mostly
// all of it.
const maxWords = 700
