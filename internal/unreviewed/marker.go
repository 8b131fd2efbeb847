package unreviewed

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube"
)

// Reviewer judges claims as they are now.
type Reviewer struct {
	// Reader reads the API server itself.
	Reader client.Reader
	Policy kube.Policy
	// Since returns when the gate was first seen closed, see [Memory.Since].
	Since func(context.Context) (time.Time, error)
	// Backups returns what is known of a claim's backups by every driver, and
	// whether every repository could be listed. It must not wait.
	Backups func(backup.Claim) (found []backup.Backup, listed bool)
}

// Review judges one claim. A claim that does not exist is settled. The error is of
// kind Unavailable: the claim, its namespace or the memory could not be read.
func (r Reviewer) Review(ctx context.Context, name backup.Claim) (Finding, error) {
	since, err := r.Since(ctx)
	if err != nil {
		return Finding{}, err
	}
	var claim corev1.PersistentVolumeClaim
	err = r.Reader.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, &claim)
	switch {
	case apierrors.IsNotFound(err):
		return Finding{State: Settled}, nil
	case err != nil:
		return Finding{}, backup.Errorf(backup.Unavailable, "reading claim %s: %w", name, err)
	}
	admission, err := kube.ReadFacts(ctx, r.Reader, kube.AsWritten(&claim), nil, r.Policy)
	if err != nil {
		return Finding{}, backup.Errorf(backup.Unavailable, "%w", err)
	}
	facts := Read(&claim, admission, since)
	facts.Backups, facts.Listed = r.Backups(name)
	return Judge(facts), nil
}

// Marker is a driver that takes backups, and marks those of unreviewed claims.
type Marker struct {
	driver.Backuper
	Review func(context.Context, backup.Claim) (Finding, error)
	// Undecided is told of a claim whose backup was marked though it could not be told
	// whether older ones exist; nil reports nothing.
	Undecided func(context.Context, backup.Claim, Finding)
}

// Backup implements [driver.Backuper]. Where it cannot be told whether older
// backups exist, the backup is marked too: one that is needlessly passed over is
// followed by the next, and one that is wrongly chosen loses data. A caller's tag
// that looks like the mark is an error of kind Invalid with the field "tags".
func (m Marker) Backup(ctx context.Context, req driver.BackupRequest) (driver.BackupStarted, error) {
	if slices.ContainsFunc(req.Tags, func(tag string) bool { return strings.HasPrefix(strings.TrimSpace(tag), backup.UnreviewedTag) }) {
		return driver.BackupStarted{}, &backup.Error{Kind: backup.Invalid, Field: "tags", Message: "tags that begin with " + backup.UnreviewedTag + " are Soteria's own"}
	}
	if err := req.Claim.Validate(); err != nil {
		return driver.BackupStarted{}, err
	}
	found, err := m.Review(ctx, req.Claim)
	if err != nil {
		return driver.BackupStarted{}, err
	}
	if found.State != Settled {
		req.Tags = append(slices.Clone(req.Tags), backup.UnreviewedSince(found.Since))
	}
	started, err := m.Backuper.Backup(ctx, req)
	if err == nil && found.State == Unknown && m.Undecided != nil && !req.DryRun {
		m.Undecided(ctx, req.Claim, found)
	}
	return started, err
}
