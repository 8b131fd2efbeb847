package policies_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/soteria-dr/soteria/internal/kube"
)

// strictFiles are the policies that claims depend on; the others are hygiene.
var strictFiles = []string{
	"kyverno/cel/restore.yaml", "kyverno/classic/restore.yaml", "kyverno/guard/guard.yaml", "kyverno/guard/plain/guard.yaml", "volsync/restore.yaml",
}

// objects reads the documents of a file.
func objects(t *testing.T, path string) []unstructured.Unstructured {
	t.Helper()
	var all []unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(read(t, path))), 4096)
	for {
		var object unstructured.Unstructured
		if err := decoder.Decode(&object); err != nil {
			return all
		}
		all = append(all, object)
	}
}

// policiesOf leaves bindings out.
func policiesOf(t *testing.T, path string) []unstructured.Unstructured {
	t.Helper()
	found := slices.DeleteFunc(objects(t, path), func(o unstructured.Unstructured) bool { return strings.HasSuffix(o.GetKind(), "Binding") })
	require.NotEmpty(t, found, path)
	return found
}

func field(t *testing.T, object unstructured.Unstructured, path ...string) any {
	t.Helper()
	value, _, err := unstructured.NestedFieldNoCopy(object.Object, path...)
	require.NoError(t, err)
	return value
}

func TestPoliciesThatClaimsDependOnFailClosed(t *testing.T) {
	for _, path := range strictFiles {
		for _, policy := range policiesOf(t, path) {
			t.Run(path+" "+policy.GetName(), func(t *testing.T) {
				failure := field(t, policy, "spec", "failurePolicy")
				if policy.GetKind() == "ClusterPolicy" {
					failure = field(t, policy, "spec", "webhookConfiguration", "failurePolicy")
				}
				assert.Equal(t, "Fail", failure)
				for _, key := range keysOf(policy.Object) {
					assert.NotEqual(t, "default", key, "a default turns a failed call into an answer")
				}
				if actions := field(t, policy, "spec", "validationActions"); actions != nil {
					assert.Equal(t, []any{"Deny"}, actions)
				}
				if policy.GetKind() == "MutatingPolicy" {
					assert.Equal(t, false, field(t, policy, "spec", "evaluation", "skipBackgroundRequests"), "claims that Kyverno makes are judged too")
				}
			})
		}
	}
	t.Run("the rules of the ClusterPolicy", func(t *testing.T) {
		policy := policiesOf(t, "kyverno/classic/restore.yaml")[0]
		rules := field(t, policy, "spec", "rules").([]any)
		calls := 0
		for _, each := range rules {
			rule := unstructured.Unstructured{Object: each.(map[string]any)}
			assert.Equal(t, false, field(t, rule, "skipBackgroundRequests"))
			if validate := field(t, rule, "validate"); validate != nil {
				assert.Equal(t, "Enforce", field(t, rule, "validate", "failureAction"))
			}
			text, err := json.Marshal(each)
			require.NoError(t, err)
			calls += strings.Count(string(text), "/exists/")
		}
		assert.Equal(t, 1, calls, "one call decides")
	})
	t.Run("the binding of the plain guard", func(t *testing.T) {
		for _, object := range objects(t, "kyverno/guard/plain/guard.yaml") {
			if object.GetKind() == "ValidatingAdmissionPolicyBinding" {
				assert.Equal(t, []any{"Deny"}, field(t, object, "spec", "validationActions"))
				return
			}
		}
		assert.Fail(t, "there is none")
	})
}

// keysOf gives every key in a tree.
func keysOf(tree any) (keys []string) {
	switch node := tree.(type) {
	case map[string]any:
		for key, below := range node {
			keys = append(append(keys, key), keysOf(below)...)
		}
	case []any:
		for _, below := range node {
			keys = append(keys, keysOf(below)...)
		}
	}
	return keys
}

// TestPoliciesKeepOutOfTheNamespacesThatSoteriaKeepsOutOf holds the lists in the
// policies to the one in the code.
func TestPoliciesKeepOutOfTheNamespacesThatSoteriaKeepsOutOf(t *testing.T) {
	excluded := kube.ExcludedNamespaces("soteria-system")
	for _, path := range append(slices.Clone(strictFiles), "kyverno/hygiene/skip-reason.yaml", "kyverno/hygiene/protected.yaml", "kyverno/hygiene/excluded.yaml") {
		for _, policy := range policiesOf(t, path) {
			if policy.GetKind() == "ClusterPolicy" {
				assert.Contains(t, conditions(t, policy)["namespace-not-excluded"], "['"+strings.Join(excluded, "', '")+"']", path)
				continue
			}
			requirements := field(t, policy, "spec", "matchConstraints", "namespaceSelector", "matchExpressions").([]any)
			first := requirements[0].(map[string]any)
			operator := "NotIn"
			if path == "kyverno/hygiene/excluded.yaml" {
				operator = "In"
			}
			assert.Equal(t, operator, first["operator"], path)
			assert.Equal(t, "kubernetes.io/metadata.name", first["key"], path)
			var names []string
			for _, name := range first["values"].([]any) {
				names = append(names, name.(string))
			}
			assert.Equal(t, excluded, names, path)
		}
	}
}

// conditions gives a policy's matchConditions by name, with white space made even.
func conditions(t *testing.T, policy unstructured.Unstructured) map[string]string {
	t.Helper()
	list, _, err := unstructured.NestedSlice(policy.Object, "spec", "matchConditions")
	require.NoError(t, err)
	if list == nil {
		list, _, err = unstructured.NestedSlice(policy.Object, "spec", "webhookConfiguration", "matchConditions")
		require.NoError(t, err)
	}
	all := map[string]string{}
	for _, each := range list {
		condition := each.(map[string]any)
		text := strings.Join(strings.Fields(condition["expression"].(string)), " ")
		all[condition["name"].(string)] = strings.NewReplacer("[ ", "[", " ]", "]").Replace(text)
	}
	return all
}

// TestTwinsAgree holds together what is written twice.
func TestTwinsAgree(t *testing.T) {
	t.Run("the CEL policies for claims and for namespaces decide alike", func(t *testing.T) {
		for _, path := range []string{"kyverno/cel/restore.yaml", "kyverno/guard/guard.yaml"} {
			twins := policiesOf(t, path)
			require.Len(t, twins, 2)
			for _, part := range []string{"variables", "mutations", "validations", "failurePolicy", "evaluation", "webhookConfiguration"} {
				assert.Equal(t, field(t, twins[0], "spec", part), field(t, twins[1], "spec", part), "%s %s", path, part)
			}
			own, namespaces := conditions(t, twins[0]), conditions(t, twins[1])
			_, mine, found := strings.Cut(own["opted-in"], "&& ")
			require.True(t, found)
			assert.Equal(t, "!has(object.metadata.labels) || !"+mine, namespaces["opted-in-by-namespace"], "each claim meets one of them")
			for _, name := range []string{"no-volume-chosen", "no-other-source"} {
				assert.Equal(t, own[name], namespaces[name])
			}
		}
	})
	t.Run("all policies leave the same claims alone", func(t *testing.T) {
		want := conditions(t, policiesOf(t, "kyverno/cel/restore.yaml")[0])
		for _, path := range []string{"kyverno/classic/restore.yaml", "kyverno/guard/guard.yaml", "kyverno/guard/plain/guard.yaml"} {
			got := conditions(t, policiesOf(t, path)[0])
			for _, name := range []string{"no-volume-chosen", "no-other-source"} {
				assert.Equal(t, want[name], got[name], path)
			}
		}
		classic := conditions(t, policiesOf(t, "kyverno/classic/restore.yaml")[0])
		assert.Equal(t, want["opted-in"]+" || request.namespace in []", classic["opted-in"])
	})
}

// TestEachFolderIsAKustomization builds them all, with the kubectl of the cluster.
func TestEachFolderIsAKustomization(t *testing.T) {
	kubectl := tool(t, "kubectl")
	built := map[string]string{}
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "kustomization.yaml" {
			return err
		}
		out, err := exec.CommandContext(t.Context(), kubectl, "kustomize", filepath.Dir(path)).CombinedOutput()
		assert.NoError(t, err, "%s: %s", path, out)
		built[filepath.Dir(path)] = string(out)
		return nil
	}))
	for _, folder := range []string{"kyverno/cel", "kyverno/classic", "kyverno/guard", "kyverno/guard/plain", "kyverno/hygiene", "volsync"} {
		assert.Contains(t, built, folder)
	}

	t.Run("and every policy is in one of them, with a header", func(t *testing.T) {
		require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".yaml" || entry.Name() == "kustomization.yaml" || strings.HasPrefix(path, "inprocess") {
				return err
			}
			text := read(t, path)
			for _, part := range []string{"# What it does: ", "# When to use it: ", "# What it refuses: "} {
				assert.Contains(t, text, part, path)
			}
			assert.Contains(t, read(t, filepath.Dir(path), "kustomization.yaml"), "- "+entry.Name(), path)
			return nil
		}))
	})
	t.Run("and the overlay for sign-in asks with a token, and else does the same", func(t *testing.T) {
		policy := filepath.Join(t.TempDir(), "policy.yaml")
		require.NoError(t, os.WriteFile(policy, []byte(built["kyverno/cel-signed-in"]), 0o600))
		for i, signedIn := range policiesOf(t, policy) {
			plain := policiesOf(t, "kyverno/cel/restore.yaml")[i]
			variables, plainVariables := field(t, signedIn, "spec", "variables").([]any), field(t, plain, "spec", "variables").([]any)
			require.Len(t, variables, len(plainVariables))
			for j := range variables {
				variable := variables[j].(map[string]any)
				if variable["name"] == "answer" {
					assert.Contains(t, variable["expression"], "'Authorization': 'Bearer '")
					continue
				}
				assert.Equal(t, plainVariables[j], variable)
			}
			assert.Equal(t, field(t, plain, "spec", "mutations"), field(t, signedIn, "spec", "mutations"))
		}
		signedInTrial(t, built["kyverno/cel-signed-in"]).requireAsExpected(t)
	})
	t.Run("and the overlay that enforces denies", func(t *testing.T) {
		assert.NotContains(t, built["kyverno/hygiene"], "Deny")
		assert.NotContains(t, built["kyverno/hygiene-enforce"], "Audit")
		assert.Equal(t, 4, strings.Count(built["kyverno/hygiene-enforce"], "- Deny"))
	})
}
