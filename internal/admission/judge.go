package admission

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
)

// State is whether protected claims can get past Soteria.
type State string

// The states. The zero value is none of them.
const (
	// Closed: none can; while Soteria is away, they are refused or wait.
	Closed State = "closed"
	// Incomplete: some can, or all can while Soteria is away.
	Incomplete State = "incomplete"
	// Off: all can.
	Off State = "off"
	// Unknown: the API server did not tell.
	Unknown State = "unknown"
)

// Report tells how the gate is.
type Report struct {
	State State
	// Message says what is wrong with it, and how to mend it; "" where it is
	// Closed.
	Message string
}

// The names that deploy/webhook.yaml and policies/inprocess give.
const (
	configurationName = "soteria"
	lockName          = "lock.soteria.dev"
	refuseName        = "refuse.soteria.dev"
	mutateSuffix      = ".mutate.soteria.dev"
	validateSuffix    = ".validate.soteria.dev"
)

// entries begin the names of each configuration's webhooks: claims that opt in by
// their label, by pvc-plumber's, and through their namespace.
var entries = []string{"claim", "backup-label", "namespace"}

// objects are what the gate is made of; nil for what is not there.
type objects struct {
	mutating      *admissionv1.MutatingWebhookConfiguration
	validating    *admissionv1.ValidatingWebhookConfiguration
	lock          *admissionv1.MutatingAdmissionPolicy
	lockBinding   *admissionv1.MutatingAdmissionPolicyBinding
	refuse        *admissionv1.ValidatingAdmissionPolicy
	refuseBinding *admissionv1.ValidatingAdmissionPolicyBinding
}

// judge tells how the gate is. One of its two forms is enough.
func judge(o objects) Report {
	webhook, policies := o.webhookFaults(), o.policyFaults()
	switch {
	case len(webhook) == 0, len(policies) == 0:
		return Report{State: Closed}
	case o.mutating != nil:
		return Report{State: Incomplete, Message: "Protected claims may start empty: " + strings.Join(webhook, "; ") + ". Apply deploy/webhook.yaml again"}
	case o.lock != nil:
		return Report{State: Incomplete, Message: "Protected claims may start empty: " + strings.Join(policies, "; ") + ". Apply policies/inprocess again"}
	default:
		return Report{State: Off, Message: "Protected claims start empty, whatever backups there are. Apply deploy/webhook.yaml, or policies/inprocess from Kubernetes 1.36 on"}
	}
}

// webhookFaults says what keeps the webhook from being the whole gate.
func (o objects) webhookFaults() (faults []string) {
	found := map[string]*admissionv1.FailurePolicyType{}
	if o.mutating == nil {
		faults = append(faults, "there is no MutatingWebhookConfiguration "+configurationName)
	} else {
		for _, w := range o.mutating.Webhooks {
			found[w.Name] = w.FailurePolicy
		}
		faults = append(faults, entryFaults(found, mutateSuffix)...)
	}
	if o.validating == nil {
		return append(faults, "there is no ValidatingWebhookConfiguration "+configurationName)
	}
	for _, w := range o.validating.Webhooks {
		found[w.Name] = w.FailurePolicy
	}
	return append(faults, entryFaults(found, validateSuffix)...)
}

// entryFaults says which webhooks are missing or let claims through that could
// not be judged.
func entryFaults(found map[string]*admissionv1.FailurePolicyType, suffix string) []string {
	var faults []string
	for _, entry := range entries {
		policy, there := found[entry+suffix]
		switch {
		case !there:
			faults = append(faults, fmt.Sprintf("the webhook %s is missing", entry+suffix))
		case !fails(policy):
			faults = append(faults, fmt.Sprintf("the webhook %s lets claims through while Soteria is away (failurePolicy %s)", entry+suffix, *policy))
		}
	}
	return faults
}

// policyFaults says what keeps the policies from being the whole gate.
func (o objects) policyFaults() []string {
	var faults []string
	missing := func(kind, name string) { faults = append(faults, "there is no "+kind+" "+name) }
	ignores := func(name string) {
		faults = append(faults, "the policy "+name+" lets claims through that it cannot judge (failurePolicy Ignore)")
	}
	switch {
	case o.lock == nil:
		missing("MutatingAdmissionPolicy", lockName)
	case !fails(o.lock.Spec.FailurePolicy):
		ignores(lockName)
	}
	if o.lockBinding == nil {
		missing("MutatingAdmissionPolicyBinding", lockName)
	}
	switch {
	case o.refuse == nil:
		missing("ValidatingAdmissionPolicy", refuseName)
	case !fails(o.refuse.Spec.FailurePolicy):
		ignores(refuseName)
	}
	switch {
	case o.refuseBinding == nil:
		missing("ValidatingAdmissionPolicyBinding", refuseName)
	case !slices.Contains(o.refuseBinding.Spec.ValidationActions, admissionv1.Deny):
		faults = append(faults, "the binding "+refuseName+" refuses nothing (validationActions without Deny)")
	}
	return faults
}

// fails reports whether what cannot be judged is refused, as it is unless said
// otherwise.
func fails(policy *admissionv1.FailurePolicyType) bool {
	return policy == nil || *policy == admissionv1.Fail
}
