package kube

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Choice is what a claim's manifest asks of a restore, with the Restore that it refers
// to: what a person writes for one recovery, and what acts on each one as long as it
// stands.
type Choice struct {
	// AsOf, Backup and From are what the annotations or the Restore ask for, and Skip is
	// the reason of the label skip; empty where neither says so.
	AsOf, Backup, From, Skip string
	// Restore names the Restore that says some of it; empty where the claim says all.
	Restore string
	Expiry  Expiry
	// Spent is true for a claim that has its volume: the choice has had its use.
	Spent bool
	// Message says what the choice would do to the claim if it were made anew, and Drop
	// is the command that removes it.
	Message, Drop string
}

// ChoiceOf returns what a claim's manifest asks of a restore; false where that is
// nothing but to be protected. The Restore is the one that the claim refers to; nil where
// there is none.
func ChoiceOf(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore, rules backup.Rules) (Choice, bool) {
	written := AsWritten(claim)
	skips, own := claim.Labels[v1alpha1.RestoreLabel] == "skip", ExpiryOf(written, rules)
	choice := Choice{
		AsOf: quoted(claim, v1alpha1.RestoreAsOfAnnotation), Backup: quoted(claim, v1alpha1.RestoreBackupAnnotation), From: quoted(claim, v1alpha1.RestoreFromAnnotation),
		Expiry: own, Spent: claim.Status.Phase == corev1.ClaimBound,
	}
	if skips {
		choice.Skip = quoted(claim, v1alpha1.SkipReasonAnnotation)
	}
	byClaim := skips || chooses(claim)
	var fields []string
	if !skips {
		referred := referredExpiry(own, written, restore, rules)
		if fields = saidBy(restore, claim); !byClaim {
			choice.Expiry = referred
		}
		if byClaim && referred.Passed && !own.Passed {
			fields = nil // the claim's part holds alone
		}
		choice.add(restore, fields)
	}
	if !byClaim && len(fields) == 0 {
		return Choice{}, false
	}
	choice.Drop = dropCommand(claim, restore, fields, skips)
	choice.Message = choice.message(skips, byClaim)
	return choice, true
}

// The fields of a Restore that choose.
const (
	sourceField = "source"
	asOfField   = "asOf"
	backupField = "backup"
)

// saidBy returns the fields of the Restore that a claim's author refers to by which it
// chooses, and that the claim's annotations do not override.
func saidBy(restore *v1alpha1.Restore, claim *corev1.PersistentVolumeClaim) []string {
	if _, wished := WrittenRef(claim); !wished || restore == nil {
		return nil
	}
	var fields []string
	add := func(field, annotation string, says bool) {
		if _, overridden := claim.Annotations[annotation]; says && !overridden {
			fields = append(fields, field)
		}
	}
	source, selector := restoreWish(backup.Claim{Namespace: claim.Namespace, Name: claim.Name}, restore)
	elsewhere := selector.Cluster != "" || source != backup.Claim{Namespace: claim.Namespace, Name: claim.Name}
	add(sourceField, v1alpha1.RestoreFromAnnotation, elsewhere)
	add(asOfField, v1alpha1.RestoreAsOfAnnotation, restore.Spec.AsOf != nil)
	add(backupField, v1alpha1.RestoreBackupAnnotation, restore.Spec.Backup != "")
	return fields
}

// add adds what these fields of a Restore ask for.
func (c *Choice) add(restore *v1alpha1.Restore, fields []string) {
	for _, field := range fields {
		c.Restore = restore.Name
		switch field {
		case sourceField:
			source, selector := restoreWish(backup.Claim{Namespace: restore.Namespace}, restore)
			if c.From = source.String(); selector.Cluster != "" {
				c.From = selector.Cluster + ":" + c.From
			}
			c.From = backup.Clip(backup.Printable(c.From), backup.MaxCaller)
		case asOfField:
			c.AsOf = restore.Spec.AsOf.UTC().Format(time.RFC3339)
		case backupField:
			c.Backup = backup.Clip(backup.Printable(restore.Spec.Backup), backup.MaxCaller)
		}
	}
}

// quoted is the value of an annotation, bounded and printable.
func quoted(claim *corev1.PersistentVolumeClaim, key string) string {
	return backup.Clip(backup.Printable(claim.Annotations[key]), backup.MaxCaller)
}

func (c Choice) message(skips, byClaim bool) string {
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
	return when + strings.Join(what, " and ") + fmt.Sprintf("; remove that from %s, or bound it with the annotation %s", c.where(byClaim), v1alpha1.ExpiresAnnotation)
}

// where names what the choice is written in.
func (c Choice) where(byClaim bool) string {
	switch {
	case c.Restore == "":
		return "the claim, and from its manifest in Git"
	case byClaim:
		return "the claim and from Restore " + c.Restore + ", and from their manifests in Git"
	default:
		return "Restore " + c.Restore + ", and from its manifest in Git"
	}
}

// dropCommand removes a choice from a claim, and these fields of it from the Restore. A
// claim that skips stays protected.
func dropCommand(claim *corev1.PersistentVolumeClaim, restore *v1alpha1.Restore, fields []string, skips bool) string {
	var commands []string
	if skips {
		commands = append(commands, backup.Command("kubectl", "-n", claim.Namespace, "label", "--overwrite", "pvc", claim.Name, v1alpha1.RestoreLabel+"=auto"))
	}
	if skips || chooses(claim) {
		commands = append(commands, dropAnnotations(claim))
	}
	if len(fields) > 0 {
		commands = append(commands, backup.Command("kubectl", "-n", restore.Namespace, "patch", "restores.soteria.dev", restore.Name,
			"--type=merge", "-p", `{"spec":{"`+strings.Join(fields, `":null,"`)+`":null}}`))
	}
	return strings.Join(commands, " && ")
}

func dropAnnotations(claim *corev1.PersistentVolumeClaim) string {
	annotate := []string{"kubectl", "-n", claim.Namespace, "annotate", "pvc", claim.Name}
	for _, key := range append(choiceAnnotations, v1alpha1.SkipReasonAnnotation, v1alpha1.ExpiresAnnotation) {
		if _, set := claim.Annotations[key]; set {
			annotate = append(annotate, key+"-")
		}
	}
	return backup.Command(annotate...)
}
