package backup

// Outcome is how the taking of a backup ended, as far as anything reports it. The
// zero value is OutcomeUnknown.
type Outcome uint8

// The outcomes of a backup.
const (
	// OutcomeUnknown: no one saw the backup end. It may be whole or partial.
	OutcomeUnknown Outcome = iota
	// OutcomeComplete: the backup system read everything.
	OutcomeComplete
	// OutcomePartial: the backup was saved, but some files could not be read
	// (restic's exit code 3).
	OutcomePartial
	// OutcomeVoid: the backup was saved and does not count, for example because
	// it lost most of what the one before it held, or because its claim was
	// deleted while it was read.
	OutcomeVoid
)

// String returns the word used in the API, in tags and in metrics.
func (o Outcome) String() string {
	switch o {
	case OutcomeComplete:
		return "complete"
	case OutcomePartial:
		return "partial"
	case OutcomeVoid:
		return "void"
	case OutcomeUnknown:
		return "unknown"
	default:
		return "unknown"
	}
}
