// Package objectstore lists and reads buckets of S3 stores, with minio-go.
//
// A listing is believed only when it is whole. So that nothing else passes for
// one, each page must be the document that was asked for, in good time, hold
// only what was asked for, and never be asked for twice.
package objectstore
