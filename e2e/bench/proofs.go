package main

import (
	"context"
	"fmt"
	"time"

	"github.com/soteria-dr/soteria/e2e/bench/table"
)

const (
	// asks is how many questions a figure is the middle of.
	asks = 5
	// stale is how long after a question its proof has surely no use for another one.
	stale = 3 * time.Second
	// outdated is how long after a question no proof by Longhorn is kept up to date.
	outdated = 2 * time.Minute
)

// proofs asks one replica about claims without backups, so that each question needs a
// proof of its own, and counts the requests to the store.
func proofs(ctx context.Context, b *bench) ([]table.Row, error) {
	if err := b.ScaleSoteria(ctx, 1); err != nil {
		return nil, err
	}
	defer func() { _ = b.ScaleSoteria(context.WithoutCancel(ctx), 2) }()
	began := time.Now()
	if err := b.AwaitKnown(ctx); err != nil {
		return nil, err
	}
	b.say("a new replica knew after %s", time.Since(began).Round(time.Second))
	const most = 3 + snapshots/1000
	var rows []table.Row
	for _, away := range []time.Duration{0, farAway} {
		b.far.Delay(away)
		took, requests, err := b.askNone(ctx)
		if err != nil {
			return rows, err
		}
		rows = append(rows, table.Row{
			What:  fmt.Sprintf("proof of None, restic, %d snapshots, store %s away", snapshots, text(away)),
			Now:   fmt.Sprintf("%s, %d requests", text(took), requests),
			Limit: fmt.Sprintf("%d requests", snapshots/1000), Goal: fmt.Sprintf("≤ %d requests", most), Met: table.Is(requests <= most),
		})
	}
	return rows, nil
}

// askNone returns how long a proof takes, and how many requests.
func (b *bench) askNone(ctx context.Context) (time.Duration, int64, error) {
	var all []time.Duration
	var most int64
	for n := range asks {
		if err := pause(ctx, stale); err != nil {
			return 0, 0, err
		}
		before, began := b.far.Requests(), time.Now()
		_, answer, err := b.Exists(ctx, newNamespace, fmt.Sprintf("none-%d-%d", n, began.UnixNano()))
		if err != nil {
			return 0, 0, err
		}
		if !answer.Authoritative || answer.Exists {
			return 0, 0, fmt.Errorf("no proof that there is no backup: %q %s", answer.Decision, answer.Error)
		}
		all, most = append(all, time.Since(began)), max(most, b.far.Requests()-before)
	}
	return median(all), most, nil
}

// longhornProof asks about a claim without backups once what was proved before is out of
// date, and once more within the 15 seconds after that question.
func longhornProof(ctx context.Context, b *bench) ([]table.Row, error) {
	const within, again = 15 * time.Second, 14 * time.Second
	if err := pause(ctx, outdated); err != nil {
		return nil, err
	}
	began := time.Now()
	first, err := b.answered(ctx)
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, again-time.Since(began)); err != nil {
		return nil, err
	}
	second, err := b.answered(ctx)
	if err != nil {
		return nil, err
	}
	say := map[bool]string{true: "answered", false: "unknown"}
	return []table.Row{{
		What: "proof of None, Longhorn", Now: fmt.Sprintf("first question %s, second after %s %s", say[first], text(again), say[second]),
		Limit: "one sync per 10 s", Goal: "the second question within " + text(within) + " is answered", Met: table.Is(second),
	}}, nil
}

func (b *bench) answered(ctx context.Context) (bool, error) {
	_, answer, err := b.Exists(ctx, newNamespace, fmt.Sprintf("none-%d", time.Now().UnixNano()))
	return answer.Authoritative, err
}
