package restic

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// restoreFolder is where the prime is mounted.
const restoreFolder = "/restore"

// restoreCapabilities are what a fill has of root's powers, each for a thing
// that a file system may hold and a restore must bring back.
var restoreCapabilities = []corev1.Capability{
	"CHOWN",        // files belong to whoever they belonged to
	"DAC_OVERRIDE", // write into folders that belong to somebody else by now
	"FOWNER",       // set mode, times, ACLs and extended attributes of somebody else's files
	"FSETID",       // keep the setuid and setgid bits of files that somebody else owns
	"MKNOD",        // device nodes
	"SETFCAP",      // the file capabilities of programs (security.capability)
}

// Fill implements [driver.Filler].
func (d *Driver) Fill(ctx context.Context, req driver.FillRequest) (driver.FillState, error) {
	if err := restorable(req.Backup); err != nil {
		return driver.FillState{}, err
	}
	// A restore is not to wait for an annotation that cannot be understood.
	settings, _ := d.cfg.JobSettings.ForClaim(req.Annotations)
	spec := d.jobSpec(settings)
	fill := d.fills.FillSpec(req)
	fill.SoteriaImage, fill.Image, fill.Resources = spec.SoteriaImage, spec.Image, spec.Resources
	fill.Settings, fill.TrustFile = spec.Settings, spec.TrustFile
	fill.CachePath, fill.CacheName = spec.CachePath, spec.CacheName
	fill.HostFolder, fill.ServiceAccount, fill.Deadline = spec.HostFolder, spec.ServiceAccount, spec.Deadline
	fill.Args = append(d.restoreArgs(req.Backup), moverjob.TargetArgs(req, d.cfg.Verify)...)
	if req.Root != "" {
		fill.Args = append(fill.Args, "--root", req.Root)
	}
	fill.Capabilities, fill.MountPath = restoreCapabilities, restoreFolder
	fill.Credentials = moverjob.CredentialsName(fill.Name)
	fill.NodeSelector = moverjob.NodeSelector(d.cfg.JobNodeSelector, req.Placement)
	job := moverjob.Build(fill)
	return d.fills.Ensure(ctx, req, job, d.secretFor(ctx, job))
}

// Release implements [driver.Filler].
func (d *Driver) Release(ctx context.Context, claimUID types.UID) (bool, error) {
	return d.fills.Release(ctx, claimUID)
}

// Releases implements [driver.CommonFiller].
func (d *Driver) Releases() string { return d.fills.Releases() }

// Finding implements [driver.Filler].
func (d *Driver) Finding(ctx context.Context, claimUID types.UID) (driver.Finding, error) {
	return d.fills.Finding(ctx, claimUID)
}
