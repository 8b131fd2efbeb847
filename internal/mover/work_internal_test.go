package mover

import (
	"bytes"
	"context"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/mover/report"
)

func TestWorkThatPrintsNothingIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var done sample
		p := Process{Stdout: &oneByOne{to: &log}, Stderr: os.Stderr, moved: &atomic.Pointer[report.Progress]{}}
		p.moved.Store(&report.Progress{BytesDone: 7, BytesTotal: 10})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); p.sayWork(ctx, clock.RealClock{}, func() sample { return done }) }()
		says := func() (report.Progress, bool) {
			log.Reset()
			time.Sleep(sayEvery)
			synctest.Wait()
			return report.LastProgress(log.Bytes())
		}

		_, said := says()
		assert.False(t, said, "nothing was done")
		done.bytes += enoughBytes
		read, said := says()
		assert.True(t, said)
		assert.Equal(t, report.Progress{BytesDone: 7, BytesTotal: 10, Worked: 1}, read)
		done.cpu += someCPU
		computed, _ := says()
		assert.EqualValues(t, 2, computed.Worked)
		done.bytes -= 1 << 30 // a child has ended
		after, _ := says()
		assert.EqualValues(t, 3, after.Worked)
		for range 100 {
			done.bytes += 2 << 10 // to look takes as much
			_, said = says()
			assert.False(t, said, "looking is no work")
		}
		stop()
		<-ended
	})
}

func TestWhatAProcessDoesIsCounted(t *testing.T) {
	before := doneSoFar()
	file := t.TempDir() + "/file"
	assert.NoError(t, os.WriteFile(file, make([]byte, 1<<20), 0o600))
	assert.GreaterOrEqual(t, doneSoFar().bytes-before.bytes, int64(1<<20))
}
