package httpapi

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// fuzzBody holds a request's body to what all of them promise: it is refused with
// words, or it is one JSON object of known fields that comes back as it was read.
func fuzzBody[T any](f *testing.F, fields []string, seeds ...string) {
	f.Helper()
	for _, seed := range append(seeds, `{}`, ``, `null`, `[]`, `"x"`, `{"namespace":1}`, `{"namespace":"a","namespace":"b"}`, `{"Namespace":"a"}`,
		`{"x":{"y":[{}]}}`, `{} {}`, "{\"namespace\":\"\xff\\ud800\"}", `{"dry_run":1e999}`, `{"dry_run":"yes"}`) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var req T
		if err := parse(body, &req); err != nil {
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.NotEmpty(t, err.Error())
			return
		}
		var given map[string]any
		require.NoError(t, json.Unmarshal(body, &given), "what was accepted is one JSON object or null")
		for name := range given {
			assert.Contains(t, fields, name)
		}
		written, err := json.Marshal(req)
		require.NoError(t, err)
		var again T
		require.NoError(t, parse(written, &again))
		once, err := json.Marshal(again)
		require.NoError(t, err)
		assert.JSONEq(t, string(written), string(once))
	})
}

func FuzzParseRestoreRequest(f *testing.F) {
	fuzzBody[wire.RestoreRequest](f,
		[]string{"namespace", "pvc", "snapshot", "backup_url", "target_namespace", "target_pvc", "storage_class", "size", "access_modes", "volume_mode", "dry_run"},
		`{"namespace":"media","pvc":"photos","snapshot":"latest","target_namespace":"lab","target_pvc":"copy","dry_run":true}`,
		`{"namespace":"media","pvc":"photos","backup_url":"s3://b@r/?backup=x&volume=y","target_pvc":"copy","size":"10Gi","access_modes":["ReadWriteOnce"]}`,
		`{"access_modes":{}}`, `{"access_modes":[null]}`, `{"size":10}`)
}

func FuzzParseNamespaceRestoreRequest(f *testing.F) {
	fuzzBody[wire.NamespaceRestoreRequest](f,
		[]string{"namespace", "target_namespace", "target_prefix", "snapshot", "include_orphans", "dry_run"},
		`{"namespace":"media","target_namespace":"lab","target_prefix":"restore-20260412-","snapshot":"","include_orphans":true,"dry_run":false}`,
		`{"include_orphans":"true"}`, `{"target_prefix":null}`)
}

func FuzzParseNamespaceBackupRequest(f *testing.F) {
	fuzzBody[wire.NamespaceBackupRequest](f, []string{"namespace", "driver", "tags", "dry_run"},
		`{"namespace":"media","dry_run":false}`, `{"namespace":"media","driver":"restic","tags":["a","b=c"],"dry_run":true}`, `{"tags":{}}`, `{"tags":[1]}`)
}

func FuzzRestoresQuery(f *testing.F) {
	for _, seed := range []string{"", "Completed", "completed", "Done", "\xff", "Pending,Completed"} {
		f.Add(seed, seed, seed)
	}
	f.Add("media", "photos", "Transferring")
	f.Fuzz(func(t *testing.T, namespace, pvc, phase string) {
		asked, err := readRestoresQuery(map[string][]string{"namespace": {namespace}, "pvc": {pvc}, "phase": {phase}})
		if err != nil {
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.Contains(t, []string{"namespace", "pvc", "phase"}, backup.FieldOf(err))
			return
		}
		assert.Equal(t, restoresQuery{namespace, pvc, phase}, asked)
	})
}
