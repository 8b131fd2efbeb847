// Package ledger keeps the catalog's expectations in a ConfigMap in Soteria's
// own namespace, where every replica and every later life of Soteria finds them.
//
// The ConfigMap has one key per driver. Its value is JSON made to be read, and
// in need changed, by a person:
//
//	data:
//	  restic: |
//	    {
//	      "repository": "3f1c…",
//	      "heldBackups": true
//	    }
//
// What every single claim is expected to have is kept beside it, by [Expectations], in
// ConfigMaps of its own: versions of Soteria that do not know of it refuse a key that
// they cannot read. What a repository was seen to hold that no one has accepted is in
// others still, by [Unaccepted]: those versions pass over them.
//
// A value that cannot be understood is never overwritten: it may be all that is
// left to tell a swapped repository from the right one. Somebody mends it or
// removes the key.
//
// What was accepted of backups of which nothing says whose they are is in a
// ConfigMap of its own, see [Accepted]: versions before it refuse an entry with
// fields that they do not know.
package ledger
