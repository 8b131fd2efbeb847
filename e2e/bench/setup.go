package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/history"
	"github.com/soteria-dr/soteria/internal/slowline"
)

const (
	// snapshots are in the repository, of which each so many-th brought a change.
	snapshots, changed = 20_000, 100
	// claims have backups in the repository that were never taken here.
	claims = 200
	// herdNamespace is theirs, oneNamespace that of a claim that is backed up here, and
	// newNamespace that of claims that are asked for and never made.
	herdNamespace, oneNamespace, newNamespace, rawNamespace = "bench-herd", "bench-one", "bench-new", "bench-raw"
	// farAway is how much longer a round trip to a far store takes.
	farAway = 30 * time.Millisecond
	// both says whether Longhorn is configured, too.
	longhornURL = "SOTERIA_LONGHORN_URL"
	expect      = "SOTERIA_EXPECT_BACKUPS"
	repository  = "SOTERIA_RESTIC_REPOSITORY"
	resticImage = "SOTERIA_RESTIC_IMAGE"
)

// bench is a cluster with a Soteria whose repository is behind a line that can be slow.
type bench struct {
	*harness.Cluster
	far *slowline.Line
	// address is the repository's, through the line.
	address string
	// systems are what is configured, for the table.
	systems string
}

func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// begin installs Soteria, writes the repository and points Soteria at it through the
// line, with the restic of Soteria's own image, as deploy/ has it. What it returns ends
// all that.
func begin(ctx context.Context) (*bench, func(), error) {
	cluster, err := harness.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	b := &bench{Cluster: cluster, systems: "restic"}
	b.say("installing Soteria")
	if err := errors.Join(b.StartStore(ctx, harness.S3), b.StartStore(ctx, harness.Rest), b.BuildImage(ctx, "")); err != nil {
		return nil, nil, err
	}
	if err := b.Install(ctx); err != nil {
		return nil, nil, err
	}
	name := fmt.Sprintf("bench-%d", time.Now().Unix())
	near := harness.S3Repository(name)
	if err := b.Configure(ctx, map[string]string{longhornURL: "", expect: ""}); err != nil {
		return nil, nil, err
	}
	if _, err := b.UseRepository(ctx, near); err != nil {
		return nil, nil, err
	}
	if err := b.LightenKey(ctx, near); err != nil {
		return nil, nil, err
	}
	b.say("writing %d snapshots", snapshots)
	if err := b.WriteHistory(ctx, near, theHistory()); err != nil {
		return nil, nil, err
	}
	far, err := b.LayLine(ctx, near)
	if err != nil {
		return nil, nil, err
	}
	b.far, b.address = far.Line, far.Repository
	return b, func() { b.end(context.WithoutCancel(ctx), near, far.Close) }, b.useLine(ctx)
}

// useLine points Soteria at the repository behind the line, and waits until it has done
// for itself what a start brings: that is not measured.
func (b *bench) useLine(ctx context.Context) error {
	if err := b.Configure(ctx, map[string]string{repository: b.address, resticImage: restic.OwnImage}); err != nil {
		return err
	}
	if err := b.AwaitKnown(ctx); err != nil {
		return err
	}
	return b.AwaitCopy(ctx)
}

// theHistory has backups of the claims of the herd, the last of which were just taken.
func theHistory() history.History {
	h := history.History{Backups: snapshots, Changed: changed, Newest: time.Now().Add(-time.Minute), Every: time.Minute}
	for n := range claims {
		h.Claims = append(h.Claims, backup.Claim{Namespace: herdNamespace, Name: herdClaim(n)})
	}
	return h
}

func herdClaim(n int) string { return fmt.Sprintf("data-%03d", n) }

// useLonghorn configures Longhorn beside restic, and waits until the new replicas know
// what is in both.
func (b *bench) useLonghorn(ctx context.Context) error {
	b.systems = "restic and Longhorn"
	if err := b.Configure(ctx, map[string]string{longhornURL: longhorn.DefaultURL, expect: "longhorn=false"}); err != nil {
		return err
	}
	return b.AwaitKnown(ctx)
}

// end removes what was made, and points Soteria at the repository without the line.
func (b *bench) end(ctx context.Context, near string, endLine func()) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	err := errors.Join(
		b.DestroyNamespaces(ctx, herdNamespace, oneNamespace, newNamespace, rawNamespace),
		b.Configure(ctx, map[string]string{repository: near, longhornURL: "", expect: "", resticImage: harness.ResticImage}),
	)
	endLine()
	if err != nil {
		b.say("cleaning up: %v", err)
	}
}
