package decision

import "github.com/soteria-dr/soteria/internal/backup"

// Kind is what is to be done with a claim. The zero value is Hold, the safe
// one: a verdict that nobody filled in starts nothing empty.
type Kind uint8

// The six verdicts.
const (
	// Hold locks the claim until more is known.
	Hold Kind = iota
	// Restore locks the claim until its data is back.
	Restore
	// Fresh lets the claim start empty.
	Fresh
	// Ignore leaves the claim alone.
	Ignore
	// Deny refuses the claim.
	Deny
	// Refer points the claim at the populator that restores it. Nothing is locked:
	// the populator hands the claim its volume.
	Refer
)

// String gives the word stamped on claims and used in metrics.
func (k Kind) String() string {
	switch k {
	case Restore:
		return "Restore"
	case Fresh:
		return "Fresh"
	case Ignore:
		return "Ignore"
	case Deny:
		return "Deny"
	case Refer:
		return "Refer"
	case Hold:
		return "Hold"
	default:
		return "Hold"
	}
}

// Locks reports whether the verdict keeps the claim Pending.
func (k Kind) Locks() bool { return k == Hold || k == Restore }

// Reason names the rule that decided, in one CamelCase word as Kubernetes
// conditions and events use them. The set is small and closed, so it may be a
// metric label.
type Reason string

// The reasons, in the order of the rules.
const (
	ReasonNotOptedIn        Reason = "NotOptedIn"
	ReasonExcluded          Reason = "NamespaceExcluded"
	ReasonMadeBySoteria     Reason = "MadeBySoteria"
	ReasonVolumeChosen      Reason = "VolumeChosen"
	ReasonForeignSource     Reason = "ForeignDataSource"
	ReasonInvalidMode       Reason = "InvalidRestoreLabel"
	ReasonSkipNeedsReason   Reason = "SkipNeedsReason"
	ReasonSkipped           Reason = "Skipped"
	ReasonGeneratedName     Reason = "GeneratedName"
	ReasonCrossNamespace    Reason = "CrossNamespaceRefused"
	ReasonRestoreMissing    Reason = "RestoreMissing"
	ReasonInvalidSelection  Reason = "InvalidSelection"
	ReasonNobodyRestores    Reason = "NobodyCanRestore"
	ReasonReferred          Reason = "RestoredByPopulator"
	ReasonUnrestorable      Reason = "BackupUnrestorable"
	ReasonBackupFound       Reason = "BackupFound"
	ReasonSelectionNotFound Reason = "SelectedBackupNotFound"
	ReasonNewestInDoubt     Reason = "NewestBackupInDoubt"
	ReasonBackupMissing     Reason = "BackupMissing"
	ReasonNoneChosen        Reason = "NoBackupChosen"
	ReasonSourceHasNone     Reason = "SourceHasNoBackup"
	ReasonRequiredNone      Reason = "RequiredBackupMissing"
	ReasonProvedNone        Reason = "NoBackupExists"
	ReasonChecking          Reason = "CheckingForBackups"
	ReasonUnknown           Reason = "BackupsUnknown"
)

// Outcomes returns every kind and reason that a verdict may have together.
func Outcomes() []Verdict {
	of := map[Kind][]Reason{
		Ignore: {ReasonNotOptedIn, ReasonExcluded, ReasonMadeBySoteria, ReasonVolumeChosen, ReasonForeignSource},
		Deny:   {ReasonInvalidMode, ReasonSkipNeedsReason, ReasonCrossNamespace, ReasonNewestInDoubt, ReasonChecking, ReasonUnknown},
		Fresh:  {ReasonSkipped, ReasonGeneratedName, ReasonProvedNone},
		Refer:  {ReasonReferred},
		Hold: {
			ReasonRestoreMissing, ReasonInvalidSelection, ReasonNobodyRestores, ReasonUnrestorable, ReasonSelectionNotFound, ReasonNewestInDoubt,
			ReasonBackupMissing, ReasonNoneChosen, ReasonSourceHasNone, ReasonRequiredNone, ReasonChecking, ReasonUnknown,
		},
		Restore: {ReasonBackupFound},
	}
	var all []Verdict
	for kind, reasons := range of {
		for _, reason := range reasons {
			all = append(all, Verdict{Kind: kind, Reason: reason})
		}
	}
	return all
}

// Verdict is what to do with a claim, and why.
type Verdict struct {
	Kind   Kind
	Reason Reason
	// Message tells the user what was decided and, where it is not what they
	// hoped for, what to do.
	Message string
	// Backup is the backup to restore; only set for the verdicts Restore and Refer.
	Backup backup.Backup
	// Notes are the parts of Message that a person should look into: what speaks
	// against the chosen backup, and which newer ones were passed over.
	Notes []string
	// Populator is what the claim is pointed at; only set for the verdict Refer.
	Populator Populator
}
