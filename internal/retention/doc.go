// Package retention is the rule by which old backups go: which of a claim's
// backups a policy keeps ([Choose]), and whether the others may be removed now
// ([MayForget]). It is pure: facts in, decision out. Package enforcer acts on it.
//
// What is kept is what `restic forget` would keep with the same numbers. What may
// be removed is stricter: nothing while a restore of the claim is open, while it
// is in doubt which backups there are, or while the newest backup looks as if data
// had been lost; and never the last backup before such a loss.
package retention
