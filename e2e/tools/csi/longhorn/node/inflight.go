package node

import (
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// inflight is the volumes that a call works on.
type inflight struct {
	mu      sync.Mutex
	volumes map[string]struct{}
}

// begin keeps other calls away from a volume until end is called. While another call works on it, begin fails with
// Aborted, as the CSI specification asks for.
func (i *inflight) begin(volume string) (end func(), err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, busy := i.volumes[volume]; busy {
		return nil, status.Errorf(codes.Aborted, "another call works on volume %s", volume)
	}
	if i.volumes == nil {
		i.volumes = map[string]struct{}{}
	}
	i.volumes[volume] = struct{}{}
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		delete(i.volumes, volume)
	}, nil
}
