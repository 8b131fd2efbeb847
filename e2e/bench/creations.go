package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/bench/table"
	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/decision"
)

const (
	withBackups, withoutBackups = 15 * time.Millisecond, 100 * time.Millisecond
	tries                       = 20
)

// creations creates claims on dry runs, whose verdicts are those of real ones.
func creations(ctx context.Context, b *bench) ([]table.Row, error) {
	if err := b.DestroyNamespaces(ctx, herdNamespace, newNamespace); err != nil {
		return nil, err
	}
	for _, namespace := range []string{herdNamespace, newNamespace} {
		if err := b.CreateNamespace(ctx, namespace, nil); err != nil {
			return nil, err
		}
	}
	if err := b.AwaitRestorable(ctx, herdNamespace, herdClaim(0)); err != nil {
		return nil, err
	}
	bare, _, err := b.create(ctx, harness.Unprotected, newNamespace, func(n int) string { return fmt.Sprintf("bare-%d", n) })
	if err != nil {
		return nil, err
	}
	known, restore, err := b.create(ctx, harness.Protected, herdNamespace, herdClaim)
	if err != nil {
		return nil, err
	}
	fresh, none, err := b.create(ctx, harness.Protected, newNamespace, func(n int) string { return fmt.Sprintf("new-%d-%d", n, time.Now().UnixNano()) })
	if err != nil {
		return nil, err
	}
	row := func(what string, took time.Duration, right int, goal time.Duration) table.Row {
		return table.Row{
			What: "creating a protected claim " + what + ", " + b.systems, Now: fmt.Sprintf("p50 %s, %d of %d verdicts right", text(took), right, tries),
			Limit: text(bare) + " unprotected", Goal: fmt.Sprintf("p50 ≤ %s, all right", text(goal)), Met: table.Is(took <= goal && right == tries),
		}
	}
	return []table.Row{
		row("with backups", known, restore[decision.Restore.String()], withBackups),
		row("without backups", fresh, none[decision.Fresh.String()], withoutBackups),
	}, nil
}

// create returns how long it takes to create a claim, and how often each verdict was
// the first one.
func (b *bench) create(ctx context.Context, labels map[string]string, namespace string, name func(int) string) (time.Duration, map[string]int, error) {
	var took []time.Duration
	verdicts := map[string]int{}
	for n := range tries {
		claim := &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name(n), Labels: labels},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
			},
		}
		began := time.Now()
		if err := b.Create(ctx, claim, client.DryRunAll); err != nil {
			return 0, nil, fmt.Errorf("creating claim %s/%s: %w", namespace, claim.Name, err)
		}
		took = append(took, time.Since(began))
		verdict, _, _ := strings.Cut(claim.Annotations[v1alpha1.VerdictAnnotation], " ")
		verdicts[verdict]++
	}
	return median(took), verdicts, nil
}
