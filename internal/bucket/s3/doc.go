// Package s3 lists a bucket of an S3 store and sums up what it holds, with
// minio-go.
//
// A listing is believed only when it is whole. So that nothing else passes for
// one, each page must be the document that was asked for, in good time, and the
// next one must be asked for differently.
package s3
