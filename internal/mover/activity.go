package mover

import (
	"time"

	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
)

// What restic must at least have done between two looks, one [lookEvery] after the
// other, to count as work. Less is what it does while it waits: it asks for locks, and
// says once a second how far it is.
const (
	enoughBytes = 64 << 10
	enoughCPU   = time.Second
)

// beforeLock is more than restic reads and writes before it has its lock. Once it reads
// the index it may hold much memory, and no other restic should run beside it.
const beforeLock = 4 << 20

// complaintHolds is for how long restic's word that it tries something again outweighs
// that bytes flow: what is sent again and again brings nothing further.
const complaintHolds = 2 * time.Minute

// sample is what a process has done since it began, as the system counts it.
type sample struct {
	// bytes is what it read and wrote, from and to files and connections.
	bytes int64
	// cpu is for how long it computed.
	cpu time.Duration
}

// activity judges from what is seen of a backup whether anything moves. It is pure:
// times are handed in.
type activity struct {
	// moved is when something last moved.
	moved time.Time
	// command is the restic command that runs, such as "backup"; "" before the first.
	command string
	// locks is true where the command waits for a lock before it prints anything.
	locks bool
	// printed is true once the command has printed something.
	printed bool
	// counted is the most that the command counted, of files and bytes together.
	counted int64
	last    sample
	// complaint is what restic tries again, and complained when it last said so.
	complaint  string
	complained time.Time
}

// begins notes that another restic begins.
func (a *activity) begins(now time.Time, command string, locks bool) {
	*a = activity{moved: now, command: command, locks: locks}
}

// counts notes how far restic says that it is. It counts a file that it need not read,
// and one that its scan finds.
func (a *activity) counts(now time.Time, n int64) {
	if n > a.counted {
		a.counted, a.moved = n, now
	}
}

// says notes a line of restic's error output.
func (a *activity) says(now time.Time, line string) {
	switch {
	case cli.TriesAgain(line):
		a.complaint, a.complained = cli.Words(line), now
	case cli.Recovered(line):
		a.complaint = ""
	}
}

// sees notes what restic has done by now; known is false where the system does not
// say, which is never taken for doing nothing.
func (a *activity) sees(now time.Time, s sample, known bool) {
	if !known {
		a.moved = now
		return
	}
	did := s.bytes-a.last.bytes >= enoughBytes || s.cpu-a.last.cpu >= enoughCPU
	a.last = s
	if did && (a.complaint == "" || now.Sub(a.complained) >= complaintHolds) {
		a.moved = now
	}
}

// mayWaitForLock reports whether restic may wait for a lock of the repository. With --json it says
// nothing of that.
func (a *activity) mayWaitForLock() bool {
	return a.locks && !a.printed && a.complaint == "" && a.last.bytes < beforeLock
}

// waitsFor says what is waited for, as far as it can be told from what was seen.
func (a *activity) waitsFor() string {
	switch {
	case a.command == "":
		return "the volume does not answer"
	case a.complaint != "":
		return "restic " + a.command + " tries again what fails: " + a.complaint
	default:
		return "restic " + a.command + " neither reads nor writes; the backup store or the volume does not answer"
	}
}
