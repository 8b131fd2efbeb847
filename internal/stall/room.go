package stall

import (
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// outOfRoom returns what to do about a quota or a LimitRange that a Job is too large
// for, where Soteria's settings do not decide how large it is; "" where they do. A fill
// asks for the room of the pod that it is placed for. A number of objects is lowered by
// no setting either.
func outOfRoom(words string, job *batchv1.Job) string {
	asked, quota := tooMuch(words)
	if asked == "" {
		return ""
	}
	makeRoom := fmt.Sprintf("make room in the ResourceQuota of namespace %[1]s (kubectl -n %[1]s describe resourcequota)", job.Namespace)
	if !quota {
		makeRoom = fmt.Sprintf("raise the LimitRange of namespace %[1]s (kubectl -n %[1]s describe limitrange)", job.Namespace)
	}
	names := func(resource corev1.ResourceName) bool { return strings.Contains(asked, string(resource)) }
	if !names(corev1.ResourceCPU) && !names(corev1.ResourceMemory) {
		return makeRoom
	}
	var room []string
	for each := range strings.SplitSeq(job.Annotations[v1alpha1.RoomAnnotation], ",") {
		if name, _, given := strings.Cut(each, "="); given && names(corev1.ResourceName(name)) {
			room = append(room, each)
		}
	}
	if len(room) == 0 {
		return ""
	}
	slices.Sort(room)
	return fmt.Sprintf("%s: the fill asks for as much as the pod that waits for the claim (%s), so that the volume is made where that pod fits; "+
		"or lower the requests of that pod. SOTERIA_JOB_REQUESTS and SOTERIA_JOB_LIMITS do not lower it", makeRoom, strings.Join(room, ", "))
}

// tooMuch returns which resources a quota or a LimitRange has too little of, in the API
// server's words; "" where it does not say so.
func tooMuch(words string) (asked string, quota bool) {
	if _, after, found := strings.Cut(words, "exceeded quota"); found {
		_, after, _ = strings.Cut(after, "requested:")
		asked, _, _ = strings.Cut(after, "used:")
		return asked, true
	}
	if _, after, found := strings.Cut(words, "maximum "); found && strings.Contains(after, "usage per") {
		asked, _, _ = strings.Cut(after, " usage per")
	}
	return asked, false
}
