package catalog

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

type named string

func (n named) Name() string { return string(n) }

func (named) List(context.Context, driver.Listing) (string, error) { return "", nil }

// Between the look that found backups of a claim and the answer another listing may
// have ended, which found none.
func TestWhatIsLeftOfAClaimWhoseBackupsHaveGoneMeanwhileIsNoProof(t *testing.T) {
	claim := backup.Claim{Namespace: "media", Name: "photos"}
	c := New(DefaultConfig(), []driver.Lister{named("restic")}, nil, clock.RealClock{}, nil)
	s := c.sources[0]
	found := newBuilder("restic")
	found.Backup(backup.Backup{Claim: claim, ID: "0123456789abcdef", TakenAt: time.Now()})
	s.latest = found.snapshot("repository", s.now(), time.Now())
	_, holds := c.standing(claim)
	assert.True(t, holds)

	s.latest = newBuilder("restic").snapshot("repository", s.now(), time.Now())
	answer, holds := c.standing(claim)
	assert.Equal(t, backup.None, answer.Certainty())
	assert.False(t, holds, "a listing has to begin")
}
