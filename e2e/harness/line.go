package harness

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/slowline"
)

// FarRepository is a repository behind a line that can be slow.
type FarRepository struct {
	*slowline.Line
	// Repository is its URL through the line, for pods.
	Repository string

	server *http.Server
}

// LayLine starts a line in this process to a repository on the S3 store. Its method
// Close must be called.
func (c *Cluster) LayLine(ctx context.Context, near string) (*FarRepository, error) {
	var service corev1.Service
	if err := c.Get(ctx, client.ObjectKey{Namespace: StoreNamespace, Name: "s3"}, &service); err != nil {
		return nil, fmt.Errorf("finding the store: %w", err)
	}
	port := fmt.Sprint(service.Spec.Ports[0].Port)
	line, err := slowline.New("http://" + net.JoinHostPort(service.Spec.ClusterIP, port))
	if err != nil {
		return nil, err
	}
	host, err := c.NodeAddress(ctx)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, fmt.Errorf("listening for pods: %w", err)
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(near, "s3:http://"), "/")
	far := &FarRepository{
		Line: line, Repository: "s3:http://" + listener.Addr().String() + "/" + path,
		server: &http.Server{Handler: line, ReadHeaderTimeout: time.Minute},
	}
	go func() { _ = far.server.Serve(listener) }() // it ends with an error, always
	return far, nil
}

// Close ends the line.
func (f *FarRepository) Close() { _ = f.server.Close() }
