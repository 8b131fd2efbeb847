// Package inventory says of every claim at once how well it is backed up, and
// what would become of it if the cluster were rebuilt now.
//
// [Build] is a pure function of [Facts]. A [Refresher] gathers the facts from
// the manager's cache and the catalog, builds at intervals and soon after
// anything has changed, and hands the result to whoever publishes it. Readers get
// the latest result without waiting; no request makes one.
//
// The inventory tells freshness. Each claim has one [Health], the first of these
// that is true:
//
//	deleting       the claim is being deleted
//	held           it waits until it is settled which backup it gets
//	restoring      it is getting its data back
//	lost           its volume is gone
//	unbound        it has no volume yet
//	fresh          its newest backup is young enough
//	excluded       no backup is known, and its namespace is one that Soteria keeps out of
//	skipped        no backup is known, and it is labelled to start empty, with a reason;
//	               or it has its data and is a copy to look at, whatever backups are known
//	lookup_failed  a driver's repository cannot be listed, so nobody can tell
//	stale          its newest backup is too old
//	no_backups     it has none
//
// What could not be told is never told as none: lookup_failed comes before
// stale and no_backups.
//
// The plan tells what admission would decide on each claim as its manifest would
// make it again, by the same rules as admission itself (package decision).
package inventory
