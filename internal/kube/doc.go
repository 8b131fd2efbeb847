// Package kube translates between Kubernetes objects and Soteria's vocabulary:
// a PersistentVolumeClaim and what surrounds it become [decision.Facts], and a
// verdict becomes the lock and the stamps that are written on the claim.
//
// All of it is pure: objects in, values out. Both admission and the restore
// controller gather facts here, so a claim is read the same way at its creation
// and on every later look.
package kube
