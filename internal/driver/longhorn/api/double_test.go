package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/longhorntest"
)

// askDouble repeats a recorded call to the double, and returns its answer.
func askDouble(t *testing.T, lh *longhorntest.Longhorn, r recorded) (status int, message string) {
	t.Helper()
	var body io.Reader
	if r.Sent != nil {
		sent, err := json.Marshal(r.Sent)
		require.NoError(t, err)
		body = bytes.NewReader(sent)
	}
	request, err := http.NewRequestWithContext(t.Context(), r.Method, lh.URL()+r.Target, body)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var stated struct{ Message string }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&stated))
	return response.StatusCode, stated.Message
}

// The double refuses as the real one was recorded to, so that what the driver
// makes of a refusal by the double is what it makes of Longhorn's.
func TestContractTheDoubleRefusesInTheRecordedWords(t *testing.T) {
	for _, file := range []string{
		"104-create-existing-name.json", "118-create-unknown-disk-tag.json", "119-create-unknown-node-tag.json", "127-create-bad-accessmode.json",
		"205-expand-missing-volume.json", "267-settings-unknown.json",
	} {
		t.Run(file, func(t *testing.T) {
			lh := longhorntest.New(t)
			lh.AddVolume(longhorntest.Volume{Name: plex})
			lh.Store(longhorntest.Stored{Volume: old, Name: a2, SnapshotCreated: time.Date(2026, 11, 20, 3, 0, 2, 0, time.UTC), VolumeSize: 2 * gib})
			lh.Reinstall()
			lh.AddVolume(longhorntest.Volume{Name: plex})
			client, err := api.New(lh.URL(), api.Options{})
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				found, err := client.Backup(t.Context(), old, a2)
				return err == nil && found.State == api.BackupCompleted
			}, 10*time.Second, time.Millisecond, "the double has read the backup")

			r := readRecorded(t, file)
			var stated struct{ Message string }
			require.NoError(t, json.Unmarshal(r.Answer, &stated))
			status, message := askDouble(t, lh, r)
			assert.Equal(t, r.Status, status)
			assert.Equal(t, stated.Message, message)
		})
	}
}

// What no recording has is held to the validator of longhorn-manager 1.12.0,
// webhook/resources/volume/validator.go and types/types.go.
func TestContractTheDoubleRefusesWhatTheValidatorDoes(t *testing.T) {
	for sentence, c := range map[string]struct {
		minor  int
		change func(*api.NewVolume)
		words  string
		is     func(error) bool
	}{
		"a migratable volume that is not shared": {
			12, func(v *api.NewVolume) { v.Migratable = true }, "migratable volumes are only supported in ReadWriteMany (rwx) access mode", nil,
		},
		"rwop before 1.11": {10, func(v *api.NewVolume) { v.AccessMode = "rwop" }, "invalid access mode: rwop", api.IsBadAccessMode},
		"a backup block size that does not divide the size": {
			12, func(v *api.NewVolume) { v.Size, v.BackupBlockSize = 66<<20, 16<<20 },
			"volume size 69206016 must be an integer multiple of the backup block size 16777216", api.IsBadBlockSize,
		},
		"a backup block size of its own": {12, func(v *api.NewVolume) { v.BackupBlockSize = 4 << 20 }, "unsupported BackupBlockSize: 4194304", api.IsBadBlockSize},
		"strict-local with two replicas": {12, func(v *api.NewVolume) { v.DataLocality = "strict-local" }, "replica count should be 1 in data locality strict-local mode", nil},
		"a frontend of the other engine": {12, func(v *api.NewVolume) { v.Frontend = "ublk" }, "invalid volume frontend specified: ublk for data engine v1", nil},
		"a backing image that is not there": {
			12, func(v *api.NewVolume) { v.BackingImage = "golden" }, "failed to get backup backing image golden", api.IsMissingImage,
		},
		"a backup target that is not there": {12, func(v *api.NewVolume) { v.BackupTargetName = "nope" }, `failed to get backup target nope`, nil},
	} {
		t.Run(sentence, func(t *testing.T) {
			lh := longhorntest.New(t)
			lh.Release(c.minor)
			client, err := api.New(lh.URL(), api.Options{})
			require.NoError(t, err)
			v := api.NewVolume{Name: "v", Size: gib, DataEngine: "v1", AccessMode: "rwo", NumberOfReplicas: 2}
			_, err = client.CreateVolume(t.Context(), v)
			require.NoError(t, err, "without it, it is made")
			v.Name = "w"
			c.change(&v)
			_, err = client.CreateVolume(t.Context(), v)
			require.ErrorContains(t, err, c.words)
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
			if c.is != nil {
				assert.True(t, c.is(err))
			}
		})
	}
}

func TestContractTheDoubleTakesItsOwnBlockSizeWhereNoneIsAskedFor(t *testing.T) {
	lh := longhorntest.New(t)
	lh.Set("default-backup-block-size", "16")
	client, err := api.New(lh.URL(), api.Options{})
	require.NoError(t, err)
	v := api.NewVolume{Name: "v", Size: 66 << 20, DataEngine: "v1", AccessMode: "rwo"}
	_, err = client.CreateVolume(t.Context(), v)
	assert.True(t, api.IsBadBlockSize(err), "%v", err)
	v.BackupBlockSize = 2 << 20
	made, err := client.CreateVolume(t.Context(), v)
	require.NoError(t, err)
	assert.Equal(t, api.Int(2<<20), made.BackupBlockSize)
}

func TestContractTheDoubleChangesTheTargetOfBackups(t *testing.T) {
	lh := longhorntest.New(t)
	lh.AddVolume(longhorntest.Volume{Name: "v"})
	lh.SetTarget("offsite", "nfs://nas.lan:/lh", "")
	client, err := api.New(lh.URL(), api.Options{})
	require.NoError(t, err)
	require.NoError(t, client.UpdateBackupTarget(t.Context(), "v", "offsite"))
	assert.Equal(t, "offsite", lh.BackupTargetOf("v"))
	require.ErrorContains(t, client.UpdateBackupTarget(t.Context(), "v", "nope"), "failed to get backup target nope")
	lh.Release(7)
	assert.True(t, api.IsUnsupported(client.UpdateBackupTarget(t.Context(), "v", "default")))
}
