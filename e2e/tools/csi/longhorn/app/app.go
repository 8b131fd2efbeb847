package app

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/soteria-dr/soteria/e2e/tools/csi/identity"
	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/api"
	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/controller"
	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/device"
	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/node"
	"github.com/soteria-dr/soteria/e2e/tools/csi/registration"
	"github.com/soteria-dr/soteria/e2e/tools/csi/rpc"
)

// Run runs the driver until the context ends or a part of it fails. Neither Longhorn nor the kubelet need be there yet.
func Run(ctx context.Context, config Config, logger *slog.Logger) error {
	longhorn, err := api.New(config.LonghornURL)
	if err != nil {
		return err
	}
	// The socket comes first: whoever holds it is the only one to work on the devices.
	listener, err := rpc.Listen(ctx, config.Endpoint())
	if err != nil {
		return err
	}
	devices, err := device.Open(config.ImageDir)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return serve(ctx, listener, config, longhorn, devices, logger) })
	parts.Go(func() error {
		return registration.Run(ctx, registration.Config{
			Driver:   Driver,
			Endpoint: config.Endpoint(),
			Socket:   registration.Socket(config.KubeletDir, Driver),
			Logger:   logger,
		})
	})
	return parts.Wait()
}

// serve answers the CSI calls.
func serve(ctx context.Context, listener net.Listener, config Config, longhorn *api.Client, devices device.Folder, logger *slog.Logger) error {
	logger.Info("serving", "driver", Driver, "node", config.Node, "endpoint", config.Endpoint(), "longhorn", config.LonghornURL)
	return rpc.Serve(ctx, listener, logger, func(registrar grpc.ServiceRegistrar) {
		csi.RegisterIdentityServer(registrar, identity.New(Driver, csi.PluginCapability_Service_CONTROLLER_SERVICE).
			WithExpansion(csi.PluginCapability_VolumeExpansion_ONLINE))
		csi.RegisterControllerServer(registrar, controller.New(controller.Config{
			Driver: Driver, Longhorn: longhorn, Devices: devices, Logger: logger,
		}))
		csi.RegisterNodeServer(registrar, node.New(node.Config{
			Node: config.Node, Longhorn: longhorn, Devices: devices, Logger: logger,
		}))
	})
}
