// Package restore is the controller that gives locked claims their data back.
//
// # Shape
//
// The claim is the source of truth, its Restore the record. A pass observes the
// claim, its record, its prime and the two volumes that may exist, and runs the
// phases in order, one file each:
//
//	adopt      a Restore exists and its status belongs to this life of the claim
//	free       no volume of an earlier life of the claim has the lock's name
//	select     a backup is pinned, or it is settled that the claim starts empty
//	prepare    a prime exists in Soteria's namespace, on a volume made for it
//	transfer   the driver fills the prime, or makes a volume
//	verify     what was counted on the volume is what the backup holds
//	handover   the volume becomes the claim's own
//	cancel     what a claim that is gone left behind is removed
//
// Every phase is derived from what is observed, settles its own condition and
// either lets the pass proceed or says when to look again. Nothing is kept in
// memory but which events were told and what spares questions (kept.go, turns.go), so a crash anywhere resumes; a restore is
// retried for ever and has no state of final failure.
//
// # Two ways to a volume
//
// Either the claim's provisioner makes an empty volume behind the prime, and the
// driver fills it; or the backup system restores to a volume of its own, which is
// handed over as it is (way.go). In the second way the prime is a placeholder: it
// names no class and a volume that will never be, so nothing is made for it, and
// it marks that there may be a volume to delete, from before that is made until
// the claim has it.
//
// # What makes it safe
//
//   - The Restore and both volumes are read from the API server, not from a
//     cache, and statuses are patched with the resource version they were read
//     at: no step is taken, and no backup chosen, on a stale record. A Restore whose
//     backup is settled is taken from the cache where that has exactly what this
//     process wrote last.
//   - A backup is pinned in the status before a byte of it is asked for.
//   - A prime is complete only when it says so itself (FilledAnnotation), which
//     names the attempt and the backup; the mark goes when the prime goes.
//   - The data never lacks a volume object that retains it: the order of
//     handover.go was measured on a real CSI stack, other orders lose data.
//   - A volume that a fill found to hold data from before the restore is made to
//     retain and never deleted; one that no fill has looked at keeps the policy that
//     its class gave it (foreign.go).
//   - Every delete carries the uid of what was looked at. A volume that was not
//     provisioned for Soteria's prime is never written to and never deleted.
//   - The volume binder binds a waiting claim to any unclaimed volume of its
//     class that fits, whatever it holds. The prime's class is therefore a twin
//     of the claim's (class.go), which no volume that lies around has; and what
//     the prime was bound to is checked all the same.
//
// # Where it fills
//
// In a class that waits for the first consumer a fill goes where the pod can run
// that waits for the claim, and where the other claims of that pod are. Without such
// a pod it waits for one, a set time after the claim was made. Once its Job exists it
// stays as it is, unless it finds no node and that pod has changed.
//
// # When nothing moves
//
// A pass that waits although nothing has moved for two minutes looks for the cause
// (watch.go; package stall decides) and tells it. It goes on by itself in five cases:
// the attempt's deadline has passed, its pod was placed for another one, its pod never
// started and will not by itself, its pod may not ask for the room of the claim's pod, or
// its volume is bound to nodes that are gone. A prime in the last case is marked as abandoned and
// removed like any other that is of no use: no attempt begins while a pod exists that
// may write to it. The same holds for a volume that is filled and not handed over yet,
// once its backup is proved to be there still.
//
// Every wait ends by itself, or is told:
//
//	a backup to be settled (select)    told at once, and counted in held_claims (events.go)
//	a pod that uses the claim          told at once, with its end (SOTERIA_FIRST_CONSUMER_WAIT)
//	other claims of that pod           the watchdog
//	other fills, for its turn          told at once, with an event after half a minute
//	a volume for the prime             the watchdog, in the provisioner's words
//	a fill's pod to start or to end    the watchdog; the Job's deadline ends it
//	a volume of the backup system      the watchdog; what it refuses is told at once
//	bytes that do not move             the watchdog
//	a pinned backup that is gone       looked for after a failure, and while no attempt begins (repin.go)
//	the next attempt                   told with the failure of the last
//	a volume to be detached            the watchdog, in the attacher's words
//	a lock's name that is taken        told at once, or the watchdog where it frees itself mostly (free.go)
//	a record that was deleted          the watchdog, once a pod of an attempt stays (watchUnrecorded)
//	what a cancelled restore left      the watchdog (watchRemoval)
//	an error that ends every pass      told at once; condition Stalled after two minutes (controller.go)
//
// # What starts a pass
//
// The claim, its Restore, its prime, the volumes, the Jobs that fill and their pods, and
// the attachments are watched (watches.go). A change starts a pass where a phase may go by
// it; what a pass writes itself does not. Timers are for what is not watched, such as
// progress, pods of other namespaces and backup systems, and for the watchdog; they back
// off. Fills wait for their turn once as many run as SOTERIA_RESTORE_CONCURRENCY allows,
// the most wanted first (turns.go).
//
// # What it costs
//
// A whole restore takes about 13 passes and 55 calls, events included: calls_test.go
// counts them. A pass that only looks on, at a mover that works or waits, at pods that go
// or at a fill whose turn it is not, asks the API server nothing but the log for progress
// (kept.go): what is known first-hand is the Restore as this process wrote it last, and
// that the prime's volume was proved. Whatever begins or ends an attempt, hands a volume
// over or removes something is read from the API server. A claim that waits for a catalog
// that cannot tell costs a GET every 5 s to 2 min, a completed one nothing. One that waits
// for a pod lists the pending pods of its namespace every half second at first, every 15 s
// later. A restore of which nothing has moved for two minutes costs, every 30 s at first
// and every five minutes later, 2 lists, and a list of events or a GET for each Job, pod,
// prime, volume and node that it depends on; while no attempt begins, also a listing every
// five minutes. The connection should leave limiting to the API server: client-go's own
// limit of 20 calls per second would stretch a storm of restores.
//
// Caches hold every PersistentVolumeClaim and Restore (about 2 KB each once
// managed fields are dropped, see [CacheByObject]), the volumes and Jobs with
// Soteria's label, the pods of those Jobs in its own namespace, all VolumeAttachments and
// StorageClasses. Other pods are never cached.
package restore
