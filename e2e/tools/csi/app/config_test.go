package app_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/soteria-dr/soteria/e2e/tools/csi/app"
)

var required = []string{"--node-name=node-a", "--kubelet-dir=kubelet", "--data-dir=data", "--kubeconfig=kubeconfig"}

func TestParseFlagsMakesPathsAbsolute(t *testing.T) {
	config, err := app.ParseFlags(required, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{config.KubeletDir, config.DataDir, config.Kubeconfig} {
		if !filepath.IsAbs(path) {
			t.Errorf("%s is not absolute", path)
		}
	}
	if config.Driver != app.DefaultDriver {
		t.Errorf("the driver is %q", config.Driver)
	}
}

func TestParseFlagsNamesEachMistake(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no node":          {required[1:], "--node-name"},
		"nothing at all":   {nil, "--kubeconfig"},
		"driver is a path": {append(slices.Clone(required), "--driver-name=../driver"), "--driver-name"},
		"driver too long":  {append(slices.Clone(required), "--driver-name="+strings.Repeat("a", 64)), "--driver-name"},
		"unknown flag":     {append(slices.Clone(required), "--unknown"), "unknown"},
		"stray argument":   {append(slices.Clone(required), "stray"), "stray"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := app.ParseFlags(test.args, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ParseFlags = %v, want %q named", err, test.want)
			}
		})
	}
}
