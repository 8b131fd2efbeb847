package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/batch"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/driver/blank"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/restore"
	"github.com/soteria-dr/soteria/internal/waiting"
	"github.com/soteria-dr/soteria/webhook"
	"github.com/soteria-dr/soteria/webhook/certificate"
)

// addCatalog makes the catalog, which every replica runs, and has the backup
// Jobs told to it.
func addCatalog(ctx context.Context, c config, mgr manager.Manager, systems *backends, listed catalog.Observer, measured *metrics.Metrics, log *slog.Logger) (*catalog.Catalog, error) {
	var teller *backupjob.Teller
	settings := c.catalog()
	settings.Pins = systems.pins
	settings.BackupsTold = func() bool { return teller.Told() }
	settings.Log = log
	settings.Memory, settings.Copies = systems.memory, systems.readers()
	settings.Reviews = systems.reviews.Of
	settings.Accepted = ledger.NewAccepted(mgr.GetClient(), mgr.GetAPIReader(), c.Namespace)
	settings.Unaccepted = ledger.NewUnaccepted(mgr.GetClient(), mgr.GetAPIReader(), c.Namespace, time.Now)
	expectations := ledger.New(mgr.GetClient(), mgr.GetAPIReader(), c.Namespace)
	known := catalog.New(settings, systems.listers, expectations, clock.RealClock{}, listed)

	teller = backupjob.NewTeller(known)
	if err := teller.Watch(ctx, mgr.GetCache()); err != nil {
		return nil, err
	}
	if err := mgr.Add(known); err != nil {
		return nil, fmt.Errorf("adding the catalog: %w", err)
	}
	batches := newBatches(c, mgr, log)
	systems.batches = batches
	announcer := backupjob.Announcer{Reader: mgr.GetClient(), Events: mgr.GetEventRecorder(eventSource), Observer: measured, Ended: jobEnded(batches)}
	if systems.longhorn != nil {
		systems.longhorn.announcer, systems.longhorn.known, systems.longhorn.batches = announcer, known, batches
	}
	outcomes := &backupjob.Outcomes{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Announcer: announcer, Driver: restic.Name}
	if err := outcomes.SetupWithManager(mgr); err != nil {
		return nil, err
	}
	batches.Follow = follower{outcomes.Look, known.LastOf, clock.RealClock{}}.follow
	if err := addStarts(c, mgr, systems, outcomes, log); err != nil {
		return nil, err
	}
	releases := &backupjob.Releases{Client: mgr.GetClient()}
	return known, releases.SetupWithManager(mgr)
}

// addStarts has the leader look after backup Jobs that do not start.
func addStarts(c config, mgr manager.Manager, systems *backends, outcomes *backupjob.Outcomes, log *slog.Logger) error {
	if systems.restic == nil {
		return nil
	}
	starts := &backupjob.Starts{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Outcomes: outcomes, Mover: systems.restic, Backuper: systems.marked(restic.Name),
		Timeout: c.JobStartTimeout, Clock: clock.RealClock{}, Log: log,
	}
	return starts.SetupWithManager(mgr)
}

// addRestores makes the restore controller, which the leader runs.
func addRestores(ctx context.Context, c config, mgr manager.Manager, known *catalog.Catalog, waits *waiting.Counter, systems *backends, image string, fills moverjob.Fills, measured *metrics.Metrics) (*restore.Reconciler, error) {
	controller := restore.New(restore.Config{
		Namespace:      c.Namespace,
		Client:         mgr.GetClient(),
		Reader:         mgr.GetAPIReader(),
		Facts:          facts(mgr.GetAPIReader(), c.policy()),
		Catalog:        known,
		Fillers:        systems.fillers,
		Makers:         systems.makers,
		Blank:          blank.New(blank.Config{SoteriaImage: image, JobNodeSelector: c.nodeSelector, JobServiceAccount: c.JobServiceAccount, JobSettings: c.jobSettings}, fills),
		Events:         mgr.GetEventRecorder(eventSource),
		Observer:       measured,
		Cache:          mgr.GetCache(),
		Fills:          c.RestoreConcurrency,
		ListingTimeout: c.ListingTimeout,
		ConsumerWait:   c.FirstConsumerWait,
		StartTimeout:   c.JobStartTimeout,
		Waiting:        waits.Words,

		EmptyProvisioners: c.EmptyProvisioners,
	})
	known.OnRecovery(func(string) { controller.Wake() })
	if err := controller.SetupWithManager(ctx, mgr); err != nil {
		return nil, err
	}
	return controller, addSpent(c, mgr)
}

// facts reads a waiting claim as admission read it when it was created.
func facts(reader client.Reader, policy kube.Policy) restore.Facts {
	return func(ctx context.Context, claim *corev1.PersistentVolumeClaim, wish *v1alpha1.Restore) (decision.Facts, error) {
		return kube.ReadFacts(ctx, reader, claim, wish, policy)
	}
}

// addAdmission serves the webhook and keeps its certificate. The function it
// gives tells whether this replica answers admission.
func addAdmission(ctx context.Context, c config, mgr manager.Manager, known *catalog.Catalog, names certificate.Names, serving *certificate.Serving, served string, measured *metrics.Metrics) (answers func(context.Context) error, err error) {
	if err := certificate.Rotate(mgr, names, served); err != nil {
		return nil, err
	}
	if err := serving.Watch(ctx, mgr.GetCache()); err != nil {
		return nil, err
	}
	claims := &webhook.Claims{
		Reader: mgr.GetAPIReader(), Catalog: known, Policy: c.policy(), Budget: admissionBudget,
		Observer: measured, Lock: kube.NewLock, Now: time.Now,
	}
	server := mgr.GetWebhookServer()
	server.Register(webhook.MutatePath, &admission.Webhook{Handler: claims})
	server.Register(webhook.ValidatePath, &admission.Webhook{Handler: &webhook.Stamped{Judge: claims}})
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(webhookPort))
	return func(ctx context.Context) error {
		return serving.Answers(ctx, address, webhook.MutatePath, c.Namespace)
	}, nil
}

// addHTTP serves the API, health and metrics on every replica, with what goes on of what
// the API was asked for: batches, and copies that expire.
func addHTTP(c config, mgr manager.Manager, batches *batch.Runner, services httpapi.Services, looks *copies.Keeper) error {
	warnOfOpenDoors(c, services.Log)
	services.Batches = batches
	server := httpapi.New(c.http(), services)
	batches.Do = server.Member
	for _, runnable := range []manager.Runnable{batches, batch.Rescuer{Runner: batches}, looks, server} {
		if err := mgr.Add(runnable); err != nil {
			return fmt.Errorf("adding the HTTP server: %w", err)
		}
	}
	return nil
}
