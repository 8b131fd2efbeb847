// Package backup is Soteria's vocabulary: what a claim and a backup are, the
// three answers that can be given about a claim's backups, and the kinds of
// errors. Every other package speaks in these words.
//
// It imports the standard library alone and has no effects: nothing here reads
// a clock, a cluster or a repository. Start with [Answer], the type that the
// product's promise rests on: its zero value is Unknown, so that code that
// forgets to prove something can never claim that there is nothing to restore.
package backup
