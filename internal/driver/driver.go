package driver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Lister lists the backups of every claim that a repository holds.
type Lister interface {
	// Name is the driver's name as users write it, such as "restic". It is
	// constant and unique among the drivers of one process.
	Name() string

	// List tells into once of every backup in the repository, in any order and
	// from this goroutine, and returns the identity of the repository that was
	// read.
	//
	// A nil error means: the whole repository was read, from its current state
	// at or after the call, but for what [Listing.Incomplete] was told of. With an error, whatever was told must be thrown
	// away. Errors carry a [backup.Kind]: Unavailable may pass by itself,
	// Credentials and RepositoryAbsent wait for a person. List has no side
	// effects on what the repository holds (it takes no lock there), may be
	// called concurrently, and may be repeated at will. It honours ctx and
	// returns soon after it ends.
	List(ctx context.Context, into Listing) (repository string, err error)
}

// Listing is told what a repository holds while it is read. Its methods are
// called from one goroutine and must not block.
type Listing interface {
	// Backup tells of one backup that can be restored.
	Backup(b backup.Backup)
	// Doubt tells that the claim may have backups besides those that are told:
	// one is being taken at this moment, or is there and cannot be read. Such a
	// claim is never proved to have no backup; those that are told of it stand.
	// The zero claim stands for every claim. The error carries a [backup.Kind]
	// and says in words for users what is in doubt and what to do. It is taken to be
	// about a newer backup than those that are told, unless it is of every claim or
	// says otherwise, see [backup.UnderWay] and [backup.TakenBy].
	Doubt(claim backup.Claim, why error)
	// Incomplete reports that a part of the repository could not be read, such as
	// one of several stores. What is told nevertheless exists. No claim is proved to
	// have no backup, the newest that is told of a claim may not be the newest there
	// is, and nothing that is not told is gone. The error is as that of Doubt.
	Incomplete(why error)
	// Strays reports the backups of which nothing says for certain which claim
	// they are of, at most once in a listing and all together. While there are
	// such that no one has accepted, no claim is proved to have no backup. Those
	// that a stray names are doubtful before all others. The words say that to users.
	Strays(strays []attribution.Stray, words attribution.Words)
	// Mark tells, at most once, by what [Confirmer.Confirm] recognises that the
	// repository still holds exactly what is listed; "" is as good as not called.
	Mark(mark string)
}

// Confirmer is a [Lister] that can prove, without listing the repository again, that a
// listing still stands.
type Confirmer interface {
	// Confirm reports whether the repository, looked at after the call, holds exactly
	// what the listing of that mark held, and is the same repository. Where it does
	// not, or there is an error, nothing follows but that it has to be listed again.
	// It has no side effects, may be called concurrently and repeated at will, and
	// honours ctx.
	Confirm(ctx context.Context, mark string) (bool, error)
}

// Prover is a [Lister] that can prove which backups single claims have without listing
// the whole repository.
type Prover interface {
	// Prove tells into of every backup of these claims, and of what puts them in doubt,
	// from the repository's state at or after the call, and returns the identity of the
	// repository and the claims of which it told all there is. Of the others nothing
	// follows: what they have takes a listing, as it does before the first one, and
	// where a backup that was listed is not there. Of a repository in which nothing is
	// found something else must have been seen at most so long before the call: one that
	// was emptied proves nothing. What lies outside the claims' own parts is not looked at.
	//
	// Errors, side effects, repeating and ctx are as those of [Lister.List].
	Prove(ctx context.Context, claims []backup.Claim, within time.Duration, into Listing) (repository string, proved []backup.Claim, err error)
}

// Sharer is a [Lister] that has the backup system do something first, which counts for
// every replica that was waiting when it was asked for.
type Sharer interface {
	// ListShared is [Lister.List] that waits so long, at most, for another replica to ask
	// before it asks itself. Once hurry is closed it waits no more: where none has asked by
	// then it returns [ErrHurried], and has told into nothing.
	ListShared(ctx context.Context, patience time.Duration, hurry <-chan struct{}, into Listing) (repository string, err error)
}

// ErrHurried is the error of a shared listing that was hurried before it read anything:
// another one is to begin, which counts for those who ask by then.
var ErrHurried = errors.New("the listing was hurried")

// Watcher is a [Lister] of a backup system that can be read only every so often, and
// that says when what it knows changes in between.
type Watcher interface {
	// Watch calls began once it would notice any change of what a listing rests on, and
	// changed for each that it notices, until ctx ends or it can notice no more. It
	// always returns an error that says why. The functions must not block. It has no
	// side effects and may be called again.
	Watch(ctx context.Context, began, changed func()) error
}

// BackupRequest asks for one backup of a claim.
type BackupRequest struct {
	Claim backup.Claim
	// Tags are added to those that identify the claim.
	Tags []string
	// RequestedBy names who asked, for the record.
	RequestedBy string
	// DryRun checks all that can be checked and starts nothing.
	DryRun bool
	// Replaces names the Job that was made for the same request before and is gone;
	// "" for a request that is new. Number is that Job's among those of the claim. Again
	// is how often, this time counted, the request was made again.
	Replaces string
	Number   int
	Again    int
}

// BackupStarted tells what was started, or would be on a dry run.
type BackupStarted struct {
	Driver    string
	Namespace string
	// JobName is the Job that does the work, for drivers that use Jobs.
	JobName string
	// Secret is the name of the per-Job copy of the credentials.
	Secret string
	// Volume and Backup are the names of the volume that is backed up and of the
	// backup, for drivers whose backup system has volumes of its own. On a dry
	// run Backup is empty: it gets its name when it begins.
	Volume string
	Backup string
}

// Backuper takes backups.
type Backuper interface {
	// Backup starts a backup and returns without waiting for its end. It is not
	// idempotent: two calls make two backups, except that a claim of which a
	// backup is already running gives an error of kind Conflict. Other kinds:
	// NotFound (no such claim), Conflict (claim not bound, being restored or
	// deleted), Unprocessable (a volume of a sort that the driver cannot back
	// up), Invalid (tags), Denied (a quota or a Pod Security level of its
	// namespace rules the Job out), Credentials, Unavailable.
	Backup(ctx context.Context, req BackupRequest) (BackupStarted, error)
}

// ForgetRequest asks that backups of one claim be removed.
type ForgetRequest struct {
	Claim backup.Claim
	// Backups are those to remove, as a listing told of them. None is nothing to
	// do.
	Backups []backup.Backup
	// Stays is a backup of the claim, taken by Soteria too, that is not removed.
	Stays backup.Backup
}

// Pruner removes backups.
type Pruner interface {
	// Forget removes exactly the named backups of one claim. Before it removes
	// anything it looks at the backup system itself: Stays must be there and
	// restorable (else Conflict), and a named one that is there must be a backup
	// of the claim that Soteria took (else Denied, whoever says otherwise). Those
	// that are not there are passed over.
	//
	// It returns once it saw that they are gone, or that the backup system is
	// removing them by itself; the space that they took may be freed later, or
	// only when asked for. After an error any of them may be gone. It is
	// idempotent and may be repeated at will: Unavailable may pass by itself, such
	// as a lock that somebody holds, Credentials and RepositoryAbsent wait for a
	// person. It honours ctx.
	Forget(ctx context.Context, req ForgetRequest) error
}

// Placement says where a Job's pod may run. It is copied from a pending pod that
// uses the claim, so that a volume is made where that pod can follow.
type Placement struct {
	NodeSelector map[string]string
	Tolerations  []corev1.Toleration
	Affinity     *corev1.Affinity
	// Room is the processor and memory that the node must have free for the pod that
	// the volume is for; the Job's pod asks for as much while it runs. Nil asks for
	// no more than the Job needs itself.
	Room corev1.ResourceList `json:",omitempty"`
}

// Fingerprint identifies a placement among others.
func (p Placement) Fingerprint() string {
	if len(p.NodeSelector) == 0 && len(p.Tolerations) == 0 && p.Affinity == nil && len(p.Room) == 0 {
		return "any"
	}
	const length = 16
	text, err := json.Marshal(p)
	if err != nil {
		return "" // nothing in it can fail to be encoded
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:length]
}

// FillRequest asks that a prime be filled for a claim. The same request always
// means the same fill: ClaimUID and Attempt identify it.
type FillRequest struct {
	// Claim and ClaimUID identify the claim whose restore this is.
	Claim    backup.Claim
	ClaimUID types.UID
	// Attempt counts from 1. A higher attempt is a new fill that first removes
	// what earlier ones for the same prime wrote, and never anything else: a prime
	// that held data before its first attempt is refused, see [FindingForeign].
	Attempt int32
	// Backup is what to fill it with.
	Backup backup.Backup
	// Prime is the claim to fill, in Soteria's own namespace, and PrimeUID its uid,
	// by which what is written to its volume is marked. No tenant can read it.
	Prime    string
	PrimeUID types.UID
	// Root is what a person says was the volume's root in a backup that does not
	// tell: "top" is the top of the backup, "folder" the folder that the backup
	// names; else "".
	Root string
	// CheckRoom wants a volume that has no room for the backup to be refused
	// before anything is written, since nothing else proved that it has.
	CheckRoom bool
	// Block is true when the prime is a raw block device and has no file system.
	Block bool
	// Placement is where the filling pod may run.
	Placement Placement
	// Annotations are the claim's, which may ask for other resources or more time
	// for the pod.
	Annotations map[string]string
}

// Filler fills the file system of a prime with a backup's data.
type Filler interface {
	// Fill sees to it that the fill is under way and tells what is observed of
	// it. It never waits for the end: it is called again and again, after any
	// crash too, and is idempotent for the same ClaimUID and Attempt. An error
	// says that the fill could not be started or observed now and may be
	// retried; a fill that ran and failed is no error but [FillFailed].
	Fill(ctx context.Context, req FillRequest) (FillState, error)

	// Release removes what fills of this claim left in the cluster (Jobs, their
	// pods, copies of credentials) for every attempt, and reports whether all
	// of it is gone, so that the prime is in use by nobody. It is idempotent
	// and touches nothing that carries another claim's uid.
	Release(ctx context.Context, claimUID types.UID) (gone bool, err error)

	// Finding reports what the fills of this claim that were not released yet found
	// on its prime. It has no side effects; an error says that it could not be told
	// now.
	Finding(ctx context.Context, claimUID types.UID) (Finding, error)
}

// CommonFiller is a [Filler] whose Release and Finding are about what others leave, too.
type CommonFiller interface {
	Filler

	// Releases identifies what Release removes and Finding looks at. Of fillers that
	// return the same, one does it for all.
	Releases() string
}

// Finding is what a fill found on its volume before it wrote. The zero value is
// that nothing is known.
type Finding uint8

// The findings of a fill.
const (
	// FindingNone: no fill has looked yet, or none could tell.
	FindingNone Finding = iota
	// FindingOwn: nothing, or what an earlier attempt of the same restore wrote. All
	// that is on the volume now, the restore wrote.
	FindingOwn
	// FindingForeign: data that was there before the restore. Nothing was written,
	// and nothing may be deleted.
	FindingForeign
)

// FillPhase is how far a fill has come. The zero value is Pending.
type FillPhase uint8

// The phases of a fill. Done and Failed are final for an attempt.
const (
	FillPending FillPhase = iota
	FillRunning
	FillDone
	FillFailed
)

// Progress counts what a fill has moved so far. Totals are zero until known. A fill that
// is still pending has one where the backup system restores aside first.
type Progress struct {
	BytesDone  int64
	BytesTotal int64
	FilesDone  int64
	FilesTotal int64
	// Worked is how often what fills was seen to do something, whatever it moved; 0
	// where that is not looked at.
	Worked int64
}

// Counts is what a volume or a backup holds.
type Counts struct {
	// Files counts everything that is not a folder; Bytes is the sum of the
	// sizes of regular files, hard links counted once.
	Files int64
	Bytes int64
}

// FillState is what was observed of a fill.
type FillState struct {
	Phase    FillPhase
	Progress Progress
	// Restored and Expected are set once Phase is FillDone: what was counted on
	// the volume after the fill, and what the backup says it holds.
	Restored Counts
	Expected Counts
	// Message says what it is waiting for or, when failed, what the backup
	// system said, in its own words.
	Message string
	// Partial is true when a failed fill restored some of the data: Message
	// then says what is missing.
	Partial bool
	// Finding is what the fill found on its volume before it wrote.
	Finding Finding
	// StartedAt is when the bytes began to move, and EndedAt when what moved them ended;
	// zero before, and where that is not known.
	StartedAt time.Time
	EndedAt   time.Time
}

// VolumeRequest asks for a volume of the backup system's own that holds a
// backup's data. The same Target uid and Attempt always mean the same volume.
type VolumeRequest struct {
	// Target is the claim that the volume is for. Its uid identifies the
	// restore, its spec says which size and modes are wanted, and its volumeName
	// is the name under which the volume will be handed over.
	Target *corev1.PersistentVolumeClaim
	// Class is the storage class whose parameters the volume is made with.
	Class *storagev1.StorageClass
	// Attempt counts from 1. A higher attempt is a new volume; those of lower
	// ones are deleted first.
	Attempt int32
	// Backup is what the volume is to hold.
	Backup backup.Backup
}

// VolumeState is what was observed of a volume that is being made.
type VolumeState struct {
	FillState
	// Volume is set once Phase is FillDone: the object that stands for the
	// volume, as the class's own provisioner would have made it, with its real
	// size. Left to the caller are its name, labels, claim, class and reclaim
	// policy.
	Volume *corev1.PersistentVolume
	// Warnings says what of the class does not hold for the volume, in sentences
	// for users. It is told when the volume is made and, again, when it is done.
	Warnings []string
}

// VolumeMaker is a backup system that restores a backup to a volume which a
// claim can be handed as it is, without a Job that copies anything.
type VolumeMaker interface {
	// Provisioner is the CSI driver whose storage classes the volumes are of.
	Provisioner() string

	// MakeVolume sees to it that the volume is being made and tells what is
	// observed of it. It never waits for the end: it is called again and again,
	// after any crash too, and is idempotent for the same request. An error says
	// that the volume could not be made or observed now and may be retried; an
	// attempt that failed for good is no error but [FillFailed].
	MakeVolume(ctx context.Context, req VolumeRequest) (VolumeState, error)

	// DiscardVolume deletes what MakeVolume made for the claim with this uid, in
	// any attempt, and reports whether all of it is gone. It is idempotent. It
	// must not be called once a volume was handed over; as a second guard a
	// volume that an object of the cluster refers to is not deleted but an error
	// of kind Conflict.
	DiscardVolume(ctx context.Context, claimUID types.UID) (gone bool, err error)
}

// TestRequest asks that a backup be restored into nothing that lasts, to see
// whether it can be.
type TestRequest struct {
	// Backup is what is tested; its claim need not exist.
	Backup backup.Backup
	// RequestedBy names who asked, for the record.
	RequestedBy string
	// DryRun checks all that can be checked and starts nothing.
	DryRun bool
}

// TestState is a restore test that was started, and what was observed of it. Of
// one on a dry run the Job has no name.
type TestState struct {
	FillState
	Claim     backup.Claim
	Driver    string
	BackupID  string
	Namespace string
	JobName   string
	// RoomBytes is how much the test may take of a node's disk.
	RoomBytes   int64
	RequestedBy string
	CreatedAt   time.Time
}

// Tester restores backups for a test, and checks what came back as a restore does.
type Tester interface {
	// Test starts a test and returns without waiting for its end. It is not
	// idempotent, but a claim of which a test is running gives an error of kind
	// Conflict. Other kinds: Invalid (the backup is not one that can be tested, or
	// is larger than tests may be), Denied, Credentials, Unavailable.
	Test(ctx context.Context, req TestRequest) (TestState, error)

	// Tests tells of the tests that are running or were kept, in any order. An
	// error is of kind Unavailable.
	Tests(ctx context.Context) ([]TestState, error)
}
