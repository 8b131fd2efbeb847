// Package s3 lists a bucket of an S3 store and sums up what it holds. What is no
// whole listing is an error, see package objectstore.
package s3
