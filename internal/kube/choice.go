package kube

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Choice is what a claim's manifest asks of a restore: what a person writes for one
// recovery, and what acts on each one as long as it stands.
type Choice struct {
	// AsOf, Backup and From are the values of the annotations, and Skip is the reason of
	// the label skip; empty where the manifest does not say so.
	AsOf, Backup, From, Skip string
	Expiry                   Expiry
	// Spent is true for a claim that has its volume: the choice has had its use.
	Spent bool
	// Message says what the choice would do to the claim if it were made anew, and Drop
	// is the command that removes it from the claim.
	Message, Drop string
}

// ChoiceOf returns what a claim's manifest asks of a restore; false where that is
// nothing but to be protected.
func ChoiceOf(claim *corev1.PersistentVolumeClaim, rules backup.Rules) (Choice, bool) {
	written := AsWritten(claim)
	choice := Choice{
		AsOf: quoted(claim, v1alpha1.RestoreAsOfAnnotation), Backup: quoted(claim, v1alpha1.RestoreBackupAnnotation), From: quoted(claim, v1alpha1.RestoreFromAnnotation),
		Expiry: ExpiryOf(written, rules), Spent: claim.Status.Phase == corev1.ClaimBound,
	}
	skips := claim.Labels[v1alpha1.RestoreLabel] == "skip"
	if skips {
		choice.Skip = quoted(claim, v1alpha1.SkipReasonAnnotation)
	}
	if !skips && !chooses(claim) {
		return Choice{}, false
	}
	choice.Drop = dropCommand(claim, skips)
	choice.Message = choice.message(skips)
	return choice, true
}

// quoted is the value of an annotation, bounded and printable.
func quoted(claim *corev1.PersistentVolumeClaim, key string) string {
	return backup.Clip(backup.Printable(claim.Annotations[key]), backup.MaxCaller)
}

func (c Choice) message(skips bool) string {
	if c.Expiry.Passed {
		return "what the claim asked for has expired: made anew, it is protected and gets its newest backup"
	}
	var what []string
	switch {
	case skips:
		what = append(what, "starts empty again, whatever backups exist")
	default:
		if c.From != "" {
			what = append(what, "gets a backup of "+c.From)
		}
		if c.AsOf != "" {
			what = append(what, "gets the newest backup taken at or before "+c.AsOf)
		}
		if c.Backup != "" {
			what = append(what, "gets backup "+backup.ShortID(c.Backup))
		}
	}
	when := "made anew, the claim "
	if !c.Expiry.At.IsZero() {
		when = "made anew before " + c.Expiry.At.UTC().Format("2006-01-02T15:04:05Z07:00") + ", the claim "
	}
	if !skips {
		what[len(what)-1] += ", and not its newest backup"
	}
	return when + strings.Join(what, " and ") + fmt.Sprintf("; remove that from the claim, and from its manifest in Git, or bound it with the annotation %s",
		v1alpha1.ExpiresAnnotation)
}

// dropCommand removes a choice from a claim. A claim that skips stays protected.
func dropCommand(claim *corev1.PersistentVolumeClaim, skips bool) string {
	annotate := []string{"kubectl", "-n", claim.Namespace, "annotate", "pvc", claim.Name}
	for _, key := range append(choiceAnnotations, v1alpha1.SkipReasonAnnotation, v1alpha1.ExpiresAnnotation) {
		if _, set := claim.Annotations[key]; set {
			annotate = append(annotate, key+"-")
		}
	}
	command := backup.Command(annotate...)
	if skips {
		command = backup.Command("kubectl", "-n", claim.Namespace, "label", "--overwrite", "pvc", claim.Name, v1alpha1.RestoreLabel+"=auto") + " && " + command
	}
	return command
}
