package stall_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/stall"
)

func TestWhatIsSaidOfAQuotaIsWhatHelps(t *testing.T) {
	const forbidden = `Error creating: pods "fill-x" is forbidden: `
	for name, test := range map[string]struct {
		room, words string
		says, never []string
	}{
		"the settings decide what a mover asks for": {
			words: "exceeded quota: compute, requested: requests.memory=128Mi, used: requests.memory=1Gi, limited: requests.memory=1Gi",
			says:  []string{"describe resourcequota", "lower SOTERIA_JOB_REQUESTS"},
		},
		"the pod decides that a fill is placed for": {
			room: "cpu=2,memory=4Gi", words: "exceeded quota: compute, requested: requests.memory=4Gi, used: requests.memory=1Gi, limited: requests.memory=2Gi",
			says:  []string{"make room in the ResourceQuota of namespace soteria-system", "(memory=4Gi)", "lower the requests of that pod", "do not lower it"},
			never: []string{"or lower SOTERIA_JOB_REQUESTS", "cpu=2", v1alpha1.JobResourcesAnnotation},
		},
		"the limit that follows it, too": {
			room: "memory=4Gi", words: "exceeded quota: compute, requested: limits.memory=4Gi, used: limits.memory=1Gi, limited: limits.memory=2Gi",
			says: []string{"lower the requests of that pod"},
		},
		"the pod decides of another resource": {
			room: "cpu=2", words: "exceeded quota: compute, requested: requests.memory=128Mi, used: requests.memory=1Gi, limited: requests.memory=1Gi",
			says: []string{"lower SOTERIA_JOB_REQUESTS"}, never: []string{"of that pod"},
		},
		"no setting lowers a number of pods": {
			room: "cpu=2", words: "exceeded quota: cpu-and-memory, requested: pods=1, used: pods=4, limited: pods=4",
			says: []string{"make room in the ResourceQuota"}, never: []string{"SOTERIA_JOB_REQUESTS", "of that pod"},
		},
		"a LimitRange that a fill is too large for": {
			room: "memory=4Gi", words: "maximum memory usage per Container is 1Gi, but limit is 4Gi",
			says: []string{"raise the LimitRange of namespace soteria-system", "describe limitrange", "lower the requests of that pod"}, never: []string{"set SOTERIA_JOB_REQUESTS"},
		},
		"a LimitRange that a mover is too large for by its settings": {
			words: "maximum memory usage per Container is 1Gi, but limit is 2Gi",
			says:  []string{"set SOTERIA_JOB_REQUESTS"},
		},
		"a quota that says nothing more": {
			room: "memory=4Gi", words: "exceeded quota",
			says: []string{"describe resourcequota", "lower SOTERIA_JOB_REQUESTS"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			job := aJob()
			job.Annotations = map[string]string{v1alpha1.RoomAnnotation: test.room}
			found, stalled := stall.Diagnose(stall.World{
				Now: noon, Since: noon.Add(-time.Hour), Jobs: jobs{job}, Events: told{warning("job", "FailedCreate", forbidden+test.words)},
			})
			require.True(t, stalled)
			for _, words := range test.says {
				assert.Contains(t, found.Remedy, words)
			}
			for _, words := range test.never {
				assert.NotContains(t, found.Remedy, words)
			}
		})
	}
}
