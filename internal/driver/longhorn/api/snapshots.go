package api

import (
	"context"
	"net/http"
)

// Snapshot is a snapshot of a volume. Its name is unique in the whole cluster.
type Snapshot struct {
	Name   string `json:"name"`
	Volume string `json:"volume"`
	// ReadyToUse is true once the data is as the snapshot will keep it.
	ReadyToUse bool   `json:"readyToUse"`
	Error      string `json:"error"`
	// MarkRemoved is true once the snapshot was deleted but its data is still
	// needed.
	MarkRemoved bool `json:"markRemoved"`
	// CreationTime is when the data was as the snapshot keeps it, RFC 3339; empty
	// until it is ready.
	CreationTime string            `json:"creationTime"`
	Labels       map[string]string `json:"labels"`
}

func (s Snapshot) key() string { return s.Name }

// named is the body of the actions that take a name.
type named struct {
	Name string `json:"name"`
}

// CreateSnapshot asks for a snapshot of a volume, attached or detached, which is
// made after the call. A name that any volume's snapshot has is
// [IsAlreadyExists].
func (c *Client) CreateSnapshot(ctx context.Context, volume, name string, labels map[string]string) (Snapshot, error) {
	body := struct {
		named
		Labels map[string]string `json:"labels"`
	}{named{name}, labels}
	return c.snapshot(ctx, "making", "snapshotCRCreate", volume, name, body, false)
}

// Snapshot reads a snapshot. Longhorn finds it by its name alone: whose it is,
// its Volume tells.
func (c *Client) Snapshot(ctx context.Context, volume, name string) (Snapshot, error) {
	return c.snapshot(ctx, "reading", "snapshotCRGet", volume, name, named{name}, true)
}

func (c *Client) snapshot(ctx context.Context, doing, action, volume, name string, body any, reads bool) (Snapshot, error) {
	if err := checkName("volume", volume); err != nil {
		return Snapshot{}, err
	}
	call := call{
		what: doing + " snapshot " + name + " of volume " + volume, method: http.MethodPost,
		path: "volumes/" + volume, action: action, body: body, reads: reads,
	}
	var snapshot Snapshot
	if err := c.do(ctx, call, &snapshot); err != nil {
		return Snapshot{}, err
	}
	return snapshot, checkAnswer(call, name, snapshot.Name)
}

// Snapshots lists a volume's snapshots.
func (c *Client) Snapshots(ctx context.Context, volume string) ([]Snapshot, error) {
	if err := checkName("volume", volume); err != nil {
		return nil, err
	}
	return doList[Snapshot](ctx, c, call{
		what: "listing snapshots of volume " + volume, method: http.MethodPost, path: "volumes/" + volume, action: "snapshotCRList", reads: true,
	})
}

// DeleteSnapshot asks for a snapshot to be deleted, which goes on after the call.
// It may be repeated; one that is gone is no error.
func (c *Client) DeleteSnapshot(ctx context.Context, volume, name string) error {
	if err := checkName("volume", volume); err != nil {
		return err
	}
	err := c.do(ctx, call{
		what: "deleting snapshot " + name + " of volume " + volume, method: http.MethodPost,
		path: "volumes/" + volume, action: "snapshotCRDelete", body: named{name},
	}, nil)
	if IsNotFound(err) {
		return nil
	}
	return err
}

// BackUpSnapshot starts a backup of a snapshot to the volume's backup target.
// Mode is incremental or full. Labels have qualified names as keys and no empty
// values. It is not idempotent: a second call makes a second backup. Longhorn
// does not tell the backup's name, which is to be found by the snapshot's.
func (c *Client) BackUpSnapshot(ctx context.Context, volume, snapshot, mode string, labels map[string]string) error {
	if err := checkName("volume", volume); err != nil {
		return err
	}
	body := struct {
		named
		Labels     map[string]string `json:"labels"`
		BackupMode string            `json:"backupMode"`
	}{named{snapshot}, labels, mode}
	return c.do(ctx, call{
		what: "backing up snapshot " + snapshot + " of volume " + volume, method: http.MethodPost,
		path: "volumes/" + volume, action: "snapshotBackup", body: body,
	}, nil)
}
