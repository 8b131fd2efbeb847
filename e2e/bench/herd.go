package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/soteria-dr/soteria/e2e/bench/table"
	"github.com/soteria-dr/soteria/e2e/harness"
)

// herd brings many claims back at once, and then has as many pods restore the same
// backups by restic itself.
func herd(ctx context.Context, b *bench) ([]table.Row, error) {
	if err := b.DestroyNamespaces(ctx, herdNamespace); err != nil {
		return nil, err
	}
	if err := b.AwaitRestorable(ctx, herdNamespace, herdClaim(0), herdClaim(claims-1)); err != nil {
		return nil, err
	}
	if err := b.CreateNamespace(ctx, herdNamespace, nil); err != nil {
		return nil, err
	}
	before, err := b.Scrape(ctx)
	if err != nil {
		return nil, err
	}
	took, err := b.createHerd(ctx)
	if err != nil {
		return nil, err
	}
	after, err := b.Scrape(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := b.rawHerd(ctx)
	if err != nil {
		return nil, err
	}
	more := func(metric string, labels ...string) float64 {
		return harness.Sum(after, metric, labels...) - harness.Sum(before, metric, labels...)
	}
	const apiCalls, listings = "rest_client_requests_total", "soteria_listings_total"
	const mostCalls, mostListings, mostTime = 60, 5, 1.5
	calls, ratio, listed := more(apiCalls)/claims, took.Seconds()/raw.Seconds(), more(listings, `driver="restic"`)
	what := fmt.Sprintf("%d claims with backups at once, ", claims)
	return []table.Row{
		{What: what + "until all are Bound", Now: fmt.Sprintf("%s, %.2f × raw", text(took), ratio), Limit: text(raw) + " raw", Goal: fmt.Sprintf("≤ %g × raw", mostTime), Met: table.Is(ratio <= mostTime)},
		{What: what + "API calls of Soteria each", Now: fmt.Sprintf("%.0f, %.0f of all answered 409", calls, more(apiCalls, `code="409"`)), Goal: fmt.Sprintf("≤ %d", mostCalls), Met: table.Is(calls <= mostCalls)},
		{What: what + "listings by both replicas", Now: fmt.Sprintf("%.0f", listed), Goal: fmt.Sprintf("≤ %d", mostListings), Met: table.Is(listed <= mostListings)},
	}, nil
}

// createHerd creates the claims and returns how long it took until all were Bound.
func (b *bench) createHerd(ctx context.Context) (time.Duration, error) {
	const atOnce = 50
	began := time.Now()
	creations, creating := errgroup.WithContext(ctx)
	creations.SetLimit(atOnce)
	for n := range claims {
		creations.Go(func() error {
			app := harness.App{Namespace: herdNamespace, Name: herdClaim(n), ClaimOnly: true}
			var claim corev1.PersistentVolumeClaim
			if err := yaml.Unmarshal([]byte(app.Workload()), &claim); err != nil {
				return err
			}
			return b.Create(creating, &claim)
		})
	}
	if err := creations.Wait(); err != nil {
		return 0, fmt.Errorf("creating %d claims: %w", claims, err)
	}
	_, err := b.AwaitBoundAmong(ctx, herdNamespace, claims)
	return time.Since(began), err
}

// rawHerd restores the same backups by restic itself, a pod for each, into claims that
// are Bound already.
func (b *bench) rawHerd(ctx context.Context) (time.Duration, error) {
	var names []string
	for n := range claims {
		names = append(names, herdClaim(n))
	}
	if err := b.rawClaims(ctx, "", names...); err != nil {
		return 0, err
	}
	var pods []*corev1.Pod
	for _, name := range names {
		snapshot, err := b.newest(ctx, herdNamespace, name)
		if err != nil {
			return 0, err
		}
		pods = append(pods, harness.RawRestore(rawNamespace, name, name, b.address, snapshot))
	}
	began := time.Now()
	for _, pod := range pods {
		if err := b.Create(ctx, pod); err != nil {
			return 0, fmt.Errorf("starting restic: %w", err)
		}
	}
	for _, pod := range pods {
		if err := await(ctx, "restic to restore "+pod.Name, func(ctx context.Context) (bool, error) { return b.succeeded(ctx, pod) }); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}
