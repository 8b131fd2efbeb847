package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

// Policy is what the operator of the cluster has settled for all claims.
type Policy struct {
	// OwnNamespace is where Soteria runs and keeps its primes.
	OwnNamespace string
	// Required raises every auto to required (SOTERIA_RESTORE_MODE=required).
	Required bool
	// CrossNamespace lets a claim ask for a backup of another namespace
	// (SOTERIA_CROSS_NAMESPACE).
	CrossNamespace bool
	// DenyUnknown refuses claims where the answer is Unknown instead of holding
	// them (SOTERIA_ON_UNKNOWN=deny).
	DenyUnknown bool
	// Rules say now which backup of a claim is chosen; nil where all are alike.
	Rules func() backup.Rules
	// LookedUp names the drivers that find backups and cannot restore them, and
	// Populators what can (SOTERIA_RESTORE_REF).
	LookedUp   []string
	Populators Populators
}

// RulesNow returns the rules as they are now.
func (p Policy) RulesNow() backup.Rules {
	if p.Rules == nil {
		return backup.Rules{}
	}
	return p.Rules()
}

// ReadFacts is [Facts] with the labels of the claim's namespace as they are now:
// the reader must be the API server itself, since a namespace is often made a
// moment before its claims, and its label decides whether they are protected.
func ReadFacts(ctx context.Context, reader client.Reader, claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore, policy Policy) (decision.Facts, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := reader.Get(ctx, types.NamespacedName{Name: claim.Namespace}, namespace); err != nil {
		return decision.Facts{}, fmt.Errorf("soteria could not read namespace %s, so it cannot tell how claim %s is protected: %w", claim.Namespace, claim.Name, err)
	}
	return Facts(claim, namespace.Labels, restore, policy), nil
}

// Facts reads a claim, the labels of its namespace and, where the claim refers
// to one that exists, its Restore. The result lacks only the catalog's answer.
// On conflicting wishes the claim's annotations win over the Restore's spec.
func Facts(claim *corev1.PersistentVolumeClaim, namespaceLabels map[string]string, restore *v1alpha1.Restore, policy Policy) decision.Facts {
	self := backup.Claim{Namespace: claim.Namespace, Name: claim.Name}
	rules := policy.RulesNow()
	expiry := ExpiryOf(claim, rules)
	mode, modeProblem := modeUntil(expiry, claim, namespaceLabels, policy.Required)
	asking, asked, expiryProblem := wishing(claim, restore, expiry, rules)
	source, selector, selectionProblem := Wish(asking, asked)
	selectionProblem = cmp.Or(selectionProblem, expiryProblem)
	_, ours := RestoreRef(claim)
	var populator decision.Populator
	if !ours { // a claim has one data source
		populator, _ = policy.Populators.For(self)
	}
	return decision.Facts{
		Claim:                 self,
		Mode:                  mode,
		ModeProblem:           modeProblem,
		Excluded:              slices.Contains(ExcludedNamespaces(policy.OwnNamespace), claim.Namespace),
		MadeBySoteria:         madeBySoteria(claim, policy.OwnNamespace),
		VolumeChosen:          claim.Spec.VolumeName != "" && (!ours || !IsLock(claim.Spec.VolumeName)),
		ForeignSource:         (claim.Spec.DataSource != nil || claim.Spec.DataSourceRef != nil) && !ours,
		SkipReason:            strings.TrimSpace(claim.Annotations[v1alpha1.SkipReasonAnnotation]),
		Source:                source,
		CrossNamespaceAllowed: policy.CrossNamespace,
		Selector:              selector,
		Rules:                 rules,
		SelectionProblem:      selectionProblem,
		MissingRestore:        missingRestore(claim, restore),
		LookedUp:              policy.LookedUp,
		Populator:             populator,
		DenyUnknown:           policy.DenyUnknown,
	}
}

// missingRestore returns the Restore that the claim's manifest refers to, where it
// does not exist. One that Soteria made for another claim, or for an earlier life of
// this one, does not count: it goes with that claim and says nothing of the wish.
func missingRestore(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore) string {
	name, wished := WrittenRef(claim)
	if !wished || restore != nil && !madeForAnother(restore, claim) {
		return ""
	}
	return name
}

func madeForAnother(restore *v1alpha1.Restore, claim *corev1.PersistentVolumeClaim) bool {
	return restore.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleLocked && restore.Labels[v1alpha1.ClaimUIDLabel] != string(claim.UID)
}

// madeBySoteria goes by a label that counts in Soteria's own namespace alone,
// where users write nothing.
func madeBySoteria(claim *corev1.PersistentVolumeClaim, ownNamespace string) bool {
	return claim.Namespace == ownNamespace && claim.Labels[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy
}

// modeUntil is modeOf for a label skip that may have expired: the claim is protected
// again then, and where that cannot be told. An expiry that cannot be understood is a
// problem of the label that it bounds.
func modeUntil(expiry Expiry, claim *corev1.PersistentVolumeClaim, namespace map[string]string, required bool) (mode decision.Mode, problem string) {
	mode, problem = modeOf(claim.Labels, namespace, required)
	switch {
	case mode != decision.Skip || problem != "", strings.TrimSpace(claim.Annotations[v1alpha1.SkipReasonAnnotation]) == "":
		return mode, problem
	case expiry.Problem != "" && expiry.At.IsZero():
		return mode, expiry.Problem
	case !expiry.Passed && expiry.Problem == "":
		return mode, ""
	}
	if mode, _ = modeOf(withoutChoice(claim).Labels, namespace, required); mode == decision.NotOptedIn {
		mode, _ = modeOf(map[string]string{v1alpha1.RestoreLabel: "auto"}, nil, required)
	}
	return mode, ""
}

// modeOf weighs the claim's label, the older label of pvc-plumber, the
// namespace's default and the cluster's mode. A label that cannot be understood
// is a problem, never "not opted in".
func modeOf(claim, namespace map[string]string, required bool) (mode decision.Mode, problem string) {
	switch value, set := claim[v1alpha1.RestoreLabel]; {
	case !set:
		mode, problem = inheritedMode(claim, namespace)
	case value == "auto":
		mode = decision.Auto
	case value == "required":
		mode = decision.Required
	case value == "skip":
		mode = decision.Skip
	default:
		return decision.NotOptedIn, fmt.Sprintf("label %s is %q; it must be auto, required or skip", v1alpha1.RestoreLabel, value)
	}
	if mode == decision.Auto && required {
		mode = decision.Required
	}
	return mode, problem
}

func inheritedMode(claim, namespace map[string]string) (decision.Mode, string) {
	switch value, set := namespace[v1alpha1.RestoreLabel]; {
	case set && value == "required":
		return decision.Required, ""
	case set && value == "auto":
		return decision.Auto, ""
	case set:
		return decision.NotOptedIn, fmt.Sprintf("the namespace's label %s is %q; on a namespace it must be auto or required", v1alpha1.RestoreLabel, value)
	}
	switch claim[v1alpha1.BackupLabel] {
	case "hourly", "daily", "weekly":
		return decision.Auto, ""
	}
	return decision.NotOptedIn, ""
}

// Wish tells whose backup, and which one, a claim wants; the Restore that it names
// may be nil. A problem says what is wrong with the wish; the source is then what
// could be understood of it.
func Wish(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore) (source backup.Claim, selector backup.Selector, problem string) {
	source = backup.Claim{Namespace: claim.Namespace, Name: claim.Name}
	if restore != nil {
		source, selector = restoreWish(source, restore)
	}
	if value, set := claim.Annotations[v1alpha1.RestoreFromAnnotation]; set {
		cluster, parsed, err := parseSource(value)
		if err != nil {
			return source, selector, fmt.Sprintf("annotation %s: %s", v1alpha1.RestoreFromAnnotation, err)
		}
		source, selector.Cluster = parsed, cluster
	}
	if value, set := claim.Annotations[v1alpha1.RestoreAsOfAnnotation]; set {
		parsed, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return source, selector, fmt.Sprintf("annotation %s is %q; it must be a time such as 2026-04-12T15:30:00Z (RFC 3339)", v1alpha1.RestoreAsOfAnnotation, value)
		}
		selector.AsOf = parsed
	}
	if value, set := claim.Annotations[v1alpha1.RestoreBackupAnnotation]; set {
		if len(value) < backup.MinIDPrefix {
			return source, selector, fmt.Sprintf("annotation %s is %q; it must be a backup's id, or its first %d characters or more",
				v1alpha1.RestoreBackupAnnotation, value, backup.MinIDPrefix)
		}
		selector.ID = value
	}
	return source, selector, ""
}

// parseSource reads "<namespace>/<name>" or "<cluster>:<namespace>/<name>".
func parseSource(value string) (cluster string, source backup.Claim, err error) {
	name, rest, found := strings.Cut(value, ":")
	if !found {
		source, err = backup.ParseClaim(value)
		return "", source, err
	}
	if err := backup.ValidateCluster(name); err != nil {
		return "", backup.Claim{}, err
	}
	source, err = backup.ParseClaim(rest)
	return name, source, err
}

func restoreWish(claim backup.Claim, restore *v1alpha1.Restore) (backup.Claim, backup.Selector) {
	source := claim
	selector := backup.Selector{ID: restore.Spec.Backup}
	if s := restore.Spec.Source; s != nil {
		selector.Cluster = s.Cluster
		source.Name = s.Name
		if s.Namespace != "" {
			source.Namespace = s.Namespace
		}
	}
	if restore.Spec.AsOf != nil {
		selector.AsOf = restore.Spec.AsOf.Time
	}
	return source, selector
}
