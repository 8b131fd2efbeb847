// Package schedule takes the backups that policies want.
//
// Every replica can tell how each claim stands with its policy ([Scheduler.Report]).
// The leader alone evaluates that every few minutes and starts what is due.
//
// # What is due
//
// When a backup is due follows from when the last one was taken, never from a
// timer: from the newest backup in the driver's listing and from the runs that can
// be observed (backup Jobs, until their TTL removes them; Leases of Longhorn's
// backups). So nothing is lost in a restart or a change of leaders, and of many
// times that were missed one backup is made up for. Claims of one policy are
// spread by a hash of their names. A claim without any backup is due at once, but
// for that spread of at most three minutes.
//
// # What failed
//
// A run that ended without a newer backup in a listing that began after its end
// has failed; so has one that says so, or that could not be started. As long as no
// such listing exists, a run that ended is taken for a backup: better one too few
// for a while than one every few minutes. Each failure in a row doubles the wait
// until the next attempt, up to six hours or the policy's own gap. Failures that
// left no Job are remembered by the leader alone; a new leader tries such a claim
// once, at once.
//
// # When the backups are not known
//
// While a driver's repository has not been listed since the process began, nothing
// is started with that driver, for half an hour; then claims of which no run can
// be observed are backed up, once. There is no wait for a repository that does not
// exist, since its first backup may be what makes it, and no start into one of
// another identity or with refused credentials. A repository that was listed and
// fails now is judged by its last listing and by the runs since.
package schedule
