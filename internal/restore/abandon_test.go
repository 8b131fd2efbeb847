package restore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/restore"
)

// filledOnALostNode is a world whose volume is filled, on a node that went away
// before the volume was detached from it.
func filledOnALostNode(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), aNode("node-1", corev1.ConditionUnknown), aNode("node-2", corev1.ConditionTrue))
	w.undetached = true
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Phase == v1alpha1.PhaseHandingOver }, "handing over")
	return w
}

func (w *world) deleteNode(name string) {
	w.t.Helper()
	require.NoError(w.t, w.api.Delete(w.t.Context(), aNode(name, corev1.ConditionUnknown)))
}

func assertOnNode(t *testing.T, w *world, node string) {
	t.Helper()
	assert.Equal(t, []string{node}, w.volume(lock).Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values)
}

func TestAFilledVolumeOnANodeThatIsGoneIsNotHandedOver(t *testing.T) {
	w := filledOnALostNode(t)
	w.pass(10 * time.Minute)
	assert.EqualValues(t, 1, w.restore().Status.Attempt, "the node may come back")
	w.deleteNode("node-1")
	w.undetached = false // Kubernetes lets go of the volume
	w.until(w.completed, "completed")
	assertRestored(t, w, settings[0])
	assertOnNode(t, w, "node-2")
	assert.EqualValues(t, 2, w.restore().Status.Attempt)
	told := w.events.about("VolumeOutOfReach")
	require.Len(t, told, 2, "on the claim and on its Restore")
	assert.Contains(t, told[0], "can be reached from nodes with kubernetes.io/hostname node-1 alone, which is gone; the backup is restored again")
}

func TestAFilledVolumeThatIsNeverDetachedFromANodeThatIsGoneIsLeft(t *testing.T) {
	w := filledOnALostNode(t)
	w.deleteNode("node-1")
	w.until(func() bool { return w.restore().Status.Attempt == 2 }, "began again")
	w.undetached = false
	w.until(w.completed, "completed")
	assertOnNode(t, w, "node-2")
}

func TestAFilledVolumeIsKeptWhileItsBackupIsNotProvedToBeThere(t *testing.T) {
	for name, answer := range map[string]func() backup.Answer{
		"the repository does not answer": func() backup.Answer { return unknown(backup.Unavailable, "no route to host") },
		"the backup is gone":             none,
	} {
		t.Run(name, func(t *testing.T) {
			w := filledOnALostNode(t)
			w.answers = answer
			w.deleteNode("node-1")
			w.undetached = false
			prime := w.prime()
			w.pass(30 * time.Minute)
			require.NotNil(t, w.prime())
			assert.Equal(t, prime.UID, w.prime().UID)
			assert.Len(t, w.backends, 1)
			assert.Nil(t, w.volume(lock))
			assert.True(t, w.isStalled())
			assert.Contains(t, w.events.about("VolumeOutOfReach")[0], "the volume is kept")
			w.answers = func() backup.Answer { return found(aBackup()) }
			w.until(w.completed, "completed once the backup is listed")
			assertOnNode(t, w, "node-2")
		})
	}
}

func TestAFilledVolumeIsHandedOverOnceItsNodeIsBack(t *testing.T) {
	w := filledOnALostNode(t)
	w.answers = none
	w.deleteNode("node-1")
	w.undetached = false
	w.pass(10 * time.Minute)
	require.NoError(t, w.api.Create(t.Context(), aNode("node-1", corev1.ConditionTrue)))
	w.until(w.completed, "completed")
	assertOnNode(t, w, "node-1")
	assert.EqualValues(t, 1, w.restore().Status.Attempt)
}

func TestAFilledVolumeInAZoneWithoutNodesIsHandedOver(t *testing.T) {
	for _, key := range []string{corev1.LabelTopologyZone, "topology.ebs.csi.aws.com/zone", "example.com/rack"} {
		t.Run(key, func(t *testing.T) {
			w := filledOnALostNode(t)
			volume := w.volume(w.prime().Spec.VolumeName)
			volume.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0] =
				corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}
			require.NoError(t, w.api.Update(t.Context(), volume))
			w.deleteNode("node-1")
			w.pass(10 * time.Minute)
			assert.EqualValues(t, 1, w.restore().Status.Attempt, "while it is not detached, too")
			w.undetached = false
			w.until(w.completed, "completed")
			assert.EqualValues(t, 1, w.restore().Status.Attempt)
			assert.Len(t, w.backends, 1)
			assertOnNode(t, w, "a")
			assert.Contains(t, w.events.about("VolumeOutOfReach")[0], "nodes with "+key+" a alone, and no such node is in service; the volume is handed over")
		})
	}
}

func TestThatABackupIsNotProvedIsToldOnceItWasLookedFor(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim(), aNode("node-1", corev1.ConditionTrue), aNode("node-2", corev1.ConditionTrue))
	w.undetached = true
	begins := noon.Add(3 * time.Minute) // meanwhile it is proved that the backup is there
	w.fail = func(attempt int32) *driver.FillState {
		if w.clock.Now().Before(begins) {
			return hangs(driver.FillPending)(attempt)
		}
		return nil
	}
	w.until(func() bool { return w.restore() != nil && w.restore().Status.Phase == v1alpha1.PhaseHandingOver }, "handing over")
	w.deleteNode("node-1")
	w.undetached = false
	w.until(func() bool { return strings.Contains(w.restore().Status.Message, "is looked at within 5m0s") }, "said what it waits for")
	w.until(w.completed, "completed")
	assertOnNode(t, w, "node-2")
	for _, told := range w.events.about("VolumeOutOfReach") {
		assert.NotContains(t, told, "not proved")
	}
}

func TestAVolumeIsBoundToNodesThatAreGoneOnlyWhereItNamesNodes(t *testing.T) {
	const topolvm, rack = "topology.topolvm.io/node", "example.com/rack"
	node := func(name string, labels ...string) corev1.Node {
		n := *aNode(name, corev1.ConditionTrue)
		for i := 0; i < len(labels); i += 2 {
			n.Labels[labels[i]] = labels[i+1]
		}
		return n
	}
	out := node("node-1")
	out.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeOutOfService, Effect: corev1.TaintEffectNoExecute}}
	in := func(key string, values ...string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}
	}
	expressions := func(all ...corev1.NodeSelectorRequirement) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchExpressions: all}
	}
	b, c := node("node-2", topolvm, "node-2", rack, "b", corev1.LabelTopologyZone, "b"), node("node-3", topolvm, "node-3", rack, "c", corev1.LabelTopologyZone, "c")
	others := []corev1.Node{b, c}
	hostname, zone := in(corev1.LabelHostname, "node-1"), in(corev1.LabelTopologyZone, "a")
	for name, is := range map[string]struct {
		terms []corev1.NodeSelectorTerm
		nodes []corev1.Node
		local bool
		gone  bool
	}{
		"a host that is gone":                           {[]corev1.NodeSelectorTerm{expressions(hostname)}, others, false, true},
		"a host that is out of service":                 {[]corev1.NodeSelectorTerm{expressions(hostname)}, []corev1.Node{b, out}, false, true},
		"a host that is there":                          {[]corev1.NodeSelectorTerm{expressions(hostname)}, []corev1.Node{b, node("node-1")}, false, false},
		"one of two hosts that is there":                {[]corev1.NodeSelectorTerm{expressions(in(corev1.LabelHostname, "node-1", "node-2"))}, others, false, false},
		"a host that is there, in a zone that is not":   {[]corev1.NodeSelectorTerm{expressions(in(corev1.LabelHostname, "node-2"), zone)}, others, false, false},
		"a host that is gone, in a zone":                {[]corev1.NodeSelectorTerm{expressions(zone, hostname)}, others, false, true},
		"a host that is gone, or a zone":                {[]corev1.NodeSelectorTerm{expressions(hostname), expressions(zone)}, others, false, false},
		"a name that is gone":                           {[]corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{in("metadata.name", "node-1")}}}, others, false, true},
		"a driver's key that has each node's name":      {[]corev1.NodeSelectorTerm{expressions(in(topolvm, "node-1"))}, others, false, true},
		"such a key, of a node that lacks it just now":  {[]corev1.NodeSelectorTerm{expressions(in(topolvm, "node-1"))}, []corev1.Node{b, node("node-1")}, false, false},
		"such a key that no node has":                   {[]corev1.NodeSelectorTerm{expressions(in(topolvm, "node-1"))}, []corev1.Node{node("node-2")}, false, false},
		"a zone, though each has one node":              {[]corev1.NodeSelectorTerm{expressions(zone)}, others, true, false},
		"a key that is not known":                       {[]corev1.NodeSelectorTerm{expressions(in(rack, "a"))}, others, false, false},
		"a key that is not known, of a local volume":    {[]corev1.NodeSelectorTerm{expressions(in(rack, "a"))}, others, true, true},
		"such a key that only one node has":             {[]corev1.NodeSelectorTerm{expressions(in(rack, "a"))}, []corev1.Node{b}, true, false},
		"such a key that two nodes share":               {[]corev1.NodeSelectorTerm{expressions(in(rack, "a"))}, []corev1.Node{b, c, node("node-4", rack, "c")}, true, false},
		"every host but one":                            {[]corev1.NodeSelectorTerm{expressions(corev1.NodeSelectorRequirement{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpNotIn, Values: []string{"node-2"}})}, []corev1.Node{b}, true, false},
		"nothing at all":                                {[]corev1.NodeSelectorTerm{{}}, others, true, false},
		"a host that is gone, where no node is seen":    {[]corev1.NodeSelectorTerm{expressions(hostname)}, nil, false, false},
		"a host that is gone, beside what selects none": {[]corev1.NodeSelectorTerm{{}, expressions(hostname)}, others, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			volume := aVolume("pv-1", "handle-1", class)
			volume.Spec.NodeAffinity.Required.NodeSelectorTerms = is.terms
			if is.local {
				volume.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/mnt"}}
			}
			assert.Equal(t, is.gone, restore.BoundToGone(volume, is.nodes))
		})
	}
}
