package stall

import (
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Patience is how long a wait may last without progress before it is told.
const Patience = 2 * time.Minute

// Cause names who holds up a wait. Its value is the reason of a condition and the
// label of a metric.
type Cause string

// The causes.
const (
	// NodeLost: a node that is gone holds a pod or a volume.
	NodeLost Cause = "NodeLost"
	// Scheduler: no node suits the pod.
	Scheduler Cause = "Scheduler"
	// Kubelet: the node cannot start or stop the pod.
	Kubelet Cause = "Kubelet"
	// Attacher: the volume cannot be attached to or detached from its node.
	Attacher Cause = "Attacher"
	// Quota: a quota leaves no room for the pod.
	Quota Cause = "Quota"
	// Policy: an admission webhook, a policy or a Pod Security level refuses the pod.
	Policy Cause = "Policy"
	// JobController: the Job gets no pod for another reason.
	JobController Cause = "JobController"
	// Provisioner: the storage makes or deletes no volume.
	Provisioner Cause = "Provisioner"
	// Mover: the pod runs and reports no progress.
	Mover Cause = "Mover"
	// BackupSystem: the system that takes the backup, or its store, does not go on.
	BackupSystem Cause = "BackupSystem"
	// Person: what is in the way was told already, and waits for somebody.
	Person Cause = "Person"
	// Unknown: no one says why.
	Unknown Cause = "Unknown"
)

// Causes returns all causes.
func Causes() []Cause {
	return []Cause{NodeLost, Scheduler, Kubelet, Attacher, Quota, Policy, JobController, Provisioner, Mover, BackupSystem, Person, Unknown}
}

// CauseOf names who holds up a wait that ends in an error each time.
func CauseOf(err error) Cause {
	if apierrors.IsForbidden(err) {
		cause, _, _ := refusal(err.Error(), &batchv1.Job{})
		return cause
	}
	ofSystem := []backup.Kind{backup.Unavailable, backup.DriverFailed, backup.Credentials, backup.RepositoryAbsent, backup.RepositoryChanged}
	if slices.Contains(ofSystem, backup.KindOf(err)) {
		return BackupSystem
	}
	return Unknown
}

// RemedyOf says what to do about an error that stops a wait each time, where the API
// server refused an object in that namespace; "" for other errors.
func RemedyOf(err error, namespace string) string {
	if !apierrors.IsForbidden(err) {
		return ""
	}
	_, remedy, _ := refusal(err.Error(), &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}})
	return remedy
}

// Stall is a wait that has lasted too long.
type Stall struct {
	Cause Cause
	// Message says what happened and why, in the words of who knows it.
	Message string
	// Remedy says what a person can do. Together with Cause it identifies the
	// stall: messages may change by the minute.
	Remedy string
	// Hopeless is true for what does not pass by itself: somebody has to change a
	// setting, a policy or an object first.
	Hopeless bool
}

// String returns all that a person should know, in one line.
func (s Stall) String() string { return s.Message + "; " + s.Remedy }

// World is what is observed of a wait. What is missing from it was not observed.
type World struct {
	Now time.Time
	// Since is when progress was last observed.
	Since time.Time
	// Waits says what is waited for, in the words of the one who waits.
	Waits string

	// Jobs and Pods do the work; Claims are those that the pods use, Volumes and
	// Attachments theirs.
	Jobs        []batchv1.Job
	Pods        []corev1.Pod
	Claims      []corev1.PersistentVolumeClaim
	Volumes     []corev1.PersistentVolume
	Attachments []storagev1.VolumeAttachment
	// Nodes are those that the others name; nil is a node that does not exist.
	Nodes map[string]*corev1.Node
	// Events are those about any of the others.
	Events []corev1.Event
	// System names the backup system where it does the work itself, without a Job; ""
	// where Jobs do.
	System string
	// Shared is true where pods that were not observed may use the claims and their
	// volumes too, as those of a claim that is backed up: that a volume is attached,
	// or a claim is being deleted, then holds nothing up.
	Shared bool
}

// Diagnose says who holds up a wait; false where it has not lasted long enough.
// The rules go from what explains the others to what is explained by them.
func Diagnose(w World) (Stall, bool) {
	if w.Now.Sub(w.Since) < Patience {
		return Stall{}, false
	}
	for _, rule := range []func(World) (Stall, bool){
		lostNode, refused, suspended, provisioningFailed, unschedulable, containers, lostElsewhere, attachError, podWarning,
		terminating, deleting, attached, unprovisioned, running, podless,
	} {
		if found, ok := rule(w); ok {
			return found, true
		}
	}
	if w.System != "" {
		return Stall{
			Cause: BackupSystem, Message: orElse(w.Waits, w.System+" does not say what it waits for"),
			Remedy: fmt.Sprintf("see what %s says of the volume and of its own pods; its store, its disks and its nodes may be what it waits for", w.System),
		}, true
	}
	return Stall{
		Cause: Unknown, Message: orElse(w.Waits, "nobody says what it waits for"),
		Remedy: "look at Soteria's log, and at what it waits for",
	}, true
}

func orElse(words, otherwise string) string {
	if words == "" {
		return otherwise
	}
	return words
}
