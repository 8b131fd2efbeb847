// Package copyfill fills primes from a backup system that restores to volumes of
// its own: for claims whose storage class is of another provisioner, to which
// those volumes cannot be handed.
//
// The backup system makes a volume, which is mounted read-only beside the prime
// in a Job that copies file by file (`soteria mover copy`), counts both, and goes
// again with all that was made for it.
//
// # What marks that there is a volume to remove
//
// A claim, the stage, is made in Soteria's namespace before the volume, and a
// PersistentVolume for it once the volume is restored. The PersistentVolume
// carries a finalizer that comes off only when the volume itself is gone, so that
// at every moment one of the two says that there may be a volume, whatever
// crashed.
package copyfill
