package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// Policies says when claims are backed up. Errors are of the kinds Invalid with
// the field at fault, NotFound, Conflict and Unavailable.
type Policies interface {
	// Report tells how all claims that have a policy stand.
	Report(ctx context.Context) (policy.Report, error)
	// Put keeps a policy in the place of the one with the same target, if there
	// is one; replaced tells.
	Put(ctx context.Context, p policy.Policy) (kept policy.Policy, replaced bool, err error)
	// Preview tells what keeping a policy would do now, and keeps nothing.
	Preview(ctx context.Context, p policy.Policy) (policy.Preview, error)
	// Delete deletes a policy and gives what it was. One that a claim declares is
	// a Conflict.
	Delete(ctx context.Context, id string) (policy.Policy, error)
}

func (s *Server) policyRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/v1/policies", handle: s.listPolicies,
		summary: "When claims are backed up, and how that goes",
		answers: answers{http.StatusOK: wire.Policies{}},
	}, {
		method: http.MethodPost, path: "/v1/policies", handle: s.putPolicy,
		summary: "Keep a policy, in the place of another one of the same target, or tell on a dry run which claims it would hold for",
		body:    wire.PolicyRequest{},
		answers: answers{http.StatusOK: wire.Policy{}, http.StatusCreated: wire.Policy{}}, also: []answers{{http.StatusOK: wire.PolicyPreview{}}},
	}, {
		method: http.MethodDelete, path: "/v1/policies/:id", handle: s.deletePolicy,
		summary: "Delete a policy",
		answers: answers{http.StatusOK: wire.Policy{}},
	}}
}

func (s *Server) listPolicies(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.PolicyBudget)
	defer cancel()
	report, err := s.services.Policies.Report(ctx)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, policies(report))
}

func (s *Server) putPolicy(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	var body wire.PolicyRequest
	if err := read(w, r, &body); err != nil {
		s.fail(w, r, err)
		return
	}
	asked, err := policyOf(body)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.PolicyBudget)
	defer cancel()
	if body.DryRun {
		s.previewPolicy(ctx, w, r, asked)
		return
	}
	kept, replaced, err := s.services.Policies.Put(ctx, asked)
	s.audit(r, change{action: "put policy", claim: targetOf(asked), detail: asked.When(), err: err})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	status := http.StatusCreated
	if replaced {
		status = http.StatusOK
	}
	told := policyBody(kept)
	// What is kept is kept, whether or not it can be told what it does.
	if preview, err := s.services.Policies.Preview(ctx, asked); err != nil {
		told.Warnings = []string{"which claims the policy holds for could not be told: " + backup.Message(err)}
	} else {
		told.Warnings = preview.Warnings()
	}
	s.render(w, r, status, told)
}

// previewPolicy tells what keeping a policy would do.
func (s *Server) previewPolicy(ctx context.Context, w http.ResponseWriter, r *http.Request, asked policy.Policy) {
	preview, err := s.services.Policies.Preview(ctx, asked)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	told := wire.PolicyPreview{
		Policy: policyBody(preview.Policy), Replaces: preview.Replaces, Holds: preview.Holding(), DryRun: true,
		Matches: make([]wire.PolicyMatch, 0, len(preview.Matches)), Warnings: append([]string{}, preview.Warnings()...),
	}
	for _, match := range preview.Matches {
		one := wire.PolicyMatch{Namespace: match.Claim.Namespace, PVC: match.Claim.Name, Holds: match.Holds, Reason: string(match.Reason), Message: match.Message}
		if !match.Holds {
			one.OverriddenBy, one.OverriddenByID = string(match.Holder.Source), match.Holder.ID()
		}
		told.Matches = append(told.Matches, one)
	}
	s.render(w, r, http.StatusOK, told)
}

func (s *Server) deletePolicy(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.PolicyBudget)
	defer cancel()
	id := params.ByName("id")
	deleted, err := s.services.Policies.Delete(ctx, id)
	s.audit(r, change{action: "delete policy", claim: targetOf(deleted), detail: fmt.Sprintf("%.40s", id), err: err})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, policyBody(deleted))
}

// policyOf reads a request that makes sense by itself. What else rules a policy
// out is for [Policies] to say.
func policyOf(body wire.PolicyRequest) (policy.Policy, error) {
	p := policy.Policy{
		Namespace: body.Namespace, PVC: body.PVC, IntervalHours: body.IntervalHours, Schedule: body.Schedule, Driver: body.Driver,
		Enabled: body.Enabled == nil || *body.Enabled,
	}
	if body.Keep == nil {
		return p, p.Validate()
	}
	if p.Keep = retention.Keep(*body.Keep); p.Keep.IsZero() {
		return policy.Policy{}, &backup.Error{Kind: backup.Invalid, Field: "keep", Message: "keep must say how many backups stay; leave it out to keep all"}
	}
	return p, p.Validate()
}

// targetOf gives what a policy is for; without a name for a whole namespace.
func targetOf(p policy.Policy) backup.Claim { return backup.Claim{Namespace: p.Namespace, Name: p.PVC} }

func policyBody(p policy.Policy) wire.Policy {
	return wire.Policy{
		ID: p.ID(), Namespace: p.Namespace, PVC: p.PVC, IntervalHours: p.IntervalHours, Schedule: p.Schedule,
		Driver: p.Driver, Enabled: p.Enabled, Keep: keepBody(p.Keep), Source: string(p.Source),
	}
}

// keepBody gives nil for what keeps every backup.
func keepBody(k retention.Keep) *wire.Keep {
	if k.IsZero() {
		return nil
	}
	body := wire.Keep(k)
	return &body
}

func policies(report policy.Report) wire.Policies {
	list := wire.Policies{
		GeneratedAt: report.At.UTC().Truncate(time.Second), EvaluatedAt: timeOrNull(report.EvaluatedAt),
		Policies: make([]wire.Policy, 0, len(report.Policies)),
		Claims:   make([]wire.PolicyClaim, 0, len(report.Standings)),
		Warnings: make([]wire.PolicyWarning, 0, len(report.Warnings)),
	}
	for _, p := range report.Policies {
		list.Policies = append(list.Policies, policyBody(p))
	}
	for _, s := range report.Standings {
		claim := wire.PolicyClaim{
			Namespace: s.Claim.Namespace, PVC: s.Claim.Name, Source: string(s.Policy.Source), Driver: s.Driver,
			Keep: keepBody(s.Policy.Keep), LastBackupAt: timeOrNull(s.LastBackup), NextRun: timeOrNull(s.NextRun),
			State: string(s.State), Reason: string(s.Reason), Message: s.Message,
		}
		if s.Policy.Source != "" {
			claim.PolicyID = s.Policy.ID()
		}
		list.Claims = append(list.Claims, claim)
	}
	for _, warning := range report.Warnings {
		list.Warnings = append(list.Warnings, wire.PolicyWarning{
			Namespace: warning.Claim.Namespace, PVC: warning.Claim.Name, Source: string(warning.Source), Message: warning.Message,
		})
	}
	return list
}

// timeOrNull gives a time to the second, nil for none.
func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
