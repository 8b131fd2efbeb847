// Package mem is a driver in memory, for tests of other packages: a [Lister]
// whose repository a test fills, swaps and breaks, and which forgets backups when
// asked to, and a [Filler] whose fills a test brings on step by step.
package mem
