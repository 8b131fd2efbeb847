package controller_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/api"
	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/controller"
	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/longhorntest"
)

const mebibyte = 1 << 20

// devices notes which volumes' devices were refreshed.
type devices struct{ refreshed []string }

func (d *devices) Refresh(volume string) error {
	d.refreshed = append(d.refreshed, volume)
	return nil
}

func start(t *testing.T) (*controller.Server, *longhorntest.Longhorn, *devices) {
	t.Helper()
	longhorn, seen := longhorntest.Start(t), &devices{}
	client, err := api.New(longhorn.URL)
	if err != nil {
		t.Fatal(err)
	}
	return controller.New(controller.Config{
		Driver: "driver.longhorn.io", Longhorn: client, Devices: seen, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}), longhorn, seen
}

func mount(mode csi.VolumeCapability_AccessMode_Mode) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
	}
}

var (
	once   = mount(csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER)
	shared = mount(csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER)
	block  = &csi.VolumeCapability{
		AccessMode: once.AccessMode, AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
	}
)

func request(capability *csi.VolumeCapability, size int64, parameters map[string]string) *csi.CreateVolumeRequest {
	if parameters == nil {
		parameters = map[string]string{}
	}
	if parameters["numberOfReplicas"] == "" {
		parameters["numberOfReplicas"] = "1"
	}
	return &csi.CreateVolumeRequest{
		Name: "pvc-1", Parameters: parameters, CapacityRange: &csi.CapacityRange{RequiredBytes: size},
		VolumeCapabilities: []*csi.VolumeCapability{capability},
	}
}

func create(t *testing.T, s *controller.Server, capability *csi.VolumeCapability) {
	t.Helper()
	if _, err := s.CreateVolume(t.Context(), request(capability, 64*mebibyte, nil)); err != nil {
		t.Fatal(err)
	}
}

func requireCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("answered %s (%v), want %s", got, err, want)
	}
}

func TestAVolumeIsMadeAsItsClassSays(t *testing.T) {
	s, longhorn, _ := start(t)
	response, err := s.CreateVolume(t.Context(), request(once, 64*mebibyte+1, map[string]string{
		"numberOfReplicas": "3", "staleReplicaTimeout": "30", "dataEngine": "v1", "encrypted": "true",
		"fromBackup": "s3://backups@us-east-1/lh?backup=b&volume=v", "nodeSelector": "a,b", "unheardOf": "x",
	}))
	if err != nil {
		t.Fatal(err)
	}
	made := response.GetVolume()
	if made.GetVolumeId() != "pvc-1" || made.GetCapacityBytes() != 66*mebibyte || made.GetVolumeContext()["numberOfReplicas"] != "3" {
		t.Errorf("answered %v", made)
	}
	asked, _ := longhorn.Asked("pvc-1")
	if asked.Size != 66*mebibyte || asked.NumberOfReplicas != 3 || asked.StaleReplicaTimeout != 30 || asked.DataEngine != "v1" || !asked.Encrypted ||
		asked.FromBackup != "s3://backups@us-east-1/lh?backup=b&volume=v" || len(asked.NodeSelector) != 2 || asked.Frontend != "blockdev" ||
		!asked.RevisionCounterDisabled || asked.AccessMode != "" {
		t.Errorf("asked for %+v", asked)
	}
}

func TestTheSmallestVolumeIsLonghornsSmallest(t *testing.T) {
	s, longhorn, _ := start(t)
	if _, err := s.CreateVolume(t.Context(), request(once, 1, nil)); err != nil {
		t.Fatal(err)
	}
	if asked, _ := longhorn.Asked("pvc-1"); asked.Size != 10*mebibyte {
		t.Errorf("asked for %d bytes", asked.Size)
	}
}

func TestAVolumeForManyNodesIsShared(t *testing.T) {
	s, longhorn, _ := start(t)
	create(t, s, shared)
	if asked, _ := longhorn.Asked("pvc-1"); asked.AccessMode != api.AccessReadWriteMany {
		t.Errorf("asked for access mode %q", asked.AccessMode)
	}
}

func TestAMigratableClassMakesMigratableVolumesOnlyWhereTheyAreShared(t *testing.T) {
	for name, test := range map[string]struct {
		capability *csi.VolumeCapability
		want       bool
		context    string
	}{
		"for many nodes": {shared, true, "true"},
		"for one node":   {once, false, "false"},
	} {
		t.Run(name, func(t *testing.T) {
			s, longhorn, _ := start(t)
			response, err := s.CreateVolume(t.Context(), request(test.capability, 64*mebibyte, map[string]string{"migratable": "true"}))
			if err != nil {
				t.Fatal(err)
			}
			if asked, _ := longhorn.Asked("pvc-1"); asked.Migratable != test.want {
				t.Errorf("asked for migratable %t", asked.Migratable)
			}
			if got := response.GetVolume().GetVolumeContext()["migratable"]; got != test.context {
				t.Errorf("the volume's attributes say migratable %q, want %q", got, test.context)
			}
		})
	}
}

func TestAVolumeHasTheRecurringJobsOfItsClass(t *testing.T) {
	s, longhorn, _ := start(t)
	_, err := s.CreateVolume(t.Context(), request(once, 64*mebibyte, map[string]string{"recurringJobSelector": `[{"name":"nightly","isGroup":true},{"name":"weekly"}]`}))
	if err != nil {
		t.Fatal(err)
	}
	asked, _ := longhorn.Asked("pvc-1")
	if want := []api.RecurringJob{{Name: "nightly", IsGroup: true}, {Name: "weekly"}}; !slices.Equal(asked.RecurringJobSelector, want) {
		t.Errorf("asked for %v, want %v", asked.RecurringJobSelector, want)
	}
}

func TestMakingAVolumeAgainReturnsIt(t *testing.T) {
	s, longhorn, _ := start(t)
	create(t, s, once)
	longhorn.Refuse("create", "made twice")
	create(t, s, once)
	_, err := s.CreateVolume(t.Context(), request(once, 128*mebibyte, nil))
	requireCode(t, err, codes.AlreadyExists)
}

func TestWhatCannotBeMadeIsRefused(t *testing.T) {
	s, longhorn, _ := start(t)
	for name, test := range map[string]struct {
		request *csi.CreateVolumeRequest
		want    codes.Code
	}{
		"no name":              {&csi.CreateVolumeRequest{VolumeCapabilities: []*csi.VolumeCapability{once}}, codes.InvalidArgument},
		"no capability":        {&csi.CreateVolumeRequest{Name: "pvc-1"}, codes.InvalidArgument},
		"a copy":               {&csi.CreateVolumeRequest{Name: "pvc-1", VolumeCapabilities: []*csi.VolumeCapability{once}, VolumeContentSource: &csi.VolumeContentSource{}}, codes.InvalidArgument},
		"replicas in words":    {request(once, 1, map[string]string{"numberOfReplicas": "three"}), codes.InvalidArgument},
		"replicas below zero":  {request(once, 1, map[string]string{"numberOfReplicas": "-1"}), codes.InvalidArgument},
		"encrypted, perhaps":   {request(once, 1, map[string]string{"encrypted": "perhaps"}), codes.InvalidArgument},
		"migratable, perhaps":  {request(once, 1, map[string]string{"migratable": "perhaps"}), codes.InvalidArgument},
		"jobs in words":        {request(once, 1, map[string]string{"recurringJobSelector": "nightly"}), codes.InvalidArgument},
		"no replicas":          {request(once, 1, map[string]string{"numberOfReplicas": "0"}), codes.Internal},
		"many nodes, one each": {request(mount(csi.VolumeCapability_AccessMode_MULTI_NODE_SINGLE_WRITER), 1, nil), codes.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.CreateVolume(t.Context(), test.request)
			requireCode(t, err, test.want)
		})
	}
	longhorn.Refuse("create", "no ready node")
	_, err := s.CreateVolume(t.Context(), request(once, 1, nil))
	requireCode(t, err, codes.Internal)
	if _, there := longhorn.Volume("pvc-1"); there {
		t.Error("a refused volume is there")
	}
}

func publish(ctx context.Context, s *controller.Server, node string) error {
	_, err := s.ControllerPublishVolume(ctx, &csi.ControllerPublishVolumeRequest{VolumeId: "pvc-1", NodeId: node, VolumeCapability: once})
	return err
}

func TestAVolumeIsAttachedOnceItIsReady(t *testing.T) {
	s, longhorn, _ := start(t)
	create(t, s, once)
	longhorn.Change("pvc-1", func(v *api.Volume) { v.Ready = false })
	requireCode(t, publish(t.Context(), s, longhorntest.Node), codes.Aborted)
	if volume, _ := longhorn.Volume("pvc-1"); len(volume.Attachments.Attachments) > 0 {
		t.Fatalf("a volume that is being restored got a ticket: %+v", volume)
	}

	longhorn.Change("pvc-1", func(v *api.Volume) { v.Ready = true })
	if err := publish(t.Context(), s, longhorntest.Node); err != nil {
		t.Fatal(err)
	}
	volume, _ := longhorn.Volume("pvc-1")
	// As Kubernetes names its VolumeAttachment: SHA-256 of volume, driver and node.
	const ticket = "csi-bf9eb4e70e6813b414e5ff3c3b2e56a3e56c5ae1d307fd6dfd388b138b2a0c24"
	if _, found := volume.Attachments.Attachments[ticket]; !found || len(volume.Attachments.Attachments) != 1 {
		t.Errorf("tickets %v", volume.Attachments.Attachments)
	}

	if _, err := s.ControllerUnpublishVolume(t.Context(), &csi.ControllerUnpublishVolumeRequest{VolumeId: "pvc-1", NodeId: longhorntest.Node}); err != nil {
		t.Fatal(err)
	}
	if volume, _ := longhorn.Volume("pvc-1"); volume.State != api.StateDetached {
		t.Errorf("the volume is %s", volume.State)
	}
}

func TestAVolumeIsSharedWhenManyNodesAskForIt(t *testing.T) {
	s, longhorn, _ := start(t)
	create(t, s, once)
	_, err := s.ControllerPublishVolume(t.Context(), &csi.ControllerPublishVolumeRequest{VolumeId: "pvc-1", NodeId: longhorntest.Node, VolumeCapability: shared})
	if err != nil {
		t.Fatal(err)
	}
	if volume, _ := longhorn.Volume("pvc-1"); volume.AccessMode != api.AccessReadWriteMany {
		t.Errorf("access mode %q", volume.AccessMode)
	}
}

func TestAnAttachmentThatFailsSaysWhy(t *testing.T) {
	s, longhorn, _ := start(t)
	create(t, s, once)
	requireCode(t, publish(t.Context(), s, "no-such-node"), codes.NotFound)
	longhorn.Refuse("attach", "volume pvc-1 is restoring data")
	err := publish(t.Context(), s, longhorntest.Node)
	requireCode(t, err, codes.Internal)
	if message := status.Convert(err).Message(); message != "Longhorn answers 500: volume pvc-1 is restoring data" {
		t.Errorf("answered %q", message)
	}
}

func TestAVolumeThatIsGoneIsDetachedAndDeleted(t *testing.T) {
	s, _, _ := start(t)
	if _, err := s.ControllerUnpublishVolume(t.Context(), &csi.ControllerUnpublishVolumeRequest{VolumeId: "gone", NodeId: longhorntest.Node}); err != nil {
		t.Error(err)
	}
	if _, err := s.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: "gone"}); err != nil {
		t.Error(err)
	}
}

func TestDeletingThatDoesNotEndIsAnError(t *testing.T) {
	s, longhorn, _ := start(t)
	create(t, s, once)
	longhorn.Refuse("delete", "a webhook says no")
	_, err := s.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: "pvc-1"})
	requireCode(t, err, codes.Internal)

	longhorn.Refuse("delete", "")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	longhorn.Refuse("get", "Longhorn does not answer")
	_, err = s.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: "pvc-1"})
	requireCode(t, err, codes.DeadlineExceeded)
}

func TestAVolumeGrowsWithItsDevice(t *testing.T) {
	for name, test := range map[string]struct {
		capability *csi.VolumeCapability
		attached   bool
		nodeToo    bool
	}{
		"a file system in use":   {once, true, true},
		"a file system at rest":  {once, false, false},
		"a block device in use":  {block, true, false},
		"a block device at rest": {block, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, longhorn, seen := start(t)
			create(t, s, test.capability)
			if test.attached {
				if err := publish(t.Context(), s, longhorntest.Node); err != nil {
					t.Fatal(err)
				}
			}
			response, err := s.ControllerExpandVolume(t.Context(), &csi.ControllerExpandVolumeRequest{
				VolumeId: "pvc-1", VolumeCapability: test.capability, CapacityRange: &csi.CapacityRange{RequiredBytes: 128 * mebibyte},
			})
			if err != nil {
				t.Fatal(err)
			}
			if response.GetCapacityBytes() != 128*mebibyte || response.GetNodeExpansionRequired() != test.nodeToo {
				t.Errorf("answered %v", response)
			}
			if volume, _ := longhorn.Volume("pvc-1"); volume.Size != 128*mebibyte {
				t.Errorf("the volume has %d bytes", volume.Size)
			}
			if len(seen.refreshed) != 1 || seen.refreshed[0] != "pvc-1" {
				t.Errorf("refreshed devices of %v", seen.refreshed)
			}
		})
	}
}

func TestAVolumeInBetweenDoesNotGrow(t *testing.T) {
	s, longhorn, _ := start(t)
	create(t, s, once)
	longhorn.Change("pvc-1", func(v *api.Volume) { v.State = "attaching" })
	_, err := s.ControllerExpandVolume(t.Context(), &csi.ControllerExpandVolumeRequest{
		VolumeId: "pvc-1", VolumeCapability: once, CapacityRange: &csi.CapacityRange{RequiredBytes: 128 * mebibyte},
	})
	requireCode(t, err, codes.FailedPrecondition)
}
