// Command longhorn-standin is Longhorn without its data path, for the end-to-end cluster: see package longhorn.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/app"
)

const exitUsage = 2

func main() {
	os.Exit(run())
}

// run returns the exit code: 0 after a signal, 1 after a failure, 2 for flags that are wrong.
func run() int {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	config, err := app.ParseFlags(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		logger.Error("the flags are wrong", "error", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := app.Run(ctx, config, logger); err != nil {
		logger.Error("the stand-in failed", "error", err)
		return 1
	}
	logger.Info("stopped")
	return 0
}
