package inventory

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/unreviewed"
)

// Build makes the inventory and the plan that follow from the facts. Same facts,
// same result; what is not known is told as such, so it never fails. Its cost
// grows with the claims and not with the backups of each.
func Build(f Facts) (*Inventory, *Plan) {
	subjects := f.subjects()
	orphans := f.orphans()
	return f.inventory(subjects, orphans), f.plan(subjects, orphans)
}

// subject is one claim with all that concerns it.
type subject struct {
	name  backup.Claim
	claim *corev1.PersistentVolumeClaim
	// restore is the Restore that the claim refers to as it is; nil where it
	// refers to none that exists.
	restore *v1alpha1.Restore
	// facts are those of admission on the claim as its manifest would make it
	// again; they lack the answer.
	facts   decision.Facts
	backups Summary
	// unreviewed says that and why the claim's data has to be reviewed; "" where it
	// has not.
	unreviewed string
	// accept is the command that settles that.
	accept string
}

// subjects gives every claim but those that Soteria made, by namespace and name.
func (f *Facts) subjects() []subject {
	restores := make(map[backup.Claim]*v1alpha1.Restore, len(f.Restores))
	for i := range f.Restores {
		r := &f.Restores[i]
		restores[backup.Claim{Namespace: r.Namespace, Name: r.Name}] = r
	}
	referred := func(claim *corev1.PersistentVolumeClaim) *v1alpha1.Restore {
		name, _ := kube.RestoreRef(claim)
		return restores[backup.Claim{Namespace: claim.Namespace, Name: name}]
	}
	all := make([]subject, 0, len(f.Claims))
	for i := range f.Claims {
		claim := &f.Claims[i]
		written := kube.AsWritten(claim)
		facts := kube.Facts(written, f.NamespaceLabels[claim.Namespace], referred(written), f.Settings.Policy)
		if facts.MadeBySoteria {
			continue
		}
		name := nameOf(claim)
		found := f.unreviewed(claim, facts)
		all = append(all, subject{
			name: name, claim: claim, restore: referred(claim), facts: facts, backups: f.summary(name), unreviewed: found.Message, accept: found.Accept,
		})
	}
	slices.SortFunc(all, func(a, b subject) int { return byName(a.name, b.name) })
	return all
}

// unreviewed says that and why a claim's data has to be reviewed; the zero value
// where it has not, or where that cannot be told.
func (f *Facts) unreviewed(claim *corev1.PersistentVolumeClaim, admission decision.Facts) unreviewed.Finding {
	if f.GateSince.IsZero() || claim.Status.Phase != corev1.ClaimBound {
		return unreviewed.Finding{}
	}
	facts := unreviewed.Read(claim, admission, f.GateSince)
	for _, l := range f.Listings {
		facts.Backups = append(facts.Backups, l.Found.Of(facts.Claim)...)
	}
	if found := unreviewed.Judge(facts); found.State == unreviewed.Unreviewed {
		return found
	}
	return unreviewed.Finding{}
}

func nameOf(claim *corev1.PersistentVolumeClaim) backup.Claim {
	return backup.Claim{Namespace: claim.Namespace, Name: claim.Name}
}

func byName(a, b backup.Claim) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// summary sums up what the listings found of a claim.
func (f *Facts) summary(claim backup.Claim) Summary {
	var s Summary
	rules := f.rules()
	for _, l := range f.Listings {
		found := l.Found.Of(claim)
		if len(found) == 0 {
			continue
		}
		newest, passed := newestOf(found, rules)
		if passed != "" {
			s.Passed = append(s.Passed, passed)
		}
		s.ByDriver = append(s.ByDriver, DriverSummary{Driver: l.Driver, Count: len(found), Newest: found[0].TakenAt})
		if s.Driver == "" || newest.After(s.Newest) || newest.Equal(s.Newest) && l.Driver < s.Driver {
			s.Newest, s.Driver = newest, l.Driver
		}
		s.Count += len(found)
		s.Days = s.Days.Plus(l.Found.Days(claim, f.Now))
	}
	slices.SortFunc(s.ByDriver, func(a, b DriverSummary) int { return strings.Compare(a.Driver, b.Driver) })
	return s
}

// newestOf returns when the newest backup was taken by which health goes, and why
// newer ones do not count. Its cost grows with those alone.
func newestOf(backups []backup.Backup, rules backup.Rules) (newest time.Time, passed string) {
	for i, b := range backups {
		if !rules.Fresh(b) {
			continue
		}
		return b.TakenAt, rules.Passed(backups[:i])
	}
	return time.Time{}, rules.Passed(backups)
}

// orphans gives the claims that exist only as backups, by namespace and name.
func (f *Facts) orphans() []Orphan {
	living := make(map[backup.Claim]struct{}, len(f.Claims))
	for i := range f.Claims {
		living[nameOf(&f.Claims[i])] = struct{}{}
	}
	var orphans []Orphan
	for _, l := range f.Listings {
		for claim := range l.Found.All() {
			if _, seen := living[claim]; !seen {
				living[claim] = struct{}{}
				orphans = append(orphans, Orphan{Claim: claim, Backups: f.summary(claim)})
			}
		}
	}
	slices.SortFunc(orphans, func(a, b Orphan) int { return byName(a.Claim, b.Claim) })
	return orphans
}

func (f *Facts) inventory(subjects []subject, orphans []Orphan) *Inventory {
	claims := make([]Claim, 0, len(subjects))
	for i := range subjects {
		claims = append(claims, subjects[i].describe(f))
	}
	return &Inventory{
		generatedAt: f.Now, maxAge: f.Settings.MaxAge, listings: slices.Clone(f.Listings),
		untoldDays: f.untoldDays(), claims: claims, orphans: orphans,
	}
}

func (s *subject) describe(f *Facts) Claim {
	c := Claim{
		Claim: s.name, Capacity: capacity(s.claim), Driver: s.backups.Driver, Backups: s.backups,
		Protection: protection(s.facts), Verdict: s.claim.Annotations[v1alpha1.VerdictAnnotation],
	}
	if s.claim.Status.Phase == corev1.ClaimBound {
		c.Volume = s.claim.Spec.VolumeName
	}
	if class := s.claim.Spec.StorageClassName; class != nil {
		c.StorageClass = *class
	}
	if c.Driver == "" {
		c.Driver = f.Settings.BackupDriver
	}
	if f.Schedules != nil {
		c.Schedule, _ = f.Schedules.ScheduleOf(s.name)
	}
	c.Health, c.Message = s.health(f)
	c.Copy = f.Copies.Has(s.claim.UID)
	if c.Health == Held {
		c.HoldReason = s.holdReason(f.Now)
	}
	c.Unreviewed, c.Accept = s.unreviewed, s.accept
	c.Choice = s.choice(f)
	c.BackupStalled = cmp.Or(f.Stalls[s.name], c.Schedule.Overdue)
	return c
}

// choice is what the claim's manifest asks of its restore; nil where that is nothing.
func (s *subject) choice(f *Facts) *kube.Choice {
	choice, chooses := kube.ChoiceOf(s.claim, s.restore, f.rules())
	if !chooses {
		return nil
	}
	return &choice
}

// capacity gives what a claim's volume has, or what it asks for while it has
// none.
func capacity(claim *corev1.PersistentVolumeClaim) string {
	size, has := claim.Status.Capacity[corev1.ResourceStorage]
	if !has {
		size = claim.Spec.Resources.Requests[corev1.ResourceStorage]
	}
	return size.String()
}

func protection(facts decision.Facts) Protection {
	if facts.ModeProblem != "" {
		return ProtectionInvalid
	}
	switch facts.Mode {
	case decision.Auto:
		return ProtectionAuto
	case decision.Required:
		return ProtectionRequired
	case decision.Skip:
		return ProtectionSkip
	case decision.NotOptedIn:
	}
	return ProtectionNone
}
