package harness

import (
	"context"
	"fmt"
	"strings"
	"text/template"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube"
)

// BusyboxImage has a shell and treetool.
const BusyboxImage = "localhost/busybox:e2e"

// Protected are the labels of a claim that is restored if it has a backup, and
// Unprotected those of one that Soteria never hears of.
var (
	Protected   = map[string]string{v1alpha1.RestoreLabel: "auto"}
	Unprotected = map[string]string{}
)

// App is a workload with one claim, as its Git repository describes it. The
// zero fields get defaults in Manifest.
type App struct {
	Namespace string
	// Name is the name of the claim and of the Deployment. One that ends in "-"
	// leaves the claim's name to the API server (generateName).
	Name string
	// Class is the storage class; "local" by default.
	Class string
	// Size is what the claim asks for; 1Gi by default.
	Size string
	// AccessMode is the claim's; ReadWriteOnce by default.
	AccessMode string
	// Labels and Annotations are the claim's; by default it is labeled
	// soteria.dev/restore=auto.
	Labels      map[string]string
	Annotations map[string]string
	// ClaimOnly leaves the Deployment out.
	ClaimOnly bool
	// Block makes the claim a raw block device, which the Deployment has at
	// /dev/data.
	Block bool
	// Node is the node that the Deployment's pod runs on, whatever its taints; any
	// by default.
	Node string
	// Spec is more of the claim's spec, as lines of YAML without indentation.
	Spec []string
}

var manifest = template.Must(template.New("app").Funcs(template.FuncMap{"hasSuffix": strings.HasSuffix}).Parse(`apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{if hasSuffix .Name "-"}}generateName{{else}}name{{end}}: {{.Name}}
  namespace: {{.Namespace}}
  labels:
{{- range $k, $v := .Labels}}
    {{$k}}: {{printf "%q" $v}}
{{- end}}
  annotations:
{{- range $k, $v := .Annotations}}
    {{$k}}: {{printf "%q" $v}}
{{- end}}
spec:
  storageClassName: {{.Class}}
{{- if .Block}}
  volumeMode: Block
{{- end}}
  accessModes: [{{.AccessMode}}]
  resources:
    requests:
      storage: {{.Size}}
{{- range .Spec}}
  {{.}}
{{- end}}
{{- if not .ClaimOnly}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{.Name}}
  namespace: {{.Namespace}}
spec:
  strategy: {type: Recreate}
  selector:
    matchLabels: {app: {{.Name}}}
  template:
    metadata:
      labels: {app: {{.Name}}}
    spec:
      terminationGracePeriodSeconds: 0
{{- if .Node}}
      nodeSelector: {kubernetes.io/hostname: {{.Node}}}
      tolerations: [{key: soteria.dev/second-node, operator: Exists}]
{{- end}}
      containers:
        - name: app
          image: localhost/busybox:e2e
          imagePullPolicy: IfNotPresent
          command: [/bin/sleep, infinity]
{{- if .Block}}
          volumeDevices:
            - {name: data, devicePath: /dev/data}
{{- else}}
          volumeMounts:
            - {name: data, mountPath: /data}
{{- end}}
      volumes:
        - name: data
          persistentVolumeClaim: {claimName: {{.Name}}}
{{- end}}
`))

// Manifest gives the app's manifests, its namespace first.
func (a App) Manifest() string {
	return "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + a.Namespace + "\n---\n" + a.Workload()
}

// Workload gives the app's manifests but for the namespace.
func (a App) Workload() string {
	if a.Class == "" {
		a.Class = "local"
	}
	if a.Size == "" {
		a.Size = "1Gi"
	}
	if a.AccessMode == "" {
		a.AccessMode = "ReadWriteOnce"
	}
	if a.Labels == nil {
		a.Labels = Protected
	}
	var text strings.Builder
	if err := manifest.Execute(&text, a); err != nil {
		panic(fmt.Sprintf("the app's manifest template: %v", err))
	}
	return text.String()
}

// Key names the app's claim.
func (a App) Key() client.ObjectKey { return client.ObjectKey{Namespace: a.Namespace, Name: a.Name} }

// Claim reads the app's claim.
func (c *Cluster) Claim(ctx context.Context, a App) (*corev1.PersistentVolumeClaim, error) {
	claim := &corev1.PersistentVolumeClaim{}
	if err := c.Get(ctx, a.Key(), claim); err != nil {
		return nil, fmt.Errorf("reading claim %s: %w", a.Key(), err)
	}
	return claim, nil
}

// bound returns the names of the claims of a namespace that are Bound.
func (c *Cluster) bound(ctx context.Context, namespace string) ([]string, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := c.List(ctx, &claims, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("listing the claims of namespace %s: %w", namespace, err)
	}
	var bound []string
	for _, claim := range claims.Items {
		if claim.Status.Phase == corev1.ClaimBound {
			bound = append(bound, claim.Name)
		}
	}
	return bound, nil
}

// AwaitBoundAmong waits until so many claims of a namespace are Bound, and returns their
// names.
func (c *Cluster) AwaitBoundAmong(ctx context.Context, namespace string, enough int) ([]string, error) {
	var bound []string
	err := WaitFor(ctx, "claims of "+namespace+" to be Bound", func(ctx context.Context) (bool, string, error) {
		var err error
		bound, err = c.bound(ctx, namespace)
		return len(bound) >= enough, fmt.Sprintf("%d of %d are", len(bound), enough), err
	})
	return bound, err
}

// AwaitBound waits until the app's claim is Bound.
func (c *Cluster) AwaitBound(ctx context.Context, a App) error {
	return WaitFor(ctx, fmt.Sprintf("claim %s to be Bound", a.Key()), func(ctx context.Context) (bool, string, error) {
		claim, err := c.Claim(ctx, a)
		if err != nil {
			return false, "", err
		}
		seen := string(claim.Status.Phase)
		if restore, err := c.RestoreOf(ctx, a); err == nil {
			seen += fmt.Sprintf(", restore %s: %s", restore.Status.Phase, restore.Status.Message)
		}
		return claim.Status.Phase == corev1.ClaimBound, seen, nil
	})
}

// AwaitRunning waits until the app runs, which takes its claim to be Bound.
func (c *Cluster) AwaitRunning(ctx context.Context, a App) error {
	if err := c.AwaitRollout(ctx, a.Namespace, a.Name); err != nil {
		if restore, readErr := c.RestoreOf(context.WithoutCancel(ctx), a); readErr == nil {
			return fmt.Errorf("%w; restore %s: %s", err, restore.Status.Phase, restore.Status.Message)
		}
		return err
	}
	return nil
}

// RestoreOf reads the Restore that the app's claim waits for.
func (c *Cluster) RestoreOf(ctx context.Context, a App) (*v1alpha1.Restore, error) {
	claim, err := c.Claim(ctx, a)
	if err != nil {
		return nil, err
	}
	_, name, locked := kube.LockOf(claim)
	if !locked {
		return nil, fmt.Errorf("claim %s is not locked", a.Key())
	}
	restore := &v1alpha1.Restore{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: a.Namespace, Name: name}, restore); err != nil {
		return nil, fmt.Errorf("reading Restore %s/%s: %w", a.Namespace, name, err)
	}
	return restore, nil
}

// InApp runs a command in the app's container.
func (c *Cluster) InApp(ctx context.Context, a App, command ...string) (string, error) {
	return c.Exec(ctx, a.Namespace, "deploy/"+a.Name, command...)
}

// AwaitJob waits until a Job is complete; one that failed is an error.
func (c *Cluster) AwaitJob(ctx context.Context, namespace, name string) error {
	var failed error
	err := WaitFor(ctx, fmt.Sprintf("job %s/%s", namespace, name), func(ctx context.Context) (bool, string, error) {
		var job batchv1.Job
		if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &job); err != nil {
			return false, "", err
		}
		for _, condition := range job.Status.Conditions {
			if condition.Status != corev1.ConditionTrue {
				continue
			}
			switch condition.Type { //nolint:exhaustive // the other conditions are not final
			case batchv1.JobComplete:
				return true, "", nil
			case batchv1.JobFailed:
				failed = fmt.Errorf("job %s/%s failed: %s", namespace, name, condition.Message)
				return true, "", nil
			}
		}
		return false, fmt.Sprintf("%d active, %d failed pods", job.Status.Active, job.Status.Failed), nil
	})
	if err != nil {
		return err
	}
	return failed
}

// AwaitPod waits until a pod is ready.
func (c *Cluster) AwaitPod(ctx context.Context, namespace, name string) error {
	return WaitFor(ctx, fmt.Sprintf("pod %s/%s", namespace, name), func(ctx context.Context) (bool, string, error) {
		var pod corev1.Pod
		if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &pod); err != nil {
			return false, "", err
		}
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				return true, "", nil
			}
		}
		return false, string(pod.Status.Phase), nil
	})
}
