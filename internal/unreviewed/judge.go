package unreviewed

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

// State is what is known of a claim's data. The zero value is Unknown.
type State uint8

// The states.
const (
	// Unknown: the claim was bound without a verdict, and it cannot be told whether
	// older backups of it exist.
	Unknown State = iota
	// Settled: the claim's data is what it should be, as far as Soteria has a say.
	Settled
	// Unreviewed: the claim was bound without a verdict although older backups of
	// it exist.
	Unreviewed
)

// Finding is what follows for a claim.
type Finding struct {
	State State
	// Since is when the claim was created.
	Since time.Time
	// Older is the newest of the backups that are older than the claim; zero unless
	// Unreviewed.
	Older backup.Backup
	// Message tells a person what happened and what to do; "" where Settled.
	Message string
	// Accept is the command that accepts what the claim holds now, once a reason is
	// put in; "" unless Unreviewed.
	Accept string
}

// Facts are all that a finding depends on.
type Facts struct {
	Claim backup.Claim
	UID   types.UID
	// Protected reports that admission would have had to look for backups.
	Protected bool
	// Locked reports that the claim got its volume through a Restore: its volume name
	// says so, which no one can change.
	Locked bool
	// Created is when the claim was; GateSince when the gate was first seen closed,
	// zero where it never was.
	Created, GateSince time.Time
	// Verdict, JudgedAt and Accepted are the claim's annotations.
	Verdict, JudgedAt, Accepted string
	// Rules say which backups are this cluster's, and which dates can be right.
	Rules backup.Rules
	// Backups are those of the claim by every driver, in any order. Listed tells
	// that every repository could be listed, so that there are no others.
	Backups []backup.Backup
	Listed  bool
}

// Read reads a living claim; admission are the facts of [kube.Facts] on the claim
// as it was written. What is known of backups is left to be filled in.
func Read(claim *corev1.PersistentVolumeClaim, admission decision.Facts, gateSince time.Time) Facts {
	_, _, locked := kube.LockOf(claim)
	admission.MissingRestore = "" // it says nothing of whether the claim is protected
	return Facts{
		Claim: backup.Claim{Namespace: claim.Namespace, Name: claim.Name}, UID: claim.UID,
		Protected: !admission.MadeBySoteria && decision.NeedsAnswer(admission), Locked: locked,
		Created: claim.CreationTimestamp.Time, GateSince: gateSince,
		Verdict: claim.Annotations[v1alpha1.VerdictAnnotation], JudgedAt: claim.Annotations[v1alpha1.JudgedAtAnnotation],
		Accepted: claim.Annotations[v1alpha1.AcceptDataAnnotation], Rules: admission.Rules,
	}
}

// stampLifetime is how far a verdict may be from the creation of its claim, as
// for admission. One that is further off was copied with a manifest or written
// by hand.
const stampLifetime = 5 * time.Minute

// Judge reports whether a claim's data has to be reviewed. Same facts, same finding.
func Judge(f Facts) Finding {
	settled := Finding{State: Settled, Since: f.Created}
	switch {
	case !f.Protected, f.vouched():
		return settled
	case f.GateSince.IsZero() || f.Created.Before(f.GateSince):
		return settled
	case slices.ContainsFunc(f.Backups, f.reviews):
		return settled
	}
	older, found := f.newestOlder()
	switch {
	case found:
		return Finding{State: Unreviewed, Since: f.Created, Older: older, Message: f.message(older), Accept: f.accept()}
	case !f.Listed:
		return Finding{State: Unknown, Since: f.Created, Message: "the claim was bound without a verdict of Soteria's, and it cannot be told whether older backups of it exist, since not every repository can be listed"}
	default:
		return settled
	}
}

// vouched reports whether the claim itself says that its data is right: a Restore
// handed it over, admission let it start without one, or a person accepted it.
func (f Facts) vouched() bool { return f.Locked || f.judged() || f.accepted() }

// judged reports whether admission judged this creation, and left the claim
// without a lock.
func (f Facts) judged() bool {
	kind, _, _ := strings.Cut(f.Verdict, " ")
	if kind != decision.Fresh.String() && kind != decision.Refer.String() {
		return false
	}
	at, err := time.Parse(time.RFC3339, f.JudgedAt)
	return err == nil && at.Sub(f.Created).Abs() < stampLifetime
}

// accepted reports whether a person accepted the data of this very claim.
func (f Facts) accepted() bool {
	words := strings.Fields(f.Accepted)
	return len(words) > 0 && f.UID != "" && words[0] == string(f.UID)
}

// reviews reports whether a backup shows that the claim was settled before: Soteria
// took it of this claim and did not mark it. The clock of what takes a backup may be
// ahead by as much as any may be: what is dated within that of the claim's creation
// may be of the claim before it, and what is dated further ahead of now shows nothing.
func (f Facts) reviews(b backup.Backup) bool {
	return b.Own && !b.Unreviewed && f.Rules.Fresh(b) && b.TakenAt.After(f.Created.Add(backup.MaxAhead))
}

// newestOlder finds the newest backup that is older than the claim, or may be: one
// that is dated ahead of now stands for an older one where there is no other.
func (f Facts) newestOlder() (newest backup.Backup, found bool) {
	for _, may := range []func(backup.Backup) bool{f.older, f.undated} {
		for _, b := range f.Backups {
			if f.counts(b) && may(b) && (!found || backup.NewestFirst(b, newest) < 0) {
				newest, found = b, true
			}
		}
		if found {
			return newest, true
		}
	}
	return backup.Backup{}, false
}

// older reports whether a backup is older than the claim, within what clocks may
// differ by.
func (f Facts) older(b backup.Backup) bool {
	return b.TakenAt.Before(f.Created) || b.Own && !b.Unreviewed && !b.TakenAt.After(f.Created.Add(backup.MaxAhead))
}

// undated reports whether nothing tells when Soteria took a backup.
func (f Facts) undated(b backup.Backup) bool {
	return b.Own && !b.Unreviewed && !f.Rules.Plausible(b)
}

// counts reports whether a backup says something about this cluster's claim.
func (f Facts) counts(b backup.Backup) bool {
	return !f.Rules.Clusters.Settled || f.Rules.Clusters.Counts(b)
}

func (f Facts) message(older backup.Backup) string {
	return fmt.Sprintf("The claim was bound without a verdict of Soteria's, and may be empty although backups of it exist (the newest: %s, taken %s). "+
		"It is backed up, but those backups are never restored by themselves, and no old one is removed. "+
		"To have the data of a backup back, delete the claim and create it again while the gate is closed. "+
		"To keep what it holds now: %s",
		backup.ShortID(older.ID), older.TakenAt.UTC().Format(time.RFC3339), f.accept())
}

func (f Facts) accept() string {
	return fmt.Sprintf("kubectl -n %s annotate pvc %s %s='%s <reason>'", f.Claim.Namespace, f.Claim.Name, v1alpha1.AcceptDataAnnotation, f.UID)
}
