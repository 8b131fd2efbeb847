package inventory

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/room"
)

// Plan is what would become of every claim if the cluster were rebuilt at one
// moment from the same manifests. It never changes; what its methods give is
// shared and must not be changed.
type Plan struct {
	generatedAt time.Time
	listings    []Listing
	untoldDays  int
	forecasts   []Forecast
	orphans     []Orphan
}

// GeneratedAt is when the facts were gathered.
func (p *Plan) GeneratedAt() time.Time { return p.generatedAt }

// Listings is what was known of each driver's repository, in the order of the
// configuration.
func (p *Plan) Listings() []Listing { return p.listings }

// UntoldDays is that of the inventory.
func (p *Plan) UntoldDays() int { return p.untoldDays }

// Forecasts are what would become of each claim, by namespace and name.
func (p *Plan) Forecasts() []Forecast { return p.forecasts }

// Orphans are the claims that exist only as backups, by namespace and name: no
// claim asks for them.
func (p *Plan) Orphans() []Orphan { return p.orphans }

// Count tells how many claims have an outcome.
func (p *Plan) Count(outcome Outcome) int {
	n := 0
	for i := range p.forecasts {
		if p.forecasts[i].Outcome == outcome {
			n++
		}
	}
	return n
}

// Forecast is what would become of one claim.
type Forecast struct {
	Claim      backup.Claim
	Protection Protection
	// Verdict is what admission would decide. Its Message tells a person why,
	// its Backup is what would be restored.
	Verdict decision.Verdict
	Outcome Outcome
	// Warning, when not empty, tells what the forecast may founder on.
	Warning string
	// Choice is what the claim's manifest asks of its restore; nil where that is
	// nothing.
	Choice *kube.Choice
}

// impossible are the reasons of verdicts that no waiting changes: the manifest asks for
// what nothing meets, or in words that cannot be understood.
var impossible = []decision.Reason{
	decision.ReasonSelectionNotFound, decision.ReasonInvalidSelection, decision.ReasonSourceHasNone, decision.ReasonRestoreMissing,
	decision.ReasonInvalidMode, decision.ReasonSkipNeedsReason, decision.ReasonCrossNamespace,
}

// Impossible reports whether the manifest has to be corrected before the claim can be
// made as it asks.
func (f *Forecast) Impossible() bool { return slices.Contains(impossible, f.Verdict.Reason) }

// Outcome is what would become of a claim, in one word of a small closed set.
type Outcome string

// The outcomes.
const (
	// WouldRestore claims get a backup's data back.
	WouldRestore Outcome = "restore"
	// WouldStartEmpty claims are protected and start empty, since no backup
	// exists or somebody wants it so.
	WouldStartEmpty Outcome = "start_empty"
	// WouldHold claims wait until somebody mends what the message says.
	WouldHold Outcome = "hold"
	// WouldRefuse claims are refused until their manifest is corrected.
	WouldRefuse Outcome = "refuse"
	// WouldLeaveAlone claims are none of Soteria's business, for another reason
	// than that nobody protects them.
	WouldLeaveAlone Outcome = "leave_alone"
	// Unprotected claims start empty, whether backups of them exist or not:
	// nobody protects them.
	Unprotected Outcome = "unprotected"
)

func (f *Facts) plan(subjects []subject, orphans []Orphan) *Plan {
	forecasts := make([]Forecast, 0, len(subjects))
	for i := range subjects {
		if f.Copies.Has(subjects[i].claim.UID) {
			continue // no manifest makes it again
		}
		forecasts = append(forecasts, subjects[i].forecast(f))
	}
	return &Plan{generatedAt: f.Now, listings: f.Listings, untoldDays: f.untoldDays(), forecasts: forecasts, orphans: orphans}
}

func (s *subject) forecast(f *Facts) Forecast {
	facts := s.facts
	if decision.NeedsAnswer(facts) {
		facts.Answer = f.answer(facts.Source)
	}
	if decision.NeedsOwn(facts) {
		facts.Own = f.answer(facts.Claim)
	}
	verdict := decision.Decide(facts)
	forecast := Forecast{Claim: s.name, Protection: protection(facts), Verdict: verdict, Outcome: outcome(verdict), Choice: s.choice(f)}
	switch forecast.Outcome {
	case WouldRestore:
		if verdict.Kind == decision.Refer {
			forecast.Warning = "Soteria would leave the restore to " + verdict.Populator.String() + ", and not lock the claim"
		}
		if size := *s.claim.Spec.Resources.Requests.Storage(); verdict.Kind == decision.Restore && room.Judge(size, verdict.Backup) == room.TooSmall {
			forecast.Warning = room.Describe(size, resource.Quantity{}, verdict.Backup) + ": the claim would wait, if its new volume is not larger; " + room.Remedy(verdict.Backup)
		}
		if err := f.unlistedFor(facts.Source); err != nil {
			forecast.Warning = "the claim would wait until every repository can be listed: " + backup.Message(err)
		}
		if s.unreviewed != "" {
			forecast.Warning = s.unreviewed
		}
	case Unprotected:
		forecast.Verdict.Message = unprotected(s.backups)
	case WouldStartEmpty, WouldHold, WouldRefuse, WouldLeaveAlone:
	}
	return forecast
}

func outcome(verdict decision.Verdict) Outcome {
	switch verdict.Kind {
	case decision.Restore, decision.Refer:
		return WouldRestore
	case decision.Fresh:
		return WouldStartEmpty
	case decision.Deny:
		return WouldRefuse
	case decision.Ignore:
		if verdict.Reason == decision.ReasonNotOptedIn {
			return Unprotected
		}
		return WouldLeaveAlone
	case decision.Hold:
	}
	return WouldHold
}

// unprotected tells what it means for a claim that nobody protects it.
func unprotected(backups Summary) string {
	remedy := fmt.Sprintf("; label it %s=auto to protect it", v1alpha1.RestoreLabel)
	if backups.Count == 0 {
		return "nobody protects it, so it would start empty" + remedy
	}
	return fmt.Sprintf("nobody protects it, so it would start empty although backups of it exist (%d)%s", backups.Count, remedy)
}
