// Package blank is the filler for claims that start empty although they are
// locked: it leaves the prime as it is and proves that there is nothing on it.
//
// It takes a Job all the same. A class that binds late makes a volume only for a
// pod, and a volume that a provisioner hands out is not always empty.
package blank
