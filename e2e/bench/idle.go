package main

import (
	"context"
	"fmt"
	"time"

	"github.com/soteria-dr/soteria/e2e/bench/table"
	"github.com/soteria-dr/soteria/e2e/harness"
)

// idle looks at replicas of which nothing was asked for a while.
func idle(ctx context.Context, b *bench) ([]table.Row, error) {
	const (
		settle, look = 3 * time.Minute, 2 * time.Minute
		mostMiB      = 50
		mostCPU      = 0.3
	)
	if err := pause(ctx, settle); err != nil {
		return nil, err
	}
	before, err := b.Scrape(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := pause(ctx, look); err != nil {
		return nil, err
	}
	after, err := b.Scrape(ctx)
	if err != nil {
		return nil, err
	}
	replicas, err := b.Replicas(ctx)
	if err != nil {
		return nil, err
	}
	const cpu, memory = "process_cpu_seconds_total", "process_resident_memory_bytes"
	each := float64(len(replicas))
	mib := harness.Sum(after, memory) / each / (1 << 20)
	percent := (harness.Sum(after, cpu) - harness.Sum(before, cpu)) / each / time.Since(began).Seconds() * 100
	return []table.Row{{
		What: "idle, one replica of two, " + b.systems, Now: fmt.Sprintf("%.0f MiB, %.2g %% of a core", mib, percent),
		Goal: fmt.Sprintf("< %d MiB, < %g %%", mostMiB, mostCPU), Met: table.Is(mib < mostMiB && percent < mostCPU),
	}}, nil
}
