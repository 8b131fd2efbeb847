// Package node is the CSI Node service: it shows a volume's folder to a pod by a bind mount, and takes it away again.
package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/soteria-dr/soteria/e2e/tools/csi/mounts"
	"github.com/soteria-dr/soteria/e2e/tools/csi/volume"
)

// Volumes finds the folder of a volume. Its errors are those of package volume.
type Volumes interface {
	// Use calls do with the folder, which stays at least until do returns.
	Use(handle string, do func(dir string) error) error
}

// Config is what a node service needs to know.
type Config struct {
	// Node is the name of the node.
	Node string
	// TopologyKey is the topology of which the node is one value.
	TopologyKey string
	Volumes     Volumes
	Logger      *slog.Logger
}

// Server publishes volumes on one node.
type Server struct {
	csi.UnimplementedNodeServer

	Config
}

// New returns the node service of one node.
func New(config Config) *Server {
	return &Server{Config: config}
}

// NodeGetInfo names the node and where it is.
func (s *Server) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{
		NodeId:             s.Node,
		AccessibleTopology: &csi.Topology{Segments: map[string]string{s.TopologyKey: s.Node}},
	}, nil
}

// NodeGetCapabilities says that volumes have statistics, and are not staged.
func (s *Server) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{Capabilities: []*csi.NodeServiceCapability{{
		Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{
			Type: csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
		}},
	}}}, nil
}

// NodePublishVolume shows a volume at the target path, read-only if asked. A repeated call changes nothing.
func (s *Server) NodePublishVolume(_ context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	handle, target := request.GetVolumeId(), request.GetTargetPath()
	if handle == "" {
		return nil, status.Error(codes.InvalidArgument, "the volume id is missing")
	}
	if target == "" {
		return nil, status.Error(codes.InvalidArgument, "the target path is missing")
	}
	capability := request.GetVolumeCapability()
	if capability == nil {
		return nil, status.Error(codes.InvalidArgument, "the volume capability is missing")
	}
	if capability.GetMount() == nil {
		return nil, status.Error(codes.InvalidArgument, "volumes can be mounted as filesystems only, not used as block devices")
	}
	options := optionsOf(request)
	if err := mounts.CheckOptions(options); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}

	err := s.Volumes.Use(handle, func(dir string) error { return mounts.Bind(dir, target, options) })
	if err != nil {
		return nil, statusOf(fmt.Errorf("publish volume %q: %w", handle, err))
	}
	s.Logger.Info("volume is published", "volume", handle, "target", target, "options", options)
	return &csi.NodePublishVolumeResponse{}, nil
}

// optionsOf merges the mount options of the volume with the ways in which a request can ask for read-only.
func optionsOf(request *csi.NodePublishVolumeRequest) []string {
	capability := request.GetVolumeCapability()
	options := slices.DeleteFunc(slices.Clone(capability.GetMount().GetMountFlags()), func(option string) bool {
		return option == "rw"
	})
	mode := capability.GetAccessMode().GetMode()
	readOnly := request.GetReadonly() ||
		mode == csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY ||
		mode == csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
	if readOnly && !slices.Contains(options, "ro") {
		options = append(options, "ro")
	}
	return options
}

// NodeUnpublishVolume takes the volume away from the target path and removes the path. It asks nothing of the volume,
// which may be gone by now.
func (s *Server) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	handle, target := request.GetVolumeId(), request.GetTargetPath()
	if handle == "" {
		return nil, status.Error(codes.InvalidArgument, "the volume id is missing")
	}
	if target == "" {
		return nil, status.Error(codes.InvalidArgument, "the target path is missing")
	}
	if err := mounts.Release(target); err != nil {
		return nil, statusOf(fmt.Errorf("unpublish volume %q: %w", handle, err))
	}
	s.Logger.Info("volume is unpublished", "volume", handle, "target", target)
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// NodeGetVolumeStats tells how full the filesystem is on which the volume's folder lies.
func (s *Server) NodeGetVolumeStats(_ context.Context, request *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	handle, target := request.GetVolumeId(), request.GetVolumePath()
	if handle == "" {
		return nil, status.Error(codes.InvalidArgument, "the volume id is missing")
	}
	if target == "" {
		return nil, status.Error(codes.InvalidArgument, "the volume path is missing")
	}
	var stats unix.Statfs_t
	err := s.Volumes.Use(handle, func(string) error { return unix.Statfs(target, &stats) })
	if err != nil {
		return nil, statusOf(fmt.Errorf("read the statistics of volume %q: %w", handle, err))
	}
	blockSize := stats.Bsize
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{
		{
			Unit:      csi.VolumeUsage_BYTES,
			Total:     int64(stats.Blocks) * blockSize,
			Available: int64(stats.Bavail) * blockSize,
			Used:      int64(stats.Blocks-stats.Bfree) * blockSize,
		},
		{
			Unit:      csi.VolumeUsage_INODES,
			Total:     int64(stats.Files),
			Available: int64(stats.Ffree),
			Used:      int64(stats.Files - stats.Ffree),
		},
	}}, nil
}

// statusOf gives an error the code that the CSI specification asks for.
func statusOf(err error) error {
	code := codes.Internal
	switch {
	case errors.Is(err, volume.ErrInvalid), errors.Is(err, volume.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		code = codes.NotFound
	case errors.Is(err, mounts.ErrOccupied):
		code = codes.AlreadyExists
	}
	return status.Error(code, err.Error())
}
