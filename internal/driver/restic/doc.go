// Package restic is the driver for restic repositories: in S3, behind a
// rest-server, or in a folder. It lists, backs up, fills and forgets (see package
// driver), and makes a repository when told to.
//
// # Where restic runs
//
// Listing, forgetting, and making a repository, run restic in the replica itself
// (package cli). Backups and fills run in Jobs: a backup in its claim's namespace, with a
// copy of the credentials that is owned by the Job and goes with it; a fill in
// Soteria's own namespace. Jobs run restic from the configured image, driven by
// Soteria's own binary (package mover); [OwnImage] has them run the restic of
// Soteria's own image.
//
// # Before anyone asks
//
// What names of files prove is gone by for half an hour after the whole was read (see
// [driver.WholeEvery]). Each replica reads it again five minutes earlier, in the background
// ([Rereader]), so that no question waits for that. The leader hands what it read over
// to replicas whose disks are empty ([Relay]): one that starts asks the store for the
// names of the snapshots' files and its config, which takes as long as a proof, instead
// of having restic fetch each file. It reads the whole itself within a minute or so.
// What is handed over lies in 16 ConfigMaps, at about 100 bytes for each snapshot, up to
// some 150,000; they are written every five minutes at most, and only those that changed.
//
// # Whose a snapshot is
//
// A snapshot belongs to the claim that its tags name, namespace=<namespace> and
// pvc=<name>. Of those without both, [Config].Rules say whose they are, see package
// attribution. The others are strays: while there are such, no claim is proved to
// have no backup. Only a snapshot that names its claim by tags and host is Soteria's own.
//
// # How a backup ended
//
// The Job that made a snapshot records how it ended in a small snapshot of Soteria's
// own (package outcome). A listing joins the two, and forgetting removes both.
//
// # Forgetting without pruning
//
// Forgetting removes snapshots, which are small files, and takes seconds. Freeing
// the space of data that no snapshot needs any more is `restic prune`, which takes
// hours and a lot of memory, and moves data about that restores, which take no
// lock, may be reading. The driver never prunes: a person does, at a time of their
// own choosing.
//
// # Local folders
//
// A repository that is an absolute path is mounted into Jobs as a hostPath. The
// folder must be there, at this path, on every node that Jobs run on (an NFS
// mount of all nodes, say) and in the replicas. Namespaces that enforce the Pod
// Security level baseline refuse hostPath volumes.
package restic
