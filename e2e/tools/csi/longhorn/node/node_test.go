package node_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/api"
	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/device"
	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/longhorntest"
	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/node"
	"github.com/soteria-dr/soteria/e2e/tools/csi/loopdev"
	"github.com/soteria-dr/soteria/e2e/tools/csi/mounts"
)

const (
	mebibyte = 1 << 20
	name     = "pvc-1"
)

// rig is a node with a Longhorn that has one attached volume.
type rig struct {
	*testing.T
	server          *node.Server
	longhorn        *longhorntest.Longhorn
	client          *api.Client
	staging, target string
}

// start makes a rig. What it stages is taken away when the test ends, and no loop device may be left then.
func start(t *testing.T, change func(*api.NewVolume)) *rig {
	t.Helper()
	r := &rig{T: t, longhorn: longhorntest.Start(t)}
	var err error
	if r.client, err = api.New(r.longhorn.URL); err != nil {
		t.Fatal(err)
	}
	r.begin()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r.staging, r.target = filepath.Join(base, "staging"), filepath.Join(base, "pod", "volume")

	volume := api.NewVolume{Name: name, Size: 32 * mebibyte, NumberOfReplicas: 1}
	if change != nil {
		change(&volume)
	}
	if _, err := r.client.Create(t.Context(), volume); err != nil {
		t.Fatal(err)
	}
	if err := r.client.Attach(t.Context(), name, api.Ticket{ID: "csi-1", Node: longhorntest.Node}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.unpublish()
		r.unstage()
		r.waitForNoDevices()
	})
	return r
}

// begin starts the service, as if for the first time.
func (r *rig) begin() {
	r.Helper()
	devices, err := device.Open(r.longhorn.Dir)
	if err != nil {
		r.Fatal(err)
	}
	r.server = node.New(node.Config{Node: longhorntest.Node, Longhorn: r.client, Devices: devices, Logger: slog.New(slog.DiscardHandler)})
}

var asFileSystem = &csi.VolumeCapability{
	AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
	AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{FsType: "ext4"}},
}

var asBlock = &csi.VolumeCapability{
	AccessMode: asFileSystem.AccessMode, AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
}

func (r *rig) stage(capability *csi.VolumeCapability, secrets map[string]string) error {
	_, err := r.server.NodeStageVolume(r.Context(), &csi.NodeStageVolumeRequest{
		VolumeId: name, StagingTargetPath: r.staging, VolumeCapability: capability, Secrets: secrets,
	})
	return err
}

func (r *rig) publish(capability *csi.VolumeCapability, readOnly bool) error {
	_, err := r.server.NodePublishVolume(r.Context(), &csi.NodePublishVolumeRequest{
		VolumeId: name, StagingTargetPath: r.staging, TargetPath: r.target, VolumeCapability: capability, Readonly: readOnly,
	})
	return err
}

// show stages and publishes.
func (r *rig) show(capability *csi.VolumeCapability) {
	r.Helper()
	if err := r.stage(capability, nil); err != nil {
		r.Fatal(err)
	}
	if err := r.publish(capability, false); err != nil {
		r.Fatal(err)
	}
}

// unpublish may be called when the test has ended.
func (r *rig) unpublish() {
	r.Helper()
	_, err := r.server.NodeUnpublishVolume(context.Background(), &csi.NodeUnpublishVolumeRequest{VolumeId: name, TargetPath: r.target})
	if err != nil {
		r.Error(err)
	}
}

func (r *rig) unstage() {
	r.Helper()
	_, err := r.server.NodeUnstageVolume(context.Background(), &csi.NodeUnstageVolumeRequest{VolumeId: name, StagingTargetPath: r.staging})
	if err != nil {
		r.Error(err)
	}
}

// waitForNoDevices waits, for the kernel detaches a device only after its last user has closed it.
func (r *rig) waitForNoDevices() {
	r.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left, err := loopdev.Below(r.longhorn.Dir)
		if err != nil {
			r.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.Fatalf("devices are left: %v", left)
		}
	}
}

func (r *rig) requireCode(err error, want codes.Code) {
	r.Helper()
	if got := status.Code(err); got != want {
		r.Errorf("answered %s (%v), want %s", got, err, want)
	}
}

func (r *rig) write(path, text string) {
	r.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) read(path string) string {
	r.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	return string(text)
}

// size is that of the file system at the target, in bytes.
func (r *rig) size() uint64 {
	r.Helper()
	var stats unix.Statfs_t
	if err := unix.Statfs(r.target, &stats); err != nil {
		r.Fatal(err)
	}
	return stats.Blocks * uint64(stats.Bsize)
}

// grow makes the volume grow as Longhorn does, without telling the node.
func (r *rig) grow(size api.Bytes) {
	r.Helper()
	if err := r.client.Expand(r.Context(), name, size); err != nil {
		r.Fatal(err)
	}
}

func TestWhatAPodWroteIsThereForTheNext(t *testing.T) {
	r := start(t, nil)
	r.show(asFileSystem)
	if info, err := os.Stat(filepath.Join(r.target, "lost+found")); err != nil || !info.IsDir() {
		t.Errorf("a fresh volume has no lost+found: %v", err)
	}
	r.write(filepath.Join(r.target, "story"), "once upon a time")
	r.unpublish()
	r.unstage()
	r.waitForNoDevices()
	if _, err := os.Lstat(r.target); !os.IsNotExist(err) {
		t.Errorf("the target is still there: %v", err)
	}

	r.show(asFileSystem)
	if got := r.read(filepath.Join(r.target, "story")); got != "once upon a time" {
		t.Errorf("read %q", got)
	}
}

func TestRepeatedCallsChangeNothing(t *testing.T) {
	for kind, capability := range map[string]*csi.VolumeCapability{"as a file system": asFileSystem, "as a block device": asBlock} {
		t.Run(kind, func(t *testing.T) {
			r := start(t, nil)
			r.show(capability)
			r.show(capability)
			devices, err := loopdev.Below(r.longhorn.Dir)
			if err != nil || len(devices) != 1 {
				t.Errorf("devices %v, error %v", devices, err)
			}
			r.unpublish()
			r.unpublish()
			r.unstage()
			r.unstage()
			r.waitForNoDevices()
		})
	}
}

func TestACrashBetweenTwoCallsLosesNothing(t *testing.T) {
	for kind, capability := range map[string]*csi.VolumeCapability{"as a file system": asFileSystem, "as a block device": asBlock} {
		t.Run(kind, func(t *testing.T) {
			r := start(t, nil)
			if err := r.stage(capability, nil); err != nil {
				t.Fatal(err)
			}
			r.begin()
			r.show(capability)
			devices, err := loopdev.Below(r.longhorn.Dir)
			if err != nil || len(devices) != 1 {
				t.Errorf("devices %v, error %v", devices, err)
			}
			r.begin()
			r.unpublish()
			r.begin()
			r.unstage()
			r.waitForNoDevices()
		})
	}
}

func TestAVolumeThatIsLargerThanItsFileSystemGrowsWhenStaged(t *testing.T) {
	r := start(t, nil)
	r.show(asFileSystem)
	before := r.size()
	r.write(filepath.Join(r.target, "story"), "once upon a time")
	r.unpublish()
	r.unstage()
	r.grow(128 * mebibyte)

	r.show(asFileSystem)
	if after := r.size(); after < before+80*mebibyte {
		t.Errorf("the file system had %d bytes and has %d", before, after)
	}
	if got := r.read(filepath.Join(r.target, "story")); got != "once upon a time" {
		t.Errorf("read %q", got)
	}
}

func TestAVolumeInUseGrowsIfTheKernelLetsIt(t *testing.T) {
	r := start(t, nil)
	r.show(asFileSystem)
	before := r.size()
	r.grow(128 * mebibyte)
	_, err := r.server.NodeExpandVolume(t.Context(), &csi.NodeExpandVolumeRequest{VolumeId: name, VolumePath: r.target})
	switch status.Code(err) { //nolint:exhaustive // All others are failures.
	case codes.OK:
		if after := r.size(); after < before+80*mebibyte {
			t.Errorf("the file system had %d bytes and has %d", before, after)
		}
	case codes.FailedPrecondition:
		if !strings.Contains(err.Error(), "SYS_RESOURCE") || r.size() != before {
			t.Errorf("answered %v; the file system had %d bytes and has %d", err, before, r.size())
		}
	default:
		t.Error(err)
	}
}

func TestABlockDeviceGrowsInUse(t *testing.T) {
	r := start(t, nil)
	r.show(asBlock)
	r.grow(64 * mebibyte)
	response, err := r.server.NodeExpandVolume(t.Context(), &csi.NodeExpandVolumeRequest{VolumeId: name, VolumePath: r.target})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "blockdev", "--getsize64", r.target).Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint(64 * mebibyte); strings.TrimSpace(string(out)) != want || response.GetCapacityBytes() != 64*mebibyte {
		t.Errorf("the device has %s bytes, the answer is %v", out, response)
	}
}

func TestABlockDeviceShowsTheImage(t *testing.T) {
	r := start(t, nil)
	r.show(asBlock)
	file, err := os.OpenFile(r.target, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte("raw bytes"), 4096); err != nil {
		t.Fatal(err)
	}
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if image := r.read(filepath.Join(r.longhorn.Dir, name+".img")); image[4096:4105] != "raw bytes" {
		t.Errorf("the image holds %q", image[4096:4105])
	}
	stats, err := r.server.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: name, VolumePath: r.target})
	if err != nil || stats.GetUsage()[0].GetTotal() != 32*mebibyte {
		t.Errorf("statistics %v, error %v", stats, err)
	}
}

func TestAReadOnlyVolumeTakesNoWrites(t *testing.T) {
	r := start(t, nil)
	if err := r.stage(asFileSystem, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.publish(asFileSystem, true); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.target, "file"), nil, 0o600); err == nil {
		t.Error("a file was written")
	}
	r.requireCode(r.publish(asFileSystem, false), codes.AlreadyExists)
}

func TestAVolumeThatIsNotUsableIsNotStaged(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*api.Volume)
		want   codes.Code
	}{
		"detached":  {func(v *api.Volume) { v.State = api.StateDetached }, codes.InvalidArgument},
		"not ready": {func(v *api.Volume) { v.Ready = false }, codes.Aborted},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			r.longhorn.Change("pvc-1", test.change)
			r.requireCode(r.stage(asFileSystem, nil), test.want)
			r.requireCode(r.publish(asFileSystem, false), test.want)
			r.waitForNoDevices()
		})
	}
}

func TestNothingIsPublishedThatIsNotStaged(t *testing.T) {
	for kind, capability := range map[string]*csi.VolumeCapability{"as a file system": asFileSystem, "as a block device": asBlock} {
		t.Run(kind, func(t *testing.T) {
			r := start(t, nil)
			if err := os.MkdirAll(r.staging, 0o750); err != nil {
				t.Fatal(err)
			}
			r.requireCode(r.publish(capability, false), codes.FailedPrecondition)
		})
	}
}

func TestAnEncryptedVolumeNeedsItsSecret(t *testing.T) {
	for name, test := range map[string]struct {
		secrets map[string]string
		want    codes.Code
	}{
		"no secret":          {nil, codes.InvalidArgument},
		"another secret":     {map[string]string{"password": "x"}, codes.InvalidArgument},
		"an empty key":       {map[string]string{"CRYPTO_KEY_VALUE": ""}, codes.InvalidArgument},
		"another provider":   {map[string]string{"CRYPTO_KEY_VALUE": "x", "CRYPTO_KEY_PROVIDER": "kms"}, codes.InvalidArgument},
		"the key alone":      {map[string]string{"CRYPTO_KEY_VALUE": "x"}, codes.OK},
		"the usual provider": {map[string]string{"CRYPTO_KEY_VALUE": "x", "CRYPTO_KEY_PROVIDER": "secret"}, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, func(v *api.NewVolume) { v.Encrypted = true })
			r.requireCode(r.stage(asFileSystem, test.secrets), test.want)
		})
	}
}

func TestAVolumeWhoseImageIsGoneIsStillUnstaged(t *testing.T) {
	r := start(t, nil)
	r.show(asFileSystem)
	if err := r.client.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	r.unpublish()
	r.unstage()
	r.waitForNoDevices()
	r.requireCode(r.stage(asFileSystem, nil), codes.NotFound)
}

func TestUnstagingTouchesNothingThatTheVolumeHolds(t *testing.T) {
	r := start(t, nil)
	r.show(asFileSystem)
	// As what a volume used as a block device has in the staging folder.
	if err := os.Mkdir(filepath.Join(r.target, name), 0o750); err != nil {
		t.Fatal(err)
	}
	r.unpublish()
	r.unstage()
	r.show(asFileSystem)
	if _, err := os.Stat(filepath.Join(r.target, name)); err != nil {
		t.Errorf("a folder of the volume is gone: %v", err)
	}
}

func TestAnotherMountAtTheStagingPathIsNotTakenForTheVolume(t *testing.T) {
	r := start(t, nil)
	if err := os.MkdirAll(r.staging, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := mounts.Bind(t.TempDir(), r.staging, nil); err != nil {
		t.Fatal(err)
	}
	r.requireCode(r.stage(asFileSystem, nil), codes.AlreadyExists)
}

func TestEachFieldThatIsMissingIsNamed(t *testing.T) {
	r := start(t, nil)
	_, err := r.server.NodeStageVolume(t.Context(), &csi.NodeStageVolumeRequest{VolumeId: name, VolumeCapability: asFileSystem})
	r.requireCode(err, codes.InvalidArgument)
	if !strings.Contains(err.Error(), "staging path") {
		t.Errorf("answered %v", err)
	}
}
