package longhorn

// SnapshotName is how Soteria names a snapshot.
var SnapshotName = snapshotName
