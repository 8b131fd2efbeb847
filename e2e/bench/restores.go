package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/bench/table"
	"github.com/soteria-dr/soteria/e2e/harness"
)

// restoreOfOneFile measures from the apply of a claim's manifest until it is Bound.
func restoreOfOneFile(ctx context.Context, b *bench) ([]table.Row, error) {
	if err := b.startOne(ctx); err != nil {
		return nil, err
	}
	if _, err := b.BackUp(ctx, one.Namespace, one.Name); err != nil {
		return nil, err
	}
	var all []time.Duration
	for range asks {
		took, err := b.bringBack(ctx, one)
		if err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	raw, err := b.restoreRaw(ctx, one)
	if err != nil {
		return nil, err
	}
	goal := map[string]time.Duration{"restic": 4 * time.Second}[b.systems]
	if goal == 0 {
		goal = 5 * time.Second
	}
	took := median(all)
	return []table.Row{{
		What: "restore of one file, apply → Bound, " + b.systems, Now: text(took), Limit: text(raw) + " raw, its pod included",
		Goal: "≤ " + text(goal), Met: table.Is(took <= goal),
	}}, nil
}

// bringBack destroys an app's namespace and applies its claim, protected, and returns
// how long it took until the claim was Bound.
func (b *bench) bringBack(ctx context.Context, app harness.App) (time.Duration, error) {
	if err := b.DestroyNamespaces(ctx, app.Namespace); err != nil {
		return 0, err
	}
	if err := b.AwaitRestorable(ctx, app.Namespace, app.Name); err != nil {
		return 0, err
	}
	if err := b.CreateNamespace(ctx, app.Namespace, nil); err != nil {
		return 0, err
	}
	app.Labels, app.ClaimOnly = harness.Protected, true
	began := time.Now()
	if err := b.Apply(ctx, app.Workload()); err != nil {
		return 0, err
	}
	err := await(ctx, "claim "+app.Key().String()+" to be Bound", func(ctx context.Context) (bool, error) {
		claim, err := b.Claim(ctx, app)
		return err == nil && claim.Status.Phase == corev1.ClaimBound, err
	})
	return time.Since(began), err
}

// restoreRaw restores the newest backup of an app by restic itself, into a claim that
// is Bound already, and returns how long its pod took.
func (b *bench) restoreRaw(ctx context.Context, app harness.App) (time.Duration, error) {
	if err := b.rawClaims(ctx, app.Size, "raw"); err != nil {
		return 0, err
	}
	snapshot, err := b.newest(ctx, app.Namespace, app.Name)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	pod := harness.RawRestore(rawNamespace, "raw", "raw", b.address, snapshot)
	if err := b.Create(ctx, pod); err != nil {
		return 0, fmt.Errorf("starting restic: %w", err)
	}
	err = await(ctx, "restic to restore", func(ctx context.Context) (bool, error) { return b.succeeded(ctx, pod) })
	return time.Since(began), err
}

// newest returns the id of a claim's newest backup: restic itself would read all of the
// repository's snapshots to find it.
func (b *bench) newest(ctx context.Context, namespace, claim string) (string, error) {
	backups, err := b.Backups(ctx, namespace, claim)
	if err != nil {
		return "", err
	}
	if len(backups) == 0 {
		return "", fmt.Errorf("claim %s/%s has no backup", namespace, claim)
	}
	return backups[0].ID, nil
}

// rawClaims makes claims in a new namespace, unprotected, and waits until they are
// Bound.
func (b *bench) rawClaims(ctx context.Context, size string, names ...string) error {
	if err := b.DestroyNamespaces(ctx, rawNamespace); err != nil {
		return err
	}
	if err := b.CreateNamespace(ctx, rawNamespace, nil); err != nil {
		return err
	}
	if err := b.CopyCredentials(ctx, rawNamespace); err != nil {
		return err
	}
	for _, name := range names {
		claim := harness.App{Namespace: rawNamespace, Name: name, Size: size, Labels: harness.Unprotected, ClaimOnly: true}
		if err := b.Apply(ctx, claim.Workload()); err != nil {
			return err
		}
	}
	_, err := b.AwaitBoundAmong(ctx, rawNamespace, len(names))
	return err
}

// succeeded reports whether a pod of raw restic has ended; with an error where restic
// failed.
func (b *bench) succeeded(ctx context.Context, pod *corev1.Pod) (bool, error) {
	if err := b.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
		return false, err
	}
	if pod.Status.Phase == corev1.PodFailed {
		return true, fmt.Errorf("restic in pod %s/%s failed: its log tells why", pod.Namespace, pod.Name)
	}
	if pod.Status.Phase != corev1.PodSucceeded {
		return false, fmt.Errorf("pod %s is %s", pod.Name, pod.Status.Phase)
	}
	return true, nil
}
