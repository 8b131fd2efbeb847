// Command csi-longhorn is the CSI driver of the Longhorn of the end-to-end cluster, for one node: see package csi.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/klog/v2"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/app"
)

const exitUsage = 2

func main() {
	os.Exit(run())
}

// run returns the exit code: 0 after a signal, 1 after a failure, 2 for flags that are wrong.
func run() int {
	config, err := app.ParseFlags(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	logger := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: config.LogLevel}))
	if err != nil {
		logger.Error("the flags are wrong", "error", err)
		return exitUsage
	}
	// What the Kubernetes libraries say without a logger of their own.
	klog.SetSlogLogger(logger)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := app.Run(ctx, config, logger); err != nil {
		logger.Error("the driver failed", "error", err)
		return 1
	}
	logger.Info("stopped")
	return 0
}
