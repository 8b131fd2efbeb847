package httpapi

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

func FuzzParseBackupRequest(f *testing.F) {
	for _, seed := range []string{
		`{"namespace":"media","pvc":"photos","tags":["a","b=c"],"dry_run":true}`,
		`{"namespace":"media","pvc":"photos"}`, `{"namespace":"media","pvc":"photos","driver":"longhorn"}`,
		`{}`, ``, `null`, `[]`, `"x"`, `{"namespace":1}`, `{"tags":{}}`, `{"tags":[null]}`, `{"tags":null}`,
		`{"pvc":"a","pvc":"b"}`, `{"PVC":"a"}`, `{"x":{"y":[{}]}}`, `{} {}`, "{\"pvc\":\"\xff\\ud800\"}", `{"dry_run":1e999}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var req wire.BackupRequest
		if err := parse(body, &req); err != nil {
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.NotEmpty(t, err.Error())
			return
		}
		var fields map[string]any
		require.NoError(t, json.Unmarshal(body, &fields), "what was accepted is one JSON object or null")
		for name := range fields {
			assert.Contains(t, []string{"namespace", "pvc", "driver", "tags", "dry_run"}, name)
		}
		written, err := json.Marshal(req)
		require.NoError(t, err)
		var again wire.BackupRequest
		require.NoError(t, parse(written, &again))
		again.Tags, req.Tags = append([]string{}, again.Tags...), append([]string{}, req.Tags...)
		assert.Equal(t, req, again)
	})
}

func TestEveryKindHasAStatus(t *testing.T) {
	for _, kind := range backup.Kinds() {
		assert.GreaterOrEqual(t, statuses[kind], 400, kind.String())
	}
}
