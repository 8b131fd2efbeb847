package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/waiting"
)

// gathered are the backups of a listing, by claim.
type gathered map[backup.Claim][]backup.Backup

// gathering is a listing that keeps the backups.
type gathering struct {
	gathered
	incomplete error
}

func (g *gathering) Backup(b backup.Backup)  { g.gathered[b.Claim] = append(g.gathered[b.Claim], b) }
func (*gathering) Doubt(backup.Claim, error) {}
func (g *gathering) Incomplete(why error)    { g.incomplete = cmp.Or(g.incomplete, why) }

func (*gathering) Strays([]attribution.Stray, attribution.Words) {}

// Mark implements [driver.Listing].
func (gathered) Mark(string) {}

// counting are a claim's backups that it is expected to keep, newest first.
func (t tools) counting(there gathered, claim backup.Claim, now time.Time) []backup.Backup {
	expected := t.config.expected()
	kept := slices.DeleteFunc(slices.Clone(there[claim]), func(b backup.Backup) bool { return !expected(b, now) })
	slices.SortFunc(kept, backup.NewestFirst)
	return kept
}

// list lists a driver's repository. What is settled by it must not rest on a part of it.
func (t tools) list(ctx context.Context, name string) (gathered, string, error) {
	lister, err := t.lister(name)
	if err != nil {
		return nil, "", err
	}
	all := &gathering{gathered: gathered{}}
	repository, err := lister.List(ctx, all)
	if err = cmp.Or(err, all.incomplete); err != nil {
		return nil, "", backup.Errorf(backup.KindOf(err), "listing the %s repository: %w", name, err)
	}
	return all.gathered, repository, nil
}

func (t tools) lister(name string) (driver.Lister, error) {
	if lister, found := t.listers[name]; found {
		return lister, nil
	}
	return nil, fmt.Errorf("%w: the driver %s is not configured", errConfig, name)
}

// remembered is what is remembered of a repository's claims: in the cluster, also from
// before it was accepted, and in the copy beside the backups. After a rebuild the copy
// may be all there is: a repository that is empty is refused before the cluster has
// learned from it.
func (t tools) remembered(ctx context.Context, name, repository string) (expectation.Claims, error) {
	claims, err := t.memory.Claims(ctx, name)
	if err != nil {
		return nil, err
	}
	unaccepted, err := t.unaccepted.Claims(ctx, name, repository)
	if err != nil {
		return nil, err
	}
	claims = expectation.Union(claims, unaccepted)
	if t.copies[name] == nil {
		return claims, nil
	}
	beside, err := t.copies[name].Read(ctx, name)
	if err != nil {
		return nil, backup.Errorf(backup.KindOf(err), "reading the copy of the expectations that is kept beside the %s backups: %w", name, err)
	}
	return beside.Join(claims, t.config.Cluster), nil
}

// settleAll has no claim miss a backup that a repository does not hold now.
func (t tools) settleAll(ctx context.Context, name, repository string, there gathered) error {
	remembered, err := t.remembered(ctx, name, repository)
	if err != nil {
		return err
	}
	now, settled := t.now(), make(expectation.Claims)
	for claim, record := range remembered {
		if left := t.counting(there, claim, now); record.Missing(left) {
			settled[claim] = record.Accept(left, now)
		}
	}
	if len(settled) == 0 {
		return nil
	}
	_, err = t.memory.Remember(ctx, name, settled)
	return err
}

// settleClaim has a claim miss no backup that these repositories do not hold now.
// It settles those that it can, and tells what each is expected to hold from now on.
func settleClaim(claim backup.Claim, names []string) func(context.Context, tools) (string, error) {
	return func(ctx context.Context, t tools) (string, error) {
		if len(names) == 0 {
			names = t.looked
		}
		told := make([]string, 0, len(names))
		for _, name := range names {
			line, err := t.settle(ctx, claim, name)
			if err != nil {
				return "", fmt.Errorf("claim %s could not be settled in the %s repository (settled so far: %d): %w", claim, name, len(told), err)
			}
			told = append(told, line)
		}
		return strings.Join(told, "\n"), nil
	}
}

func (t tools) settle(ctx context.Context, claim backup.Claim, name string) (told string, err error) {
	there, repository, err := t.list(ctx, name)
	if err != nil {
		return "", err
	}
	expected, err := t.expectations.Expectation(ctx, name)
	if err != nil {
		return "", err
	}
	if expected.Repository != "" && expected.Repository != repository {
		return "", backup.Errorf(backup.RepositoryChanged, "it is %s, but this cluster has used %s so far: point Soteria back to that one, or accept the new one first", repository, expected.Repository)
	}
	remembered, err := t.remembered(ctx, name, repository)
	if err != nil {
		return "", err
	}
	now := t.now()
	left := t.counting(there, claim, now)
	settled := expectation.Claims{claim: remembered[claim].Accept(left, now)}
	if expected.Repository == "" {
		// Nothing that it holds is expected of another repository.
		err = t.unaccepted.Remember(ctx, name, repository, settled)
	} else {
		_, err = t.memory.Remember(ctx, name, settled)
	}
	if err != nil {
		return "", err
	}
	if len(left) == 0 {
		return fmt.Sprintf("accepted: %s holds no backup of %s", name, claim), nil
	}
	return fmt.Sprintf("accepted: the newest of %d %s backups of %s is %s, taken %s", len(left), name, claim, backup.ShortID(left[0].ID), left[0].TakenAt.UTC().Format(time.RFC3339)), nil
}

// forget drops all that this cluster remembers of a driver that is not looked at.
func forget(name string, yes bool) func(context.Context, tools) (string, error) {
	return func(ctx context.Context, t tools) (string, error) {
		if slices.Contains(t.looked, name) {
			return "", backup.Errorf(backup.Conflict, "%s is looked at for restores, so that Soteria would remember it again at once: "+
				"take it out of the configuration first, or accept what is gone with: soteria repository accept", name)
		}
		if err := t.confirm(ctx, yes, "forgetting "+name, nil); err != nil {
			return "", err
		}
		if err := errors.Join(t.memory.Forget(ctx, name), t.unaccepted.Forget(ctx, name)); err != nil {
			return "", err
		}
		return "forgot " + name, t.expectations.Forget(ctx, name)
	}
}

// confirm refuses what would start claims empty that wait now, unless a person says
// that it is meant. There is what is known to be in the repository that it is about.
func (t tools) confirm(ctx context.Context, yes bool, what string, there gathered) error {
	if yes {
		return nil
	}
	waits, err := waiting.List(ctx, t.cluster, t.policy)
	if err != nil {
		return err
	}
	waits = slices.DeleteFunc(waits, func(w waiting.Wait) bool { return t.exists(there[w.Source]) })
	if len(waits) == 0 {
		return nil
	}
	const most = 10
	names := make([]string, 0, most)
	for _, w := range waits[:min(most, len(waits))] {
		names = append(names, w.Claim.String())
	}
	if len(waits) > most {
		names = append(names, "…")
	}
	return backup.Errorf(backup.Conflict, "%s would start %d waiting claims empty, unless another repository holds their backups: %s; if that is what you want, say so with --yes",
		what, len(waits), strings.Join(names, ", "))
}

// exists reports whether a claim with these backups does not start empty: where it is
// settled which clusters are restored, those of others say nothing about it.
func (t tools) exists(backups []backup.Backup) bool {
	clusters := t.config.clusters()
	return len(backups) > 0 && (!clusters.Settled || slices.ContainsFunc(backups, clusters.Counts))
}
