package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/soteria-dr/soteria/e2e/tools/csi/volume"
)

// handlePrefix keeps a volume's handle apart from the name that it was asked for by, and so from the name of any
// PersistentVolume: as with real drivers, code that takes one for the other fails.
const handlePrefix = "vol-"

// ParameterLostAndFound is the class parameter that gives each fresh volume a lost+found folder, as mkfs.ext4 does.
const ParameterLostAndFound = "lostAndFound"

// ParameterHolds is the class parameter that puts a file of this name into each fresh volume, as a class does that
// provisions onto folders which exist already.
const ParameterHolds = "holds"

// TopologyKey is the topology that the volumes are reachable by.
const TopologyKey = "kubernetes.io/hostname"

// Volumes is the store behind the controller. Its errors are those of package volume.
type Volumes interface {
	Create(handle string, spec volume.Spec) error
	Delete(handle string) error
	Check(handle string) error
}

// Server makes and deletes volumes on one node.
type Server struct {
	csi.UnimplementedControllerServer

	node    string
	volumes Volumes
	logger  *slog.Logger
}

// New returns the controller of the volumes that lie on the node.
func New(node string, volumes Volumes, logger *slog.Logger) *Server {
	return &Server{node: node, volumes: volumes, logger: logger}
}

// CreateVolume makes a volume, or returns the one that an earlier call with the same name made.
func (s *Server) CreateVolume(_ context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if request.GetName() == "" {
		return nil, status.Error(codes.InvalidArgument, "the volume has no name")
	}
	if err := CheckCapabilities(request.GetVolumeCapabilities()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if request.GetVolumeContentSource() != nil {
		return nil, status.Error(codes.InvalidArgument, "volumes cannot be made from snapshots or other volumes")
	}
	if !reachable(request.GetAccessibilityRequirements(), s.node) {
		return nil, status.Errorf(codes.ResourceExhausted, "volumes can be made on node %q only", s.node)
	}
	spec, err := specOf(request)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}

	handle := handlePrefix + request.GetName()
	if err := s.volumes.Create(handle, spec); err != nil {
		return nil, statusOf(err)
	}
	s.logger.Info("volume is there", "volume", handle, "capacityBytes", spec.CapacityBytes)
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId:           handle,
		CapacityBytes:      spec.CapacityBytes,
		AccessibleTopology: []*csi.Topology{topologyOf(s.node)},
	}}, nil
}

// DeleteVolume deletes a volume with all its data. A volume that does not exist is deleted already; one that is still
// published fails with FailedPrecondition.
func (s *Server) DeleteVolume(_ context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	handle := request.GetVolumeId()
	if err := s.volumes.Delete(handle); err != nil {
		return nil, statusOf(err)
	}
	s.logger.Info("volume is gone", "volume", handle)
	return &csi.DeleteVolumeResponse{}, nil
}

// ValidateVolumeCapabilities confirms what CreateVolume would accept.
func (s *Server) ValidateVolumeCapabilities(_ context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	capabilities := request.GetVolumeCapabilities()
	if len(capabilities) == 0 {
		return nil, status.Error(codes.InvalidArgument, "no volume capability is given")
	}
	if err := s.volumes.Check(request.GetVolumeId()); err != nil {
		return nil, statusOf(err)
	}
	if err := CheckCapabilities(capabilities); err != nil {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: err.Error()}, nil
	}
	return &csi.ValidateVolumeCapabilitiesResponse{
		Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{VolumeCapabilities: capabilities},
	}, nil
}

// ControllerGetCapabilities says that volumes can be made and deleted, and nothing else.
func (s *Server) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	return &csi.ControllerGetCapabilitiesResponse{Capabilities: []*csi.ControllerServiceCapability{{
		Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{
			Type: csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		}},
	}}}, nil
}

// CheckCapabilities says why volumes cannot be used in these ways. A folder on the only node can be used in every way
// that takes a filesystem.
func CheckCapabilities(capabilities []*csi.VolumeCapability) error {
	if len(capabilities) == 0 {
		return errors.New("no volume capability is given")
	}
	for _, capability := range capabilities {
		if capability.GetAccessMode().GetMode() == csi.VolumeCapability_AccessMode_UNKNOWN {
			return errors.New("a volume capability lacks its access mode")
		}
		if capability.GetMount() == nil {
			return errors.New("volumes can be mounted as filesystems only, not used as block devices")
		}
	}
	return nil
}

// reachable tells whether a volume on the node meets the requirements.
func reachable(requirements *csi.TopologyRequirement, node string) bool {
	requisite := requirements.GetRequisite()
	return len(requisite) == 0 || slices.ContainsFunc(requisite, func(topology *csi.Topology) bool {
		return topology.GetSegments()[TopologyKey] == node
	})
}

func topologyOf(node string) *csi.Topology {
	return &csi.Topology{Segments: map[string]string{TopologyKey: node}}
}

// statusOf gives the errors of package volume the codes that the CSI specification asks for.
func statusOf(err error) error {
	code := codes.Internal
	switch {
	case errors.Is(err, volume.ErrInvalid):
		code = codes.InvalidArgument
	case errors.Is(err, volume.ErrNotFound):
		code = codes.NotFound
	case errors.Is(err, volume.ErrConflict):
		code = codes.AlreadyExists
	case errors.Is(err, volume.ErrInUse):
		code = codes.FailedPrecondition
	}
	return status.Error(code, err.Error())
}

// specOf reads what a volume is to be. An unknown parameter is an error: it is more likely misspelt than meant.
func specOf(request *csi.CreateVolumeRequest) (volume.Spec, error) {
	capacity := request.GetCapacityRange()
	spec := volume.Spec{CapacityBytes: max(capacity.GetRequiredBytes(), 0)}
	if limit := capacity.GetLimitBytes(); limit > 0 && limit < spec.CapacityBytes {
		return volume.Spec{}, fmt.Errorf("the capacity limit %d is below the required %d", limit, spec.CapacityBytes)
	}
	for key, value := range request.GetParameters() {
		switch key {
		case ParameterLostAndFound:
			lostAndFound, err := strconv.ParseBool(value)
			if err != nil {
				return volume.Spec{}, fmt.Errorf("parameter %s: %w", key, err)
			}
			spec.LostAndFound = lostAndFound
		case ParameterHolds:
			spec.Holds = value
		default:
			return volume.Spec{}, fmt.Errorf("parameter %q is unknown", key)
		}
	}
	return spec, nil
}
