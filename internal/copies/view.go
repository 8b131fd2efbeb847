package copies

import "time"

// State is how a copy stands.
type State string

// The states. The API's documentation says what each means to a client.
const (
	Starting  State = "starting"
	Restoring State = "restoring"
	Ready     State = "ready"
	Removing  State = "removing"
	Unproved  State = "unproved"
	Unknown   State = "unknown"
)

// Copy is a record beside what is observed of its claim.
type Copy struct {
	Record
	State State
	// Message is the state in a sentence.
	Message string
	// Expired is true once its time has come.
	Expired bool
	// UsedBy names the pods that use it or wait for it; nil where that is not known.
	UsedBy []string
	// Removable is true where [Keeper.Remove] would remove it while it is not used.
	Removable bool
	// Keep and Remove are the commands that keep and remove it by hand.
	Keep, Remove string
}

// List is every copy, newest first.
type List struct {
	At     time.Time
	Copies []Copy
	// Warnings tell of records that could not be understood.
	Warnings []string
}

// Removed is what became of a copy that was removed.
type Removed struct {
	Record
	// Restoring is true where it did not have its data yet.
	Restoring bool
	// UsedBy names the pods that have to end before the claim goes.
	UsedBy []string
	// Volume is the volume that it was bound to; "" for none.
	Volume string
	// Message says what happened, and what stays.
	Message string
}
