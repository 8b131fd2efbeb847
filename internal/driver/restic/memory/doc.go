// Package memory keeps a copy of what Soteria remembers of each claim's backups
// (package expectation) in the restic repository that holds them, as notes
// (package note). A cluster that is rebuilt reads it, and so notices backups
// that are gone.
//
// # Who reads what
//
// A cluster reads the copies of all clusters whose backups count in it: one that takes
// the place of another knows so what that one had, and one that has a name what it had
// before, since backups without a cluster's name count as its own. It writes to
// those of its own name only: those without a name are no one's to supersede, stay for
// ever, and may be old. So what they hold is kept apart from its own.
//
// # What it costs
//
// Reading takes one run of restic to list the notes, which reads every snapshot that its
// cache lacks and none where it is known already which notes there are
// ([Reader.ReadNotes], [WriteOver]); and one for each head that was
// not read before: one, unless two writers met. The latter loads the repository's
// index. Seen with restic 0.19 and 300,000 blobs: 160 MiB where a listing takes 50,
// so about 370 MiB more for each million blobs, for a second; and the download of the
// index where restic's cache is cold. A replica bounds such a run by what its
// container has left ([cli.Room]); a larger index is an error that says so. A copy
// holds about 150 bytes for each claim before compression.
//
// Writing takes the same, and a run of `restic backup`. It is done in a Job, which
// has a memory limit and a deadline of its own.
package memory
