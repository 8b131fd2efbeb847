package mover

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
)

// mostOff is by how much the node's clock may be wrong and still be gone by.
const mostOff = 10 * time.Minute

// clock returns the clock to go by and, where the node's is certainly behind, what is
// wrong with it. A Job's work is done after the API server created the Job. The clock
// of a node that shows an earlier time dates a backup so that it would not count as
// the newest; the time of the Job, and what has passed since the work began, take its
// place.
//
// A clock that is ahead is gone by. All that the mover gets to know of other clocks is
// how late it certainly is: the time of the Job, or any other that is given to its pod,
// which may then have waited for hours. When the pod started says the node's kubelet,
// by the same clock. So the record of the outcome holds the time of the Job, and the
// Job of the next backup proves which dates were ahead, see [backup.Ahead].
func (r *repository) clock(node clock.PassiveClock) (right clock.PassiveClock, wrong string) {
	created, known := r.jobCreated()
	if !known {
		return node, ""
	}
	now := node.Now()
	behind := created.Sub(now)
	if behind <= mostOff {
		return node, ""
	}
	return since{node: node, began: now, at: created}, fmt.Sprintf(
		"the clock of the backup's node is %s behind the API server's: the backup is dated by the API server, as %s; set that node's clock",
		behind.Round(time.Second), created.UTC().Format(time.RFC3339))
}

// jobCreated reads when the Job was created, which came with the credentials. A time
// that is not there, as in a Job of an earlier version, or that cannot be read, is not
// known.
func (r *repository) jobCreated() (at time.Time, known bool) {
	text, err := os.ReadFile(filepath.Join(r.credentials, cli.KeyJobCreated)) // #nosec G304 -- the folder is the mover's own mount, the name a constant
	if err != nil {
		return time.Time{}, false
	}
	at, err = time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	return at, err == nil
}

// since is a clock that showed at when the node's clock showed began.
type since struct {
	node      clock.PassiveClock
	began, at time.Time
}

// Now implements [clock.PassiveClock].
func (s since) Now() time.Time { return s.at.Add(s.node.Since(s.began)) }

// Since implements [clock.PassiveClock].
func (s since) Since(t time.Time) time.Duration { return s.Now().Sub(t) }

// dated returns the arguments that have restic date the backup by the clock of p,
// where the node's is wrong, and says so.
func dated(p Process, wrong string) []string {
	if wrong == "" {
		return nil
	}
	fmt.Fprintln(p.Stderr, wrong)
	return []string{"--time", p.Clock.Now().UTC().Format(time.DateTime)}
}
