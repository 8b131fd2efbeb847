package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/client-go/kubernetes/fake"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"github.com/soteria-dr/soteria/e2e/tools/csi/registration"
)

// start runs the driver against an empty API and returns when it can be reached. It ends with the test.
func start(t *testing.T) Config {
	t.Helper()
	// Not the test's own folder: its name can be too long for a socket's path.
	base, err := os.MkdirTemp("", "csi")
	if err != nil {
		t.Fatal(err)
	}
	config := Config{
		Node:       "node-a",
		KubeletDir: filepath.Join(base, "kubelet"),
		DataDir:    filepath.Join(base, "data"),
		Driver:     DefaultDriver,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, config, fake.NewClientset(), slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the driver failed: %v", err)
		}
		for _, socket := range []string{config.Endpoint(), registration.Socket(config.KubeletDir, config.Driver)} {
			if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is still there: %v", socket, err)
			}
		}
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	waitForRegistration(t, config)
	return config
}

// waitForRegistration asks as the kubelet does, and checks that it is sent to the driver.
func waitForRegistration(t *testing.T, config Config) {
	t.Helper()
	connection, err := grpc.NewClient("unix:"+registration.Socket(config.KubeletDir, config.Driver),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	info, err := registerapi.NewRegistrationClient(connection).GetInfo(t.Context(), &registerapi.InfoRequest{}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	if info.GetEndpoint() != config.Endpoint() {
		t.Errorf("the kubelet is sent to %s, want %s", info.GetEndpoint(), config.Endpoint())
	}
	if err := connection.Close(); err != nil {
		t.Error(err)
	}
}

// TestSanity runs the CSI project's own conformance tests.
func TestSanity(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	config := start(t)
	test := sanity.NewTestConfig()
	test.Address = "unix://" + config.Endpoint()
	test.TargetPath = filepath.Join(config.KubeletDir, "target")
	test.StagingPath = filepath.Join(config.KubeletDir, "staging")
	test.TestVolumeParameters = map[string]string{"lostAndFound": "true"}
	sanity.Test(t, test)

	entries, err := os.ReadDir(config.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		t.Errorf("the data directory still holds %s", entry.Name())
	}
}

func TestASecondProcessDoesNotStart(t *testing.T) {
	config := start(t)
	if err := run(t.Context(), config, fake.NewClientset(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a second process on the same socket reported no error")
	}
}

func TestAMissingKubeconfigIsAnError(t *testing.T) {
	config := Config{Kubeconfig: filepath.Join(t.TempDir(), "missing")}
	if err := Run(t.Context(), config, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("Run without a kubeconfig reported no error")
	}
}
