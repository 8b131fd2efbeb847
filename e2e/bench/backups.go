package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/e2e/bench/table"
	"github.com/soteria-dr/soteria/e2e/harness"
)

// one is an app with one small file.
var one = harness.App{Namespace: oneNamespace, Name: "one", Labels: harness.Unprotected}

// story is the file's content.
const story = "a small file that does not change"

// unchanged backs an app up for the second time, with a far store: first by Soteria,
// then by restic itself with the parent that it would have to look for.
func unchanged(ctx context.Context, b *bench) ([]table.Row, error) {
	if err := b.startOne(ctx); err != nil {
		return nil, err
	}
	if _, err := b.BackUp(ctx, one.Namespace, one.Name); err != nil {
		return nil, err
	}
	replicas, err := b.addresses(ctx)
	if err != nil {
		return nil, err
	}
	b.far.Delay(farAway)
	before, began := b.far.Requests(replicas...), time.Now()
	if _, err := b.BackUp(ctx, one.Namespace, one.Name); err != nil {
		return nil, err
	}
	took, requests := time.Since(began), b.far.Requests(replicas...)-before

	files := map[string]string{"story": story}
	// Tags name a claim, since a snapshot of no known claim keeps every claim Unknown.
	owner := []string{"--host", "raw", "--tag", "namespace=" + rawNamespace + ",pvc=raw", "."}
	first, err := b.ResticOn(ctx, files, "bench-raw-first", b.address, append([]string{"backup", "--json", "--force"}, owner...)...)
	if err != nil {
		return nil, err
	}
	_, id, _ := strings.Cut(first, `"snapshot_id":"`)
	id, _, _ = strings.Cut(id, `"`)
	before, began = b.far.Requests(replicas...), time.Now()
	if _, err := b.ResticOn(ctx, files, "bench-raw-second", b.address, append([]string{"backup", "--parent", id}, owner...)...); err != nil {
		return nil, err
	}
	const indexes, most = snapshots / changed, 40
	return []table.Row{{
		What:  fmt.Sprintf("unchanged backup of one small file, %d snapshots, %d index files, store %s away", snapshots, indexes, text(farAway)),
		Now:   fmt.Sprintf("%s, %d requests", text(took), requests),
		Limit: fmt.Sprintf("raw with --parent and no cache: %s, %d requests", text(time.Since(began)), b.far.Requests(replicas...)-before),
		Goal:  fmt.Sprintf("≤ %d requests, and %d index files without a kept cache", most, indexes), Met: table.Is(requests <= most+indexes),
	}}, nil
}

// addresses are those of Soteria's replicas, whose own requests are not a backup's.
func (b *bench) addresses(ctx context.Context) ([]string, error) {
	replicas, err := b.Replicas(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, pod := range replicas {
		all = append(all, pod.Status.PodIP)
	}
	return all, nil
}

// startOne starts the app with its file.
func (b *bench) startOne(ctx context.Context) error {
	if err := b.DestroyNamespaces(ctx, oneNamespace); err != nil {
		return err
	}
	if err := b.Apply(ctx, one.Manifest()); err != nil {
		return err
	}
	if err := b.AwaitRunning(ctx, one); err != nil {
		return err
	}
	_, err := b.InApp(ctx, one, "/bin/sh", "-c", `printf %s "$1" > /data/story && sync`, "sh", story)
	return err
}
