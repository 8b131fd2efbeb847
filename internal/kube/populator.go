package kube

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

// Populators names the objects of another operator's that restore claims, one for
// each claim. The zero value names none.
type Populators struct {
	group, kind, name string
}

// The words in a template that stand for the claim's.
const (
	claimWord     = "{pvc}"
	namespaceWord = "{namespace}"
)

// ParsePopulators reads group/kind/name, such as
// volsync.backube/ReplicationDestination/{pvc}-backup, in whose name {pvc} and
// {namespace} stand for the claim's. The empty text names none. Errors are of
// kind Invalid.
func ParsePopulators(text string) (Populators, error) {
	if text == "" {
		return Populators{}, nil
	}
	group, rest, _ := strings.Cut(text, "/")
	kind, name, _ := strings.Cut(rest, "/")
	p := Populators{group: group, kind: kind, name: name}
	example, fits := p.For(backup.Claim{Namespace: "namespace", Name: "claim"})
	switch {
	case !fits || kind == "" || len(validation.IsDNS1123Subdomain(group)) > 0 || len(validation.IsDNS1035Label(strings.ToLower(kind))) > 0:
		return Populators{}, backup.Errorf(backup.Invalid, "%q is not of the form group/kind/name, such as volsync.backube/ReplicationDestination/{pvc}-backup", text)
	case !strings.Contains(name, claimWord):
		return Populators{}, backup.Errorf(backup.Invalid, "the name %q is the same for every claim: {pvc} has to be in it", name)
	case example.Group == v1alpha1.Group:
		return Populators{}, backup.Errorf(backup.Invalid, "%q is Soteria's own: it names what restores backups that Soteria cannot restore", text)
	}
	return p, nil
}

// For names the populator of a claim. There is none for a claim whose name makes
// the populator's too long.
func (p Populators) For(claim backup.Claim) (decision.Populator, bool) {
	name := strings.NewReplacer(claimWord, claim.Name, namespaceWord, claim.Namespace).Replace(p.name)
	if p == (Populators{}) || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return decision.Populator{}, false
	}
	return decision.Populator{Group: p.group, Kind: p.kind, Name: name}, true
}

// refer points a claim at a populator. What the claim's manifest refers to is
// never overwritten.
func refer(claim *corev1.PersistentVolumeClaim, p decision.Populator) {
	if claim.Spec.DataSource != nil || claim.Spec.DataSourceRef != nil {
		return
	}
	claim.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: ptr.To(p.Group), Kind: p.Kind, Name: p.Name}
}

// referred reports whether admission pointed a claim at a populator.
func referred(claim *corev1.PersistentVolumeClaim) bool {
	return strings.HasPrefix(claim.Annotations[v1alpha1.VerdictAnnotation], decision.Refer.String()+" ")
}
