// Package store looks at a restic repository's store without restic: which snapshot
// files it holds, and the bytes of its config.
//
// A snapshot's file is named by the SHA-256 of what is in it and is never changed, so
// a store that holds files of the same names and the same config as at an earlier
// reading holds the same snapshots (restic's design document, "Repository layout"). A
// look costs two requests, and one more for each further thousand snapshots of an S3
// store, which is asked for eight thousand of them at once; or one folder and one file
// read. It derives no key and starts no process. It proves nothing by itself: what the
// names stand for is known only from a reading by restic.
//
// A look that could not be taken whole is an error, never a smaller result.
package store
