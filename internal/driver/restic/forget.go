package restic

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
)

// The bounds of one `restic forget`.
const (
	// forgetBatch is how many snapshots are named at once: 65 bytes each.
	forgetBatch = 500
	// forgetPatience is how long restic waits for the exclusive lock. It is short:
	// a backup that runs may do so for hours, and retention comes again.
	forgetPatience = "30s"
	// forgetGrace is how long restic has to give its lock up when it is told to
	// end. A lock that is left behind keeps everybody out for half an hour.
	forgetGrace = 10 * time.Second
)

// Forget implements [driver.Pruner].
//
// It runs restic in this process' own container, four times for up to 500
// snapshots: to list the claim's snapshots, to remove locks that dead processes
// left, to forget, and to list again. The records of how the backups ended go with
// them. Forgetting takes an exclusive lock, for a
// moment; while a backup runs there is none to be had, which is an error of kind
// Unavailable after half a minute.
func (d *Driver) Forget(ctx context.Context, req driver.ForgetRequest) error {
	if len(req.Backups) == 0 {
		return nil
	}
	if err := req.Claim.Validate(); err != nil {
		return err
	}
	program, err := d.program(ctx)
	if err != nil {
		return err
	}
	there, err := d.holdingOf(ctx, program, req.Claim)
	if err != nil {
		return err
	}
	doomed, err := req.Check(there.backups)
	if err != nil || len(doomed) == 0 {
		return err
	}
	if err := d.forget(ctx, program, there.withRecords(doomed)); err != nil {
		return backup.Errorf(backup.KindOf(err), "forgetting %d backups of %s: %w", len(doomed), req.Claim, err)
	}
	if there, err = d.holdingOf(ctx, program, req.Claim); err != nil {
		return err
	}
	doomed, err = req.Check(there.backups)
	if err == nil && len(doomed) > 0 {
		err = backup.Errorf(backup.DriverFailed, "restic was told to forget backup %s of %s and %d more, which are still there",
			backup.ShortID(doomed[0].ID), req.Claim, len(doomed)-1)
	}
	return err
}

// holding is what a repository holds of one claim.
type holding struct {
	// backups are the claim's, by id.
	backups map[string]backup.Backup
	// records are the ids of the snapshots that record how each ended, by its id.
	records map[string][]string
}

// holdingOf reads what the repository holds of the claim. Backups that rules make the
// claim's lack its tags, and are read so that they are refused.
func (d *Driver) holdingOf(ctx context.Context, program cli.Program, claim backup.Claim) (holding, error) {
	found := holding{backups: map[string]backup.Backup{}, records: map[string][]string{}}
	joined := newJoiner(d.cfg, func(b backup.Backup) {
		if b.Claim == claim {
			found.backups[b.ID] = b
		}
	})
	var snapshots []snapshot
	var filter []string
	if len(d.cfg.Rules.Adopt) == 0 {
		filter = []string{
			"--tag", namespaceTag + claim.Namespace + "," + pvcTag + claim.Name,
			"--tag", outcome.Tag + "," + outcome.ClaimTag(claim),
		}
	}
	err := listSnapshots(ctx, program, filter, func(s snapshot) {
		joined.add(s)
		snapshots = append(snapshots, s)
	})
	if err != nil {
		return holding{}, err
	}
	joined.end()
	for _, s := range snapshots {
		found.records[s.ID] = joined.filesOf(s)
	}
	return found, nil
}

// withRecords returns the ids of backups and of the records of how they ended.
func (h holding) withRecords(backups []backup.Backup) []string {
	var ids []string
	for _, b := range backups {
		ids = append(append(ids, b.ID), h.records[b.ID]...)
	}
	return ids
}

// forget has restic remove these snapshots, which must be there: restic before
// 0.17 tries for a minute to read each that is not.
func (d *Driver) forget(ctx context.Context, program cli.Program, doomed []string) error {
	program.Grace = forgetGrace
	// Locks of processes that died keep an exclusive lock from being taken; those
	// of living ones stay. Whether it worked shows when the lock is needed.
	_ = program.Run(ctx, cli.Invocation{Args: []string{"unlock"}, Otherwise: backup.Unavailable})
	for batch := range slices.Chunk(doomed, forgetBatch) {
		args := append([]string{"forget", "--retry-lock", forgetPatience}, d.cfg.usedForgetArgs()...)
		args = append(append(args, "--"), batch...)
		if err := program.Run(ctx, cli.Invocation{Args: args, Otherwise: backup.Unavailable}); err != nil {
			return err
		}
	}
	return nil
}

// usedForgetArgs gives the arguments that `restic forget` is run with.
func (c Config) usedForgetArgs() []string {
	used, _ := splitForgetArgs(c.ForgetArgs)
	return used
}

// UnusedForgetArgs gives the options among ForgetArgs that are left out: those
// that say what to keep, since a policy's keep does, and those about pruning,
// which Soteria never does.
func (c Config) UnusedForgetArgs() []string {
	_, unused := splitForgetArgs(c.ForgetArgs)
	return unused
}

// KeepArgs returns the options among ForgetArgs that say what to keep, by their long
// names, each with its value; of one that is there twice the last counts, as for restic.
// The arguments must be valid.
func (c Config) KeepArgs() map[string]string {
	keeps := map[string]string{}
	for i := 0; i < len(c.ForgetArgs); i++ {
		name, value, hasValue := strings.Cut(strings.TrimPrefix(c.ForgetArgs[i], "--"), "=")
		if !strings.HasPrefix(c.ForgetArgs[i], "--") {
			letters := strings.TrimPrefix(c.ForgetArgs[i], "-")
			name, value = forgetOptions.short[rune(letters[0])], strings.TrimPrefix(letters[1:], "=")
			hasValue = value != ""
		}
		if forgetOptions.takesValue[name] && !hasValue && i+1 < len(c.ForgetArgs) {
			i++
			value = c.ForgetArgs[i]
		}
		if strings.HasPrefix(name, "keep-") {
			keeps[name] = value
		}
	}
	return keeps
}

// splitForgetArgs tells apart the arguments that are about talking to the
// repository, whole, and the names of the other options. The arguments must be
// valid.
func splitForgetArgs(args []string) (used, unused []string) {
	for i := 0; i < len(args); i++ {
		name, _, _ := strings.Cut(strings.TrimPrefix(args[i], "--"), "=")
		isShort := !strings.HasPrefix(args[i], "--")
		if isShort {
			name = forgetOptions.short[rune(strings.TrimPrefix(args[i], "-")[0])]
		}
		whole := args[i : i+1]
		if awaits, err := forgetOptions.checkOne(args[i]); err == nil && awaits != "" && i+1 < len(args) {
			i++
			whole = []string{whole[0], args[i]}
		}
		if _, common := commonOptions[name]; common {
			used = append(used, whole...)
		} else {
			unused = append(unused, "--"+name)
		}
	}
	return used, unused
}
