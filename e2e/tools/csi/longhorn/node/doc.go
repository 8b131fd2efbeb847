// Package node is the CSI Node service of driver.longhorn.io: it formats a volume's device when it is blank, makes its file
// system grow, mounts it, and shows it to pods, as a folder or as a block device, in the steps of Longhorn's own driver and
// with the same library.
//
// It differs from Longhorn's own in three ways. A volume for many pods is mounted here, not over NFS: there is one node.
// A file system grows before it is mounted: see growUnmounted. And a volume of an encrypted class is stored plainly; but it
// is staged only with the secret that Longhorn's driver needs, so that a PersistentVolume that names no secret, or a wrong
// one, fails here too.
package node
