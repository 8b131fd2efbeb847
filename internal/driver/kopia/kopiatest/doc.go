// Package kopiatest makes Kopia repositories for tests, with the real kopia
// program.
package kopiatest
