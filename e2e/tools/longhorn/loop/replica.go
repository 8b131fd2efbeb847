package loop

import (
	"context"
	"hash/fnv"
	"reflect"

	longhorn "github.com/longhorn/longhorn-manager/k8s/pkg/apis/longhorn/v1beta2"
)

// replica starts and stops a replica. It holds no bytes: all replicas of a volume are its one image.
func (l *Loop) replica(_ context.Context, replica *longhorn.Replica) error {
	if replica.DeletionTimestamp != nil {
		return l.Objects.RemoveFinalizerForReplica(replica)
	}
	next := l.instance(replica.Name, replica.Spec.InstanceSpec, replica.Status.InstanceStatus)
	if reflect.DeepEqual(next, replica.Status.InstanceStatus) {
		return nil
	}
	replica.Status.InstanceStatus = next
	_, err := l.Objects.UpdateReplicaStatus(replica)
	return err
}

// instance tells the status of an engine or replica whose process does at once what it is asked to.
func (l *Loop) instance(name string, spec longhorn.InstanceSpec, status longhorn.InstanceStatus) longhorn.InstanceStatus {
	status.OwnerID = l.Node
	status.LogFetched = spec.LogRequested
	status.SalvageExecuted = spec.SalvageRequested
	if spec.DesireState == longhorn.InstanceStateRunning {
		status.CurrentState = longhorn.InstanceStateRunning
		status.CurrentImage = spec.Image
		status.InstanceManagerName = l.InstanceManager
		status.IP, status.StorageIP, status.Port = l.PodIP, l.PodIP, port(name)
		status.Started = true
		return status
	}
	status.CurrentState = longhorn.InstanceStateStopped
	status.CurrentImage, status.InstanceManagerName = "", ""
	status.IP, status.StorageIP, status.Port = "", "", 0
	status.Started = false
	return status
}

// port is where a process would listen. Replicas of a volume are told apart by it.
func port(name string) int {
	const first, count = 10000, 20000
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name))
	return first + int(hash.Sum32()%count)
}
