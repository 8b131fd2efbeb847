package mover

import "sync"

// flushEvery is how much may be restored before it is written to the disk: little to
// wait for at the end, and much beside what a flush costs by itself.
const flushEvery = 64 << 20

// flusher has what a restore writes go to the disk while it goes on, so that little is
// left to wait for at its end.
type flusher struct {
	due chan struct{}
	// at is how much was restored when a flush was last asked for.
	at    int64
	ended sync.WaitGroup
	err   error
}

// newFlusher returns a flusher that flushes by calling flush. Its method end must be
// called.
func newFlusher(flush func() error) *flusher {
	f := &flusher{due: make(chan struct{}, 1)}
	f.ended.Go(func() {
		for range f.due {
			if err := flush(); err != nil && f.err == nil {
				f.err = err
			}
		}
	})
	return f
}

// restored notes how many bytes were restored so far, and asks for a flush where that
// is much more than at the last one. It does not wait.
func (f *flusher) restored(bytes int64) {
	f.at = min(f.at, bytes) // a restore may begin again
	if bytes-f.at >= flushEvery {
		f.at = bytes
		f.rest()
	}
}

// rest asks for a flush of all that was written so far. It does not wait.
func (f *flusher) rest() {
	select {
	case f.due <- struct{}{}:
	default: // one has not begun yet, and will flush this too
	}
}

// end waits for the flushes that were asked for, and returns the first error of all:
// a system reports only once that it could not write something.
func (f *flusher) end() error {
	close(f.due)
	f.ended.Wait()
	return f.err
}
