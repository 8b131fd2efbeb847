// Package process starts daemons that outlive their starter, finds them again
// and stops them.
//
// A process is known by its pid, its start time and the boot in which it was
// started, never by the pid alone: a recycled pid is another process, and is
// neither taken for the daemon nor signaled. Signals go through a pidfd that
// is opened before the identity is checked, so no race is left.
package process
