// Package catalog knows which backups exist, and can prove that a claim has
// none.
//
// Each driver has a source: one goroutine that lists the driver's whole
// repository, at most one listing at a time, and keeps the last listing that
// was believed as an immutable snapshot. Questions never list by themselves.
// They are answered from the snapshot or wait for a listing, together with
// everybody else who asks, so that a thousand questions cost a handful of
// listings, and looking up a claim costs one map access however many backups
// the repository holds.
//
// # When an answer may be believed
//
// A listing settles a question when it began after the question was asked, or
// at most [Config.Freshness] before; when it ended without error; when the
// repository is the one expected (see [Ledger]); and when no backup of the claim
// ended after the listing began. None needs one thing more: that no backup of
// the claim is running. Everything else is Unknown, with a reason for the user.
//
// [Catalog.Prove] keeps to that for every answer. [Catalog.Known] may answer
// Found from an older listing: it only makes a claim wait, and whoever restores
// it asks Prove before choosing a backup.
//
// # When listings fail
//
// A failure answers all who wait, at once, with its own words. The source then
// rests for a while that doubles with each failure in a row, and lists again by
// itself, once. Questions in between get the same words without waiting.
//
// # Memory
//
// A backup with a restic id takes about 210 bytes for as long as its snapshot
// lives, and twice that while the next listing is read (BenchmarkSnapshot): a
// repository of 200,000 backups takes 40 MiB at rest. A claim adds to that its
// place in a map, of which 28 bytes count its backups by day. Looking up a claim with a
// hundred backups among them takes about a microsecond (BenchmarkKnown).
package catalog
