package node_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/soteria-dr/soteria/e2e/tools/csi/mounts"
	"github.com/soteria-dr/soteria/e2e/tools/csi/node"
	"github.com/soteria-dr/soteria/e2e/tools/csi/volume"
)

const handle = "vol-a"

// fixture is a node with one volume and a place to publish it at.
type fixture struct {
	*node.Server
	store  *volume.Store
	target string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	store, err := volume.Open(t.TempDir(), mounts.Users)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Create(handle, volume.Spec{}); err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		Server: node.New(node.Config{
			Node: "node-a", TopologyKey: "kubernetes.io/hostname", Volumes: store, Logger: slog.New(slog.DiscardHandler),
		}),
		store:  store,
		target: filepath.Join(t.TempDir(), "mount"),
	}
	t.Cleanup(func() {
		f.unpublish(t)
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// request asks to publish the volume.
func (f *fixture) request(changes ...func(*csi.NodePublishVolumeRequest)) *csi.NodePublishVolumeRequest {
	request := &csi.NodePublishVolumeRequest{
		VolumeId:   handle,
		TargetPath: f.target,
		VolumeCapability: &csi.VolumeCapability{
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
		},
	}
	for _, change := range changes {
		change(request)
	}
	return request
}

func (f *fixture) unpublish(t *testing.T) {
	t.Helper()
	request := &csi.NodeUnpublishVolumeRequest{VolumeId: handle, TargetPath: f.target}
	if _, err := f.NodeUnpublishVolume(t.Context(), request); err != nil {
		t.Error(err)
	}
}

// canWrite tells whether the published volume takes a file.
func (f *fixture) canWrite() bool {
	return os.WriteFile(filepath.Join(f.target, "file"), nil, 0o600) == nil
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
}

func TestPublishHonoursReadOnlyHoweverAsked(t *testing.T) {
	needsRoot(t)
	for name, test := range map[string]struct {
		change   func(*csi.NodePublishVolumeRequest)
		writable bool
	}{
		"not asked": {func(*csi.NodePublishVolumeRequest) {}, true},
		"asked for writing in so many words": {func(request *csi.NodePublishVolumeRequest) {
			request.VolumeCapability.GetMount().MountFlags = []string{"rw"}
		}, true},
		"by the pod": {func(request *csi.NodePublishVolumeRequest) {
			request.Readonly = true
		}, false},
		"by the access mode": {func(request *csi.NodePublishVolumeRequest) {
			request.VolumeCapability.AccessMode.Mode = csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
		}, false},
		"by a mount option": {func(request *csi.NodePublishVolumeRequest) {
			request.VolumeCapability.GetMount().MountFlags = []string{"ro"}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			for range 2 {
				if _, err := f.NodePublishVolume(t.Context(), f.request(test.change)); err != nil {
					t.Fatal(err)
				}
			}
			if writable := f.canWrite(); writable != test.writable {
				t.Errorf("writable: %t, want %t", writable, test.writable)
			}
		})
	}
}

func TestAPublishedVolumeCannotBeDeleted(t *testing.T) {
	needsRoot(t)
	f := newFixture(t)
	if _, err := f.NodePublishVolume(t.Context(), f.request()); err != nil {
		t.Fatal(err)
	}
	if err := f.store.Delete(handle); err == nil {
		t.Error("Delete of a published volume reported no error")
	}
	if !f.canWrite() {
		t.Error("the volume is no longer writable")
	}
	f.unpublish(t)
	if err := f.store.Delete(handle); err != nil {
		t.Error(err)
	}
}

func TestAnUnpublishableRequestSaysWhy(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*csi.NodePublishVolumeRequest)
		code   codes.Code
	}{
		"no such volume": {func(request *csi.NodePublishVolumeRequest) {
			request.VolumeId = "vol-b"
		}, codes.NotFound},
		"a handle that leads outside": {func(request *csi.NodePublishVolumeRequest) {
			request.VolumeId = "../" + handle
		}, codes.NotFound},
		"block device": {func(request *csi.NodePublishVolumeRequest) {
			request.VolumeCapability.AccessType = &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}
		}, codes.InvalidArgument},
		"unknown mount option": {func(request *csi.NodePublishVolumeRequest) {
			request.VolumeCapability.GetMount().MountFlags = []string{"discard"}
		}, codes.InvalidArgument},
		"relative target": {func(request *csi.NodePublishVolumeRequest) {
			request.TargetPath = "mount"
		}, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			t.Chdir(t.TempDir())
			_, err := f.NodePublishVolume(t.Context(), f.request(test.change))
			if status.Code(err) != test.code {
				t.Errorf("NodePublishVolume = %v, want code %v", err, test.code)
			}
		})
	}
}

func TestTheNodeSaysWhereItIs(t *testing.T) {
	info, err := newFixture(t).NodeGetInfo(t.Context(), &csi.NodeGetInfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if info.GetNodeId() != "node-a" || info.GetAccessibleTopology().GetSegments()["kubernetes.io/hostname"] != "node-a" {
		t.Errorf("NodeGetInfo = %v", info)
	}
}
