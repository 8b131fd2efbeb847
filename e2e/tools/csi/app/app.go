package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/soteria-dr/soteria/e2e/tools/csi/controller"
	"github.com/soteria-dr/soteria/e2e/tools/csi/identity"
	"github.com/soteria-dr/soteria/e2e/tools/csi/mounts"
	"github.com/soteria-dr/soteria/e2e/tools/csi/node"
	"github.com/soteria-dr/soteria/e2e/tools/csi/provision"
	"github.com/soteria-dr/soteria/e2e/tools/csi/registration"
	"github.com/soteria-dr/soteria/e2e/tools/csi/rpc"
	"github.com/soteria-dr/soteria/e2e/tools/csi/volume"
)

// What the client may ask of the API server per second: the tests make a thousand claims at once.
const (
	clientQPS   = 100
	clientBurst = 200
)

// Run runs the driver until the context ends or a part of it fails. The API server need not answer yet.
func Run(ctx context.Context, config Config, logger *slog.Logger) error {
	client, err := connect(config.Kubeconfig)
	if err != nil {
		return err
	}
	return run(ctx, config, client, logger)
}

// connect makes the client without calling anybody.
func connect(kubeconfig string) (kubernetes.Interface, error) {
	rest, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	rest.QPS, rest.Burst = clientQPS, clientBurst
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return nil, fmt.Errorf("make the client: %w", err)
	}
	return client, nil
}

func run(ctx context.Context, config Config, client kubernetes.Interface, logger *slog.Logger) (err error) {
	// The socket comes first: whoever holds it is the only one to work on the volumes.
	listener, err := rpc.Listen(ctx, config.Endpoint())
	if err != nil {
		return err
	}
	store, err := openStore(config.DataDir, logger)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	volumes := controller.New(config.Node, store, logger)
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return serve(ctx, listener, config, volumes, store, logger) })
	parts.Go(func() error {
		return registration.Run(ctx, registration.Config{
			Driver:   config.Driver,
			Endpoint: config.Endpoint(),
			Socket:   registration.Socket(config.KubeletDir, config.Driver),
			Logger:   logger,
		})
	})
	parts.Go(func() error {
		provision.Run(ctx, provision.Config{
			Driver:      config.Driver,
			TopologyKey: controller.TopologyKey,
			Share:       config.share(),
			Volumes:     volumes,
			Client:      client,
			Logger:      logger,
		})
		return nil
	})
	return parts.Wait()
}

// openStore opens the store and removes what a crash left in it.
func openStore(dir string, logger *slog.Logger) (*volume.Store, error) {
	store, err := volume.Open(dir, mounts.Users)
	if err != nil {
		return nil, err
	}
	removed, err := store.Clean()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("clean the data directory: %w", err), store.Close())
	}
	if len(removed) > 0 {
		logger.Info("removed what a crash left behind", "names", removed)
	}
	return store, nil
}

// serve answers the CSI calls.
func serve(ctx context.Context, listener net.Listener, config Config, volumes csi.ControllerServer, store *volume.Store, logger *slog.Logger) error {
	logger.Info("serving", "driver", config.Driver, "node", config.Node, "endpoint", config.Endpoint(), "data", config.DataDir)
	return rpc.Serve(ctx, listener, logger, func(registrar grpc.ServiceRegistrar) {
		csi.RegisterIdentityServer(registrar, identity.New(config.Driver,
			csi.PluginCapability_Service_CONTROLLER_SERVICE,
			csi.PluginCapability_Service_VOLUME_ACCESSIBILITY_CONSTRAINTS,
		))
		csi.RegisterControllerServer(registrar, volumes)
		csi.RegisterNodeServer(registrar, node.New(node.Config{
			Node: config.Node, TopologyKey: controller.TopologyKey, Volumes: store, Logger: logger,
		}))
	})
}
