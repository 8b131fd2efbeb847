package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/bench/table"
	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// restored is how often each tree is restored, since Kubernetes says in whole seconds
// alone how long a container ran.
const restored = 3

// trees are what is restored: how it is made, and how much of raw restic's speed is to
// be reached. Of a single small file the difference counts, which seconds do not show.
var trees = []struct {
	name, make, size string
	goal             float64
}{
	{"2 GiB in one file", "head -c 2147483648 /dev/urandom > /data/large", "4Gi", 0.95},
	{"50,000 small files", "i=0; while [ $i -lt 50000 ]; do d=/data/d$((i / 500)); [ $((i % 500)) -eq 0 ] && mkdir -p $d; echo $i > $d/$i; i=$((i + 1)); done", "2Gi", 0.95},
	{"sparse, 16 GiB with 512 MiB of data", "truncate -s 17179869184 /data/sparse && head -c 536870912 /dev/urandom | dd of=/data/sparse bs=1M seek=2048 conv=notrunc", "17Gi", 0.8},
}

// moverBesideRestic compares how long the container of Soteria's mover runs with how
// long restic's does that restores the same backup.
func moverBesideRestic(ctx context.Context, b *bench) ([]table.Row, error) {
	var rows []table.Row
	var failed []error
	for _, tree := range trees {
		row, err := b.moveTree(ctx, tree.name, tree.make, tree.size, tree.goal)
		rows = append(rows, row...)
		failed = append(failed, err)
	}
	return rows, errors.Join(failed...)
}

func (b *bench) moveTree(ctx context.Context, name, script, size string, goal float64) ([]table.Row, error) {
	app := harness.App{Namespace: oneNamespace, Name: "tree", Size: size, Labels: harness.Unprotected}
	if err := b.DestroyNamespaces(ctx, app.Namespace, rawNamespace); err != nil {
		return nil, err
	}
	if err := b.Apply(ctx, app.Manifest()); err != nil {
		return nil, err
	}
	if err := b.AwaitRunning(ctx, app); err != nil {
		return nil, err
	}
	if _, err := b.InApp(ctx, app, "/bin/sh", "-c", script+" && sync"); err != nil {
		return nil, err
	}
	if _, err := b.BackUp(ctx, app.Namespace, app.Name); err != nil {
		return nil, err
	}
	moved, raw, err := b.moveBoth(ctx, app)
	if err != nil {
		return nil, fmt.Errorf("restoring %s: %w", name, err)
	}
	ratio := raw.Seconds() / moved.Seconds()
	return []table.Row{{
		What: fmt.Sprintf("mover beside raw restic restore, %d × %s", restored, name), Now: fmt.Sprintf("%.2f (%s)", ratio, text(moved)),
		Limit: "1 (" + text(raw) + ")", Goal: fmt.Sprintf("≥ %g", goal), Met: table.Is(ratio >= goal),
	}}, nil
}

// moveBoth restores the newest backup of an app a few times, by Soteria's mover and by
// restic itself, and returns how long the containers of each ran together.
func (b *bench) moveBoth(ctx context.Context, app harness.App) (moved, raw time.Duration, err error) {
	for range restored {
		mover, end := b.watchMover(ctx, app)
		_, err := b.bringBack(ctx, app)
		end()
		if err != nil {
			return 0, 0, err
		}
		took, ran := <-mover
		if !ran {
			return 0, 0, errors.New("no mover was seen to restore it")
		}
		if _, err := b.restoreRaw(ctx, app); err != nil {
			return 0, 0, err
		}
		var pod corev1.Pod
		if err := b.Get(ctx, client.ObjectKey{Namespace: rawNamespace, Name: "raw"}, &pod); err != nil {
			return 0, 0, err
		}
		alone, _ := ranFor(&pod)
		moved, raw = moved+took, raw+alone
	}
	return moved, raw, nil
}

// watchMover looks for the pod that fills a claim until it is told to end, and then
// says how long the pod's container ran; a closed channel if none was seen to end.
func (b *bench) watchMover(ctx context.Context, app harness.App) (<-chan time.Duration, func()) {
	ctx, end := context.WithCancel(ctx)
	found := make(chan time.Duration, 1)
	go func() {
		defer close(found)
		_ = await(ctx, "the mover", func(ctx context.Context) (bool, error) { // it ends when it is told to
			var pods corev1.PodList
			if err := b.List(ctx, &pods, client.InNamespace(harness.SoteriaNamespace), client.MatchingLabels{v1alpha1.RoleLabel: v1alpha1.RoleFill}); err != nil {
				return false, err
			}
			for i := range pods.Items {
				pod := &pods.Items[i]
				if took, ended := ranFor(pod); ended && pod.Annotations[v1alpha1.ClaimAnnotation] == app.Key().String() {
					found <- took
					return true, nil
				}
			}
			return false, nil
		})
	}()
	return found, end
}

// ranFor returns how long the pod's container ran, in whole seconds and at least one,
// since Kubernetes says no more.
func ranFor(pod *corev1.Pod) (time.Duration, bool) {
	for _, status := range pod.Status.ContainerStatuses {
		if t := status.State.Terminated; t != nil {
			return max(t.FinishedAt.Sub(t.StartedAt.Time), time.Second), true
		}
	}
	return 0, false
}
