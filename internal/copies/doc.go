// Package copies keeps account of the claims that Soteria made to look at a backup, and
// removes them: when a person asks, or when their time has come.
//
// # The record counts
//
// A tenant may write whatever they like on a claim. So what Soteria made is told by a
// record in its own namespace, and a claim is deleted only where a record has its uid, as
// the API server answered it to Soteria's own call. The mark on the claim
// (soteria.dev/restore-test) only takes away: a person who removes it keeps the claim,
// and its record goes.
//
// # In this order
//
// The record is written first, without a uid; then the claim is made; then the uid is
// written. Where Soteria is stopped between the last two, or does not hear the answer,
// the record keeps no uid: a claim of its name and lock may be another one that was made
// from the first one's manifest. It is shown, and a person removes it.
//
// # What is spared
//
// Policies do not back a copy up, health does not count it, and restores of its namespace
// leave it out. That goes for a claim with the mark and a record of its uid or, where the
// uid was never heard, of its name and lock. A mark without a record marks nothing: the
// claim is backed up like others. The first time that this package reads a cluster it
// writes down which claims an earlier version marked; those stay spared, and are never
// removed.
package copies
