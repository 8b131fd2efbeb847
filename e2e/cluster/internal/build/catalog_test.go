package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKubernetesVersionIsTheModules(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "..", "tools", "kubernetes", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "k8s.io/kubernetes "+KubernetesVersion+" ") {
		t.Errorf("e2e/tools/kubernetes/go.mod does not require k8s.io/kubernetes %s", KubernetesVersion)
	}
	if got := versioned("v1.36.3"); !strings.Contains(got, "gitMajor=1 ") || !strings.Contains(got, "gitMinor=36 ") {
		t.Errorf("linker flags %q", got)
	}
}

func TestKyvernoVersionIsTheModules(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "..", "tools", "kyverno", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "github.com/kyverno/kyverno "+KyvernoVersion+" ") {
		t.Errorf("e2e/tools/kyverno/go.mod does not require github.com/kyverno/kyverno %s", KyvernoVersion)
	}
}
