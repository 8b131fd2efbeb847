//go:build e2e

// Package scenarios shows on a real cluster what Soteria promises, one file per
// promise, and leaves nothing behind. Tests share one installation of Soteria:
// those that break something for everybody run one after the other, and those
// that only need it to work run together when they are done.
//
//	make e2e
package scenarios
