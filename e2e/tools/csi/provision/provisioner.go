package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// Volumes makes and deletes volumes: the part of the CSI Controller service that a provisioner calls.
type Volumes interface {
	CreateVolume(context.Context, *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error)
	DeleteVolume(context.Context, *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error)
}

// provisioner is the driver's half of the library's contract. What it leaves out, such as block volumes, the library
// refuses.
type provisioner struct {
	driver      string
	topologyKey string
	volumes     Volumes
	events      record.EventRecorder
}

var _ controller.Provisioner = (*provisioner)(nil)

// Provision makes the volume for a claim and returns the object that describes it.
func (p *provisioner) Provision(ctx context.Context, options controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	if err := p.accept(options.PVC); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	request, err := requestFor(options, p.topologyKey)
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	response, err := p.volumes.CreateVolume(ctx, request)
	if err != nil {
		return nil, stateAfter(err, options.SelectedNodeName), fmt.Errorf("create the volume: %w", err)
	}
	return describe(p.driver, options, response.GetVolume()), controller.ProvisioningFinished, nil
}

// Delete deletes the volume that a released object describes, whoever made the object.
func (p *provisioner) Delete(ctx context.Context, object *corev1.PersistentVolume) error {
	source := object.Spec.CSI
	if source == nil || source.Driver != p.driver {
		return fmt.Errorf("volume %s is not one of driver %s", object.Name, p.driver)
	}
	if _, err := p.volumes.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: source.VolumeHandle}); err != nil {
		return fmt.Errorf("delete the volume: %w", err)
	}
	return nil
}

// accept refuses claims for what no empty volume can be: those that ask for data, and those that ask for labels.
func (p *provisioner) accept(claim *corev1.PersistentVolumeClaim) error {
	switch sourceOf(claim) {
	case sourceNone:
	case sourceCopy:
		return errors.New("volumes cannot be made from snapshots or other claims")
	case sourcePopulator:
		p.events.Event(claim, corev1.EventTypeNormal, "Provisioning", "Assuming an external populator will provision the volume")
		return &controller.IgnoredError{Reason: "the data source is for an external populator"}
	}
	if claim.Spec.Selector != nil {
		return errors.New("a claim with a selector cannot be provisioned")
	}
	return nil
}

// stateAfter tells the library what a failed CreateVolume means. Nothing goes on in the background after any failure;
// but where the scheduler picked a node that has no room, it is to pick another.
func stateAfter(err error, selectedNode string) controller.ProvisioningState {
	if selectedNode != "" && status.Code(err) == codes.ResourceExhausted {
		return controller.ProvisioningReschedule
	}
	return controller.ProvisioningFinished
}
