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

// clock returns the clock to go by and, where the node's is certainly wrong, what is
// wrong with it. A Job's work is done after the Job was created and before its
// deadline, by the API server's clock. A node's clock that is outside of that dates a
// backup so that it would not count as the newest, or would for too long; the time
// of the Job, and what has passed since the work began, take its place.
func (r *repository) clock(node clock.PassiveClock) (right clock.PassiveClock, wrong string) {
	created, known := r.jobTime(cli.KeyJobCreated)
	if !known {
		return node, ""
	}
	now := node.Now()
	off := now.Sub(created)
	ends, limited := r.jobTime(cli.KeyJobEnds)
	switch {
	case off < -mostOff:
		wrong = fmt.Sprintf("%s behind", (-off).Round(time.Second))
	case limited && now.After(ends.Add(mostOff)):
		wrong = fmt.Sprintf("%s ahead of", off.Round(time.Second))
	default:
		return node, ""
	}
	return since{node: node, began: now, at: created}, fmt.Sprintf(
		"the clock of the backup's node is %s the API server's: the backup is dated by the API server, as %s; set that node's clock", wrong, created.UTC().Format(time.RFC3339))
}

// jobTime reads a time that came with the credentials. One that is not there, as in a
// Job of an earlier version, or that cannot be read, is not known.
func (r *repository) jobTime(key string) (at time.Time, known bool) {
	text, err := os.ReadFile(filepath.Join(r.credentials, key)) // #nosec G304 -- the folder is the mover's own mount, the name a constant
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
