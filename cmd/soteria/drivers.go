package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/batch"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/copyfill"
	"github.com/soteria-dr/soteria/internal/driver/firstbackup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
	"github.com/soteria-dr/soteria/internal/stall"
	"github.com/soteria-dr/soteria/internal/unreviewed"
)

// backends are the drivers in use, in the roles that they play.
type backends struct {
	// listers are those whose backups are looked at for restores; the others are
	// by name.
	listers   []driver.Lister
	backupers map[string]driver.Backuper
	fillers   map[string]driver.Filler
	makers    map[string]driver.VolumeMaker
	pruners   map[string]driver.Pruner
	testers   map[string]driver.Tester
	// copiers keep a copy of the memory beside the backups.
	copiers map[string]copier
	// memory is what every claim is expected to have.
	memory *ledger.Expectations
	// reviews remembers which backups that others took are of unreviewed data.
	reviews *unreviewed.Book
	// pins are the identities that repositories must have.
	pins map[string]string
	// restic is the driver whose backups run in Jobs; nil where it is not used.
	restic *restic.Driver
	// longhorn hears how Longhorn's backups end; nil where Longhorn is not used.
	longhorn *longhornOutcomes
	// batches is work on several claims that is to hear how backups end.
	batches *batch.Runner
}

// platform is what drivers work with.
type platform struct {
	mgr       manager.Manager
	clientset kubernetes.Interface
	// image is Soteria's own, for Jobs.
	image string
	// instance identifies this installation of Soteria.
	instance string
	fills    moverjob.Fills
	log      *slog.Logger
}

// newBackends makes the drivers that the configuration names.
func newBackends(c config, p platform) (*backends, error) {
	b := &backends{
		backupers: map[string]driver.Backuper{}, fillers: map[string]driver.Filler{},
		makers: map[string]driver.VolumeMaker{}, pruners: map[string]driver.Pruner{}, testers: map[string]driver.Tester{}, copiers: map[string]copier{}, pins: map[string]string{},
		memory:  ledger.NewExpectations(p.fills.Client, p.fills.Reader, c.Namespace),
		reviews: &unreviewed.Book{Client: p.fills.Client, Reader: p.fills.Reader, Namespace: c.Namespace, Clock: clock.RealClock{}, Log: p.log},
	}
	if c.uses(restic.Name) {
		if err := b.addRestic(c, p); err != nil {
			return nil, err
		}
	}
	if c.looksAt(restic.Name) {
		if err := p.relay(b.restic); err != nil {
			return nil, err
		}
	}
	if c.uses(longhorn.Name) {
		if err := b.addLonghorn(c, p); err != nil {
			return nil, err
		}
	}
	if !c.looksAt(c.BackupDriver) {
		p.log.Warn("backups are taken with a driver that is not looked at for restores: once there is one, every claim waits, since its newest backup may be there; name the driver in SOTERIA_RESTORE_DRIVERS, or in SOTERIA_RESTORE_WITHOUT",
			"driver", c.BackupDriver)
	}
	guard := firstBackups(c, p)
	held := ledger.New(p.fills.Client, p.fills.Reader, c.Namespace)
	for name, backuper := range b.backupers {
		if c.looksAt(name) {
			b.backupers[name] = guard.Guarded(name, backuper)
		} else {
			b.backupers[name] = unlisted{Backuper: backuper, name: name, record: held.HoldsUnlisted}
		}
	}
	maps.Copy(b.pins, c.lookupPins())
	looked, err := newLookups(c, p.fills.Reader)
	b.listers = append(b.listers, looked...)
	return b, err
}

// firstBackups keeps a repository from being begun while somebody waits for it.
func firstBackups(c config, p platform) firstbackup.Guard {
	expectations := ledger.New(p.fills.Client, p.fills.Reader, c.Namespace)
	return firstbackup.Guard{
		Reader: p.fills.Reader, DenyUnknown: c.policy().DenyUnknown,
		Known: func(ctx context.Context, driver string) (string, error) {
			expected, err := expectations.Expectation(ctx, driver)
			return expected.Repository, err
		},
	}
}

func (b *backends) addRestic(c config, p platform) error {
	guard := firstBackups(c, p)
	settings := c.restic(p.image)
	settings.Instance = p.instance
	d, err := restic.New(settings, restic.Cluster{
		Observe: c.clocks.Transport,
		Client:  p.fills.Client, Reader: p.fills.Reader, Cache: p.fills.Cache, Logs: p.fills.Logs,
		MayMake: func(ctx context.Context, made string) error { return guard.MayMake(ctx, restic.Name, made) },
	})
	if err != nil {
		return err
	}
	b.restic = d
	b.backupers[restic.Name], b.fillers[restic.Name], b.pruners[restic.Name], b.testers[restic.Name] = d, d, d, d
	for _, kept := range c.keptBack {
		p.log.Warn(kept)
	}
	if unused := c.unusedForgetArgs(); len(unused) > 0 {
		p.log.Warn("options in SOTERIA_RESTIC_FORGET_ARGS have no use: policies say what is kept, unless SOTERIA_DEFAULT_KEEP is args, and Soteria never prunes", "options", unused)
	}
	b.pins[restic.Name] = c.ResticRepositoryID
	if c.looksAt(restic.Name) {
		b.listers, b.copiers[restic.Name] = append(b.listers, d), d
	}
	return nil
}

// relay keeps what is read of the restic repository ready for questions, and for a new
// replica, whose disk is empty.
func (p platform) relay(d *restic.Driver) error {
	for _, runnable := range []manager.Runnable{
		restic.Rereader{Driver: d, Look: restic.LookEvery, Log: p.log},
		&restic.Relay{Driver: d, Look: restic.HandOverLook, Every: restic.HandOverEvery, Log: p.log},
	} {
		if err := p.mgr.Add(runnable); err != nil {
			return fmt.Errorf("adding what reads the restic repository ahead: %w", err)
		}
	}
	return nil
}

func (b *backends) addLonghorn(c config, p platform) error {
	b.longhorn = &longhornOutcomes{log: p.log}
	d, err := longhorn.New(c.longhorn(), longhorn.Cluster{
		Client: p.fills.Client, Reader: p.fills.Reader, REST: p.clientset.CoreV1().RESTClient(),
		Identity: c.PodName, Outcomes: b.longhorn, Log: p.log,
		Observe: func(next http.RoundTripper) http.RoundTripper { return c.clocks.Transport("Longhorn", next) },
	})
	if err != nil {
		return err
	}
	if err := p.mgr.Add(d); err != nil {
		return fmt.Errorf("adding the Longhorn driver: %w", err)
	}
	b.backupers[longhorn.Name], b.makers[longhorn.Name], b.pruners[longhorn.Name] = d, d, d
	b.fillers[longhorn.Name] = copyfill.New(copyfill.Config{
		Verify:       c.RestoreVerify,
		SoteriaImage: p.image, JobNodeSelector: c.nodeSelector, JobServiceAccount: c.JobServiceAccount, JobSettings: c.jobSettings,
		Parameters: map[string]string{"numberOfReplicas": "1"},
	}, d, p.fills, nil)
	if c.looksAt(longhorn.Name) {
		b.listers = append(b.listers, d)
	}
	return nil
}

// marked is the driver of that name as it is when it is used: all that is put
// around it while the process is wired counts.
func (b *backends) marked(name string) driver.Backuper { return lateBackuper{b, name} }

type lateBackuper struct {
	of   *backends
	name string
}

// Backup implements [driver.Backuper].
func (l lateBackuper) Backup(ctx context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
	return l.of.backupers[l.name].Backup(ctx, req)
}

// requested are the drivers that the API may be asked to back up with.
func (b *backends) requested(c config) httpapi.Backupers {
	return httpapi.Backupers{Default: c.BackupDriver, ByName: b.backupers}
}

// longhornOutcomes announces how Longhorn's backups end, and has them listed.
type longhornOutcomes struct {
	announcer backupjob.Announcer
	batches   *batch.Runner
	known     *catalog.Catalog
	log       *slog.Logger
}

// BackupEnded implements [longhorn.Outcomes].
func (o *longhornOutcomes) BackupEnded(ctx context.Context, claim backup.Claim, name string, failure error) {
	o.known.BackupEnded(claim, name)
	result, text := backupjob.Succeeded, fmt.Sprintf("backup %s is complete", name)
	if failure != nil {
		result, text = backupjob.Failed, fmt.Sprintf("backup %s failed: %s", cmp.Or(name, "by Longhorn"), backup.Message(failure))
	}
	o.tellBatches(claim, name, result, text)
	if err := o.announcer.Announce(ctx, longhorn.Name, claim, nil, result, text); err != nil {
		o.log.Warn("a backup's outcome is not told", "claim", claim, "backup", name, "reason", err)
	}
}

// BackupStalled implements [longhorn.Outcomes].
func (o *longhornOutcomes) BackupStalled(ctx context.Context, claim backup.Claim, name string, mark stall.Mark) {
	text := fmt.Sprintf("backup %s has not come further since %s: %s", cmp.Or(name, "by Longhorn"), mark.Since.Format(time.RFC3339), mark.Says())
	if err := o.announcer.Warn(ctx, claim, nil, backupjob.StalledReason, text); err != nil {
		o.log.Warn("a backup that does not come further is not told", "claim", claim, "backup", name, "reason", err)
	}
}
