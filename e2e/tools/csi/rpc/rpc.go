// Package rpc serves gRPC on unix sockets: one process per socket, no socket left behind, no call cut short.
package rpc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

const (
	// maxSocketPath is what fits into a unix socket address beside its final zero byte.
	maxSocketPath = 107
	// stopGrace is how long running calls may go on once the server is to stop.
	stopGrace = 10 * time.Second
)

// Listen makes the socket, and its folder if need be. A socket that a crashed process left is replaced; one that
// somebody answers on is an error, as is anything that is no socket.
func Listen(ctx context.Context, socket string) (net.Listener, error) {
	if len(socket) > maxSocketPath {
		return nil, fmt.Errorf("socket path %s is longer than the %d bytes that fit", socket, maxSocketPath)
	}
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of the socket: %w", err)
	}
	if err := removeStale(ctx, socket); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return listener, nil
}

// removeStale removes a socket that nobody answers on.
func removeStale(ctx context.Context, socket string) error {
	info, err := os.Lstat(socket)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is in the way: it is not a socket", socket)
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err == nil {
		return errors.Join(fmt.Errorf("another process serves %s", socket), connection.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("find out whether %s is stale: %w", socket, err)
	}
	if err := os.Remove(socket); err != nil {
		return fmt.Errorf("remove the stale socket: %w", err)
	}
	return nil
}

// Serve answers on the listener until the context ends. Then it lets running calls finish, within reason, closes the
// listener, which removes the socket, and returns nil. The listener is closed whenever Serve returns.
func Serve(ctx context.Context, listener net.Listener, logger *slog.Logger, register func(grpc.ServiceRegistrar)) error {
	server := grpc.NewServer(grpc.UnaryInterceptor(logCalls(logger)))
	register(server)

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	hardStop := time.AfterFunc(stopGrace, server.Stop)
	defer hardStop.Stop()
	server.GracefulStop()
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	return nil
}

// logCalls logs every call: failures as warnings, the rest, which the kubelet makes all the time, for debugging.
func logCalls(logger *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		begin := time.Now()
		response, err := handle(ctx, request)
		attributes := []slog.Attr{slog.String("method", info.FullMethod), slog.Duration("took", time.Since(begin))}
		if err != nil {
			attributes = append(attributes, slog.String("code", status.Code(err).String()), slog.Any("error", err))
			logger.LogAttrs(ctx, slog.LevelWarn, "call failed", attributes...)
		} else {
			logger.LogAttrs(ctx, slog.LevelDebug, "call answered", attributes...)
		}
		return response, err
	}
}
