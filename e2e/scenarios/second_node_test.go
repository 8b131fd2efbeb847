//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

const secondNode = "e2e-second-node"

// The second node is on while the namespaces are destroyed, since the storage of its
// volumes is its own, and gone afterwards.
func TestARestoreFollowsItsPodAndOutlivesItsNode(t *testing.T) {
	t.Parallel()
	if !cluster.HasSecondNode() {
		t.Skip("the cluster is not one that make cluster-up started, and has no second node")
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanup)
		defer cancel()
		assert.NoError(t, cluster.RemoveSecond(ctx), "cleaning up")
	})
	s := begin(t, 20*time.Minute, secondNode)
	s.after(cluster.SwitchOn)
	require.NoError(s, cluster.SwitchOn(s.ctx))

	source := harness.App{Namespace: secondNode, Name: "source", Size: "2Gi", Labels: harness.Unprotected}
	s.start(source)
	s.shell(source, "dd if=/dev/urandom of=/data/large bs=1M count=512 && sync")
	s.write(source, "on either node")
	s.backUp(source)

	s.run("a claim is restored on the node of the pod that waits for it", func(s *scenario) { restoredThere(s, pinned(source, "placed")) })
	s.run("a node that loses power is told, and the restore goes on elsewhere", func(s *scenario) { nodeLost(s, pinned(source, "outlived")) })
}

// pinned is an app on the second node that gets the backup of another one.
func pinned(source harness.App, name string) harness.App {
	return harness.App{
		Namespace: source.Namespace, Name: name, Class: "local-wffc", Size: source.Size, Node: harness.SecondNode,
		Annotations: map[string]string{v1alpha1.RestoreFromAnnotation: source.Key().String()},
	}
}

func restoredThere(s *scenario, app harness.App) {
	s.awaitAccepted(app)
	s.awaitRunning(app)
	require.Equal(s, "on either node", s.story(app))
	var volume corev1.PersistentVolume
	require.NoError(s, cluster.Get(s.ctx, client.ObjectKey{Name: s.claim(app).Spec.VolumeName}, &volume))
	require.Contains(s, fmt.Sprint(volume.Spec.NodeAffinity.Required.NodeSelectorTerms), harness.SecondNode)
	s.Log("removing it, since its volume needs the node")
	_, err := cluster.Kubectl(s.ctx, app.Workload(), "delete", "-f", "-")
	require.NoError(s, err)
}

func nodeLost(s *scenario, app harness.App) {
	s.awaitAccepted(app)
	uid := s.claim(app).UID
	s.await("the mover's pod on the second node", func(ctx context.Context) (bool, string, error) {
		var pods corev1.PodList
		err := cluster.List(ctx, &pods, client.InNamespace(harness.SoteriaNamespace), client.MatchingLabels{v1alpha1.ClaimUIDLabel: string(uid)})
		if err != nil || len(pods.Items) == 0 {
			return false, fmt.Sprintf("%d pods", len(pods.Items)), err
		}
		return pods.Items[0].Spec.NodeName == harness.SecondNode, "on node " + pods.Items[0].Spec.NodeName, nil
	})
	require.NoError(s, cluster.SwitchOff(s.ctx))
	record, err := cluster.RestoreOf(s.ctx, app)
	require.NoError(s, err)
	require.Equal(s, v1alpha1.PhaseTransferring, record.Status.Phase, "the power went during the fill")

	const told = 4 * time.Minute
	ctx, cancel := context.WithTimeout(s.ctx, told)
	defer cancel()
	note, err := cluster.AwaitEvent(ctx, app, "node "+harness.SecondNode+", which is gone")
	require.NoError(s, err)
	require.Contains(s, note, "kubectl delete node "+harness.SecondNode)

	// The pod could run on the lost node alone, and the restore would follow it.
	_, err = cluster.Kubectl(s.ctx, "", "delete", "-n", app.Namespace, "deployment/"+app.Name, "--cascade=background")
	require.NoError(s, err)
	_, err = cluster.Kubectl(s.ctx, "", "delete", "pods", "-n", app.Namespace, "-l", "app="+app.Name, "--ignore-not-found", "--wait=false")
	require.NoError(s, err)
	require.NoError(s, cluster.RemoveSecond(s.ctx))
	s.requireWhole(app, uid)
	app.Node = ""
	s.awaitAccepted(app)
	s.awaitRunning(app)
	require.Equal(s, "on either node", s.story(app))
}
