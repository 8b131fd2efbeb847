package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/admission"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/inventory"
)

func TestStatusExamples(t *testing.T) {
	tests := map[string]struct {
		world  func(*world)
		config func(*httpapi.Config)
		golden string
	}{
		"all is well": {
			world:  func(w *world) { w.listed = []inventory.Listing{{Driver: "restic", ListedAt: noon}} },
			golden: "status.json",
		},
		"the gate is off, no claim may start empty, and one repository cannot be listed": {
			world: func(w *world) {
				w.gate = admission.Report{State: admission.Off, Message: "The gate is off: protected claims start empty"}
				w.listed = []inventory.Listing{{Driver: "restic", ListedAt: noon.Add(-time.Hour), Failure: down}, {Driver: "longhorn"}}
				w.listed[1].Unproved = backup.Errorf(backup.RepositoryDropped, "s3 is not looked at any more")
				w.missing = []httpapi.Missing{
					{Driver: "restic", Claim: backup.Claim{Namespace: "media", Name: "photos"}, Why: backup.Errorf(backup.BackupMissing, "the backup 1a2b3c4d is gone")},
					{Driver: "restic", Claim: backup.Claim{Namespace: "ai", Name: "cache"}, Why: backup.Errorf(backup.BackupMissing, "the backup 5e6f7a8b is gone")},
				}
			},
			config: func(cfg *httpapi.Config) { cfg.RestoreRequired = true },
			golden: "status_worst.json",
		},
		"two clusters of one name, a clock that is off, and stores that prove nothing": {
			world: func(w *world) {
				const accept, forget = "soteria repository accept 5e1f", "soteria repository forget longhorn"
				w.rules.Clusters = backup.Clusters{Own: "home", Restored: []string{"attic"}, Settled: true}
				w.clock = "the clock of this replica is 14m0s ahead of the API server's: set it right"
				unseen := backup.WithSettle(backup.Errorf(backup.RepositoryUnaccepted, "this cluster sees the restic repository 5e1f for the first time: accept it with: %s", accept), accept)
				dropped := backup.WithSettle(backup.Errorf(backup.RepositoryDropped, "longhorn has held backups of this cluster and is not looked at any more: run: %s", forget), forget)
				emptied := backup.WithSettle(backup.Errorf(backup.RepositoryChanged, "the s3 repository s3:backups has held backups and is empty now: accept that with: soteria repository accept s3 s3:backups"), "soteria repository accept s3 s3:backups")
				w.listed = []inventory.Listing{{Driver: "restic", ListedAt: noon, Unproved: unseen, Doubts: []error{unseen, dropped, down}}, {Driver: "s3", Failure: emptied}}
				w.missing = []httpapi.Missing{{Driver: "restic", Claim: photos, Why: gone}}
				w.copies = []keeper.Report{{Repository: "restic", Listed: keeper.Listed{WrittenAt: noon, Rival: "c0ffee", RivalAt: noon}}}
			},
			golden: "status_doubts.json",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			test.world(w)
			url := w.serve(t, test.config)
			resp, body := send(t, http.MethodGet, url+"/v1/status", "", "")
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			golden(t, test.golden, body)
			readDocument(t, url).holds(t, http.MethodGet, "/v1/status", resp.StatusCode, body)
		})
	}
}

func TestTheStatusTellsOfTheCopiesOfTheMemory(t *testing.T) {
	w := newWorld()
	w.copies = []keeper.Report{
		{Repository: "restic", Listed: keeper.Listed{WrittenAt: noon}},
		{Repository: "other", Trouble: "writing it failed: the repository is read-only"},
	}
	got, err := w.client(t).Status(t.Context())
	require.NoError(t, err)
	require.Len(t, got.MemoryCopies, 2)
	assert.Equal(t, wire.MemoryCopy{Driver: "restic", WrittenAt: &noon}, got.MemoryCopies[0])
	assert.Contains(t, got.MemoryCopies[1].Message, "is not current: writing it failed: the repository is read-only; correct that")
}

func TestTheStatusTellsWhetherCallersHaveToSignIn(t *testing.T) {
	w := guardedWorld(t)
	url := w.serve(t, nil)
	resp, _ := ask(t, http.MethodGet, url+"/v1/status", "")
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, "it is not for strangers")
	_, body := ask(t, http.MethodGet, url+"/v1/status", "", "Authorization: Bearer "+token)
	assert.Contains(t, body, `"sign_in_required":true`)
}

func TestEveryStateOfTheGateHasAWord(t *testing.T) {
	for state, word := range map[admission.State]wire.GateState{
		admission.Closed: wire.GateClosed, admission.Incomplete: wire.GateIncomplete, admission.Off: wire.GateOff, admission.Unknown: wire.GateUnknown,
	} {
		w := newWorld()
		w.gate.State = state
		got, err := w.client(t).Status(t.Context())
		require.NoError(t, err)
		assert.Equal(t, word, got.Gate.State)
	}
}
