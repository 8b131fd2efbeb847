// Package app puts the stand-in together.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"time"

	"github.com/gorilla/handlers"
	"github.com/longhorn/longhorn-manager/api"
	"github.com/longhorn/longhorn-manager/controller"
	"github.com/longhorn/longhorn-manager/manager"
	"github.com/longhorn/longhorn-manager/types"
	"github.com/longhorn/longhorn-manager/util"
	"github.com/longhorn/longhorn-manager/util/client"
	"github.com/longhorn/longhorn-manager/webhook"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/freeze"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/images"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/loop"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/proxy"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/seed"
	"github.com/soteria-dr/soteria/e2e/tools/longhorn/store"
)

const (
	// behind is where the API listens without the proxy.
	behind = "127.0.0.1:9510"
	// workers is how many objects a controller of Longhorn's works on at once, as in Longhorn.
	workers = 5
	// startTimeout bounds what must happen before the API can answer.
	startTimeout    = 3 * time.Minute
	startInterval   = time.Second
	shutdownTimeout = 5 * time.Second
	headerTimeout   = 10 * time.Second
)

// Run runs the stand-in until the context ends or a part of it fails.
func Run(ctx context.Context, config Config, logger *slog.Logger) (err error) {
	if err := setEnvironment(config); err != nil {
		return err
	}
	data, err := openData(config.DataDir, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.Close()) }()

	parts, ctx := errgroup.WithContext(ctx)
	clients, err := connect(ctx, config)
	if err != nil {
		return err
	}
	if err := startSeeding(ctx, config, clients, logger); err != nil {
		return err
	}
	router, err := startLonghorn(ctx, config, clients)
	if err != nil {
		return err
	}
	instanceManager, err := seed.InstanceManagerName(config.Node)
	if err != nil {
		return fmt.Errorf("name the instance manager: %w", err)
	}
	faults := &fault.Set{}
	watcher := &faultsWatcher{namespace: config.Namespace, clients: clients, set: faults, logger: logger}
	// What is on already holds from the first moment.
	watcher.look(ctx)
	parts.Go(func() error { return watcher.run(ctx) })
	parts.Go(func() error {
		return loop.Run(ctx, loop.Config{
			Node: config.Node, PodIP: config.PodIP, InstanceManager: instanceManager, BytesPerSecond: config.BytesPerSecond,
			Objects: clients.Datastore, Images: data.images, Backups: data.backups,
			Faults: faults, Clock: clock.RealClock{}, Logger: logger,
		})
	})
	parts.Go(func() error { return serve(ctx, behind, router) })
	parts.Go(func() error {
		return serve(ctx, config.Listen, proxy.New(&url.URL{Scheme: "http", Host: behind}, faults, logger))
	})
	logger.Info("serving", "address", config.Listen, "node", config.Node, "data", config.DataDir)
	return parts.Wait()
}

// setEnvironment sets what Longhorn's own code reads from the environment.
func setEnvironment(config Config) error {
	for name, value := range map[string]string{
		types.EnvPodNamespace: config.Namespace, types.EnvNodeName: config.Node,
		types.EnvPodName: config.PodName, types.EnvPodIP: config.PodIP,
	} {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set the environment: %w", err)
		}
	}
	return nil
}

// data is what is on disk.
type data struct {
	root, backupRoot *os.Root
	images           *images.Images
	backups          *store.Store
}

// backupsDir is the folder for the backup store; it survives everything else.
const backupsDir = "backups"

func openData(dir string, logger *slog.Logger) (*data, error) {
	const mode = 0o750
	if err := os.MkdirAll(path.Join(dir, backupsDir), mode); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the data folder: %w", err)
	}
	backupRoot, err := root.OpenRoot(backupsDir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the backup store: %w", err), root.Close())
	}
	d := &data{root: root, backupRoot: backupRoot}
	if err := d.open(logger); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *data) open(logger *slog.Logger) (err error) {
	if d.images, err = images.Open(d.root); err != nil {
		return err
	}
	if d.backups, err = store.Open(d.backupRoot); err != nil {
		return err
	}
	volumes, err := d.images.Volumes()
	if err != nil {
		return err
	}
	for _, volume := range volumes {
		if err := freeze.Thaw(images.Path(volume)); err != nil {
			logger.Warn("cannot thaw a volume", "volume", volume, "error", err)
		}
	}
	return nil
}

// Close closes the folders.
func (d *data) Close() error {
	return errors.Join(d.backupRoot.Close(), d.root.Close())
}

// connect starts Longhorn's webhooks, and its datastore once its informers know what there is. The conversion webhook
// comes first, without a datastore, since the API server may need it to tell what there is.
func connect(ctx context.Context, config Config) (*client.Clients, error) {
	withoutDatastore, err := client.NewClients(config.Kubeconfig, false, ctx.Done())
	if err != nil {
		return nil, fmt.Errorf("make the client: %w", err)
	}
	if err := webhook.StartWebhook(ctx, types.WebhookTypeConversion, withoutDatastore); err != nil {
		return nil, fmt.Errorf("start the conversion webhook: %w", err)
	}
	clients, err := client.NewClients(config.Kubeconfig, true, ctx.Done())
	if err != nil {
		return nil, fmt.Errorf("start the datastore: %w", err)
	}
	if err := webhook.StartWebhook(ctx, types.WebhookTypeAdmission, clients); err != nil {
		return nil, fmt.Errorf("start the admission webhook: %w", err)
	}
	return clients, nil
}

// startSeeding seeds as soon as admission works: nothing is written that Longhorn's mutators have not seen.
func startSeeding(ctx context.Context, config Config, clients *client.Clients, logger *slog.Logger) error {
	seedConfig := seed.Config{
		Namespace: config.Namespace, Node: config.Node, PodIP: config.PodIP,
		TargetURL: config.TargetURL, PollInterval: config.TargetPollInterval,
	}
	var last error
	err := wait.PollUntilContextTimeout(ctx, startInterval, startTimeout, true, func(ctx context.Context) (bool, error) {
		if last = admissionRegistered(ctx, clients); last == nil {
			last = seed.Run(ctx, seedConfig, clients.K8s, clients.Datastore)
		}
		if last != nil {
			logger.Info("not ready to seed", "error", last)
		}
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(fmt.Errorf("wait until Longhorn's objects can be made: %w", err), last)
	}
	return nil
}

// admissionRegistered fails until the API server knows Longhorn's admission webhooks.
func admissionRegistered(ctx context.Context, clients *client.Clients) error {
	registrations := clients.K8s.AdmissionregistrationV1()
	_, err := registrations.MutatingWebhookConfigurations().Get(ctx, types.MutatingWebhookName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("look for the mutating webhook: %w", err)
	}
	if _, err = registrations.ValidatingWebhookConfigurations().Get(ctx, types.ValidatingWebhookName, metav1.GetOptions{}); err != nil {
		return fmt.Errorf("look for the validating webhook: %w", err)
	}
	return nil
}

// running is a controller of Longhorn's.
type running interface {
	Run(workers int, stop <-chan struct{})
}

// startLonghorn starts those of Longhorn's controllers that decide from custom resources alone, and makes its API.
func startLonghorn(ctx context.Context, config Config, clients *client.Clients) (http.Handler, error) {
	logger := longhornLogger()
	counter := util.NewAtomicCounter()
	store, scheme, kube, node, namespace := clients.Datastore, clients.Scheme, clients.K8s, config.Node, config.Namespace

	volumes, err1 := controller.NewVolumeController(logger, store, scheme, kube, namespace, node, seed.ShareManager, counter)
	attachments, err2 := controller.NewLonghornVolumeAttachmentController(logger, store, scheme, kube, node, namespace)
	restores, err3 := controller.NewVolumeRestoreController(logger, store, scheme, kube, node, namespace)
	expansions, err4 := controller.NewVolumeExpansionController(logger, store, scheme, kube, node, namespace)
	persistentVolumes, err5 := controller.NewKubernetesPVController(logger, store, scheme, kube, node)
	sockets, err6 := controller.NewWebsocketController(logger, store)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return nil, fmt.Errorf("make Longhorn's controllers: %w", err)
	}
	for _, one := range []running{volumes, attachments, restores, expansions, persistentVolumes} {
		go one.Run(workers, ctx.Done())
	}
	go sockets.Run(ctx.Done())

	server := api.NewServer(manager.NewVolumeManager(node, store, counter), sockets)
	return handlers.ProxyHeaders(api.NewRouter(server)), nil
}

// serve answers requests until the context ends.
func serve(ctx context.Context, address string, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		stopped <- server.Shutdown(ending)
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", address, err)
	}
	if err := <-stopped; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving %s: %w", address, err)
	}
	return nil
}
