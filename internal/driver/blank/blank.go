package blank

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

const (
	target   = "/restore"
	device   = "/dev/restore"
	deadline = time.Hour
)

// Config is what the Jobs run with.
type Config struct {
	// SoteriaImage is the image of the Jobs.
	SoteriaImage string
	// JobNodeSelector is where Jobs may run.
	JobNodeSelector map[string]string
	// JobServiceAccount is their service account; "" is the namespace's default.
	JobServiceAccount string
	// JobSettings are what the operator settles for the pods of all movers.
	JobSettings moverjob.Settings
}

// Filler leaves primes empty.
type Filler struct {
	cfg   Config
	fills moverjob.Fills
}

var _ driver.CommonFiller = (*Filler)(nil)

// New makes a Filler.
func New(cfg Config, fills moverjob.Fills) *Filler { return &Filler{cfg: cfg, fills: fills} }

// Fill implements [driver.Filler]; the request's backup is not looked at. Done
// means that the volume was seen to be empty, or that the raw device could be
// read: all counts are zero.
func (f *Filler) Fill(ctx context.Context, req driver.FillRequest) (driver.FillState, error) {
	spec := f.fills.FillSpec(req)
	spec.SoteriaImage, spec.Resources = f.cfg.SoteriaImage, moverjob.SmallResources()
	spec.ServiceAccount, spec.Deadline, spec.Settings = f.cfg.JobServiceAccount, deadline, f.cfg.JobSettings
	spec.Args = []string{"blank", "--target", target}
	// To look into a root folder that belongs to somebody else. The volume is
	// not mounted read-only: some drivers would then refuse to format it.
	spec.MountPath, spec.Capabilities = target, []corev1.Capability{"DAC_OVERRIDE"}
	if req.Block {
		spec.Args, spec.MountPath = []string{"blank", "--device", device}, device
	}
	spec.NodeSelector = moverjob.NodeSelector(f.cfg.JobNodeSelector, req.Placement)
	return f.fills.Ensure(ctx, req, moverjob.Build(spec), nil)
}

// Release implements [driver.Filler].
func (f *Filler) Release(ctx context.Context, claimUID types.UID) (bool, error) {
	return f.fills.Release(ctx, claimUID)
}

// Releases implements [driver.CommonFiller].
func (f *Filler) Releases() string { return f.fills.Releases() }

// Finding implements [driver.Filler].
func (f *Filler) Finding(ctx context.Context, claimUID types.UID) (driver.Finding, error) {
	return f.fills.Finding(ctx, claimUID)
}
