// Package addons holds what runs inside the cluster from the beginning: DNS,
// the storage classes, and the two stores for backups, an S3 server and a
// restic REST server.
package addons
