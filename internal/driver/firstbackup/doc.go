// Package firstbackup keeps a backup from being the first thing in a repository
// while somebody waits for that repository.
//
// In a cluster that was rebuilt, a mistyped address looks like a repository that
// is not there yet, or is empty. A backup that makes one, or the first backup in
// one, would turn "could not tell" into "there is none" for every claim that is
// held, and they would start empty. So while a claim waits, a repository that this
// cluster does not know is neither made nor written to by itself. A person decides:
// with `soteria repository init`, which this package does not stop, or with
// `soteria repository accept`.
package firstbackup
