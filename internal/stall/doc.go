// Package stall says why a wait lasts.
//
// A restore, the removal of one that was cancelled, or a backup Job waits for
// others: a scheduler, a kubelet, an attacher, a provisioner. Each of them says
// somewhere why it does not go on, and none of them says it where the owner of a
// claim looks. [Diagnose] finds who holds up a wait that has lasted [Patience]
// without progress, and returns their own words with what to do. It is pure:
// callers gather a [World] and tell the result.
package stall
