// Package note keeps small objects of Soteria's own in a restic repository, beside
// the backups, so that what Soteria knows of them survives the cluster.
//
// A note is a snapshot of one file, with the host "soteria" and the tag
// soteria=<kind>. It names no claim, so it is no claim's backup; [Parse] recognises
// one. Notes are never changed: a newer one says by its tags which ones it
// supersedes, because its writer read them and took over what they hold. Those that
// no other supersedes are the heads, usually one. Two writers at once leave two
// heads, and the next writer joins them; so nothing is lost, whatever the clocks
// of the writers say.
//
// restic writes a snapshot last, so a writer that is killed leaves no note at all:
// at most data that `restic prune` removes, and a lock that the next one removes.
//
// # What it costs
//
// Each function runs restic once: a key derivation, half a second of one core and
// 60 MiB by restic's design. [Read] and [Write] also load the repository's index.
package note
