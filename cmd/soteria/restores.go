package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/intent"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/restore"
	"github.com/soteria-dr/soteria/internal/spent"
)

// addSpent has the leader end what claims asked of restores that are complete.
func addSpent(c config, mgr manager.Manager) error {
	return (&spent.Reconciler{Client: mgr.GetClient(), Events: mgr.GetEventRecorder(eventSource), Policy: c.policy()}).SetupWithManager(mgr)
}

// RestoreConfig is what the environment says of how restores run. It is exported for the
// library that reads it.
type RestoreConfig struct {
	RestoreConcurrency int      `env:"SOTERIA_RESTORE_CONCURRENCY" envDefault:"10"`
	EmptyProvisioners  []string `env:"SOTERIA_EMPTY_PROVISIONERS"`
}

// checkRestores checks it.
func (c *RestoreConfig) checkRestores() []error {
	var problems []error
	if c.RestoreConcurrency < 1 {
		problems = append(problems, fmt.Errorf("SOTERIA_RESTORE_CONCURRENCY: %d must be at least 1", c.RestoreConcurrency))
	}
	for _, name := range c.EmptyProvisioners {
		if len(validation.IsQualifiedName(strings.ToLower(name))) > 0 {
			problems = append(problems, fmt.Errorf("SOTERIA_EMPTY_PROVISIONERS: %q is not a provisioner as a StorageClass names it, such as driver.longhorn.io", name))
		}
	}
	return problems
}

// requests makes what carries out the API's requests for restores, on every
// replica.
func requests(c config, mgr manager.Manager, known *catalog.Catalog, controller *restore.Reconciler, looks *copies.Keeper, spared kube.Copies) *intent.Requests {
	return intent.New(intent.Config{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Catalog: known,
		BackedUp: func(namespace string) ([]backup.Claim, []string, error) {
			return backedUp(known.Overviews(), namespace)
		},
		Feasible: controller.Feasible, Policy: c.policy(), Copies: looks.Book, Spared: spared, Lock: kube.NewLock,
	})
}

// backedUp finds the claims of a namespace that the last listings hold backups of.
// A driver that was never listed makes it an error beside what is known of the others:
// what it holds may be all there is of the namespace. One whose last listing failed is a
// doubt.
func backedUp(overviews []catalog.Overview, namespace string) (claims []backup.Claim, doubt []string, err error) {
	for _, o := range overviews {
		switch {
		case o.ListedAt.IsZero() && o.Failure != nil:
			err = cmp.Or(err, backup.Errorf(backup.Unavailable, "which claims have %s backups cannot be told: %w", o.Driver, o.Failure))
		case o.ListedAt.IsZero():
			err = cmp.Or(err, backup.Errorf(backup.Unavailable, "the %s backups have not been listed yet", o.Driver))
		case o.Failure != nil:
			doubt = append(doubt, fmt.Sprintf("the last listing of the %s backups failed, so newer claims may be missing: %s", o.Driver, backup.Message(o.Failure)))
		}
		for claim, why := range o.Missing() {
			if claim.Namespace == namespace {
				doubt = append(doubt, backup.Message(why))
			}
		}
		for claim := range o.All() {
			if claim.Namespace == namespace {
				claims = append(claims, claim)
			}
		}
	}
	slices.SortFunc(claims, func(a, b backup.Claim) int { return strings.Compare(a.Name, b.Name) })
	return slices.Compact(claims), doubt, err
}
