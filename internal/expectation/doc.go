// Package expectation holds what Soteria remembers of each claim's backups in a
// repository, so that a backup that vanishes is noticed: by this cluster, and by
// one that is rebuilt and reads the copy beside the backups.
//
// It is pure. A [Record] is one claim's memory; [Claims] is a repository's. Two
// memories of the same repository are joined by [Union], which is commutative,
// associative and idempotent, so that replicas, clusters and copies can be joined
// in any order and any number of times. The catalog compares listings with
// records, package ledger keeps them in the cluster, and the restic driver keeps
// a copy in the repository. [Copies] are those of several clusters, of which each
// settles only what is its own.
package expectation
