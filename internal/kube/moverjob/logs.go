package moverjob

import (
	"context"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

// LogReader reads the end of a container's log: the last few lines, complete or
// not. It may fail at will; what it reads is only for showing progress.
type LogReader interface {
	Tail(ctx context.Context, namespace, pod, container string) ([]byte, error)
}

// The end of a log that is read for progress.
const (
	tailLines = 5
	tailBytes = 64 << 10
)

// NewLogReader reads logs through the API server (pods/log, verb get).
func NewLogReader(clientset kubernetes.Interface) LogReader { return apiLogs{clientset} }

type apiLogs struct{ clientset kubernetes.Interface }

// Tail implements [LogReader].
func (l apiLogs) Tail(ctx context.Context, namespace, pod, container string) ([]byte, error) {
	stream, err := l.clientset.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{
		Container: container, TailLines: ptr.To[int64](tailLines), LimitBytes: ptr.To[int64](tailBytes),
	}).Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("the log of pod %s/%s: %w", namespace, pod, err)
	}
	defer stream.Close()
	return io.ReadAll(io.LimitReader(stream, tailBytes))
}
