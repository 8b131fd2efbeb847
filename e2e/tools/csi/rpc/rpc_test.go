package rpc_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/soteria-dr/soteria/e2e/tools/csi/identity"
	"github.com/soteria-dr/soteria/e2e/tools/csi/rpc"
)

func socketPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "plugin", "csi.sock")
}

func listen(t *testing.T, socket string) *net.UnixListener {
	t.Helper()
	listener, err := rpc.Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	return listener.(*net.UnixListener)
}

func TestServeAnswersUntilTheContextEnds(t *testing.T) {
	socket := socketPath(t)
	listener := listen(t, socket)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- rpc.Serve(ctx, listener, slog.New(slog.DiscardHandler), func(registrar grpc.ServiceRegistrar) {
			csi.RegisterIdentityServer(registrar, identity.New("driver"))
		})
	}()

	connection, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	info, err := csi.NewIdentityClient(connection).GetPluginInfo(ctx, &csi.GetPluginInfoRequest{})
	if err != nil || info.GetName() != "driver" {
		t.Errorf("GetPluginInfo = %v, %v", info, err)
	}

	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve = %v", err)
	}
	if err := connection.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	listener := listen(t, socketPath(t))
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := rpc.Serve(t.Context(), listener, slog.New(slog.DiscardHandler), func(grpc.ServiceRegistrar) {}); err == nil {
		t.Error("Serve on a closed listener reported no error")
	}
}

func TestListenReplacesTheSocketOfACrashedProcess(t *testing.T) {
	socket := socketPath(t)
	crashed := listen(t, socket)
	crashed.SetUnlinkOnClose(false)
	if err := crashed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := listen(t, socket).Close(); err != nil {
		t.Error(err)
	}
}

func TestListenLeavesALivingSocketAlone(t *testing.T) {
	socket := socketPath(t)
	living := listen(t, socket)
	if listener, err := rpc.Listen(t.Context(), socket); err == nil {
		t.Errorf("Listen gave %v beside a living listener", listener.Addr())
	}
	if _, err := os.Lstat(socket); err != nil {
		t.Error(err)
	}
	if err := living.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenLeavesFilesAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "csi.sock")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.Listen(t.Context(), file); err == nil {
		t.Error("Listen reported no error for a file in the way")
	}
	if _, err := os.Lstat(file); err != nil {
		t.Error(err)
	}
}

func TestListenNamesAPathThatIsTooLong(t *testing.T) {
	socket := filepath.Join(t.TempDir(), strings.Repeat("a", 108))
	if _, err := rpc.Listen(t.Context(), socket); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("Listen = %v, want the length named", err)
	}
}
