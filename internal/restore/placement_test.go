package restore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/restore"
)

// aConsumer is a pod that waits for claims of the namespace shop.
func aConsumer(name string, claims ...string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: claimKey.Namespace, Name: name, UID: types.UID(name)}, Status: corev1.PodStatus{Phase: corev1.PodPending}}
	for _, claim := range claims {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claim, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}})
	}
	return pod
}

// lateWorld is a world of a class that waits for the first consumer.
func lateWorld(t *testing.T, change ...func(*corev1.PersistentVolumeClaim)) *world {
	t.Helper()
	w := newWorld(t, aClass(true, corev1.PersistentVolumeReclaimDelete), aClaim(change...))
	w.consumer = 2 * time.Minute
	w.boot()
	return w
}

func (w *world) create(pod *corev1.Pod) {
	w.t.Helper()
	require.NoError(w.t, w.api.Create(w.t.Context(), pod))
}

func TestAClaimOfALateClassWaitsForItsPodAndSaysSo(t *testing.T) {
	w := lateWorld(t)
	w.until(func() bool { return len(w.events.about("WaitsForPod")) > 0 }, "said what it waits for")
	assert.Contains(t, w.events.about("WaitsForPod")[0], "without one it begins at 2026-04-12T12:02:00Z")
	assert.Contains(t, w.events.about("WaitsForPod")[0], "soteria.dev/restore-without-pod=true")
	w.pass(30 * time.Second)
	assert.Empty(t, w.requests)
	pod := aConsumer("db-0", "db")
	pod.Spec.NodeSelector = map[string]string{"disk": "fast"}
	w.create(pod)
	w.until(w.completed, "completed")
	assert.Equal(t, map[string]string{"disk": "fast"}, w.requests[0].Placement.NodeSelector)
	assert.Less(t, w.clock.Now().Sub(noon), 2*time.Minute)
	assert.Len(t, w.events.about("WaitsForPod"), 2, "told once, on the claim and on its Restore")
}

func TestWithoutAPodAClaimOfALateClassBeginsAfterAWhile(t *testing.T) {
	w := lateWorld(t)
	w.until(func() bool { return len(w.requests) > 0 }, "began")
	assert.GreaterOrEqual(t, w.clock.Now().Sub(noon), 2*time.Minute)
	assert.Less(t, w.clock.Now().Sub(noon), 3*time.Minute)
	assert.Empty(t, w.events.about("RestoreStalled"), "that wait was told")
	w.until(w.completed, "completed")
}

func TestWhatWasAskedForWithoutAPodBeginsAtOnce(t *testing.T) {
	for name, annotation := range map[string]string{"by annotation": v1alpha1.RestoreWithoutPodAnnotation, "by the API": v1alpha1.RequestedByAnnotation} {
		t.Run(name, func(t *testing.T) {
			w := lateWorld(t, func(c *corev1.PersistentVolumeClaim) { c.Annotations[annotation] = "true" })
			w.until(func() bool { return len(w.requests) > 0 }, "began")
			assert.Less(t, w.clock.Now().Sub(noon), 30*time.Second)
			assert.Empty(t, w.events.about("WaitsForPod"))
		})
	}
}

func TestAClassThatBindsAtOnceWaitsForNoPod(t *testing.T) {
	w := newWorld(t, aClass(false, corev1.PersistentVolumeReclaimDelete), aClaim())
	w.consumer = time.Hour
	w.boot()
	w.until(w.completed, "completed")
	assert.Less(t, w.clock.Now().Sub(noon), time.Minute)
}

func TestAPodOfSoteriasOwnIsNotTheClaimsPod(t *testing.T) {
	w := lateWorld(t)
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: claimKey.Namespace, Name: "backup-db", UID: "backup-job",
		Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup}}}
	require.NoError(t, w.api.Create(t.Context(), job))
	pod := aConsumer("a-backup", "db")
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID, Controller: ptr.To(true)}}
	pod.Spec.NodeSelector = map[string]string{"of": "the backup"}
	w.create(pod)
	w.pass(time.Minute)
	assert.Empty(t, w.requests, "nobody uses the claim yet")

	posing := aConsumer("posing", "db")
	posing.Labels = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup}
	posing.Spec.NodeSelector = map[string]string{"of": "the app"}
	w.create(posing)
	w.until(func() bool { return len(w.requests) > 0 }, "began")
	assert.Equal(t, map[string]string{"of": "the app"}, w.requests[0].Placement.NodeSelector, "a label proves nothing")
}

func TestAPodThatNamesItsNodeIsFollowedThere(t *testing.T) {
	pod := aConsumer("db-0", "db")
	pod.Spec.NodeName = "node-7"
	place := restore.PlacementOf(pod)
	assert.Equal(t, []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"node-7"}}}}},
		place.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms)
	assert.Contains(t, place.Tolerations, corev1.Toleration{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule})
	assert.Empty(t, pod.Spec.Tolerations, "the pod itself is not changed")
}

func TestSpreadBecomesTheWishToBeWhereTheFewestOfThePodsAre(t *testing.T) {
	counted := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}
	pod := aConsumer("db-0", "db")
	pod.Labels = map[string]string{"app": "db", "hash": "7"}
	pod.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{
		{MaxSkew: 1, TopologyKey: "zone", WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: counted, MatchLabelKeys: []string{"hash", "absent"}},
		{MaxSkew: 1, TopologyKey: "host", WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: counted},
		{MaxSkew: 1, TopologyKey: "counts none", WhenUnsatisfiable: corev1.DoNotSchedule},
	}
	revision := counted.DeepCopy()
	revision.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "hash", Operator: metav1.LabelSelectorOpIn, Values: []string{"7"}}}
	shop := []string{claimKey.Namespace}

	assert.Equal(t, &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
		{Weight: 100, PodAffinityTerm: corev1.PodAffinityTerm{LabelSelector: revision, TopologyKey: "zone", Namespaces: shop}},
		{Weight: 50, PodAffinityTerm: corev1.PodAffinityTerm{LabelSelector: counted, TopologyKey: "host", Namespaces: shop}},
	}}}, restore.PlacementOf(pod).Affinity)
	assert.Empty(t, counted.MatchExpressions, "the pod itself is not changed")
	assert.Nil(t, restore.PlacementOf(aConsumer("db-0", "db")).Affinity)
}

func TestAFillAsksForTheRoomOfItsPodUnlessThatMakesItsOwn(t *testing.T) {
	amounts := func(cpu, memory string) corev1.ResourceRequirements {
		return corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory), "example.com/device": resource.MustParse("1"),
		}}
	}
	for name, c := range map[string]struct {
		change func(*corev1.PodSpec)
		asks   bool
	}{
		"of no priority":            {func(*corev1.PodSpec) {}, true},
		"of a low priority":         {func(s *corev1.PodSpec) { s.Priority = ptr.To[int32](-1) }, true},
		"of a priority that evicts": {func(s *corev1.PodSpec) { s.Priority = ptr.To[int32](1) }, false},
		"of a priority that never evicts": {func(s *corev1.PodSpec) {
			s.Priority, s.PreemptionPolicy = ptr.To[int32](1), ptr.To(corev1.PreemptNever)
		}, true},
		"that asks for nothing": {func(s *corev1.PodSpec) { s.Containers, s.InitContainers = nil, nil }, false},
	} {
		t.Run("a pod "+name, func(t *testing.T) {
			pod := aConsumer("db-0", "db")
			pod.Spec.Containers = []corev1.Container{{Resources: amounts("1", "1Gi")}, {Resources: amounts("500m", "1Gi")}}
			pod.Spec.InitContainers = []corev1.Container{{Resources: amounts("2", "1Gi")}}
			c.change(&pod.Spec)
			room := restore.RoomFor(pod)
			if !c.asks {
				assert.Nil(t, room)
				return
			}
			assert.Len(t, room, 2, "devices are left to the pod")
			assert.Equal(t, "2", room.Cpu().String(), "of the init container")
			assert.Equal(t, "2Gi", room.Memory().String(), "of the containers together")
		})
	}
}

func TestAFillThatDecidesTheNodeAsksForRoomAndOneThatDoesNotAsksForNone(t *testing.T) {
	for _, late := range []bool{true, false} {
		w := newWorld(t, aClass(late, corev1.PersistentVolumeReclaimDelete), aClaim())
		w.boot()
		pod := aConsumer("db-0", "db")
		pod.Spec.Containers = []corev1.Container{{Name: "db", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("4Gi")}}}}
		w.create(pod)
		w.until(w.completed, "completed")
		assert.Equal(t, late, w.requests[0].Placement.Room.Memory().Value() == 4<<30)
	}
}

// sibling makes another claim of the shop, locked and with a prime.
func (w *world) sibling(name string, uid types.UID) *corev1.PersistentVolumeClaim {
	w.t.Helper()
	claim := aClaim(func(c *corev1.PersistentVolumeClaim) {
		c.Name, c.UID, c.Spec.VolumeName = name, uid, "soteria-bbbbbbbbbbbbbbbb"
		c.Spec.DataSourceRef.Name = c.Spec.VolumeName
	})
	require.NoError(w.t, w.api.Create(w.t.Context(), claim))
	return claim
}

func TestTheSecondClaimOfAPodIsFilledWhereTheFirstOneIs(t *testing.T) {
	w := lateWorld(t)
	w.sibling("logs", "uid-2")
	volume := aVolume("pv-logs", "handle-logs", class)
	w.backends["handle-logs"] = ""
	volume.Spec.ClaimRef = &corev1.ObjectReference{Namespace: own, Name: "prime-uid-2", UID: "prime-2"}
	require.NoError(t, w.api.Create(t.Context(), volume))
	w.create(aConsumer("db-0", "logs", "db"))
	w.other = &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: restore.PrimeName("uid-2"), UID: "prime-2"},
		Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: "pv-logs", StorageClassName: ptr.To(class)},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
	require.NoError(t, w.api.Create(t.Context(), w.other))
	w.until(func() bool { return len(w.requests) > 0 }, "began")
	assert.Equal(t, volume.Spec.NodeAffinity.Required.NodeSelectorTerms, w.requests[0].Placement.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms)
}

func TestTheSecondClaimOfAPodWaitsWhileTheFirstFindsItsNode(t *testing.T) {
	w := lateWorld(t)
	w.sibling("logs", "uid-2")
	w.create(aConsumer("db-0", "logs", "db"))
	w.other = &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: restore.PrimeName("uid-2"), UID: "prime-2"},
		Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To(class)},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}
	require.NoError(t, w.api.Create(t.Context(), w.other))
	job, _ := aFill("1")
	job.Labels[v1alpha1.ClaimUIDLabel] = "uid-2"
	require.NoError(t, w.api.Create(t.Context(), job))
	w.pass(time.Minute)
	assert.Empty(t, w.requests)
	assert.Contains(t, w.restore().Status.Message, "waiting for the claim logs of the same pod")

	require.NoError(t, w.api.Delete(t.Context(), job))
	w.until(func() bool { return len(w.requests) > 0 }, "began once the other is not on its way any more")
}

func TestNodesAreSelectedByBothOfTwoSelectors(t *testing.T) {
	key := rapid.SampledFrom([]string{"a", "b"})
	terms := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) corev1.NodeSelectorTerm {
		var term corev1.NodeSelectorTerm
		for range rapid.IntRange(0, 2).Draw(t, "expressions") {
			term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{
				Key: key.Draw(t, "key"), Operator: rapid.SampledFrom([]corev1.NodeSelectorOperator{corev1.NodeSelectorOpExists, corev1.NodeSelectorOpDoesNotExist}).Draw(t, "operator"),
			})
		}
		if rapid.Bool().Draw(t, "named") {
			term.MatchFields = []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"n"}}}
		}
		return term
	}), 1, 3)
	rapid.Check(t, func(t *rapid.T) {
		a, b := &corev1.NodeSelector{NodeSelectorTerms: terms.Draw(t, "a")}, &corev1.NodeSelector{NodeSelectorTerms: terms.Draw(t, "b")}
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: rapid.SampledFrom([]string{"n", "m"}).Draw(t, "name"), Labels: map[string]string{}}}
		for _, label := range []string{"a", "b"} {
			if rapid.Bool().Draw(t, "has "+label) {
				node.Labels[label] = ""
			}
		}
		matches := func(s *corev1.NodeSelector) bool {
			selector, err := nodeaffinity.NewNodeSelector(s)
			if err != nil {
				t.Fatal(err)
			}
			return selector.Match(node)
		}
		if got, want := matches(restore.Both(a, b)), matches(a) && matches(b); got != want {
			t.Fatalf("both: %t, each: %t", got, want)
		}
	})
}
