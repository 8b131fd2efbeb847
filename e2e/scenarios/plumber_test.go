//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// aPlumber is the Deployment for S3 that pvc-plumber publishes, with nothing changed
// but its image, its store, and how soon it is asked whether it is ready. It may not
// speak to the Kubernetes API.
const aPlumber = `apiVersion: apps/v1
kind: Deployment
metadata: {name: pvc-plumber, namespace: %[1]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: pvc-plumber}}
  template:
    metadata: {labels: {app: pvc-plumber}}
    spec:
      automountServiceAccountToken: false
      containers:
        - name: pvc-plumber
          image: localhost/soteria:e2e
          imagePullPolicy: Never
          ports: [{containerPort: 8080, name: http}]
          env:
            - {name: BACKEND_TYPE, value: s3}
            - {name: S3_ENDPOINT, value: "s3.backup-store.svc:7070"}
            - {name: S3_BUCKET, value: %[1]s}
            - {name: S3_SECURE, value: "false"}
            - {name: LOG_LEVEL, value: info}
            - name: S3_ACCESS_KEY
              valueFrom: {secretKeyRef: {name: pvc-plumber-s3, key: access-key}}
            - name: S3_SECRET_KEY
              valueFrom: {secretKeyRef: {name: pvc-plumber-s3, key: secret-key}}
          livenessProbe: {httpGet: {path: /healthz, port: http}}
          readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
          resources:
            requests: {cpu: 10m, memory: 16Mi}
            limits: {cpu: 100m, memory: 32Mi}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            runAsNonRoot: true
            runAsUser: 65532
            capabilities: {drop: [ALL]}
---
apiVersion: v1
kind: Service
metadata: {name: pvc-plumber, namespace: %[1]s}
spec:
  selector: {app: pvc-plumber}
  ports: [{port: 8080, targetPort: http, name: http}]
`

func TestAPvcPlumberDeploymentWorksWithSoteriasImage(t *testing.T) {
	t.Parallel()
	const (
		namespace = "e2e-plumber" // and the bucket's name
		questions = 300
		atOnce    = 32
	)
	s := begin(t, 5*time.Minute, namespace)
	s.startPlumber(namespace, "karakeep/data-pvc/config", "karakeep/data-pvc/snapshots/0a", "karakeep/new/config", "karakeep/new/keys/0a")
	for claim, exists := range map[string]bool{"data-pvc": true, "new": false, "none": false} {
		s.await("a proved answer", func(ctx context.Context) (bool, string, error) {
			status, answer, err := askPlumber(ctx, namespace, "karakeep/"+claim)
			if err != nil || status != http.StatusOK {
				return false, answer.Error, err
			}
			require.Equal(s, exists, answer.Exists, claim)
			require.True(s, answer.Authoritative)
			require.Equal(s, "s3", answer.Backend)
			return true, "", nil
		})
	}
	asked, ctx := errgroup.WithContext(s.ctx)
	asked.SetLimit(atOnce)
	for n := range questions {
		asked.Go(func() error {
			_, _, err := askPlumber(ctx, namespace, fmt.Sprintf("karakeep/none-%d", n))
			return err
		})
	}
	require.NoError(s, asked.Wait())
	var pods corev1.PodList
	require.NoError(s, cluster.List(s.ctx, &pods, client.InNamespace(namespace)))
	require.Len(s, pods.Items, 1)
	require.Zero(s, pods.Items[0].Status.ContainerStatuses[0].RestartCount, "32 MiB are enough")
}

// startPlumber puts objects into a bucket of the namespace's name and starts a plumber
// in the namespace that looks there.
func (s *scenario) startPlumber(namespace string, keys ...string) {
	s.Helper()
	s.after(func(ctx context.Context) error { return removeBucket(ctx, namespace) })
	for _, key := range keys {
		object := "/data/" + namespace + "/" + key
		_, err := cluster.StoreShell(s.ctx, "sh", "-c", fmt.Sprintf("mkdir -p %s && echo x > %s", path.Dir(object), object))
		require.NoError(s, err)
	}
	keysOfStore, err := storeKeys(s.ctx, namespace)
	require.NoError(s, err)
	require.NoError(s, cluster.Create(s.ctx, keysOfStore))
	s.apply(fmt.Sprintf(aPlumber, namespace))
	require.NoError(s, cluster.AwaitRollout(s.ctx, namespace, "pvc-plumber"))
}

// askPlumber asks the plumber in a namespace about a claim, "namespace/name".
func askPlumber(ctx context.Context, namespace, claim string) (status int, answer wire.Existence, err error) {
	status, err = cluster.AskAt(ctx, namespace, "pvc-plumber:8080", "exists/"+claim, &answer)
	return status, answer, err
}
