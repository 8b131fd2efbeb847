// Package enforcer carries retention out: for one claim at a time it reads what is
// known of its backups and which restores are open, asks the rule (package
// retention), has the driver forget what may go, and tells what came of it, on the
// claim, in the log and in metrics.
//
// It works on one driver's backups at a time, and only on those that Soteria took:
// each driver keeps as many as the policy says, and what another one has, or what
// others took, never makes up for it.
package enforcer
