package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/api"
)

// Sizes of volumes, in bytes: what Longhorn makes of a smaller one, and what every size is a multiple of.
const (
	mebibyte      = 1 << 20
	minSize       = 10 * mebibyte
	sizeAlignment = 2 * mebibyte
)

const (
	// waitLimit is how long a call waits for Longhorn, where the caller is more patient.
	waitLimit = 90 * time.Second
	lookEvery = 200 * time.Millisecond
)

// Longhorn is the part of its REST API that the controller uses. Its errors are those of package api.
type Longhorn interface {
	Volume(ctx context.Context, name string) (api.Volume, error)
	Create(ctx context.Context, volume api.NewVolume) (api.Volume, error)
	Delete(ctx context.Context, name string) error
	Attach(ctx context.Context, name string, ticket api.Ticket) error
	Detach(ctx context.Context, name string, ticket api.Ticket) error
	Expand(ctx context.Context, name string, size api.Bytes) error
	SetAccessMode(ctx context.Context, name, mode string) error
}

// Devices is the block devices of the node. With Longhorn's own data path they grow by themselves.
type Devices interface {
	// Refresh gives the device of a volume, if it has one, the size that the volume has now.
	Refresh(volume string) error
}

// Config is what a controller needs to know.
type Config struct {
	// Driver is the name of the driver.
	Driver   string
	Longhorn Longhorn
	Devices  Devices
	Logger   *slog.Logger
}

// Server makes, attaches, grows and deletes volumes.
type Server struct {
	csi.UnimplementedControllerServer

	Config
}

// New returns a controller.
func New(config Config) *Server {
	return &Server{Config: config}
}

// ControllerGetCapabilities says that volumes can be made, deleted, attached, detached and expanded.
func (s *Server) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	response := &csi.ControllerGetCapabilitiesResponse{}
	for _, capability := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
	} {
		response.Capabilities = append(response.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: capability}},
		})
	}
	return response, nil
}

// CreateVolume makes a volume of the name asked for, or returns the one that has it. It does not wait for a restore: the
// volume can be deleted meanwhile, and cannot be attached before.
func (s *Server) CreateVolume(ctx context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if request.GetName() == "" {
		return nil, status.Error(codes.InvalidArgument, "the volume has no name")
	}
	if err := checkCapabilities(request.GetVolumeCapabilities()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if request.GetVolumeContentSource() != nil {
		return nil, status.Error(codes.InvalidArgument, "volumes cannot be made from snapshots or other volumes")
	}
	size := sizeFor(request.GetCapacityRange())
	if limit := request.GetCapacityRange().GetLimitBytes(); limit > 0 && limit < int64(size) {
		return nil, status.Errorf(codes.OutOfRange, "the capacity limit %d is below %d, the least that fits", limit, size)
	}
	parameters := maps.Clone(request.GetParameters())
	if shared(request.GetVolumeCapabilities()...) {
		if parameters == nil {
			parameters = map[string]string{}
		}
		parameters[paramShare] = "true"
	}
	volume, err := volumeFor(parameters)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	volume.Name, volume.Size = request.GetName(), size

	made, err := s.ensure(ctx, volume)
	if err != nil {
		return nil, err
	}
	s.Logger.Info("volume is there", "volume", made.Name, "size", size, "fromBackup", volume.FromBackup)
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId: made.Name, CapacityBytes: int64(size), VolumeContext: parameters,
	}}, nil
}

// ensure makes a volume, unless it is there, and waits until it is made.
func (s *Server) ensure(ctx context.Context, volume api.NewVolume) (api.Volume, error) {
	existing, err := s.Longhorn.Volume(ctx, volume.Name)
	if err == nil {
		if existing.Size != volume.Size {
			return api.Volume{}, status.Errorf(codes.AlreadyExists, "volume %s has %d bytes, asked for are %d", existing.Name, existing.Size, volume.Size)
		}
		return existing, nil
	}
	if !errors.Is(err, api.ErrNotFound) {
		return api.Volume{}, statusOf(err)
	}
	made, err := s.Longhorn.Create(ctx, volume)
	if err != nil {
		return api.Volume{}, statusOf(err)
	}
	return s.await(ctx, made.Name, "to be made", func(v api.Volume) bool {
		return v.State != "" && v.State != api.StateCreating
	})
}

// DeleteVolume deletes a volume with all its data and waits until it is gone. One that does not exist is deleted already.
func (s *Server) DeleteVolume(ctx context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	name := request.GetVolumeId()
	if name == "" {
		return nil, status.Error(codes.InvalidArgument, "the volume id is missing")
	}
	if err := s.Longhorn.Delete(ctx, name); err != nil {
		return nil, statusOf(err)
	}
	_, err := s.await(ctx, name, "to be deleted", func(api.Volume) bool { return false })
	if status.Code(err) != codes.NotFound {
		return nil, err
	}
	s.Logger.Info("volume is gone", "volume", name)
	return &csi.DeleteVolumeResponse{}, nil
}

// ValidateVolumeCapabilities confirms what CreateVolume would accept.
func (s *Server) ValidateVolumeCapabilities(ctx context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if request.GetVolumeId() == "" {
		return nil, status.Error(codes.InvalidArgument, "the volume id is missing")
	}
	if len(request.GetVolumeCapabilities()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "no volume capability is given")
	}
	if _, err := s.Longhorn.Volume(ctx, request.GetVolumeId()); err != nil {
		return nil, statusOf(err)
	}
	if err := checkCapabilities(request.GetVolumeCapabilities()); err != nil {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: err.Error()}, nil //nolint:nilerr // "No" is an answer.
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext: request.GetVolumeContext(), VolumeCapabilities: request.GetVolumeCapabilities(), Parameters: request.GetParameters(),
	}}, nil
}

// ControllerExpandVolume makes a volume grow and waits until it has. The file system on it grows when the kubelet asks
// the node for that, or when the volume is staged next.
func (s *Server) ControllerExpandVolume(ctx context.Context, request *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	name := request.GetVolumeId()
	if name == "" {
		return nil, status.Error(codes.InvalidArgument, "the volume id is missing")
	}
	if request.GetCapacityRange() == nil {
		return nil, status.Error(codes.InvalidArgument, "the capacity range is missing")
	}
	volume, err := s.Longhorn.Volume(ctx, name)
	if err != nil {
		return nil, statusOf(err)
	}
	if volume.State != api.StateDetached && volume.State != api.StateAttached {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s cannot grow while it is %s", name, volume.State)
	}
	size := sizeFor(request.GetCapacityRange())
	if err := s.Longhorn.Expand(ctx, name, size); err != nil {
		return nil, statusOf(err)
	}
	grown, err := s.await(ctx, name, fmt.Sprintf("to have %d bytes", size), func(v api.Volume) bool {
		return v.Size >= size && len(v.Controllers) > 0 && v.Controllers[0].Size >= size && !v.Controllers[0].IsExpanding
	})
	if err != nil {
		return nil, err
	}
	if err := s.Devices.Refresh(name); err != nil {
		return nil, statusOf(fmt.Errorf("expand volume %q: %w", name, err))
	}
	s.Logger.Info("volume has grown", "volume", name, "size", grown.Size, "attached", volume.State == api.StateAttached)
	return &csi.ControllerExpandVolumeResponse{
		CapacityBytes: int64(grown.Size),
		// The file system of one that is not attached grows when it is staged.
		NodeExpansionRequired: volume.State == api.StateAttached && request.GetVolumeCapability().GetBlock() == nil,
	}, nil
}

// await looks at a volume until it is as wanted. It fails with NotFound if the volume is not there, and with
// DeadlineExceeded if that takes too long.
func (s *Server) await(ctx context.Context, name, what string, wanted func(api.Volume) bool) (api.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		volume, err := s.Longhorn.Volume(ctx, name)
		switch {
		case errors.Is(err, api.ErrNotFound):
			return api.Volume{}, statusOf(err)
		case err == nil && wanted(volume):
			return volume, nil
		case err != nil:
			s.Logger.Warn("cannot see how a volume does", "volume", name, "error", err)
		}
		select {
		case <-ctx.Done():
			return volume, status.Errorf(codes.DeadlineExceeded, "volume %s took too long %s; it is %s", name, what, volume.State)
		case <-tick.C:
		}
	}
}

// sizeFor is how large a volume is to be: no smaller than asked for, and a size that Longhorn has.
func sizeFor(asked *csi.CapacityRange) api.Bytes {
	size := max(asked.GetRequiredBytes(), minSize)
	return api.Bytes((size + sizeAlignment - 1) / sizeAlignment * sizeAlignment)
}

// checkCapabilities says why volumes cannot be used in these ways.
func checkCapabilities(capabilities []*csi.VolumeCapability) error {
	if len(capabilities) == 0 {
		return errors.New("no volume capability is given")
	}
	for _, capability := range capabilities {
		if capability.GetMount() == nil && capability.GetBlock() == nil {
			return errors.New("a volume capability is neither for a file system nor for a block device")
		}
		switch mode := capability.GetAccessMode().GetMode(); mode { //nolint:exhaustive // The others are refused.
		case csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER, csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER:
		default:
			return fmt.Errorf("access mode %s is not supported", mode)
		}
	}
	return nil
}

// shared tells whether one of the capabilities is for many nodes.
func shared(capabilities ...*csi.VolumeCapability) bool {
	for _, capability := range capabilities {
		if capability.GetAccessMode().GetMode() == csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER {
			return true
		}
	}
	return false
}

// statusOf gives an error of Longhorn's the code that the CSI specification asks for.
func statusOf(err error) error {
	if errors.Is(err, api.ErrNotFound) {
		return status.Error(codes.NotFound, err.Error())
	}
	return status.Error(codes.Internal, err.Error())
}
