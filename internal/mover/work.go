package mover

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/mover/report"
)

const (
	// sayEvery is how often it is looked whether a mover works.
	sayEvery = 15 * time.Second
	// someCPU is how much computing between two looks is work, as [enoughBytes] is of
	// reading and writing; to look and to say so takes less.
	someCPU = 100 * time.Millisecond
)

// working returns a process of which is printed, until end is called, whether it and
// what it runs do anything: nothing else says that a volume is still copied or
// compared. It is for a mover that has found its volume to be its own.
func (p Process) working(ctx context.Context) (working Process, end func()) {
	ticks := p.Ticks
	if ticks == nil {
		ticks = clock.RealClock{}
	}
	p.Stdout = &oneByOne{to: p.Stdout}
	p.moved = &atomic.Pointer[report.Progress]{}
	ctx, stop := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() { p.sayWork(ctx, ticks, doneSoFar) })
	return p, func() {
		stop()
		ended.Wait()
	}
}

// sayWork prints the last progress again, with the number of looks at which something
// had been done since the look before, whenever that grows, until ctx ends.
func (p Process) sayWork(ctx context.Context, ticks clock.WithTicker, done func() sample) {
	ticker := ticks.NewTicker(sayEvery)
	defer ticker.Stop()
	last, worked := done(), int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
		now := done()
		// What a child did is not counted any more once it has ended.
		if did := now.bytes - last.bytes; did < enoughBytes && did > -enoughBytes && now.cpu-last.cpu < someCPU {
			last = now
			continue
		}
		last = now
		worked++
		var progress report.Progress
		if moved := p.moved.Load(); moved != nil {
			progress = *moved
		}
		progress.Worked = worked
		p.moved.Store(&progress)
		if _, err := p.Stdout.Write(progress.Line()); err != nil {
			fmt.Fprintf(p.Stderr, "soteria mover: saying that work goes on: %v\n", err)
		}
	}
}

// doneSoFar is what this process and its children have done; nothing where the system
// does not say.
func doneSoFar() (all sample) {
	for _, process := range append(children(), os.Getpid()) {
		if seen, known := observeProcess(process); known {
			all.bytes += seen.bytes
			all.cpu += seen.cpu
		}
	}
	return all
}

// children returns the ids of this process's children, from proc(5).
func children() []int {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		return nil
	}
	var ids []int
	for _, list := range lists {
		text, err := os.ReadFile(list) // #nosec G304 -- of this process
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(text)) {
			if id, err := strconv.Atoi(word); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
