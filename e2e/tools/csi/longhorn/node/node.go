package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	mountutils "k8s.io/mount-utils"
	"k8s.io/utils/exec"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/api"
	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/device"
	"github.com/soteria-dr/soteria/e2e/tools/csi/loopdev"
	"github.com/soteria-dr/soteria/e2e/tools/csi/mounts"
)

// defaultFileSystem is what a volume is formatted with unless its class asks for another.
const defaultFileSystem = "ext4"

// The keys of the secret of an encrypted volume, as Longhorn names them.
const (
	keyProvider       = "CRYPTO_KEY_PROVIDER"
	keyValue          = "CRYPTO_KEY_VALUE"
	keyProviderSecret = "secret"
)

// Longhorn is the part of its REST API that the node uses. Its errors are those of package api.
type Longhorn interface {
	Volume(ctx context.Context, name string) (api.Volume, error)
}

// Devices gives volumes their block devices. Its errors are those of package device.
type Devices interface {
	Attach(volume string) (path string, err error)
	Refresh(volume string) error
	Detach(volume string) error
}

// Config is what a node service needs to know.
type Config struct {
	// Node is the name of the node.
	Node     string
	Longhorn Longhorn
	Devices  Devices
	Logger   *slog.Logger
}

// Server stages and publishes volumes on one node.
type Server struct {
	csi.UnimplementedNodeServer

	Config
	programs exec.Interface
	mounter  *mountutils.SafeFormatAndMount
	resizer  *mountutils.ResizeFs
	inflight inflight
}

// New returns the node service of one node.
func New(config Config) *Server {
	programs := exec.New()
	return &Server{
		Config:   config,
		programs: programs,
		mounter:  mountutils.NewSafeFormatAndMount(mountutils.NewWithoutSystemd(""), programs),
		resizer:  mountutils.NewResizeFs(programs),
	}
}

// NodeGetInfo names the node. Volumes can be reached from everywhere.
func (s *Server) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: s.Node}, nil
}

// NodeGetCapabilities says that volumes are staged, can be expanded and have statistics.
func (s *Server) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	response := &csi.NodeGetCapabilitiesResponse{}
	for _, capability := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME,
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
		csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
	} {
		response.Capabilities = append(response.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: capability}},
		})
	}
	return response, nil
}

// NodeStageVolume gives an attached volume its device. A volume used as a file system is formatted if it is blank, and
// mounted at the staging path; its file system grows if the volume is larger. A repeated call changes nothing.
func (s *Server) NodeStageVolume(ctx context.Context, request *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	name, staging := request.GetVolumeId(), request.GetStagingTargetPath()
	if err := present(field{"volume id", name}, field{"staging path", staging}); err != nil {
		return nil, err
	}
	if request.GetVolumeCapability() == nil {
		return nil, status.Error(codes.InvalidArgument, "the volume capability is missing")
	}
	end, err := s.inflight.begin(name)
	if err != nil {
		return nil, err
	}
	defer end()

	volume, err := s.usable(ctx, name)
	if err != nil {
		return nil, err
	}
	if volume.Encrypted {
		if err := checkSecret(request.GetSecrets()); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "encrypted volume %s: %s", name, err)
		}
	}
	path, err := s.Devices.Attach(name)
	if err != nil {
		return nil, statusOf(err)
	}
	if request.GetVolumeCapability().GetBlock() != nil {
		err = stageBlock(path, staging, name)
	} else {
		err = s.stageFileSystem(path, staging, request.GetVolumeCapability().GetMount())
	}
	if err != nil {
		return nil, statusOf(fmt.Errorf("stage volume %q: %w", name, err))
	}
	s.Logger.Info("volume is staged", "volume", name, "device", path, "at", staging)
	return &csi.NodeStageVolumeResponse{}, nil
}

// usable returns a volume that pods may use now.
func (s *Server) usable(ctx context.Context, name string) (api.Volume, error) {
	volume, err := s.Longhorn.Volume(ctx, name)
	if err != nil {
		return api.Volume{}, statusOf(err)
	}
	if volume.State != api.StateAttached {
		return api.Volume{}, status.Errorf(codes.InvalidArgument, "volume %s is not attached; it is %s", name, volume.State)
	}
	if !volume.Ready {
		return api.Volume{}, status.Errorf(codes.Aborted, "volume %s is not ready for workloads", name)
	}
	return volume, nil
}

// checkSecret says why Longhorn's own driver could not open an encrypted volume with the secret.
func checkSecret(secret map[string]string) error {
	if provider := secret[keyProvider]; provider != "" && provider != keyProviderSecret {
		return fmt.Errorf("%s is %q; the only one is %q", keyProvider, provider, keyProviderSecret)
	}
	if secret[keyValue] == "" {
		return fmt.Errorf("the node stage secret has no %s", keyValue)
	}
	return nil
}

// stageFileSystem mounts a device at the staging path, formatted and grown as need be.
func (s *Server) stageFileSystem(path, staging string, mount *csi.VolumeCapability_MountVolume) error {
	if err := os.MkdirAll(staging, 0o750); err != nil {
		return fmt.Errorf("make the staging folder: %w", err)
	}
	mounted, err := mountedFrom(staging)
	switch {
	case err != nil:
		return err
	case mounted == path:
		return nil
	case mounted != "":
		return fmt.Errorf("%w: %s is mounted at the staging path, not %s", mounts.ErrOccupied, mounted, path)
	}
	fileSystem := mount.GetFsType()
	if fileSystem == "" {
		fileSystem = defaultFileSystem
	}
	if !slices.Contains(mount.GetMountFlags(), "ro") {
		if err := s.growUnmounted(path); err != nil {
			return err
		}
	}
	return s.mounter.FormatAndMount(path, staging, fileSystem, mount.GetMountFlags())
}

// mountedFrom returns the device that is mounted at a folder; empty if none is.
func mountedFrom(dir string) (string, error) {
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", dir, err)
	}
	table, err := mounts.Read()
	if err != nil {
		return "", err
	}
	if mount := table.At(resolved); mount != nil {
		return mount.Source, nil
	}
	return "", nil
}

// stageBlock shows a device in the staging folder, under the volume's name.
func stageBlock(path, staging, name string) error {
	if err := os.MkdirAll(staging, 0o750); err != nil {
		return fmt.Errorf("make the staging folder: %w", err)
	}
	return mounts.Bind(path, filepath.Join(staging, name), nil)
}

// NodeUnstageVolume undoes NodeStageVolume. It asks nothing of Longhorn, where the volume may be gone by now.
func (s *Server) NodeUnstageVolume(_ context.Context, request *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	name, staging := request.GetVolumeId(), request.GetStagingTargetPath()
	if err := present(field{"volume id", name}, field{"staging path", staging}); err != nil {
		return nil, err
	}
	end, err := s.inflight.begin(name)
	if err != nil {
		return nil, err
	}
	defer end()

	if err := s.unstage(name, staging); err != nil {
		return nil, statusOf(fmt.Errorf("unstage volume %q: %w", name, err))
	}
	s.Logger.Info("volume is unstaged", "volume", name, "from", staging)
	return &csi.NodeUnstageVolumeResponse{}, nil
}

// unstage unmounts before it looks into the staging folder: what is in there until then is the user's.
func (s *Server) unstage(name, staging string) error {
	if err := mounts.Unmount(staging); err != nil {
		return err
	}
	if err := mounts.Release(filepath.Join(staging, filepath.Base(name))); err != nil {
		return err
	}
	if err := s.Devices.Detach(name); !errors.Is(err, device.ErrNoImage) {
		return err
	}
	return nil
}

// NodePublishVolume shows a staged volume at the target path, read-only if asked. A repeated call changes nothing.
func (s *Server) NodePublishVolume(ctx context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	name, staging, target := request.GetVolumeId(), request.GetStagingTargetPath(), request.GetTargetPath()
	if err := present(field{"volume id", name}, field{"staging path", staging}, field{"target path", target}); err != nil {
		return nil, err
	}
	if request.GetVolumeCapability() == nil {
		return nil, status.Error(codes.InvalidArgument, "the volume capability is missing")
	}
	if _, err := s.usable(ctx, name); err != nil {
		return nil, err
	}
	source, options := staging, []string(nil)
	if request.GetVolumeCapability().GetBlock() != nil {
		source = filepath.Join(staging, name)
	} else if request.GetReadonly() {
		options = []string{"ro"}
	}
	if err := checkStaged(source); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return nil, statusOf(fmt.Errorf("make the folder of the target: %w", err))
	}
	if err := mounts.Bind(source, target, options); err != nil {
		return nil, statusOf(fmt.Errorf("publish volume %q: %w", name, err))
	}
	s.Logger.Info("volume is published", "volume", name, "target", target, "options", options)
	return &csi.NodePublishVolumeResponse{}, nil
}

// checkStaged makes sure that a volume is where NodeStageVolume puts it: what is bound otherwise is an empty folder of
// the node's own disk.
func checkStaged(source string) error {
	_, isDevice, err := loopdev.At(source)
	if err != nil {
		return statusOf(err)
	}
	if isDevice {
		return nil
	}
	mounted, err := mountedFrom(source)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return statusOf(err)
	}
	if mounted == "" {
		return status.Errorf(codes.FailedPrecondition, "nothing is staged at %s", source)
	}
	return nil
}

// NodeUnpublishVolume takes the volume away from the target path and removes the path.
func (s *Server) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	name, target := request.GetVolumeId(), request.GetTargetPath()
	if err := present(field{"volume id", name}, field{"target path", target}); err != nil {
		return nil, err
	}
	if err := mounts.Release(target); err != nil {
		return nil, statusOf(fmt.Errorf("unpublish volume %q: %w", name, err))
	}
	s.Logger.Info("volume is unpublished", "volume", name, "target", target)
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// NodeExpandVolume makes the file system of a volume in use as large as the volume. Where the kernel does not let it, it
// fails with FailedPrecondition, which keeps no pod from starting; the file system then grows when it is staged next.
func (s *Server) NodeExpandVolume(ctx context.Context, request *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	name, at := request.GetVolumeId(), request.GetVolumePath()
	if err := present(field{"volume id", name}, field{"volume path", at}); err != nil {
		return nil, err
	}
	end, err := s.inflight.begin(name)
	if err != nil {
		return nil, err
	}
	defer end()

	volume, err := s.Longhorn.Volume(ctx, name)
	if err != nil {
		return nil, statusOf(err)
	}
	if err := s.Devices.Refresh(name); err != nil {
		return nil, statusOf(fmt.Errorf("expand volume %q: %w", name, err))
	}
	if _, isDevice, err := loopdev.At(at); err != nil {
		return nil, statusOf(err)
	} else if !isDevice {
		path, err := mountedFrom(at)
		if err == nil && path == "" {
			err = fmt.Errorf("%w: nothing is mounted at %s", fs.ErrNotExist, at)
		}
		if err == nil {
			err = s.growMounted(path, at)
		}
		if err != nil {
			return nil, statusOf(fmt.Errorf("expand volume %q: %w", name, err))
		}
	}
	s.Logger.Info("volume has grown on the node", "volume", name, "size", volume.Size)
	return &csi.NodeExpandVolumeResponse{CapacityBytes: int64(volume.Size)}, nil
}

// NodeGetVolumeStats tells how full a volume's file system is, or how large its device.
func (s *Server) NodeGetVolumeStats(ctx context.Context, request *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	name, at := request.GetVolumeId(), request.GetVolumePath()
	if err := present(field{"volume id", name}, field{"volume path", at}); err != nil {
		return nil, err
	}
	volume, err := s.Longhorn.Volume(ctx, name)
	if err != nil {
		return nil, statusOf(err)
	}
	if _, isDevice, err := loopdev.At(at); err != nil {
		return nil, statusOf(err)
	} else if isDevice {
		return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{{Unit: csi.VolumeUsage_BYTES, Total: int64(volume.Size)}}}, nil
	}
	if path, err := mountedFrom(at); err != nil || path == "" {
		return nil, status.Errorf(codes.NotFound, "volume %s is not mounted at %s", name, at)
	}
	usage, err := usageOf(at)
	if err != nil {
		return nil, statusOf(fmt.Errorf("read the statistics of volume %q: %w", name, err))
	}
	return &csi.NodeGetVolumeStatsResponse{Usage: usage}, nil
}

func usageOf(dir string) ([]*csi.VolumeUsage, error) {
	var stats unix.Statfs_t
	if err := unix.Statfs(dir, &stats); err != nil {
		return nil, err
	}
	return []*csi.VolumeUsage{
		usage(csi.VolumeUsage_BYTES, stats.Bsize, stats.Blocks, stats.Bavail, stats.Bfree),
		usage(csi.VolumeUsage_INODES, 1, stats.Files, stats.Ffree, stats.Ffree),
	}, nil
}

// usage multiplies counts by the size of what was counted. No file system has more bytes than fit.
func usage(unit csi.VolumeUsage_Unit, size int64, total, available, free uint64) *csi.VolumeUsage {
	return &csi.VolumeUsage{
		Unit:      unit,
		Total:     size * int64(total),      //nolint:gosec // See above.
		Available: size * int64(available),  //nolint:gosec // See above.
		Used:      size * int64(total-free), //nolint:gosec // See above.
	}
}

// field is a field of a request that must not be empty.
type field struct{ name, value string }

func present(fields ...field) error {
	for _, f := range fields {
		if f.value == "" {
			return status.Errorf(codes.InvalidArgument, "the %s is missing", f.name)
		}
	}
	return nil
}

// statusOf gives an error the code that the CSI specification asks for.
func statusOf(err error) error {
	code := codes.Internal
	switch {
	case errors.Is(err, api.ErrNotFound), errors.Is(err, device.ErrNoImage), errors.Is(err, fs.ErrNotExist):
		code = codes.NotFound
	case errors.Is(err, mounts.ErrOccupied):
		code = codes.AlreadyExists
	case errors.Is(err, errMayNotGrow):
		code = codes.FailedPrecondition
	}
	return status.Error(code, err.Error())
}
