package provision

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const (
	// What failed is tried again for ever, first soon and then every retryMax, so that a test that repairs a cause does
	// not wait for long.
	retryMin = time.Second
	retryMax = 15 * time.Second

	// workers is how many claims, and how many volumes, are worked on at a time.
	workers = 16
)

// Config is what a provisioner needs to know.
type Config struct {
	// Driver is the name of the driver, and of the provisioner in storage classes.
	Driver string
	// TopologyKey is the node label that says where a volume can be reached, whose value on a node is the node's name;
	// empty if volumes can be reached from everywhere.
	TopologyKey string
	// Share is what this provisioner serves where the driver has several; nil where it is the only one.
	Share   *Share
	Volumes Volumes
	Client  kubernetes.Interface
	Logger  *slog.Logger
}

// Run provisions and deletes until the context ends and the work that was begun has come to its end.
func Run(ctx context.Context, config Config) {
	ctx = klog.NewContext(ctx, logr.FromSlogHandler(config.Logger.Handler()))

	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: config.Client.CoreV1().Events(corev1.NamespaceAll)})

	library := controller.NewProvisionController(ctx, config.Client, config.Driver,
		config.provisioner(broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: config.Driver})),
		controller.LeaderElection(false),
		controller.AddFinalizer(true),
		controller.Threadiness(workers),
		controller.FailedProvisionThreshold(0),
		controller.FailedDeleteThreshold(0),
		controller.RateLimiter(backoff()),
		controller.CreateProvisionedPVLimiter(backoff()),
		controller.RetryIntervalMax(retryMax),
	)
	var running sync.WaitGroup
	library.ControllerWaitGroup(&running)
	library.Run(ctx)
	running.Wait()
}

func (c Config) provisioner(events record.EventRecorder) controller.Provisioner {
	all := &provisioner{driver: c.Driver, topologyKey: c.TopologyKey, volumes: c.Volumes, events: events}
	if c.Share == nil {
		return all
	}
	return sharing{provisioner: all, share: *c.Share}
}

func backoff() workqueue.TypedRateLimiter[string] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[string](retryMin, retryMax)
}
