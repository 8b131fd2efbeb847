// Package s3 looks up backups that VolSync's restic mover made: a bucket with one
// restic repository per claim, under {namespace}/{pvc}/ or where else [Config].Layout
// says. It only lists: nothing
// here can take or restore a backup, and no repository is ever opened, so that
// the keys of the bucket are all it needs.
//
// # What is a backup
//
// Each object under snapshots/ in a claim's folder is one, its name the id of the
// restic snapshot. A repository that was initialised and holds no snapshot is no
// backup. A folder of anything else than a restic repository is one backup, since
// nobody can tell what it is. In doubt, which proves nothing, are a repository
// without a snapshot that was locked lately, as it is while its first backup
// runs, and one without its config, which is being made or is torn.
//
// A repository in a folder that is no claim's, at the bucket's root, at another
// depth or under a name that no claim can have, is a stray: while there are such, no
// claim is proved to have no backup. It is known by the files that restic alone
// writes, or by its config. Of a folder with more than a thousand objects that leads to
// no claim, or that is a claim's and holds no repository of its own, the first thousand are looked at.
//
// Times are those of the objects, for a snapshot when its backup ended: the
// snapshot itself is encrypted. Of a folder that is no repository it is the time
// of the newest of its first thousand objects.
//
// # What a listing costs
//
// With the layout {namespace}/{pvc}, one request for the namespaces, per thousand. Then one for each namespace; if
// it has fewer than a thousand objects, that tells all about it. Of a larger one
// it takes one more per thousand claims, one for each claim with backups (per
// thousand snapshots) and three for each folder without. That is little more than
// one request for each claim at most, however large the repositories are, and far
// fewer where they are small. [Config.Concurrency] of them are under way at
// once; one more is made where the region is not known.
//
// A listing proves that there is no backup for every claim at once. Once there was one, a
// single claim is proved by one request for its own folder, see [Driver.Prove]: how long
// a listing takes does not matter to those who ask.
package s3
