package loop

import (
	"context"
	"maps"
	"reflect"

	longhorn "github.com/longhorn/longhorn-manager/k8s/pkg/apis/longhorn/v1beta2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// shareManager stands in for the NFS server of a volume that many pods may write to. Longhorn attaches such a volume for
// its share manager as long as a CSI ticket asks for it; see the share manager controller.
func (l *Loop) shareManager(_ context.Context, manager *longhorn.ShareManager) error {
	if manager.DeletionTimestamp != nil {
		return l.Objects.RemoveFinalizerForShareManager(manager)
	}
	attachment, err := l.Objects.GetLHVolumeAttachmentByVolumeName(manager.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	volume, err := l.Objects.GetVolumeRO(manager.Name)
	if err != nil {
		return err
	}
	if tickets := l.shareTickets(manager.Name, attachment.Spec.AttachmentTickets); !reflect.DeepEqual(tickets, attachment.Spec.AttachmentTickets) {
		attachment.Spec.AttachmentTickets = tickets
		if _, err := l.Objects.UpdateLHVolumeAttachment(attachment); err != nil {
			return err
		}
	}
	next := l.shareStatus(volume, attachment.Spec.AttachmentTickets)
	if next == manager.Status {
		return nil
	}
	manager.Status = next
	_, err = l.Objects.UpdateShareManagerStatus(manager)
	return err
}

func shareTicket(volume string) string {
	return longhorn.GetAttachmentTicketID(longhorn.AttacherTypeShareManagerController, volume)
}

// shareTickets adds the share manager's ticket while there is one of CSI, and takes it away else.
func (l *Loop) shareTickets(volume string, tickets map[string]*longhorn.AttachmentTicket) map[string]*longhorn.AttachmentTicket {
	next := maps.Clone(tickets)
	id := shareTicket(volume)
	wanted := false
	for _, ticket := range tickets {
		wanted = wanted || ticket.Type == longhorn.AttacherTypeCSIAttacher
	}
	if !wanted {
		delete(next, id)
		return next
	}
	if next[id] == nil {
		next[id] = &longhorn.AttachmentTicket{
			ID: id, Type: longhorn.AttacherTypeShareManagerController, NodeID: l.Node,
			Parameters: map[string]string{longhorn.AttachmentParameterDisableFrontend: longhorn.FalseValue},
		}
	}
	return next
}

func (l *Loop) shareStatus(volume *longhorn.Volume, tickets map[string]*longhorn.AttachmentTicket) longhorn.ShareManagerStatus {
	status := longhorn.ShareManagerStatus{OwnerID: l.Node, State: longhorn.ShareManagerStateStopped}
	if tickets[shareTicket(volume.Name)] == nil {
		return status
	}
	status.State = longhorn.ShareManagerStateStarting
	if volume.Status.State == longhorn.VolumeStateAttached {
		status.State = longhorn.ShareManagerStateRunning
		status.Endpoint = "nfs://" + l.PodIP + "/" + volume.Name
	}
	return status
}
