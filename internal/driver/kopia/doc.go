// Package kopia finds backups in Kopia repositories that others write, such as
// VolSync's Kopia mover: in a folder (kopia-fs) or in S3 (kopia-s3). It lists and
// does nothing else; what it reads from cannot be written to, see [store].
//
// # Whose a snapshot is
//
// A snapshot belongs to the claim that its source names: the claim <pvc> in
// <namespace> is backed up by the user <pvc>-backup of the host <namespace>,
// whatever its path. Of the others, [Config].Rules say whose they are, see package
// attribution; what is left are strays: while there are such, no claim is proved
// to have no backup. No backups are incomplete snapshots, which Kopia writes while a backup goes on: a claim whose
// backup is going on is in doubt, see [driver.Listing].
//
// # How fresh a listing is
//
// Kopia caches a lot; here it has no cache but its index in memory. Each listing
// reads the names of all index blobs anew, and every one that it has not read
// yet. Nothing of that is reused over listings but what cannot change: blobs are
// never written twice under one name. kopia.repository, which says what
// repository this is, is read before and after: other bytes than before mean
// that the repository is opened anew.
//
// While nothing changed, a listing costs the listing of eight prefixes, one more
// for each older epoch that was not compacted, and two reads of kopia.repository.
// After a change it also reads the new index blobs, all contents that hold
// manifests (Kopia keeps them below 16), and the names of packs of metadata.
//
// The index of the whole repository is in memory: about 100 bytes for each of its
// contents, of which every file has at least one.
//
// Whether the last listing still stands is told by less, see [Driver.Confirm]: no snapshot
// comes or goes without a blob of the index, of which the names and sizes are compared.
//
// # Torn repositories
//
// A damaged blob is an error, since each is authenticated when it is read. A
// missing index blob is not seen by Kopia: what it indexed is simply not there.
// So packs of metadata that no index tells of, and that no running backup is
// writing, are searched for snapshots; a claim that has one there is in doubt. An
// index without any manifest is an error: Kopia writes one when it makes a
// repository.
//
// # Why not kopia's own packages repo and blob/…
//
// They make the folder's .shards file where it is missing, retry for 11 seconds
// what is refused, look for S3 keys in the environment and at the cloud's metadata
// service, want a file of configuration, and link gRPC. The packages below them,
// which know the format, do none of that.
package kopia
