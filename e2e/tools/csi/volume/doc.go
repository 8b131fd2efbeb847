// Package volume keeps volumes as folders of one data directory: <data>/<handle>.
//
// Beside a volume lies .<handle>.json, which says what the volume was asked to be. Names that start with a dot are
// the store's own and no handle may start with one, so the two never meet.
//
// A volume comes into being by one rename, from .<handle>.partial, and ceases to be by another, to .<handle>.deleted.
// A crash in between leaves a folder that no handle names; [Store.Clean] removes it at the next start.
//
// Every file operation goes through [os.Root], which cannot leave the data directory whatever a handle or a symbolic
// link says.
package volume
