// Package registration tells the kubelet that a CSI driver is there, as the node-driver-registrar does: it serves the
// kubelet's Registration service on a socket in the folder that the kubelet watches.
package registration

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"github.com/soteria-dr/soteria/e2e/tools/csi/rpc"
)

// csiVersion is the version that the kubelet compares with its own; it means CSI 1.x.
const csiVersion = "1.0.0"

// defaultRetry is how long to wait before trying again what the kubelet refused.
const defaultRetry = 2 * time.Second

// Config describes one driver to one kubelet.
type Config struct {
	// Driver is the name of the driver.
	Driver string
	// Endpoint is the socket on which the driver answers.
	Endpoint string
	// Socket is where to register, see [Socket].
	Socket string
	Logger *slog.Logger
	// Retry is how long to wait after a refusal; 2 s if zero.
	Retry time.Duration
}

// Socket is the registration socket of a driver below a kubelet's folder.
func Socket(kubeletDir, driver string) string {
	return filepath.Join(kubeletDir, "plugins_registry", driver+"-reg.sock")
}

// Run keeps the driver registered until the context ends, and takes the registration back then.
//
// The kubelet asks a socket once, when it appears, and does not ask again after a failure of its own, such as an API
// server that was away. So Run replaces the socket after each refusal.
func Run(ctx context.Context, config Config) error {
	for ctx.Err() == nil {
		refused, err := announce(ctx, config)
		if err != nil {
			return err
		}
		if refused {
			pause(ctx, config.Retry)
		}
	}
	return nil
}

// announce serves the socket until the context ends or the kubelet refuses the driver.
func announce(ctx context.Context, config Config) (refused bool, err error) {
	announced, withdraw := context.WithCancel(ctx)
	defer withdraw()

	listener, err := rpc.Listen(ctx, config.Socket)
	if err != nil {
		return false, err
	}
	server := &server{config: config, withdraw: withdraw}
	err = rpc.Serve(announced, listener, config.Logger, func(registrar grpc.ServiceRegistrar) {
		registerapi.RegisterRegistrationServer(registrar, server)
	})
	return ctx.Err() == nil, err
}

// pause waits, unless the context ends.
func pause(ctx context.Context, wait time.Duration) {
	if wait == 0 {
		wait = defaultRetry
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// server answers the kubelet.
type server struct {
	registerapi.UnsafeRegistrationServer

	config   Config
	withdraw context.CancelFunc
}

// GetInfo says what there is to register.
func (s *server) GetInfo(context.Context, *registerapi.InfoRequest) (*registerapi.PluginInfo, error) {
	return &registerapi.PluginInfo{
		Type:              registerapi.CSIPlugin,
		Name:              s.config.Driver,
		Endpoint:          s.config.Endpoint,
		SupportedVersions: []string{csiVersion},
	}, nil
}

// NotifyRegistrationStatus hears what became of it.
func (s *server) NotifyRegistrationStatus(_ context.Context, result *registerapi.RegistrationStatus) (*registerapi.RegistrationStatusResponse, error) {
	if result.GetPluginRegistered() {
		s.config.Logger.Info("the kubelet registered the driver", "driver", s.config.Driver)
	} else {
		s.config.Logger.Error("the kubelet refused the driver", "driver", s.config.Driver, "error", result.GetError())
		s.withdraw()
	}
	return &registerapi.RegistrationStatusResponse{}, nil
}
