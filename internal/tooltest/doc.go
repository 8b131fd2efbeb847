// Package tooltest builds the programs that tests run, from the Go modules in
// e2e/tools.
package tooltest
