package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/types"
)

func TestAQueueStandsWhileTheSameBackupsTakeEverySlot(t *testing.T) {
	old, young := noon.Add(-queuedAfter), noon.Add(-queuedAfter+time.Second)
	hangs := Run{Driver: "restic", Started: old}
	for name, test := range map[string]struct {
		runs   []Run
		stands bool
	}{
		"nothing runs":                        {nil, false},
		"all have run for long":               {[]Run{hangs, hangs}, true},
		"one began a while ago":               {[]Run{hangs, {Driver: "restic", Started: young}}, false},
		"one has ended":                       {[]Run{hangs, {Driver: "restic", Started: old, Ended: noon}}, false},
		"one does no work and takes no slot":  {[]Run{hangs, {Driver: "restic", Started: old, Stuck: "its node is gone"}}, false},
		"one is another driver's":             {[]Run{hangs, {Driver: "longhorn", Started: old}}, false},
		"others are asked for, begin and end": {[]Run{hangs, hangs, {Driver: "restic", Started: young}, {Driver: "restic", Started: young, Ended: noon}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := world{now: noon, drivers: []string{"restic"}, concurrency: 2, runs: map[types.UID][]Run{"u": test.runs}}
			assert.Equal(t, test.stands, w.held()["restic"] >= w.concurrency)
		})
	}
}
