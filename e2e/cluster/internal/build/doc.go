// Package build builds the cluster's programs from Go modules and keeps the
// results in a cache outside the repository.
//
// Each tool is a Go module of its own below e2e/tools, because their
// dependencies would not agree in one. A result's name holds a hash of all
// that went into it, so a second build of the same costs nothing and a change
// never meets a stale program. Results are built aside and renamed into place:
// what is there is whole.
package build
