// Package cli runs the restic program: its arguments and environment, its exit
// codes, and what it says on its error output, turned into errors of Soteria's
// kinds. It is used by the replicas, which list repositories, and by the movers
// inside Jobs. It works with restic 0.16 and everything since.
//
// # What restic does that its users must know
//
// Seen in the sources and in runs of 0.16.4 and 0.19.1:
//
//   - `snapshots` exits with status 0 although snapshots could not be loaded,
//     or not even be listed: it prints those it has, or `[]`, and says
//     "Ignoring …" or "could not load snapshots" on its error output alone.
//     Therefore [Invocation.Stderr] sees each line of it.
//   - Exit statuses 10 (no repository), 11 (locked) and 12 (wrong password)
//     exist since 0.17; before, all of them are 1 and the text tells.
//   - Before 0.17 every failure to open a repository prints "Is there a
//     repository at the following location?", also a refused connection. It
//     proves nothing without the reason in the line above it.
//   - Since 0.17 a missing bucket or a refused key is retried for fifteen
//     minutes. [Program.Run] watches and ends that early.
package cli
