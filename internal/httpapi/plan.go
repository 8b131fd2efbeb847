package httpapi

import (
	"time"

	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/kube"
)

// planReport puts a plan in the API's words.
func planReport(p *inventory.Plan) wire.Plan {
	at := p.GeneratedAt()
	forecasts := p.Forecasts()
	plan := wire.Plan{
		GeneratedAt: whole(at), Summary: planSummary(p), Unprotected: []string{},
		Claims:  make([]wire.PlannedClaim, 0, len(forecasts)),
		Orphans: orphans(p.Orphans(), asOf{at, p.UntoldDays()}), Listings: listings(p.Listings()),
	}
	for i := range forecasts {
		f := &forecasts[i]
		plan.Claims = append(plan.Claims, plannedClaim(f, at))
		if f.Outcome == inventory.Unprotected {
			plan.Unprotected = append(plan.Unprotected, f.Claim.String())
		}
	}
	return plan
}

func planSummary(p *inventory.Plan) wire.PlanSummary {
	return wire.PlanSummary{
		Claims:      len(p.Forecasts()),
		Restore:     p.Count(inventory.WouldRestore),
		StartEmpty:  p.Count(inventory.WouldStartEmpty),
		Hold:        p.Count(inventory.WouldHold),
		Refuse:      p.Count(inventory.WouldRefuse),
		LeaveAlone:  p.Count(inventory.WouldLeaveAlone),
		Unprotected: p.Count(inventory.Unprotected),
		Orphans:     len(p.Orphans()),
	}
}

func plannedClaim(f *inventory.Forecast, at time.Time) wire.PlannedClaim {
	return wire.PlannedClaim{
		Namespace: f.Claim.Namespace, PVC: f.Claim.Name, Protection: string(f.Protection), Outcome: string(f.Outcome),
		Verdict: f.Verdict.Kind.String(), Reason: string(f.Verdict.Reason), Message: f.Verdict.Message, Warning: f.Warning,
		Notes:      f.Verdict.Notes,
		Impossible: f.Impossible(), Choice: claimChoice(f.Choice),
		Backup: plannedBackup(f.Verdict, at),
	}
}

// claimChoice puts what a manifest asks of a restore in the API's words; nil for nothing.
func claimChoice(c *kube.Choice) *wire.ClaimChoice {
	if c == nil {
		return nil
	}
	return &wire.ClaimChoice{
		AsOf: c.AsOf, Backup: c.Backup, From: c.From, Skip: c.Skip, Restore: c.Restore, Expires: when(c.Expiry.At), Expired: c.Expiry.Passed, Spent: c.Spent, Message: c.Message, Drop: c.Drop,
	}
}

func plannedBackup(v decision.Verdict, at time.Time) *wire.PlannedBackup {
	if v.Kind != decision.Restore && v.Kind != decision.Refer {
		return nil
	}
	b := v.Backup
	return &wire.PlannedBackup{
		Namespace: b.Claim.Namespace, PVC: b.Claim.Name, ID: b.ID, Driver: b.Driver, TakenAt: whole(b.TakenAt),
		AgeHours: hours(max(0, at.Sub(b.TakenAt))), SizeBytes: known(b.SizeBytes),
	}
}
