package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// recorded is one call of the real API and its answer, less the fields that
// nobody reads. Most are of version 1.12.
type recorded struct {
	Method      string          `json:"method"`
	Target      string          `json:"target"`
	Sent        map[string]any  `json:"sent"`
	Status      int             `json:"status"`
	ContentType string          `json:"contentType"`
	Location    string          `json:"location"`
	Answer      json.RawMessage `json:"answer"`
	Text        string          `json:"text"`
}

func readRecorded(t *testing.T, file string) recorded {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "answers", file))
	require.NoError(t, err)
	var r recorded
	require.NoError(t, json.Unmarshal(data, &r))
	return r
}

// replay serves the recorded answer. Unless the recording is of another call, it
// checks that the client asks what was asked then; what it sends besides is its
// own affair, since Longhorn ignores fields that it does not know.
func replay(t *testing.T, r recorded, another bool) *api.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		assert.NotContains(t, strings.ToLower(req.UserAgent()), "mozilla")
		if !another {
			assert.Equal(t, r.Method, req.Method)
			assert.Equal(t, r.Target, req.URL.RequestURI())
			body, err := io.ReadAll(req.Body)
			assert.NoError(t, err)
			if r.Sent != nil {
				var sent map[string]any
				assert.NoError(t, json.Unmarshal(body, &sent))
				for field, value := range r.Sent {
					assert.Equal(t, value, sent[field], field)
				}
			} else if !strings.Contains(r.Target, "action=") {
				assert.Empty(t, body)
			}
		}
		if r.Location != "" {
			w.Header().Set("Location", r.Location)
		}
		w.Header().Set("Content-Type", r.ContentType)
		w.WriteHeader(r.Status)
		if r.Answer != nil {
			_, _ = w.Write(r.Answer)
		} else {
			_, _ = w.Write([]byte(r.Text))
		}
	}))
	t.Cleanup(server.Close)
	client, err := api.New(server.URL, api.Options{Clock: hurried()})
	require.NoError(t, err)
	return client
}

// The names and numbers of the recordings.
const (
	live    = "pvc-77777777-7777-4777-8777-777777777777"
	old     = "pvc-11111111-1111-4111-8111-111111111111"
	plain   = "pvc-33333333-3333-4333-8333-333333333333"
	plex    = "soteria-media-plex-config-1"
	targets = "s3://backups@us-east-1/lh/"
	a2      = "backup-a2a2a2a2a2a2a2a2"
	gib     = int64(1) << 30
	waiting = "waiting for the volume to fully detach. current state: "
)

var urlA2 = targets + "?backup=" + a2 + "&volume=" + old

func newVolume(name string, change ...func(*api.NewVolume)) api.NewVolume {
	v := api.NewVolume{
		Name: name, FromBackup: urlA2, Size: 2 * gib, NumberOfReplicas: 1, Frontend: "blockdev", AccessMode: "rwo",
		StaleReplicaTimeout: 2880, RevisionCounterDisabled: true, NodeSelector: []string{}, DiskSelector: []string{},
	}
	for _, f := range change {
		f(&v)
	}
	return v
}

func from(name, volume string) func(*api.NewVolume) {
	return func(v *api.NewVolume) { v.FromBackup = targets + "?backup=" + name + "&volume=" + volume }
}

func sized(bytes int64) func(*api.NewVolume) { return func(v *api.NewVolume) { v.Size = bytes } }

type answer struct {
	volume    api.Volume
	volumes   []api.Volume
	snapshot  api.Snapshot
	snapshots []api.Snapshot
	backup    api.Backup
	backups   []api.Backup
	targets   []api.BackupTarget
	setting   string
}

type asks func(ctx context.Context, c *api.Client) (answer, error)

func volume(name string) asks {
	return func(ctx context.Context, c *api.Client) (a answer, err error) {
		a.volume, err = c.Volume(ctx, name)
		return a, err
	}
}

func volumes(ctx context.Context, c *api.Client) (a answer, err error) {
	a.volumes, err = c.Volumes(ctx)
	return a, err
}

func create(v api.NewVolume) asks {
	return func(ctx context.Context, c *api.Client) (a answer, err error) {
		a.volume, err = c.CreateVolume(ctx, v)
		return a, err
	}
}

func remove(name string) asks {
	return func(ctx context.Context, c *api.Client) (answer, error) { return answer{}, c.DeleteVolume(ctx, name) }
}

func expand(name string, size int64) asks {
	return func(ctx context.Context, c *api.Client) (answer, error) {
		return answer{}, c.ExpandVolume(ctx, name, size)
	}
}

func makeSnapshot(volume, name string, labels map[string]string) asks {
	return func(ctx context.Context, c *api.Client) (a answer, err error) {
		a.snapshot, err = c.CreateSnapshot(ctx, volume, name, labels)
		return a, err
	}
}

func snapshot(volume, name string) asks {
	return func(ctx context.Context, c *api.Client) (a answer, err error) {
		a.snapshot, err = c.Snapshot(ctx, volume, name)
		return a, err
	}
}

func snapshots(volume string) asks {
	return func(ctx context.Context, c *api.Client) (a answer, err error) {
		a.snapshots, err = c.Snapshots(ctx, volume)
		return a, err
	}
}

func backUp(volume, snapshot, mode string, labels map[string]string) asks {
	return func(ctx context.Context, c *api.Client) (answer, error) {
		return answer{}, c.BackUpSnapshot(ctx, volume, snapshot, mode, labels)
	}
}

func backupsOf(volume string) asks {
	return func(ctx context.Context, c *api.Client) (a answer, err error) {
		a.backups, err = c.BackupsOfVolume(ctx, volume)
		return a, err
	}
}

func backupNamed(volume, name string) asks {
	return func(ctx context.Context, c *api.Client) (a answer, err error) {
		a.backup, err = c.Backup(ctx, volume, name)
		return a, err
	}
}

func backupTargets(ctx context.Context, c *api.Client) (a answer, err error) {
	a.targets, err = c.BackupTargets(ctx)
	return a, err
}

func setting(name string) asks {
	return func(ctx context.Context, c *api.Client) (a answer, err error) {
		a.setting, err = c.Setting(ctx, name)
		return a, err
	}
}

func sync(name string) asks {
	return func(ctx context.Context, c *api.Client) (answer, error) {
		return answer{}, c.SyncBackupTarget(ctx, name)
	}
}

// replayed is what the client must make of one recording.
type replayed struct {
	asks asks
	// another is true where the recorded request is of another call or has a part
	// that Longhorn ignores; only the answer is replayed.
	another bool
	check   func(t *testing.T, a answer)
	// kind and words are of the error, if there is one; is are the helpers that
	// must be true of it.
	kind  backup.Kind
	words string
	is    []func(error) bool
}

func fails(asks asks, kind backup.Kind, words string, is ...func(error) bool) replayed {
	return replayed{asks: asks, kind: kind, words: words, is: is}
}

func unavailable(asks asks, words string, is ...func(error) bool) replayed {
	return fails(asks, backup.Unavailable, words, is...)
}

func (r replayed) ofAnother() replayed {
	r.another = true
	return r
}

func done(asks asks) replayed { return replayed{asks: asks, check: func(*testing.T, answer) {}} }

func succeeds(asks asks, check func(t *testing.T, a answer)) replayed {
	return replayed{asks: asks, check: check}
}

// created checks what a creation from backup a2 gives.
func created(name string, size int64) func(*testing.T, answer) {
	return func(t *testing.T, a answer) {
		assert.Equal(t, name, a.volume.Name)
		assert.Equal(t, api.Int(size), a.volume.Size, "the backup's size, whatever was asked for")
		assert.False(t, a.volume.RestoreRequired || a.volume.RestoreInitiated || a.volume.Ready, "the restore has yet to begin")
		assert.Empty(t, a.volume.Controllers)
		assert.Equal(t, waiting, a.volume.NotReadyMessage)
	}
}

func makings() map[string]replayed {
	refused := func(name, words string, change ...func(*api.NewVolume)) replayed {
		return unavailable(create(newVolume(name, change...)), words)
	}
	return map[string]replayed{
		"100": succeeds(create(newVolume(plex)), func(t *testing.T, a answer) {
			created(plex, 2*gib)(t, a)
			assert.Equal(t, urlA2, a.volume.FromBackup)
			assert.Equal(t, "v1", a.volume.DataEngine)
			assert.Equal(t, api.Int(1), a.volume.NumberOfReplicas)
			assert.Equal(t, api.Int(2<<20), a.volume.BackupBlockSize, "of Longhorn's setting, since none was asked for")
		}),
		"104": unavailable(create(newVolume(plex)), `"soteria-media-plex-config-1" already exists`, api.IsAlreadyExists),
		"106": refused("t-missing2", `backup.longhorn.io "backup-nope" not found`, from("backup-nope", old), func(v *api.NewVolume) { v.AccessMode = "" }),
		"107": refused("t-missing3", `cannot get backup volume for backup target default and volume pvc-nope`, from(a2, "pvc-nope")),
		"109": succeeds(create(newVolume("t-larger", sized(10*gib))), created("t-larger", 2*gib)),
		"110": succeeds(create(newVolume("t-smaller", sized(gib))), created("t-smaller", 2*gib)),
		"112": refused("t-minimal", "the default-replica-count setting value for data engine is not defined",
			from("backup-d1d1d1d1d1d1d1d1", "data-vol-4")),
		"113": succeeds(create(newVolume("t-url", func(v *api.NewVolume) { v.FromBackup = strings.Replace(urlA2, targets, "s3://other@eu-west-1/x/", 1) })),
			created("t-url", 2*gib)),
		"116": refused("t-garbage", "failed to parse size").ofAnother(),
		"118": refused("t-tag", "specified disk tag nvme does not exist", func(v *api.NewVolume) { v.DiskSelector = []string{"nvme"} }),
		"119": refused("t-tag2", "specified node tag zone-b does not exist", func(v *api.NewVolume) { v.NodeSelector = []string{"zone-b"} }),
		"121": succeeds(create(newVolume(strings.Repeat("a", api.MaxVolumeName))), created(strings.Repeat("a", api.MaxVolumeName), 2*gib)),
		"122": succeeds(create(newVolume(strings.Repeat("b", api.MaxVolumeName+1))), created("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-09606fbf", 2*gib)),
		"124": unavailable(create(newVolume(strings.Repeat("b", api.MaxVolumeName+1))), "already exists", api.IsAlreadyExists),
		"127": unavailable(create(newVolume("t-am", func(v *api.NewVolume) { v.AccessMode = "ReadWriteOnce" })), "invalid access mode: ReadWriteOnce", api.IsBadAccessMode),
		"128": succeeds(create(newVolume("t-bt", func(v *api.NewVolume) { v.BackupTargetName = "second" })), func(t *testing.T, a answer) {
			created("t-bt", 2*gib)(t, a)
			assert.Equal(t, "default", a.volume.BackupTargetName)
		}),
		"130": succeeds(create(api.NewVolume{Name: "t-blank", Size: gib, NumberOfReplicas: 1}), func(t *testing.T, a answer) {
			created("t-blank", gib)(t, a)
			assert.Empty(t, a.volume.FromBackup)
		}),
		"131": refused("t-rep", "the default-replica-count setting value", func(v *api.NewVolume) { v.NumberOfReplicas = 0 }),
		"135": succeeds(create(newVolume("t-fails", from("backup-e1corrupt", "pvc-55555555-5555-4555-8555-555555555555"), sized(4*gib))), created("t-fails", 4*gib)),
		"140": succeeds(create(api.NewVolume{Name: "t-minimal", DataEngine: "v1", FromBackup: targets + "?backup=backup-d1d1d1d1d1d1d1d1&volume=data-vol-4"}),
			func(t *testing.T, a answer) {
				created("t-minimal", 3*gib)(t, a)
				assert.Equal(t, "rwx", a.volume.AccessMode, "from the backup's label")
				assert.Equal(t, api.Int(3), a.volume.NumberOfReplicas, "Longhorn's default")
			}),
		"187": succeeds(create(newVolume("t-unavail")), created("t-unavail", 2*gib)),
		"232": succeeds(create(newVolume("t-enc", func(v *api.NewVolume) { v.Encrypted, v.AccessMode = true, "rwx" })), func(t *testing.T, a answer) {
			created("t-enc", 2*gib)(t, a)
			assert.True(t, a.volume.Encrypted)
		}),
		"255": unavailable(create(newVolume("t-grown", from("backup-f1f1f1f1f1f1f1f1", "pvc-66666666-6666-4666-8666-666666666666"), sized(6*gib))),
			"object is being deleted", api.IsBeingDeleted, api.IsAlreadyExists),
		"301": refused("t-dup", "found more than one backup volume"),
	}
}

func tellings() map[string]replayed {
	return map[string]replayed{
		"01": succeeds(volumes, func(t *testing.T, a answer) {
			require.NotEmpty(t, a.volumes)
			assert.Equal(t, "plain-detached", a.volumes[0].Name)
			assert.Equal(t, api.Int(gib), a.volumes[0].Size)
		}),
		"02": succeeds(volume(live), func(t *testing.T, a answer) {
			assert.Equal(t, api.StateAttached, a.volume.State)
			assert.Equal(t, "default", a.volume.BackupTargetName)
			assert.Equal(t, api.KubernetesStatus{PVName: live, PVStatus: "Bound", Namespace: "media", PVCName: "live-data"}, a.volume.KubernetesStatus)
			assert.Equal(t, []api.Controller{{Size: api.Int(gib)}}, a.volume.Controllers)
		}),
		"03": succeeds(volume("plain-detached"), func(t *testing.T, a answer) {
			assert.Equal(t, api.StateDetached, a.volume.State)
			assert.True(t, a.volume.Ready)
			assert.Zero(t, a.volume.KubernetesStatus)
		}),
		"04": fails(volume("nope"), backup.NotFound, "Longhorn has no volume nope", api.IsNotFound),
		"05": unavailable(volumes, "the answer was not understood (invalid character '<' looking for beginning of value): <!DOCTYPE html>"),
		"10": succeeds(backupTargets, func(t *testing.T, a answer) {
			assert.Equal(t, []api.BackupTarget{{Name: "default", URL: targets, Available: true}, {Name: "second", URL: "nfs://nas.lan:/export/lh"}}, a.targets)
		}),
		"71": unavailable(volumes, "redirected to /v1/volumes, which is not followed").ofAnother(),
		"60": unavailable(sync("default"), "this version has no such call", api.IsUnsupported).ofAnother(),
		"64": unavailable(backupTargets, "this version has no such call", api.IsUnsupported).ofAnother(),
		"101": succeeds(volume(plex), func(t *testing.T, a answer) {
			assert.False(t, a.volume.RestoreRequired || a.volume.RestoreInitiated, "both are false before the restore begins, too")
			assert.False(t, a.volume.Ready)
		}),
		"103": succeeds(volume(plex), func(t *testing.T, a answer) {
			assert.True(t, a.volume.RestoreInitiated && a.volume.Ready && !a.volume.RestoreRequired)
			assert.Equal(t, api.StateDetached, a.volume.State)
			assert.Equal(t, "unknown", a.volume.Robustness)
			assert.Equal(t, "False", a.volume.Conditions[api.ConditionRestore].Status)
			assert.NotEmpty(t, a.volume.KubernetesStatus.LastPVCRefAt, "the claim of the backup is history")
		}),
		"201": succeeds(volume(plex), func(t *testing.T, a answer) {
			assert.Equal(t, api.Int(3*gib), a.volume.Size)
			assert.Equal(t, api.Int(2*gib), a.volume.Controllers[0].Size, "it has yet to get there")
			assert.True(t, a.volume.Ready)
		}),
		"202": succeeds(volume(plex), func(t *testing.T, a answer) { assert.Equal(t, a.volume.Size, a.volume.Controllers[0].Size) }),
		"240": succeeds(volume(plex), func(t *testing.T, a answer) { assert.Equal(t, "plex-config", a.volume.KubernetesStatus.PVCName) }),
		"266": succeeds(setting("allow-volume-creation-with-degraded-availability"), func(t *testing.T, a answer) { assert.Equal(t, "true", a.setting) }),
		"267": unavailable(setting("nope"), "setting nope is not supported", api.IsUnsupported),
		"253": succeeds(volume("t-grown"), func(t *testing.T, a answer) { assert.Equal(t, api.StateDeleting, a.volume.State) }),
		"256": fails(volume("t-grown"), backup.NotFound, "Longhorn has no volume t-grown", api.IsNotFound),
		"274": succeeds(backupTargets, func(t *testing.T, a answer) { assert.Len(t, a.targets, 2) }),
		"290": succeeds(volumes, func(t *testing.T, a answer) { assert.Empty(t, a.volumes) }),
	}
}

func changes() map[string]replayed {
	return map[string]replayed{
		"13": done(sync("default")),
		"14": unavailable(sync("default"), "cannot synchronize backup target 'default' in 10 seconds", api.IsTooSoon),
		"12": fails(sync("nope"), backup.NotFound, `backuptarget.longhorn.io "nope" not found`, api.IsNotFound).ofAnother(),
		"18": unavailable(sync("second"), "in 10 seconds", api.IsTooSoon),

		"136": unavailable(expand("t-fails", 6*gib), "invalid volume state to expand"),
		"142": unavailable(expand("t-exp", 6*gib), "volume is restoring data from backup"),
		"200": done(expand(plex, 3*gib)),
		"204": done(expand(plex, gib)),
		"205": fails(expand("nope", 3*gib), backup.NotFound, `volume.longhorn.io "nope" not found`, api.IsNotFound),
		"207": unavailable(expand(plex, 9000*gib), "does not have sufficient physical space for expansion"),
		"208": fails(expand(live, 2*gib), backup.NotFound, `persistentvolumeclaim "live-data" not found`, api.IsNotFound),
		"210": unavailable(expand("t-fails", 9*gib), "cannot expand volume when it is in faulted state"),
		"250": done(remove("t-grown")),
		"252": done(remove("t-grown")),
	}
}

func backingUp() map[string]replayed {
	none := map[string]string{}
	ours := map[string]string{"soteria.dev/namespace": "media", "soteria.dev/pvc": "live-data"}
	return map[string]replayed{
		"138": done(makeSnapshot("t-fails", "snap-while-restoring", none)),
		"150": succeeds(makeSnapshot(live, "soteria-1", map[string]string{"soteria": "x"}), func(t *testing.T, a answer) {
			assert.Equal(t, api.Snapshot{Name: "soteria-1", Volume: live, Labels: map[string]string{"soteria": "x"}}, a.snapshot)
		}),
		"151": succeeds(snapshot(live, "soteria-1"), func(t *testing.T, a answer) { assert.False(t, a.snapshot.ReadyToUse) }),
		"153": unavailable(makeSnapshot(live, "soteria-1", none), `snapshots.longhorn.io "soteria-1" already exists`, api.IsAlreadyExists),
		"154": succeeds(makeSnapshot("plain-detached", "soteria-d1", none), func(t *testing.T, a answer) { assert.Equal(t, "plain-detached", a.snapshot.Volume) }),
		"157": unavailable(makeSnapshot(live, "Bad_Name", none), `Invalid value: "Bad_Name"`),
		"159": succeeds(snapshot(live, "soteria-1"), func(t *testing.T, a answer) {
			assert.True(t, a.snapshot.ReadyToUse)
			assert.Equal(t, "2026-11-21T00:50:44Z", a.snapshot.CreationTime)
		}),
		"160": fails(snapshot(live, "nope"), backup.NotFound, `snapshot.longhorn.io "nope" not found`, api.IsNotFound),
		"162": succeeds(snapshots(live), func(t *testing.T, a answer) {
			require.NotEmpty(t, a.snapshots)
			assert.Equal(t, "snap-8b231bb5d85644e7", a.snapshots[0].Name)
		}),
		"170": done(backUp(live, "soteria-1", "incremental", ours)),
		"175": done(backUp(live, "soteria-1", "full", none)),
		"177": unavailable(backUp(live, "nope", "", none), "snapshot <nil> is invalid"),
		"180": unavailable(backUp("plain-detached", "soteria-1", "", none), "does not match"),
		"181": unavailable(backUp(live, "soteria-1", "", map[string]string{"a": ""}), "value for label with key a cannot be empty"),
		"183": unavailable(backUp(live, "soteria-1", "", map[string]string{"KubernetesStatus": "{}"}), "reserved keyword KubernetesStatus"),
		"184": unavailable(backUp(live, "soteria-1", "differential", none), "BackupMode differential is not a valid option"),
		"186": unavailable(backUp(live, "soteria-1", "", none), "backup target default is not available"),
		"189": done(backUp("plain-detached", "soteria-d1", "full", map[string]string{"soteria.dev/pvc": "p"})),

		"40": succeeds(backupsOf(old), func(t *testing.T, a answer) {
			require.Len(t, a.backups, 2)
			assert.Equal(t, "backup-a1a1a1a1a1a1a1a1", a.backups[0].Name)
		}).ofAnother(),
		"41": succeeds(backupsOf(plain), func(t *testing.T, a answer) {
			require.Len(t, a.backups, 1)
			assert.Equal(t, "2026-11-18T02:00:00Z", a.backups[0].SnapshotCreated)
		}),
		"42": succeeds(backupsOf("nope"), func(t *testing.T, a answer) { assert.Empty(t, a.backups) }),
		"44": succeeds(backupNamed(old+"-3c4bc226", a2), backupA2),
		"45": succeeds(backupNamed("nope", a2), backupA2),
		"46": fails(backupNamed(old+"-3c4bc226", "backup-nope"), backup.NotFound, `backup.longhorn.io "backup-nope" not found`, api.IsNotFound),
		"171": succeeds(backupsOf(live), func(t *testing.T, a answer) {
			require.Len(t, a.backups, 1)
			assert.Equal(t, "soteria-1", a.backups[0].SnapshotName)
			assert.Empty(t, a.backups[0].State)
			assert.Empty(t, a.backups[0].Labels)
		}),
		"173": succeeds(backupsOf(live), func(t *testing.T, a answer) {
			require.Len(t, a.backups, 1)
			assert.Equal(t, api.BackupCompleted, a.backups[0].State)
			assert.Equal(t, "live-data", a.backups[0].Labels["soteria.dev/pvc"])
			assert.Contains(t, a.backups[0].Labels[api.LabelKubernetesStatus], `"pvcName":"live-data"`)
		}),
		"190": succeeds(backupsOf("plain-detached"), func(t *testing.T, a answer) {
			require.Len(t, a.backups, 1)
			assert.NotContains(t, a.backups[0].Labels, api.LabelKubernetesStatus)
		}).ofAnother(),
	}
}

func backupA2(t *testing.T, a answer) {
	assert.Equal(t, a2, a.backup.Name)
	assert.Equal(t, urlA2, a.backup.URL)
	assert.Equal(t, api.BackupCompleted, a.backup.State)
	assert.Equal(t, "2026-11-20T03:00:02Z", a.backup.SnapshotCreated)
	assert.Equal(t, "2026-11-20T03:02:11Z", a.backup.Created)
	assert.Equal(t, api.Int(104857600), a.backup.Size)
	assert.Equal(t, api.Int(2*gib), a.backup.VolumeSize)
	assert.Equal(t, old, a.backup.VolumeName)
	require.NotNil(t, a.backup.BlockSize)
	assert.Equal(t, api.Int(2<<20), *a.backup.BlockSize)
	assert.Empty(t, a.backup.BackingImage)
	assert.False(t, a.backup.IsEncrypted())
	assert.Equal(t, api.Int(100), a.backup.Progress)
}

func TestEveryRecordedAnswerIsUnderstood(t *testing.T) {
	files, err := os.ReadDir(filepath.Join("testdata", "answers"))
	require.NoError(t, err)
	expected := make(map[string]replayed)
	for _, part := range []map[string]replayed{makings(), tellings(), changes(), backingUp()} {
		for number, r := range part {
			require.NotContains(t, expected, number)
			expected[number] = r
		}
	}
	for _, file := range files {
		number, rest, _ := strings.Cut(file.Name(), "-")
		want, ok := expected[number]
		require.True(t, ok, "%s is replayed to nobody", file.Name())
		delete(expected, number)
		t.Run(number+" "+strings.TrimSuffix(rest, ".json"), func(t *testing.T) {
			client := replay(t, readRecorded(t, file.Name()), want.another)
			got, err := want.asks(t.Context(), client)
			if want.check != nil {
				require.NoError(t, err)
				want.check(t, got)
				return
			}
			require.Error(t, err)
			assert.Equal(t, want.kind, backup.KindOf(err))
			assert.ErrorContains(t, err, want.words)
			for _, is := range want.is {
				assert.True(t, is(err))
			}
			for _, is := range []func(error) bool{
				api.IsNotFound, api.IsUnsupported, api.IsAlreadyExists, api.IsTooSoon, api.IsBadAccessMode, api.IsBadBlockSize, api.IsMissingImage,
			} {
				if len(want.is) == 0 {
					assert.False(t, is(err))
				}
			}
		})
	}
	assert.Empty(t, expected, "what is expected of recordings that are not there")
}
