// Package slowline stands between a client and an HTTP store in tests and benchmarks:
// it lets each request wait as long as a far away store would, and counts them.
package slowline
