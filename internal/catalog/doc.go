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
// Several drivers are asked at once. What one of them found is said without waiting for
// the others: that they could not tell by then is a doubt about which backup is the
// newest. None takes a proof of each. [Catalog.ProveBackup] asks the driver alone that
// has the backup which is wanted by its id, and [Catalog.Last] shows what the last
// listings found; it waits for nothing and proves nothing. Each answer says what each
// driver said, and when its listing began (see [backup.Told]).
//
// That an answer is missing only because a listing takes its usual time is said as such
// (see [backup.NotYet]): nothing has to be set right.
//
// A driver that can prove single claims (see [driver.Prover]) is asked for those alone,
// by all who ask at a time and also while a listing runs: a repository that takes long to
// list is listed every [Config.RefreshInterval], and no question waits for that. Such a
// look is believed as a listing is: it began after the question or at most
// [Config.Freshness] before, it read the same repository, and the ledger and the memory
// are read again for it. What lies outside the claims' own parts of the repository, such
// as strays, is as the last listing saw it. What a look does not settle takes a listing.
//
// # What is missing
//
// A listing is also compared with what the [Memory] holds of every claim. A backup
// that was the newest of its claim and is not there, nor any newer one, is missing:
// the claim is Unknown where it has no other backup, else the answer is Found with a
// doubt, which keeps an older one from being chosen. New backups are remembered before
// the listing is believed for None; that they could not be hides none of them. The
// [Copy] beside the backups is joined once in the life of a process, before its first
// None; of a repository that no one has accepted, with every listing. What such a
// repository holds is remembered by its identity (see [Unaccepted]), since it may be the
// wrong one, and joins the driver's memory once it is accepted. A repository that is
// empty proves nothing unless this cluster knows it or the
// configuration says so (see [Expected]), and nothing is proved while a driver that
// held backups is not looked at. [Catalog.Forgetting] is how Soteria itself removes
// backups without missing them.
//
// A listing costs two requests for the ledger and what the memory needs to see what
// other replicas wrote (package ledger: one request while they wrote nothing, and four
// more until the repository is accepted), however many questions it settles. The first
// of a process costs eight more for an accepted repository, which drops what was
// remembered before that, and four for each driver that is not listed.
//
// # Strays
//
// While a listing tells of a backup of which nothing says whose it is, no claim is
// proved to have no backup, unless the stray was accepted (see [Register]): by a
// person, or because it was there when a version that knows of strays first saw
// a repository that the cluster had used before. What is found of others stands.
//
// # When listings fail
//
// A failure answers all who wait, at once, with its own words. The source then
// rests for a while that doubles with each failure in a row, and lists again by
// itself, once. Questions in between get the same words without waiting.
//
// # Memory
//
// What is remembered of a claim takes about 250 bytes, twice for as long as the process
// lives. Comparing 10,000 claims with a listing takes less than a
// tenth of a second (BenchmarkLearn).
//
// A backup with a restic id takes about 210 bytes for as long as its snapshot
// lives, and twice that while the next listing is read (BenchmarkSnapshot): a
// repository of 200,000 backups takes 40 MiB at rest. A claim adds to that its
// place in a map, of which 28 bytes count its backups by day. Looking up a claim with a
// hundred backups among them takes about a microsecond (BenchmarkKnown).
package catalog
