//go:build e2e

package scenarios_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// aPlumber is a Deployment as users of pvc-plumber have it, with nothing changed
// but its image. It may not speak to the Kubernetes API.
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
            requests: {cpu: 10m, memory: 32Mi}
            limits: {memory: 64Mi}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            runAsNonRoot: true
            runAsUser: 568
            runAsGroup: 568
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
	const namespace = "e2e-plumber" // and the bucket's name
	s := begin(t, 5*time.Minute, namespace)
	s.after(func(ctx context.Context) error {
		_, err := cluster.StoreShell(ctx, "rm", "-rf", "/data/"+namespace)
		return err
	})
	const folder = "/data/" + namespace + "/karakeep/"
	_, err := cluster.StoreShell(s.ctx, "sh", "-c", "mkdir -p "+folder+"data-pvc/snapshots "+folder+"new/keys && "+
		"echo x | tee "+folder+"data-pvc/config "+folder+"data-pvc/snapshots/0a "+folder+"new/config "+folder+"new/keys/0a")
	require.NoError(s, err)
	var keys corev1.Secret
	require.NoError(s, cluster.Get(s.ctx, client.ObjectKey{Namespace: harness.SoteriaNamespace, Name: "soteria-restic"}, &keys))
	theirs := &corev1.Secret{Data: map[string][]byte{"access-key": keys.Data["AWS_ACCESS_KEY_ID"], "secret-key": keys.Data["AWS_SECRET_ACCESS_KEY"]}}
	theirs.Namespace, theirs.Name = namespace, "pvc-plumber-s3"
	require.NoError(s, cluster.Create(s.ctx, theirs))
	s.apply(fmt.Sprintf(aPlumber, namespace))
	require.NoError(s, cluster.AwaitRollout(s.ctx, namespace, "pvc-plumber"))

	for claim, exists := range map[string]bool{"data-pvc": true, "new": false, "none": false} {
		s.await("a proved answer", func(ctx context.Context) (bool, string, error) {
			var answer wire.Existence
			status, err := cluster.AskAt(ctx, namespace, "pvc-plumber:8080", "exists/karakeep/"+claim, &answer)
			if err != nil || status != http.StatusOK {
				return false, answer.Error, err
			}
			require.Equal(s, exists, answer.Exists, claim)
			require.True(s, answer.Authoritative)
			require.Equal(s, "s3", answer.Backend)
			return true, "", nil
		})
	}
	var pods corev1.PodList
	require.NoError(s, cluster.List(s.ctx, &pods, client.InNamespace(namespace)))
	require.Len(s, pods.Items, 1)
	require.Zero(s, pods.Items[0].Status.ContainerStatuses[0].RestartCount, "64 MiB are enough")
}
