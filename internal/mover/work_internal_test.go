package mover

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"
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
		var mu sync.Mutex // of what both goroutines use
		var log bytes.Buffer
		var done sample
		does := func(bytes int64, cpu time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			done.bytes, done.cpu = done.bytes+bytes, done.cpu+cpu
		}
		p := Process{Stdout: locked{&mu, &log}, Stderr: os.Stderr, moved: &atomic.Pointer[report.Progress]{}}
		p.moved.Store(&report.Progress{BytesDone: 7, BytesTotal: 10})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.sayWork(ctx, clock.RealClock{}, func() sample {
				mu.Lock()
				defer mu.Unlock()
				return done
			})
		}()
		says := func() (report.Progress, bool) {
			mu.Lock()
			log.Reset()
			mu.Unlock()
			time.Sleep(sayEvery)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return report.LastProgress(log.Bytes())
		}

		_, said := says()
		assert.False(t, said, "nothing was done")
		does(enoughBytes, 0)
		read, said := says()
		assert.True(t, said)
		assert.Equal(t, report.Progress{BytesDone: 7, BytesTotal: 10, Worked: 1}, read)
		does(0, someCPU)
		computed, _ := says()
		assert.EqualValues(t, 2, computed.Worked)
		does(-1<<30, 0) // a child has ended
		after, _ := says()
		assert.EqualValues(t, 3, after.Worked)
		for range 100 {
			does(2<<10, 0) // to look takes as much
			_, said = says()
			assert.False(t, said, "looking is no work")
		}
		stop()
		<-ended
	})
}

// locked is a writer that a lock guards.
type locked struct {
	mu *sync.Mutex
	to io.Writer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

func TestWhatAProcessDoesIsCounted(t *testing.T) {
	before := doneSoFar()
	file := t.TempDir() + "/file"
	assert.NoError(t, os.WriteFile(file, make([]byte, 1<<20), 0o600))
	assert.GreaterOrEqual(t, doneSoFar().bytes-before.bytes, int64(1<<20))
}
