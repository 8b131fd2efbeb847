package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// policies is a scheduler that keeps one policy.
type policies struct {
	kept *policy.Policy
	err  error
	// preview is what keeping any policy would do; nil for that it holds. unseen is why
	// that cannot be told.
	preview *policy.Preview
	unseen  error
}

var (
	sixHours = policy.Policy{Namespace: "media", IntervalHours: 6, Enabled: true, Source: policy.ForNamespace}
	nightly  = policy.Policy{
		Namespace: "media", PVC: "photos", Schedule: "0 2 * * *", Driver: "restic", Enabled: true, Source: policy.ForClaim,
		Keep: retention.Keep{Last: 3, Daily: 7, Weekly: 4},
	}
	byLabel = policy.Policy{Namespace: "web", PVC: "data", IntervalHours: 24, Enabled: true, Source: policy.FromLabel}
)

func (p *policies) Report(context.Context) (policy.Report, error) {
	return policy.Report{
		At: noon, EvaluatedAt: noon.Add(-time.Minute),
		Policies: []policy.Policy{sixHours, nightly, byLabel},
		Standings: []policy.Standing{
			{Claim: backup.Claim{Namespace: "media", Name: "music"}, Policy: sixHours, Driver: "longhorn", NextRun: noon, State: policy.Skipped, Reason: policy.Unbound, Message: "the claim is not bound to a volume (Pending)"},
			{Claim: photos, Policy: nightly, Driver: "restic", LastBackup: noon.Add(-10 * time.Hour), NextRun: noon.Add(14 * time.Hour), State: policy.Scheduled},
			{Claim: backup.Claim{Namespace: "web", Name: "broken"}, State: policy.Skipped, Reason: policy.Misdeclared, Message: "annotation soteria.dev/backup-schedule: …"},
			{Claim: backup.Claim{Namespace: "web", Name: "data"}, Policy: byLabel, Driver: "restic", LastBackup: noon.Add(-25 * time.Hour), NextRun: noon.Add(20 * time.Minute), State: policy.Failing, Message: "Job web/backup-1 failed"},
		},
		Warnings: []policy.Warning{{Claim: backup.Claim{Namespace: "web", Name: "broken"}, Source: policy.FromAnnotation, Message: "annotation soteria.dev/backup-schedule: …"}},
	}, p.err
}

func (p *policies) Put(_ context.Context, asked policy.Policy) (policy.Policy, bool, error) {
	if p.err != nil {
		return policy.Policy{}, false, p.err
	}
	replaced := p.kept != nil
	asked.Source = policy.ForNamespace
	if asked.PVC != "" {
		asked.Source = policy.ForClaim
	}
	p.kept = &asked
	return asked, replaced, nil
}

func (p *policies) Preview(_ context.Context, asked policy.Policy) (policy.Preview, error) {
	asked.Source = policy.ForNamespace
	if p.preview == nil {
		return policy.Preview{Policy: asked, Matches: []policy.Match{{Claim: photos, Holds: true}}}, p.unseen
	}
	told := *p.preview
	told.Policy = asked
	return told, p.unseen
}

func (p *policies) Delete(_ context.Context, id string) (policy.Policy, error) {
	switch {
	case p.err != nil:
		return policy.Policy{}, p.err
	case p.kept == nil || p.kept.ID() != id:
		return policy.Policy{}, backup.Errorf(backup.NotFound, "there is no policy %q", id)
	}
	deleted := *p.kept
	p.kept = nil
	return deleted, nil
}

func TestAPolicyIsPreviewed(t *testing.T) {
	preview := policy.Preview{Replaces: true, Matches: []policy.Match{
		{Claim: backup.Claim{Namespace: "media", Name: "music"}, Holds: true, Reason: policy.Unbound, Message: "the claim is not bound to a volume (Pending)"},
		{Claim: photos, Holder: nightly},
	}}
	w := newWorld()
	w.policies.preview = &preview
	resp, body := send(t, http.MethodPost, w.serve(t, nil)+"/v1/policies", jsonType, `{"namespace":"media","interval_hours":6,"dry_run":true}`)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	golden(t, "policy_preview.json", body)
	assert.Nil(t, w.policies.kept, "nothing is kept")
}

func TestAPolicyThatDoesNothingIsKeptWithAWarning(t *testing.T) {
	for name, test := range map[string]struct {
		preview policy.Preview
		unseen  error
		says    string
	}{
		"for a namespace with a typo":    {preview: policy.Preview{NamespaceMissing: true}, says: "namespace meida does not exist"},
		"for a namespace without claims": {says: "namespace meida has no claims"},
		"whose claims have others":       {preview: policy.Preview{Matches: []policy.Match{{Claim: photos, Holder: nightly}}}, says: "none of the 1 claims"},
		"of which that cannot be told":   {unseen: backup.Errorf(backup.Unavailable, "no answer"), says: "could not be told: no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.policies.preview, w.policies.unseen = &test.preview, test.unseen
			resp, body := send(t, http.MethodPost, w.serve(t, nil)+"/v1/policies", jsonType, `{"namespace":"meida","interval_hours":6}`)
			assert.Equal(t, http.StatusCreated, resp.StatusCode)
			assert.Contains(t, body, test.says)
			assert.NotNil(t, w.policies.kept, "it is kept for when there are claims")
		})
	}
}

func TestPolicyExamples(t *testing.T) {
	spoilt := backup.Errorf(backup.Unavailable, `key "policies.json" of Secret soteria/soteria-policies cannot be understood and is left as it is`)
	tests := map[string]struct {
		method, path, body string
		policies           policies
		status             int
		golden             string
	}{
		"policies are listed with how claims stand": {path: "/v1/policies", status: 200, golden: "policies.json"},
		"policies that cannot be read are no empty list": {
			path: "/v1/policies", policies: policies{err: spoilt}, status: 503, golden: "policies_unreadable.json"},
		"a policy for a namespace is kept": {
			method: http.MethodPost, path: "/v1/policies", body: `{"namespace":"media","pvc":"","interval_hours":6,"enabled":true}`, status: 201, golden: "policy.json"},
		"a policy takes the place of the one before": {
			method: http.MethodPost, path: "/v1/policies", body: `{"namespace":"media","interval_hours":6}`, policies: policies{kept: &nightly}, status: 200, golden: "policy.json"},
		"a policy for a claim by schedule is kept, with what stays": {
			method: http.MethodPost, path: "/v1/policies", status: 201, golden: "policy_schedule.json",
			body: `{"namespace":"media","pvc":"photos","schedule":"0 2 * * *","driver":"restic","keep":{"last":3,"daily":7,"weekly":4}}`},
		"a policy of which nobody can tell when is refused": {
			method: http.MethodPost, path: "/v1/policies", body: `{"namespace":"media","schedule":"nightly"}`, status: 400, golden: "policy_invalid.json"},
		"a policy is deleted": {
			method: http.MethodDelete, path: "/v1/policies/" + sixHours.ID(), policies: policies{kept: &sixHours}, status: 200, golden: "policy.json"},
		"a policy that does not exist is not deleted": {
			method: http.MethodDelete, path: "/v1/policies/0123456789abcdef", status: 404, golden: "policy_not_found.json"},
		"a policy that a claim declares is not deleted": {
			method: http.MethodDelete, path: "/v1/policies/0123456789abcdef", status: 409, golden: "policy_declared.json",
			policies: policies{err: backup.Errorf(backup.Conflict, "policy 0123456789abcdef is declared on claim web/data by its label backup: change it there, where Git may hold it")}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.policies = test.policies
			if test.method == "" {
				test.method = http.MethodGet
			}
			resp, body := send(t, test.method, w.serve(t, nil)+test.path, jsonType, test.body)
			assert.Equal(t, test.status, resp.StatusCode)
			golden(t, test.golden, body)
		})
	}
}

func TestPolicies(t *testing.T) {
	t.Run("are kept, listed and deleted through the client", func(t *testing.T) {
		w := newWorld()
		c := w.client(t)
		kept, err := c.PutPolicy(t.Context(), wire.PolicyRequest{Namespace: "media", IntervalHours: 6, Enabled: ptr.To(false)})
		require.NoError(t, err)
		assert.False(t, kept.Enabled)
		assert.Equal(t, "api-namespace", kept.Source)
		list, err := c.Policies(t.Context())
		require.NoError(t, err)
		assert.Len(t, list.Claims, 4)
		deleted, err := c.DeletePolicy(t.Context(), kept.ID)
		require.NoError(t, err)
		assert.Equal(t, kept, deleted)
		_, err = c.DeletePolicy(t.Context(), kept.ID)
		assert.Equal(t, backup.NotFound, backup.KindOf(err))
	})
	t.Run("are on the record when they change", func(t *testing.T) {
		w := newWorld()
		c := w.client(t)
		kept, err := c.PutPolicy(t.Context(), wire.PolicyRequest{Namespace: "media", PVC: "photos", IntervalHours: 6})
		require.NoError(t, err)
		_, err = c.DeletePolicy(t.Context(), kept.ID)
		require.NoError(t, err)
		assert.Contains(t, w.logged(), `"action":"put policy","claim":"media/photos","detail":"every 6 h"`)
		assert.Contains(t, w.logged(), `"action":"delete policy","claim":"media/photos","detail":"`+kept.ID+`"`)
	})

	refusals := map[string]struct {
		contentType, body string
		status            int
		field             string
	}{
		"without a body":                {jsonType, "", 400, ""},
		"that is null":                  {jsonType, "null", 400, "namespace"},
		"with an unknown field":         {jsonType, `{"namespace":"media","interval_hours":6,"intervall":1}`, 400, "intervall"},
		"with a field twice":            {jsonType, `{"namespace":"media","interval_hours":6,"interval_hours":7}`, 400, "interval_hours"},
		"with half an hour":             {jsonType, `{"namespace":"media","interval_hours":0.5}`, 400, "interval_hours"},
		"with hours in words":           {jsonType, `{"namespace":"media","interval_hours":"6"}`, 400, "interval_hours"},
		"without a namespace":           {jsonType, `{"interval_hours":6}`, 400, "namespace"},
		"with a claim that is a path":   {jsonType, `{"namespace":"media","pvc":"a/b","interval_hours":6}`, 400, "pvc"},
		"without a time":                {jsonType, `{"namespace":"media"}`, 400, "interval_hours"},
		"with a negative time":          {jsonType, `{"namespace":"media","interval_hours":-6}`, 400, "interval_hours"},
		"with two times":                {jsonType, `{"namespace":"media","interval_hours":6,"schedule":"@daily"}`, 400, "schedule"},
		"that keeps nothing":            {jsonType, `{"namespace":"media","interval_hours":6,"keep":{}}`, 400, "keep"},
		"that keeps less than nothing":  {jsonType, `{"namespace":"media","interval_hours":6,"keep":{"last":-1}}`, 400, "keep.last"},
		"that keeps what nobody counts": {jsonType, `{"namespace":"media","interval_hours":6,"keep":{"minutely":1}}`, 400, "keep.minutely"},
		"of another content type":       {"text/plain", `{"namespace":"media","interval_hours":6}`, 415, ""},
	}
	for name, test := range refusals {
		t.Run("are refused in a body "+name, func(t *testing.T) {
			w := newWorld()
			resp, body := send(t, http.MethodPost, w.serve(t, nil)+"/v1/policies", test.contentType, test.body)
			assert.Equal(t, test.status, resp.StatusCode, body)
			if test.field != "" {
				assert.Contains(t, body, `"field":"`+test.field+`"`)
			}
			assert.Nil(t, w.policies.kept)
			assert.Less(t, len(body), 600)
		})
	}
}
