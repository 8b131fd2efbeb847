package main

import (
	"context"
	"errors"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/backupjob"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/stall"
)

// stalledBackups finds the backups that do not come further: by what their Jobs and
// Leases say, which every replica can read.
type stalledBackups struct {
	config config
	// cached reads Jobs, and direct the Leases in Soteria's own namespace.
	cached, direct client.Reader
}

// find returns what could be found, also with an error.
func (s stalledBackups) find(ctx context.Context) ([]backupjob.Stalled, error) {
	var all []backupjob.Stalled
	var problems []error
	if s.config.uses(restic.Name) {
		jobs, err := backupjob.StalledJobs(ctx, s.cached, restic.Name)
		all, problems = append(all, jobs...), append(problems, err)
	}
	if s.config.uses(longhorn.Name) {
		leases, err := s.leases(ctx)
		all, problems = append(all, leases...), append(problems, err)
	}
	return all, errors.Join(problems...)
}

func (s stalledBackups) leases(ctx context.Context) ([]backupjob.Stalled, error) {
	var leases coordinationv1.LeaseList
	labels := client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup}
	if err := s.direct.List(ctx, &leases, client.InNamespace(s.config.Namespace), labels); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the Leases of running backups: %w", err)
	}
	var all []backupjob.Stalled
	for i := range leases.Items {
		if claim, mark, stalled := longhorn.Stalled(&leases.Items[i]); stalled {
			all = append(all, backupjob.Stalled{Claim: claim, Driver: longhorn.Name, Mark: mark})
		}
	}
	return all, nil
}

// byClaim puts into words what holds up the backup of each claim.
func (s stalledBackups) byClaim(ctx context.Context) (map[backup.Claim]string, error) {
	all, err := s.find(ctx)
	words := make(map[backup.Claim]string, len(all))
	for _, each := range all {
		words[each.Claim] = each.Says()
	}
	return words, err
}

// byCause counts them.
func (s stalledBackups) byCause(ctx context.Context) (map[stall.Cause]int, error) {
	all, err := s.find(ctx)
	counts := map[stall.Cause]int{}
	for _, each := range all {
		counts[each.Cause]++
	}
	return counts, err
}
