package copyfill

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

const (
	target   = "/restore"
	deadline = 24 * time.Hour
)

// capabilities are what a copy has of root's powers, each for a thing that a file
// system may hold and a copy must bring over.
var capabilities = []corev1.Capability{
	"CHOWN",        // files belong to whoever they belonged to
	"DAC_OVERRIDE", // read and write what belongs to somebody else
	"FOWNER",       // set mode, times, ACLs and extended attributes of somebody else's files
	"FSETID",       // keep the setuid and setgid bits of files that somebody else owns
	"MKNOD",        // device nodes
	"SETFCAP",      // the file capabilities of programs (security.capability)
}

// Config is what the Jobs run with.
type Config struct {
	// SoteriaImage is the image of the Jobs.
	SoteriaImage string
	// JobNodeSelector is where Jobs may run.
	JobNodeSelector map[string]string
	// JobServiceAccount is their service account; "" is the namespace's default.
	JobServiceAccount string
	// Verify is what of each copied file is compared with the restored volume: sizes
	// or contents. Default: sizes.
	Verify string
	// JobSettings are what the operator settles for the pods of all movers.
	JobSettings moverjob.Settings
	// Parameters are those of the class that the volumes to copy from are made
	// of. They live for one copy, so one replica is enough.
	Parameters map[string]string
}

// Filler copies restored volumes onto primes.
type Filler struct {
	cfg   Config
	maker driver.VolumeMaker
	fills moverjob.Fills
	clock clock.PassiveClock
}

var _ driver.Filler = (*Filler)(nil)

// New makes a Filler of what a backup system restores. A nil clock is the real
// one.
func New(cfg Config, maker driver.VolumeMaker, fills moverjob.Fills, now clock.PassiveClock) *Filler {
	if now == nil {
		now = clock.RealClock{}
	}
	return &Filler{cfg: cfg, maker: maker, fills: fills, clock: now}
}

// Fill implements [driver.Filler]. Each attempt restores the volume anew: what
// spoiled the last copy may have been the volume.
func (f *Filler) Fill(ctx context.Context, req driver.FillRequest) (driver.FillState, error) {
	s, err := f.observe(ctx, req.ClaimUID)
	if err != nil {
		return driver.FillState{}, err
	}
	switch {
	case s.any() && s.attempt() > req.Attempt:
		return driver.FillState{}, backup.Errorf(backup.Conflict, "attempt %d for %s is under way already; attempt %d is past", s.attempt(), req.Claim, req.Attempt)
	case s.any() && s.attempt() < req.Attempt:
		_, err := f.Release(ctx, req.ClaimUID)
		return driver.FillState{Message: "removing what an earlier attempt restored"}, err
	}
	if s.claim == nil {
		if s.claim, err = f.makeStage(ctx, req); err != nil || s.claim == nil {
			return driver.FillState{Message: "a volume to copy from is prepared"}, err
		}
	}
	if s.volume == nil {
		return f.restore(ctx, req, s)
	}
	if s.claim.Status.Phase != corev1.ClaimBound {
		return driver.FillState{Message: fmt.Sprintf("waiting for Kubernetes to bind volume %s, to copy from it", s.volume.Name)}, f.touch(ctx, s.claim)
	}
	return f.fills.Ensure(ctx, req, moverjob.Build(f.job(req, s)), nil)
}

// restore has the backup system make the volume and, once it is done, makes its
// object.
func (f *Filler) restore(ctx context.Context, req driver.FillRequest, s stage) (driver.FillState, error) {
	made, err := f.maker.MakeVolume(ctx, driver.VolumeRequest{
		Target: s.target(), Attempt: req.Attempt, Backup: req.Backup,
		Class: &storagev1.StorageClass{Provisioner: f.maker.Provisioner(), Parameters: f.cfg.Parameters},
	})
	if err != nil {
		return driver.FillState{}, err
	}
	switch made.Phase {
	case driver.FillFailed:
		return made.FillState, nil
	case driver.FillDone:
		return driver.FillState{Message: "the backup is restored to a volume to copy from"}, f.makeVolume(ctx, s, made.Volume)
	case driver.FillPending, driver.FillRunning:
	}
	return driver.FillState{Message: "restoring the backup to a volume to copy from: " + made.Message, Progress: made.Progress}, nil
}

func (f *Filler) job(req driver.FillRequest, s stage) moverjob.Spec {
	spec := f.fills.FillSpec(req)
	spec.SoteriaImage, spec.Resources = f.cfg.SoteriaImage, moverjob.SmallResources()
	// A restore is not to wait for an annotation that cannot be understood.
	spec.Settings, _ = f.cfg.JobSettings.ForClaim(req.Annotations)
	spec.ServiceAccount, spec.Deadline = f.cfg.JobServiceAccount, cmp.Or(spec.Settings.Deadline, deadline)
	spec.Args = []string{"copy", "--source", moverjob.SourceFolder, "--target", target}
	spec.Args = append(spec.Args, moverjob.TargetArgs(req, f.cfg.Verify)...)
	spec.Source, spec.MountPath, spec.Capabilities = s.claim.Name, target, capabilities
	spec.NodeSelector = moverjob.NodeSelector(f.cfg.JobNodeSelector, req.Placement)
	return spec
}

// Release implements [driver.Filler]: the Job first, then the stage, then the
// volume.
func (f *Filler) Release(ctx context.Context, claimUID types.UID) (gone bool, err error) {
	released, err := f.fills.Release(ctx, claimUID)
	if err != nil || !released {
		return false, err
	}
	s, err := f.observe(ctx, claimUID)
	if err != nil || !s.any() {
		return err == nil, err
	}
	if s.claim != nil && s.volume != nil {
		if err := f.remove(ctx, s.claim); err != nil {
			return false, err
		}
		return false, f.remove(ctx, s.volume)
	}
	if s.volume != nil && s.volume.DeletionTimestamp == nil {
		return false, f.remove(ctx, s.volume)
	}
	discarded, err := f.maker.DiscardVolume(ctx, s.uid)
	if err != nil || !discarded {
		return false, err
	}
	if s.volume != nil {
		return false, f.letGo(ctx, s.volume)
	}
	return false, f.remove(ctx, s.claim)
}

// attempt is the one that the stage was made for; 0 if it does not tell.
func (s stage) attempt() int32 {
	object := s.marker()
	n, err := strconv.ParseInt(object.GetAnnotations()[v1alpha1.AttemptAnnotation], 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

// failed is an error that says what could not be done with an object of the stage.
func failed(doing string, err error) error {
	return backup.Errorf(backup.Unavailable, "%s: %w", doing, err)
}

// Finding implements [driver.Filler].
func (f *Filler) Finding(ctx context.Context, claimUID types.UID) (driver.Finding, error) {
	return f.fills.Finding(ctx, claimUID)
}
