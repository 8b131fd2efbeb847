package blank

import (
	"context"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

const (
	target   = "/restore"
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
}

// Filler leaves primes empty.
type Filler struct {
	cfg   Config
	fills moverjob.Fills
}

var _ driver.Filler = (*Filler)(nil)

// New makes a Filler.
func New(cfg Config, fills moverjob.Fills) *Filler { return &Filler{cfg: cfg, fills: fills} }

// Fill implements [driver.Filler]; the request's backup is not looked at.
func (f *Filler) Fill(ctx context.Context, req driver.FillRequest) (driver.FillState, error) {
	spec := f.fills.FillSpec(req)
	spec.SoteriaImage, spec.Resources = f.cfg.SoteriaImage, moverjob.SmallResources()
	spec.ServiceAccount, spec.Deadline = f.cfg.JobServiceAccount, deadline
	spec.Args = []string{"blank", "--target", target}
	spec.MountPath = target
	spec.NodeSelector = maps.Clone(f.cfg.JobNodeSelector)
	if spec.NodeSelector == nil {
		spec.NodeSelector = map[string]string{}
	}
	maps.Copy(spec.NodeSelector, req.Placement.NodeSelector)
	return f.fills.Ensure(ctx, req, moverjob.Build(spec), nil)
}

// Release implements [driver.Filler].
func (f *Filler) Release(ctx context.Context, claimUID types.UID) (bool, error) {
	return f.fills.Release(ctx, claimUID)
}
