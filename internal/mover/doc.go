// Package mover is the process inside Jobs: `soteria mover <subcommand>`. It
// never talks to Kubernetes. What it is told comes as flags and a folder of
// credentials; what it has to say leaves as progress on standard output and as
// a result in the termination message (package report).
//
//   - install copies Soteria's binary to a folder that another container shares,
//     so that it can run in restic's image.
//   - backup runs `restic backup` on a mounted volume, holds the snapshot against
//     the one before it, and records beside it how it ended.
//   - restore fills a volume from a snapshot and verifies it. It removes only what an
//     attempt of the same restore wrote, see mark.go. While restic restores, another
//     restic lists the snapshot, and what is restored goes to the disk, see fill.go.
//   - copy makes a volume hold what another one holds.
//   - blank verifies that a volume is empty.
//   - pulse reports to the kubelet whether a backup beside it moves anything, see
//     package pulse.
//   - remember writes what Soteria remembers of the backups beside them.
//
// # lost+found
//
// Whatever is called lost+found at the root of a volume belongs to the volume's
// file system: it is neither backed up, restored, counted nor removed.
package mover
