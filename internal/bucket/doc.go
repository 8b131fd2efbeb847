// Package bucket knows what the backup bucket holds and what that costs.
//
// One replica, the leader, lists the bucket from time to time: a listing of a
// large bucket takes thousands of paid requests, so it is never done because
// somebody asked, nor twice for two replicas. What it found is kept in a
// ConfigMap that every replica reads, so that neither a restart nor a change of
// leader lists again before it is time.
//
// A listing that was cut off is no result: the last whole one is kept, and is
// told together with what went wrong since. What a store cannot tell is unknown,
// never zero.
//
// Of past listings the last one of each day is kept beside it, in sums alone, for
// a year: that tells how the bucket grows.
//
// The listing itself is in package s3 below; it feeds a [Tally].
package bucket
