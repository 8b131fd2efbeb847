// Package backupjob watches the Jobs that take backups, for those who have to know.
//
// The catalog must know, on every replica, which claims are being backed up now
// and when a backup ended, since a listing that began before proves nothing of
// that claim ([Teller]). The people who own the claim want to know what came of
// it: on the leader, a finished Job becomes an event on its claim, once
// ([Outcomes], [Announcer]). Backups without Jobs are announced by their drivers.
// And a claim that is being deleted must not wait for them: their pods would hold
// it until their TTL ([Releases]). A backup of which nothing moves is told of on its
// claim and marked on its Job, by which every replica shows it ([Starts],
// [StalledJobs]); package stall says who holds it up.
//
// All work from the Jobs, and from the pods of movers: a mover leaves its result
// seconds before its Job is settled, and one that ended well is told of then. Jobs are
// found by label, cached with the manager's other Jobs, and cost about 3 KB each until
// their TTL removes them; so do the pods on the leader. A finished Job costs the leader
// one list of pods and one patch.
package backupjob
