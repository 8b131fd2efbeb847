package policy

import (
	"fmt"
	"strings"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// None as the annotation's value keeps a claim from being backed up by any
// policy.
const None = "none"

// intervals are what the label's values mean, in hours.
var intervals = map[string]int{"hourly": 1, "daily": 24, "weekly": 7 * 24}

// Warning is a declaration that could not be understood.
type Warning struct {
	Claim backup.Claim
	// Source is where it is written.
	Source Source
	// Message says what is wrong and what to write.
	Message string
}

// Declaration reads the policy that a claim itself declares, if any. What cannot
// be understood becomes a warning, and what else the claim says holds.
func Declaration(claim backup.Claim, labels, annotations map[string]string) (p Policy, declared bool, warnings []Warning) {
	p = Policy{Namespace: claim.Namespace, PVC: claim.Name, Enabled: true}
	if text, set := annotations[v1alpha1.BackupScheduleAnnotation]; set {
		p.Source, p.Schedule = FromAnnotation, strings.TrimSpace(text)
		if strings.EqualFold(p.Schedule, None) {
			p.Schedule, p.Enabled = None, false
			return p, true, nil
		}
		_, err := ParseSchedule(p.Schedule)
		if err == nil {
			return p, true, nil
		}
		warnings = append(warnings, Warning{Claim: claim, Source: FromAnnotation, Message: fmt.Sprintf(
			"annotation %s: %s", v1alpha1.BackupScheduleAnnotation, err)})
	}
	if value, set := labels[v1alpha1.BackupLabel]; set {
		p.Source, p.Schedule, p.IntervalHours = FromLabel, "", intervals[value]
		if p.IntervalHours != 0 {
			return p, true, warnings
		}
		warnings = append(warnings, Warning{Claim: claim, Source: FromLabel, Message: fmt.Sprintf(
			"label %s is %q; to Soteria it must be hourly, daily or weekly", v1alpha1.BackupLabel, value)})
	}
	return Policy{}, false, warnings
}

// Where names what on the claim declares the policy, "" for one of the API.
func (p Policy) Where() string {
	switch p.Source {
	case FromAnnotation:
		return "annotation " + v1alpha1.BackupScheduleAnnotation
	case FromLabel:
		return "label " + v1alpha1.BackupLabel
	case ForClaim, ForNamespace:
	}
	return ""
}
