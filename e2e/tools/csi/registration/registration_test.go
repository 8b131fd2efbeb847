package registration_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/apimachinery/pkg/util/wait"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"github.com/soteria-dr/soteria/e2e/tools/csi/registration"
)

const driver = "local.csi.example"

// start runs a registration and returns its socket and a function that ends it and waits for the end.
func start(t *testing.T) (socket string, stop func()) {
	t.Helper()
	socket = registration.Socket(t.TempDir(), driver)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- registration.Run(ctx, registration.Config{
			Driver:   driver,
			Endpoint: "/plugins/csi.sock",
			Socket:   socket,
			Logger:   slog.New(slog.DiscardHandler),
			Retry:    time.Millisecond,
		})
	}()
	return socket, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

// kubelet connects as the kubelet does, waiting for the socket.
func kubelet(t *testing.T, socket string) registerapi.RegistrationClient {
	t.Helper()
	connection, err := grpc.NewClient("unix:"+socket,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	})
	return registerapi.NewRegistrationClient(connection)
}

func TestTheKubeletLearnsOfTheDriver(t *testing.T) {
	socket, stop := start(t)
	client := kubelet(t, socket)

	info, err := client.GetInfo(t.Context(), &registerapi.InfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if info.GetType() != registerapi.CSIPlugin || info.GetName() != driver || info.GetEndpoint() != "/plugins/csi.sock" {
		t.Errorf("GetInfo = %v", info)
	}
	if versions := info.GetSupportedVersions(); len(versions) != 1 || versions[0] != "1.0.0" {
		t.Errorf("supported versions are %q, want 1.0.0", versions)
	}
	if _, err := client.NotifyRegistrationStatus(t.Context(), &registerapi.RegistrationStatus{PluginRegistered: true}); err != nil {
		t.Fatal(err)
	}

	stop()
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestARefusedDriverAnnouncesItselfAgain(t *testing.T) {
	socket, stop := start(t)
	defer stop()
	client := kubelet(t, socket)
	if _, err := client.GetInfo(t.Context(), &registerapi.InfoRequest{}); err != nil {
		t.Fatal(err)
	}
	first, err := os.Lstat(socket)
	if err != nil {
		t.Fatal(err)
	}

	refusal := &registerapi.RegistrationStatus{Error: "the API server is away"}
	if _, err := client.NotifyRegistrationStatus(t.Context(), refusal); err != nil {
		t.Fatal(err)
	}
	replaced := func(context.Context) (bool, error) {
		second, err := os.Lstat(socket)
		return err == nil && second.ModTime() != first.ModTime(), nil
	}
	if err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, 10*time.Second, true, replaced); err != nil {
		t.Fatalf("the socket was not replaced: %v", err)
	}
	if _, err := kubelet(t, socket).GetInfo(t.Context(), &registerapi.InfoRequest{}); err != nil {
		t.Error(err)
	}
}
