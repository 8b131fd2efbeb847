// Package past holds what Soteria knows of a claim's earlier backups when it makes
// the Job of the next one, as that Job's mover is told of it.
//
// A mover that is told needs no list of the repository's snapshots, each of which is
// a file of its own: restic reads the one that it compares files with, and the new
// backup is held against the figures that are given. A mover that is not told reads
// the list. Each of the two says so by itself: what is not known is left out, and
// [None] is only what was looked up and is not there.
package past
