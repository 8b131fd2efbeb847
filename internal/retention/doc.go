// Package retention is the rule by which old backups go: which of a claim's
// backups a policy keeps ([Choose], [Split]), whether the others may be removed now
// ([MayForget]), and which of them stay all the same ([Spare]). It is pure: facts in,
// decision out. Package enforcer acts on it.
//
// What is kept is what `restic forget` would keep with the same numbers, and a test
// holds it to that. What may be removed is stricter: nothing while a restore of the
// claim is open, while it is in doubt which backups there are, or while the newest
// backup looks as if data had been lost; and never what may be the only way back to
// data that was lost, at once or slowly. Backups that do not count, such as partial
// ones, are no reason to remove another, and what cannot be compared stays.
package retention
