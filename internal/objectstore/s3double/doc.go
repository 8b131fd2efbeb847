// Package s3double is an S3 server for tests and benchmarks: it lists the keys of
// one bucket, which it holds in memory, and does nothing else. It answers as fast as
// a store can, so that what is measured is the one who asks; it counts the requests,
// and can wait before each answer, as a store behind a line does.
//
// It does not check signatures. What a real store does with requests that it
// refuses is tested against a real one, see package restictest.
package s3double
