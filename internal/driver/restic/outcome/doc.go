// Package outcome is how Soteria remembers, in a restic repository, how the taking
// of each backup ended. It is pure: the mover writes what a [Record] says, the
// driver reads it.
//
// # Where it is kept
//
// restic records whether a snapshot lacks files nowhere but in its exit status, and
// before 0.17 not even how much a snapshot holds. Tags are given before the outcome
// is known, and changing them afterwards takes an exclusive lock. So the Job that
// made a snapshot writes a second, tiny one right after it: a record, which only its
// tags matter of. They are read with the ordinary listing, without an index.
//
// Every outcome is recorded, that of a complete backup too: no record means that
// nothing saw the end, for example because the pod died between the two, and such a
// backup must not count as complete.
//
// # What it costs
//
// All records hold the same file of the same moment, [Time], so that restic stores
// its data once and a record is one file of some 300 bytes below snapshots/, without
// a pack or an index of its own. It doubles the number of snapshot files that a
// listing reads (they are cached), and goes when its backup is forgotten. Being
// older than every backup, it is never the `latest` of anybody who restores by
// hand.
package outcome
