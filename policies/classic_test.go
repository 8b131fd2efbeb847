package policies_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// classic is what the command line calls the outcomes of a ClusterPolicy.
func classic(c trialClaim) expected {
	words := map[outcome]string{untouched: "skip", restored: "pass", lockedOnly: "pass", refused: "error"}
	if c.want == mislabelled {
		return expected{Policy: "soteria-restore-classic", Rule: "labels", Result: "fail"}
	}
	return expected{Policy: "soteria-restore-classic", Rule: "lock", Result: words[c.want]}
}

// matchConditions is the part of a ClusterPolicy on which the command line of
// Kyverno 1.19.1 panics.
var matchConditions = regexp.MustCompile(`(?s)    # The API server looks.*?    matchConditions:\n.*?\n(  rules:)`)

// classicTrial tries the policy without its conditions, on claims that meet them.
func classicTrial(t *testing.T) func(policy string) trial {
	return func(policy string) trial {
		require.Regexp(t, matchConditions, policy)
		trial := trial{policy: matchConditions.ReplaceAllString(policy, "$1")}
		for name, labels := range namespaces {
			trial.calls = append(trial.calls, mockedCall{URLPath: "/api/v1/namespaces/" + name, Method: "GET", Response: mockedResponse{
				StatusCode: 200, Body: map[string]any{"metadata": map[string]any{"name": name, "labels": labels}},
			}})
		}
		claims := slices.DeleteFunc(slices.Concat(withDoubts(byOwnLabel), byNamespace), func(c trialClaim) bool {
			return c.want == unmatched
		})
		for i := range claims {
			if claims[i].answer == nil { // context is read before preconditions
				claims[i].answer = found
			}
		}
		trial.add(claims, classic)
		for _, object := range trial.patched { // as the API server does
			if spec := &object.(*corev1.PersistentVolumeClaim).Spec; spec.DataSource != nil && spec.DataSourceRef == nil {
				spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: spec.DataSource.APIGroup, Kind: spec.DataSource.Kind, Name: spec.DataSource.Name}
			}
		}
		return trial
	}
}

func TestTheClassicPolicyLetsOnlyProvedAnswersThrough(t *testing.T) {
	classicTrial(t)(read(t, "kyverno", "classic", "restore.yaml")).requireAsExpected(t)
}

func TestTheTrialFindsHolesInTheClassicPolicy(t *testing.T) {
	requireHolesFound(t, read(t, "kyverno", "classic", "restore.yaml"), classicTrial(t), map[string]hole{
		"any value of exists passes":            {"app/a-string", []string{"type(answer.exists) != 'boolean' &&", "`false` &&"}},
		"an error is not looked at":             {"app/with-error", []string{"answer.error != '' &&", "`false` &&"}},
		"what is not authoritative is believed": {"app/unproved", []string{"answer.authoritative != `true` &&", "`false` &&"}},
		"any lock is taken":                     {"app/a-foreign-lock", []string{"!regex_match('^soteria-[a-z0-9]{16}$', answer.lock) &&", "`false` &&"}},
		"a required restore may be missing":     {"app/required", []string{"|| mode == 'required' ||", "||"}},
		"doubts are not looked at":              {"app/with-error", []string{"to_boolean(doubt) && wanted", "wanted"}},
		"skip needs no reason":                  {"app/skipped-silently", []string{"mode == 'skip' && trim(", "mode == 'never' && trim("}},
		"labels are only looked at for reports": {"app/mislabelled", []string{"[auto, required, skip]", "[auto, required, skip, \"yes\"]"}},
		"the claim's own data source is lost":   {"app/in-git", []string{"request.object.spec.dataSourceRef || request.object.spec.dataSource || {apiGroup", "{apiGroup"}},
	})
}
