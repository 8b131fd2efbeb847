// Package batch is work on one or several claims that goes on in the server when the
// caller leaves: restores, or backups. A batch is a record in a ConfigMap in
// Soteria's own namespace, written before anything is begun; the work itself is
// someone else's, who is given one member at a time.
//
// # It survives
//
// The replica that was asked does the work and says every few seconds that it is there.
// Where it falls silent, the leader goes on with what is neither started nor refused. A
// member may then be begun twice: each restore has a lock, drawn before the record was
// written, so that the second time finds what the first one made.
//
// # It follows backups to their end
//
// A restore has its Restore, which says how far it is. Of a backup nothing may be left
// soon after its end, so that a batch writes that down: the process that hears of an end
// tells it, and the leader looks for those that it did not hear of.
//
// # It is bounded
//
// There are sixteen slots, each a ConfigMap of a fixed name, so that Soteria's Role can
// name them. A new batch takes an empty one, or the one that ended longest ago.
package batch
