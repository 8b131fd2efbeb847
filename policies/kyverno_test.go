package policies_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

var (
	tools   = map[string]string{}
	toolsMu sync.Mutex
)

// tool gives the path of a program that the cluster's launcher builds.
func tool(t *testing.T, name string) string {
	t.Helper()
	toolsMu.Lock()
	defer toolsMu.Unlock()
	if path, built := tools[name]; built {
		return path
	}
	command := exec.CommandContext(context.Background(), "go", "run", "-C", filepath.Join("..", "e2e", "cluster"), ".", "tool", name)
	command.Stderr = os.Stderr
	out, err := command.Output()
	require.NoError(t, err, "building %s", name)
	tools[name] = strings.TrimSpace(string(out))
	return tools[name]
}

// kyvernoTest is the file kyverno-test.yaml, as far as it is used here.
type kyvernoTest struct {
	APIVersion       string            `json:"apiVersion"`
	Kind             string            `json:"kind"`
	Metadata         map[string]string `json:"metadata"`
	Policies         []string          `json:"policies"`
	Resources        []string          `json:"resources"`
	Variables        string            `json:"variables,omitempty"`
	Context          string            `json:"context,omitempty"`
	APICallResponses []mockedCall      `json:"apiCallResponses,omitempty"`
	Results          []expected        `json:"results"`
}

type mockedCall struct {
	URL      string         `json:"url,omitempty"`
	URLPath  string         `json:"urlPath,omitempty"`
	Method   string         `json:"method"`
	Response mockedResponse `json:"response"`
}

type mockedResponse struct {
	StatusCode int            `json:"statusCode"`
	Body       map[string]any `json:"body"`
}

// expected is what one policy is to make of one claim.
type expected struct {
	Policy                      string   `json:"policy"`
	Rule                        string   `json:"rule,omitempty"`
	Kind                        string   `json:"kind"`
	Resources                   []string `json:"resources"`
	PatchedResources            string   `json:"patchedResources,omitempty"`
	IsMutatingPolicy            bool     `json:"isMutatingPolicy,omitempty"`
	IsValidatingPolicy          bool     `json:"isValidatingPolicy,omitempty"`
	IsValidatingAdmissionPolicy bool     `json:"isValidatingAdmissionPolicy,omitempty"`
	Result                      string   `json:"result"`
}

// trial is one run of the command line.
type trial struct {
	// policy is the text of the policies.
	policy string
	// objects are what the policies are tried on, patched what some of them
	// become.
	objects, patched []any
	calls            []mockedCall
	results          []expected
	namespaces       map[string]map[string]string
	// secrets are what the policies can read in the cluster.
	secrets []corev1.Secret
}

// run tells what the command line said, and whether all was as expected.
func (trial trial) run(t *testing.T) (output string, err error) {
	t.Helper()
	program := tool(t, "kubectl-kyverno")
	folder := t.TempDir()
	write := func(name string, text []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), text, 0o600))
	}
	write("policy.yaml", []byte(trial.policy))
	write("objects.yaml", documents(t, trial.objects))
	write("patched.yaml", documents(t, trial.patched))
	write("values.yaml", documents(t, []any{values(trial.namespaces)}))
	write("context.yaml", documents(t, []any{map[string]any{
		"apiVersion": "cli.kyverno.io/v1alpha1", "kind": "Context", "metadata": map[string]string{"name": "context"},
		"spec": map[string]any{"resources": trial.secrets},
	}}))
	write("kyverno-test.yaml", documents(t, []any{kyvernoTest{
		APIVersion: "cli.kyverno.io/v1alpha1", Kind: "Test", Metadata: map[string]string{"name": "soteria"},
		Policies: []string{"policy.yaml"}, Resources: []string{"objects.yaml"}, Variables: "values.yaml", Context: "context.yaml",
		APICallResponses: trial.calls, Results: trial.results,
	}}))
	command := exec.CommandContext(t.Context(), program, "test", folder, "--require-tests", "--detailed-results", "--remove-color")
	out, err := command.CombinedOutput()
	return string(out), err
}

// values tells the command line what labels the namespaces have.
func values(namespaces map[string]map[string]string) any {
	type namespace struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	}
	var selectors []namespace
	for name, labels := range namespaces {
		selectors = append(selectors, namespace{name, labels})
	}
	return map[string]any{
		"apiVersion": "cli.kyverno.io/v1alpha1", "kind": "Values", "metadata": map[string]string{"name": "values"},
		"namespaceSelector": selectors,
	}
}

func documents(t *testing.T, objects []any) []byte {
	t.Helper()
	var all []byte
	for _, object := range objects {
		text, err := yaml.Marshal(object)
		require.NoError(t, err)
		all = append(append(all, "---\n"...), text...)
	}
	return all
}

// read gives the text of a file of this folder.
func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(text)
}

// requireAsExpected requires that a policy does what its trial expects.
func (trial trial) requireAsExpected(t *testing.T) {
	t.Helper()
	output, err := trial.run(t)
	require.NoError(t, err, surprises(output))
}

// hole is what a policy would be with checks taken out: pairs of a part of its
// text and what is there instead. The trial must find that it fails a claim.
type hole struct {
	claim        string
	replacements []string
}

// requireHolesFound requires that the trial of a policy fails where it has a
// hole, so that it passes for a reason.
func requireHolesFound(t *testing.T, policy string, try func(policy string) trial, holes map[string]hole) {
	t.Helper()
	for name, hole := range holes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := 0; i < len(hole.replacements); i += 2 {
				require.Contains(t, policy, hole.replacements[i], "the check that is taken out is there")
			}
			trial := try(strings.NewReplacer(hole.replacements...).Replace(policy))
			trial.only(hole.claim)
			output, err := trial.run(t)
			require.Error(t, err, "the trial is failed")
			require.Contains(t, surprises(output), hole.claim+" ", "because of %s", hole.claim)
		})
	}
}

// only leaves one claim in the trial.
func (trial *trial) only(key string) {
	trial.results = slices.DeleteFunc(trial.results, func(e expected) bool { return e.Resources[0] != key })
	trial.objects = slices.DeleteFunc(trial.objects, func(object any) bool { return client.ObjectKeyFromObject(object.(client.Object)).String() != key })
}

// surprises are the lines of the command line's table that were not expected; all
// that it said where it made no table.
func surprises(output string) string {
	if !strings.Contains(output, "Test Summary") {
		return output
	}
	var unexpected []string
	for line := range strings.Lines(output) {
		if strings.Contains(line, "│ Fail") {
			unexpected = append(unexpected, line)
		}
	}
	return strings.Join(unexpected, "")
}

func keyOf(claim *corev1.PersistentVolumeClaim) string { return claim.Namespace + "/" + claim.Name }
