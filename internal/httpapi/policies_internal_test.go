package httpapi

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

func FuzzParsePolicyRequest(f *testing.F) {
	for _, seed := range []string{
		`{"namespace":"media","pvc":"","interval_hours":6,"enabled":true}`,
		`{"namespace":"media","pvc":"photos","schedule":"0 */6 * * *","keep":{"last":1,"hourly":2,"daily":3,"weekly":4,"monthly":5,"yearly":6}}`,
		`{"namespace":"media","schedule":"CRON_TZ=Europe/Berlin @daily","driver":"restic","enabled":false}`,
		`{}`, ``, `null`, `[]`, `{"keep":{}}`, `{"keep":null}`, `{"enabled":null}`, `{"enabled":"no"}`, `{"interval_hours":1e2}`, `{"interval_hours":9223372036854775808}`,
		`{"schedule":"TZ="}`, `{"schedule":"\u0000"}`, `{"keep":{"last":1,"last":2}}`, `{"Schedule":"@daily"}`, `{} {}`, "{\"pvc\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var req wire.PolicyRequest
		err := parse(body, &req)
		asked, invalid := policyOf(req)
		if err == nil {
			err = invalid
		}
		if err != nil {
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.NotEmpty(t, err.Error())
			return
		}
		require.NoError(t, asked.Validate())
		// What was kept can be asked for again as it was answered.
		answer := policyBody(asked)
		written, err := json.Marshal(wire.PolicyRequest{
			Namespace: answer.Namespace, PVC: answer.PVC, IntervalHours: answer.IntervalHours, Schedule: answer.Schedule,
			Driver: answer.Driver, Enabled: &answer.Enabled, Keep: answer.Keep,
		})
		require.NoError(t, err)
		var again wire.PolicyRequest
		require.NoError(t, parse(written, &again))
		same, err := policyOf(again)
		require.NoError(t, err)
		assert.Equal(t, asked, same)
	})
}
