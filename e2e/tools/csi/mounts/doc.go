// Package mounts makes and removes bind mounts, and answers from the kernel's mount table where something is mounted.
//
// A bind mount does not name its source in the table, only the filesystem and the path within it. A [Table] compares
// those, so that it knows every mount of a folder, whoever made it and however many steps it took.
package mounts
