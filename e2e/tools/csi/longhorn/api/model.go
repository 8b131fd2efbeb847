package api

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// What a volume is doing, as far as the driver cares.
const (
	StateCreating = "creating"
	StateAttached = "attached"
	StateDetached = "detached"
)

// How many pods a volume can be used by.
const (
	AccessReadWriteOnce = "rwo"
	AccessReadWriteMany = "rwx"
)

// Values that every volume of the driver has.
const (
	FrontendBlockDevice = "blockdev"
	DataEngineV1        = "v1"
	// AttacherCSI is whose tickets the driver's are.
	AttacherCSI = "csi-attacher"
)

// Bytes is a number of bytes that Longhorn writes as a string; an empty one is zero.
type Bytes int64

// MarshalJSON writes a string.
func (b Bytes) MarshalJSON() ([]byte, error) {
	return json.Marshal(strconv.FormatInt(int64(b), 10))
}

// UnmarshalJSON reads a string.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a number of bytes is not a string: %w", err)
	}
	if text == "" {
		*b = 0
		return nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	*b = Bytes(number)
	return err
}

// Volume is what the driver reads of a volume.
type Volume struct {
	Name       string `json:"name"`
	Size       Bytes  `json:"size"`
	State      string `json:"state"`
	AccessMode string `json:"accessMode"`
	Encrypted  bool   `json:"encrypted"`
	Migratable bool   `json:"migratable"`
	// Ready is false while a volume must not be used: while it is being restored, or faulted.
	Ready       bool             `json:"ready"`
	Controllers []Controller     `json:"controllers"`
	Attachments VolumeAttachment `json:"volumeAttachment"`
}

// Controller is what serves the volume's data.
type Controller struct {
	Size        Bytes `json:"size"`
	IsExpanding bool  `json:"isExpanding"`
}

// VolumeAttachment holds all tickets of a volume.
type VolumeAttachment struct {
	// Attachments is by the ticket's id.
	Attachments map[string]Attachment `json:"attachments"`
}

// Attachment is a ticket: somebody's wish that the volume be attached to a node.
type Attachment struct {
	NodeID     string                `json:"nodeID"`
	Satisfied  bool                  `json:"satisfied"`
	Conditions []AttachmentCondition `json:"conditions"`
}

// AttachmentCondition says why a ticket is not satisfied.
type AttachmentCondition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

// NewVolume is what a volume is asked to be. Empty fields leave the choice to Longhorn.
type NewVolume struct {
	Name                    string   `json:"name"`
	Size                    Bytes    `json:"size"`
	FromBackup              string   `json:"fromBackup,omitempty"`
	NumberOfReplicas        int      `json:"numberOfReplicas"`
	StaleReplicaTimeout     int      `json:"staleReplicaTimeout"`
	AccessMode              string   `json:"accessMode,omitempty"`
	Frontend                string   `json:"frontend"`
	DataEngine              string   `json:"dataEngine"`
	DataLocality            string   `json:"dataLocality,omitempty"`
	Encrypted               bool     `json:"encrypted"`
	RevisionCounterDisabled bool     `json:"revisionCounterDisabled"`
	BackupTargetName        string   `json:"backupTargetName,omitempty"`
	NodeSelector            []string `json:"nodeSelector,omitempty"`
	DiskSelector            []string `json:"diskSelector,omitempty"`
	// Migratable is refused of a volume that is not shared.
	Migratable           bool           `json:"migratable,omitempty"`
	RecurringJobSelector []RecurringJob `json:"recurringJobSelector,omitempty"`
}

// RecurringJob names what Longhorn does to a volume again and again: a job, or a group of them.
type RecurringJob struct {
	Name    string `json:"name"`
	IsGroup bool   `json:"isGroup"`
}

// Ticket asks for a volume to be attached to a node, or takes that back.
type Ticket struct {
	// ID is the ticket's own; the same for both.
	ID string
	// Node is the node's name.
	Node string
}
