package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/api"
)

// ControllerPublishVolume attaches a volume to a node, once it is ready: one that is still being restored, or faulted, is
// refused with Aborted.
func (s *Server) ControllerPublishVolume(ctx context.Context, request *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
	name, node := request.GetVolumeId(), request.GetNodeId()
	switch {
	case name == "":
		return nil, status.Error(codes.InvalidArgument, "the volume id is missing")
	case node == "":
		return nil, status.Error(codes.InvalidArgument, "the node id is missing")
	case request.GetVolumeCapability() == nil:
		return nil, status.Error(codes.InvalidArgument, "the volume capability is missing")
	}
	volume, err := s.Longhorn.Volume(ctx, name)
	if err != nil {
		return nil, statusOf(err)
	}
	if shared(request.GetVolumeCapability()) && volume.AccessMode != api.AccessReadWriteMany {
		if err := s.Longhorn.SetAccessMode(ctx, name, api.AccessReadWriteMany); err != nil {
			return nil, statusOf(err)
		}
	}
	if !volume.Ready {
		return nil, status.Errorf(codes.Aborted, "volume %s is not ready for workloads", name)
	}
	ticket := s.ticket(name, node)
	if err := s.Longhorn.Attach(ctx, name, ticket); err != nil {
		return nil, statusOf(err)
	}
	seen, err := s.await(ctx, name, "to be attached to "+node, func(v api.Volume) bool {
		return v.Attachments.Attachments[ticket.ID].Satisfied && v.State == api.StateAttached
	})
	if err != nil {
		return nil, explain(err, seen.Attachments.Attachments[ticket.ID])
	}
	s.Logger.Info("volume is attached", "volume", name, "node", node)
	return &csi.ControllerPublishVolumeResponse{}, nil
}

// explain replaces a wait that was in vain by what Longhorn says of the ticket, if it says anything.
func explain(err error, attachment api.Attachment) error {
	for _, condition := range attachment.Conditions {
		if condition.Type == "Satisfied" && condition.Status == "False" && condition.Message != "" {
			return status.Errorf(codes.Internal, "%s: %s", status.Convert(err).Message(), condition.Message)
		}
	}
	return err
}

// ControllerUnpublishVolume detaches a volume from a node. One that does not exist is detached already.
func (s *Server) ControllerUnpublishVolume(ctx context.Context, request *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
	name, node := request.GetVolumeId(), request.GetNodeId()
	if name == "" {
		return nil, status.Error(codes.InvalidArgument, "the volume id is missing")
	}
	ticket := s.ticket(name, node)
	if err := s.Longhorn.Detach(ctx, name, ticket); err != nil {
		if errors.Is(err, api.ErrNotFound) {
			return &csi.ControllerUnpublishVolumeResponse{}, nil
		}
		return nil, statusOf(err)
	}
	_, err := s.await(ctx, name, "to be detached from "+node, func(v api.Volume) bool {
		_, there := v.Attachments.Attachments[ticket.ID]
		return !there
	})
	if err != nil && status.Code(err) != codes.NotFound {
		return nil, err
	}
	s.Logger.Info("volume is detached", "volume", name, "node", node)
	return &csi.ControllerUnpublishVolumeResponse{}, nil
}

// ticket is the driver's ticket for a volume on a node. Its id is the name of the VolumeAttachment that Kubernetes has
// for them, as in Longhorn's own driver.
func (s *Server) ticket(volume, node string) api.Ticket {
	sum := sha256.Sum256([]byte(volume + s.Driver + node))
	return api.Ticket{ID: "csi-" + hex.EncodeToString(sum[:]), Node: node}
}
