package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// longhornAPI is Longhorn's Service and the name of its port.
const longhornAPI = "longhorn-backend:manager"

// BackUpByHand backs a Longhorn volume up as Longhorn's UI and its recurring
// jobs do: through Longhorn's own API, without Soteria's labels. The snapshot has
// the name given. It waits until the backup is complete and gives its name.
func (c *Cluster) BackUpByHand(ctx context.Context, volume, snapshot string, labels map[string]string) (backup string, err error) {
	name := map[string]any{"name": snapshot, "labels": labels}
	if _, err := c.actOnLonghorn(ctx, volume, "snapshotCRCreate", name); err != nil {
		return "", err
	}
	err = WaitFor(ctx, "snapshot "+snapshot+" to be ready", func(ctx context.Context) (bool, string, error) {
		answer, err := c.actOnLonghorn(ctx, volume, "snapshotCRGet", name)
		if err != nil {
			return false, "", err
		}
		var seen struct{ ReadyToUse bool }
		err = json.Unmarshal(answer, &seen)
		return seen.ReadyToUse, string(answer), err
	})
	if err != nil {
		return "", err
	}
	if _, err := c.actOnLonghorn(ctx, volume, "snapshotBackup", map[string]any{"name": snapshot, "labels": labels, "backupMode": "incremental"}); err != nil {
		return "", err
	}
	var found *unstructured.Unstructured
	err = WaitFor(ctx, "the backup of snapshot "+snapshot, func(ctx context.Context) (bool, string, error) {
		found, err = c.longhornBackupOf(ctx, snapshot)
		return found != nil, "no backup of it", err
	})
	if err != nil {
		return "", err
	}
	return found.GetName(), c.awaitLonghornBackup(ctx, found)
}

// awaitLonghornBackup waits until a backup is complete, and the next is newer.
func (c *Cluster) awaitLonghornBackup(ctx context.Context, backup *unstructured.Unstructured) error {
	if err := c.awaitLonghorn(ctx, backup, "state", "Completed"); err != nil {
		return err
	}
	return awaitNextSecond(ctx)
}

// awaitNextSecond waits until whatever is backed up from now on is newer than what
// was before: Longhorn tells times in whole seconds, and of two backups of one
// second neither is the newer.
func awaitNextSecond(ctx context.Context) error {
	now := time.Now().Unix()
	return WaitFor(ctx, "the next second", func(context.Context) (bool, string, error) {
		return time.Now().Unix() > now, "", nil
	})
}

// longhornBackupOf gives the backup of a snapshot; nil if there is none.
func (c *Cluster) longhornBackupOf(ctx context.Context, snapshot string) (*unstructured.Unstructured, error) {
	backups, err := c.longhornObjects(ctx, "Backup")
	if err != nil {
		return nil, err
	}
	for i := range backups {
		of, _, err := unstructured.NestedString(backups[i].Object, "spec", "snapshotName")
		if err != nil {
			return nil, fmt.Errorf("reading Longhorn's backup %s: %w", backups[i].GetName(), err)
		}
		if of == snapshot {
			return &backups[i], nil
		}
	}
	return nil, nil //nolint:nilnil // "None" is an answer.
}

// actOnLonghorn asks Longhorn's API for an action on a volume and gives the
// answer.
func (c *Cluster) actOnLonghorn(ctx context.Context, volume, action string, input any) ([]byte, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("encoding %s of Longhorn volume %s: %w", action, volume, err)
	}
	answer, err := c.Kubernetes.CoreV1().RESTClient().Post().
		Namespace(longhornNamespace).Resource("services").Name(longhornAPI).SubResource("proxy").Suffix("v1/volumes/"+volume).
		Param("action", action).SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Raw()
	if err != nil {
		return nil, fmt.Errorf("%s of Longhorn volume %s: %w: %s", action, volume, err, answer)
	}
	return answer, nil
}
