package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/soteria-dr/soteria/internal/audit"
	"github.com/soteria-dr/soteria/internal/claimevents"
	"github.com/soteria-dr/soteria/internal/console"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/restore"
	"github.com/soteria-dr/soteria/internal/skew"
	"github.com/soteria-dr/soteria/internal/waiting"
	"github.com/soteria-dr/soteria/webhook/certificate"
)

// The names that deploy/ gives to what the process needs.
const (
	webhookPort       = 9443
	serviceName       = "soteria"
	configurationName = "soteria"
	certificateSecret = "soteria-webhook-certificate" //nolint:gosec // the name of a Secret, not a secret
	leaseName         = "soteria"
	eventSource       = "soteria"
	admissionBudget   = 3 * time.Second
	gracePeriod       = 20 * time.Second
	// A restore takes some 55 calls; client-go's own limit of 20 a second would
	// make a storm of claims wait for it. The API server has its own fairness.
	requestsPerSecond = 200
	requestBurst      = 400
)

// serve runs everything until ctx ends.
func serve(ctx context.Context, args []string, env map[string]string, stderr io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: serve takes no arguments", errUsage)
	}
	if inPlumberMode(env) {
		return servePlumber(ctx, env, stderr)
	}
	c, err := readConfig(env)
	if err != nil {
		return fmt.Errorf("%w:\n%w", errConfig, err)
	}
	handler := newHandler(stderr, c.LogLevel)
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	klog.SetSlogLogger(slog.New(handler))

	connection, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	connection.QPS, connection.Burst = requestsPerSecond, requestBurst
	mgr, err := newApp(ctx, c, connection, slog.New(handler))
	if err != nil {
		return err
	}
	if err := mgr.Add(memoryRelease{clock: clock.RealClock{}, log: slog.New(handler)}); err != nil {
		return fmt.Errorf("adding what ends the start: %w", err)
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("running: %w", err)
	}
	return nil
}

// errConfig marks a configuration that cannot be run with.
var errConfig = fmt.Errorf("%w: the configuration is wrong", errUsage)

// introduce connects to the cluster, and reads there which image this process runs
// and which installation it is of.
func introduce(ctx context.Context, c config, connection *rest.Config) (clientset *kubernetes.Clientset, image, instance string, err error) {
	if clientset, err = kubernetes.NewForConfig(connection); err != nil {
		return nil, "", "", fmt.Errorf("connecting to the cluster: %w", err)
	}
	if image, err = ownImage(ctx, c, clientset); err != nil {
		return nil, "", "", err
	}
	instance, err = ownInstance(ctx, c, clientset)
	return clientset, image, instance, err
}

// newApp wires everything, top to bottom: drivers feed the catalog, admission
// and the restore controller ask it, the HTTP API reads it.
func newApp(ctx context.Context, c config, connection *rest.Config, log *slog.Logger) (manager.Manager, error) {
	names := certificate.Names{
		Secret:        types.NamespacedName{Namespace: c.Namespace, Name: certificateSecret},
		DNS:           serviceName + "." + c.Namespace + ".svc",
		Configuration: configurationName,
	}
	served := filepath.Join(os.TempDir(), "soteria-certificate")
	if err := os.MkdirAll(served, 0o750); err != nil {
		return nil, fmt.Errorf("making a folder for the certificate: %w", err)
	}
	c.clocks = skew.New(clock.RealClock{}, log)
	connection = rest.CopyConfig(connection)
	connection.Wrap(func(next http.RoundTripper) http.RoundTripper { return c.clocks.Transport("the API server", next) })
	serving := certificate.NewServing(names, served)
	mgr, err := newManager(c, connection, serving)
	if err != nil {
		return nil, err
	}
	clientset, image, instance, err := introduce(ctx, c, connection)
	if err != nil {
		return nil, err
	}
	measured := metrics.New(ctrlmetrics.Registry)
	measured.Begin(c.foreseen())

	fills := moverjob.Fills{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Cache: mgr.GetCache(), Logs: moverjob.NewLogReader(clientset), Namespace: c.Namespace}
	systems, err := newBackends(c, platform{mgr: mgr, clientset: clientset, image: image, instance: instance, fills: fills, log: log})
	if err != nil {
		return nil, err
	}
	var refresher *inventory.Refresher
	listed := listingObserver{measured, func() { refresher.Notify() }}
	known, err := addCatalog(ctx, c, mgr, systems, listed, measured, log)
	if err != nil {
		return nil, err
	}
	reviewed, err := addReviews(c, mgr, known, systems, log)
	if err != nil {
		return nil, err
	}
	waits := &waiting.Counter{Reader: mgr.GetClient(), Policy: c.policy(), Glance: known.Glance, Clock: clock.RealClock{}}
	controller, err := addRestores(ctx, c, mgr, known, waits, systems, image, fills, measured)
	if err != nil {
		return nil, err
	}
	answers, err := addAdmission(ctx, c, mgr, known, names, serving, served, measured)
	if err != nil {
		return nil, err
	}
	looks, spared := newLooks(c, mgr, measured, log)
	scheduler, err := addScheduler(c, mgr, known, systems, spared, measured, log)
	if err != nil {
		return nil, err
	}
	if err := addRetention(c, mgr, known, systems, reviewed, scheduler, measured, log); err != nil {
		return nil, err
	}
	metrics.Watch(ctrlmetrics.Registry, metrics.State{
		Restores: mgr.GetClient(), ListedAt: known.ListedAt, Missing: known.Missing, CertificateEnds: serving.Expiry, Clock: clock.RealClock{}, ClockOffsets: c.clocks.Offsets,
		StalledBackups: stalledBackups{c, mgr.GetClient(), mgr.GetAPIReader()}.byCause,
	})
	scanned, err := addBucket(c, mgr, log)
	if err != nil {
		return nil, err
	}
	copies, err := addCopies(c, mgr, known, systems, measured, log)
	if err != nil {
		return nil, err
	}
	reports := &httpapi.Reports{}
	if refresher, err = addInventory(ctx, c, mgr, known, scheduler, spared, reviewed, reports, measured, log); err != nil {
		return nil, err
	}
	callers, err := gate(c, connection)
	if err != nil {
		return nil, err
	}
	pages, err := console.New()
	if err != nil {
		return nil, err
	}
	return mgr, addHTTP(c, mgr, systems.batches, httpapi.Services{
		Catalog: known, Backupers: systems.requested(c), Testers: systems.testers,
		Restores: requests(c, mgr, known, controller, looks, spared), Copies: looks, Claims: kube.Claims{Reader: mgr.GetClient(), OwnNamespace: c.Namespace, Copies: spared},
		Lock:   kube.NewLock,
		Rules:  c.rules,
		SignIn: callers, Auditor: audit.Events{Reader: mgr.GetClient(), Recorder: mgr.GetEventRecorder(eventSource)},
		Reports: reports, Bucket: scanned, Policies: scheduler, Status: status(ctx, c, mgr, known, copies, waits), Console: pages,
		Events:   claimevents.Reader{Cache: mgr.GetClient(), API: mgr.GetAPIReader(), Namespace: c.Namespace},
		Gatherer: ctrlmetrics.Registry, Ready: answers, Observer: measured, Log: log,
	}, looks)
}

func newManager(c config, connection *rest.Config, serving *certificate.Serving) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	if err := addTypes(scheme); err != nil {
		return nil, err
	}
	cached := restore.CacheByObject(c.Namespace)
	maps.Copy(cached, map[client.Object]cache.ByObject{
		// Of all Secrets only the certificate is cached; credentials are read
		// from the API server at each use.
		&corev1.Secret{}: {
			Namespaces: map[string]cache.Config{c.Namespace: {}},
			Field:      fields.OneTermEqualSelector(metav1.ObjectNameField, certificateSecret),
		},
		inventory.Namespace(): {Transform: cache.TransformStripManagedFields()},
	})
	grace := gracePeriod
	mgr, err := ctrl.NewManager(connection, ctrl.Options{
		Scheme: scheme,
		Cache:  cache.Options{ByObject: cached},
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}, &corev1.Pod{}}}},
		// Metrics and health are served with the API, on one port.
		Metrics:                       metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:        "0",
		LeaderElection:                true,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       c.Namespace,
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       &grace,
		WebhookServer: ctrlwebhook.NewServer(ctrlwebhook.Options{
			Port: webhookPort,
			TLSOpts: []func(*tls.Config){func(t *tls.Config) {
				t.MinVersion = tls.VersionTLS12
				t.GetCertificate = serving.GetCertificate
			}},
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("setting up: %w", err)
	}
	return mgr, nil
}

// ownImage is the image that this process runs, which Jobs take the soteria
// binary from.
func ownImage(ctx context.Context, c config, clientset kubernetes.Interface) (string, error) {
	if c.Image != "" {
		return c.Image, nil
	}
	pod, err := clientset.CoreV1().Pods(c.Namespace).Get(ctx, c.PodName, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("finding Soteria's own image in pod %s/%s: %w (SOTERIA_IMAGE names it where Soteria does not run in a pod)", c.Namespace, c.PodName, err)
	}
	for _, container := range pod.Spec.Containers {
		if container.Name == serviceName {
			return container.Image, nil
		}
	}
	return "", fmt.Errorf("pod %s/%s has no container %q; SOTERIA_IMAGE names Soteria's image", c.Namespace, c.PodName, serviceName)
}
