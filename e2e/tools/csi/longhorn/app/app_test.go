package app

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/longhorntest"
	"github.com/soteria-dr/soteria/e2e/tools/csi/loopdev"
	"github.com/soteria-dr/soteria/e2e/tools/csi/registration"
)

// start runs the driver on an empty Longhorn and returns when it can be reached. It ends with the test, and must leave no
// loop device then.
func start(t *testing.T) (Config, *longhorntest.Longhorn) {
	t.Helper()
	longhorn := longhorntest.Start(t)
	// Not the test's own folder: its name can be too long for a socket's path.
	base, err := os.MkdirTemp("", "csi")
	if err != nil {
		t.Fatal(err)
	}
	config := Config{
		Node:        longhorntest.Node,
		KubeletDir:  filepath.Join(base, "kubelet"),
		ImageDir:    longhorn.Dir,
		LonghornURL: longhorn.URL,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, config, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the driver failed: %v", err)
		}
		waitForNoDevices(t, longhorn.Dir)
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	connection, err := grpc.NewClient("unix:"+registration.Socket(config.KubeletDir, Driver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	info, err := registerapi.NewRegistrationClient(connection).GetInfo(t.Context(), &registerapi.InfoRequest{}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	if info.GetName() != Driver || info.GetEndpoint() != config.Endpoint() {
		t.Errorf("the kubelet is told of %s at %s", info.GetName(), info.GetEndpoint())
	}
	return config, longhorn
}

// waitForNoDevices waits, for the kernel detaches a device only after its last user has closed it.
func waitForNoDevices(t *testing.T, dir string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left, err := loopdev.Below(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("devices are left: %v", left)
		}
	}
}

// TestSanity runs the CSI project's own conformance tests.
func TestSanity(t *testing.T) {
	config, longhorn := start(t)
	test := sanity.NewTestConfig()
	test.Address = "unix://" + config.Endpoint()
	test.TargetPath = filepath.Join(config.KubeletDir, "target")
	test.StagingPath = filepath.Join(config.KubeletDir, "staging")
	test.TestVolumeParameters = map[string]string{"numberOfReplicas": "1"}
	test.TestVolumeSize = 16 << 20
	test.TestVolumeExpandSize = 32 << 20
	sanity.Test(t, test)

	images, err := os.ReadDir(longhorn.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images {
		t.Errorf("the folder of the images still holds %s", image.Name())
	}
}

func TestASecondProcessDoesNotStart(t *testing.T) {
	config, _ := start(t)
	if err := Run(t.Context(), config, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a second process on the same socket reported no error")
	}
}

var required = []string{"--node-name=node-a", "--kubelet-dir=kubelet", "--image-dir=images", "--longhorn-url=http://127.0.0.1:9500"}

func TestParseFlagsMakesPathsAbsolute(t *testing.T) {
	config, err := ParseFlags(required, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(config.KubeletDir) || !filepath.IsAbs(config.ImageDir) {
		t.Errorf("%+v has a path that is not absolute", config)
	}
}

func TestParseFlagsNamesEachMistake(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no node":        {required[1:], "--node-name"},
		"no Longhorn":    {required[:3], "--longhorn-url"},
		"unknown flag":   {append(slices.Clone(required), "--unknown"), "unknown"},
		"stray argument": {append(slices.Clone(required), "stray"), "stray"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseFlags(test.args, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ParseFlags = %v, want %q named", err, test.want)
			}
		})
	}
}
