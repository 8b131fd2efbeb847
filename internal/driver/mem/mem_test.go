package mem_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/mem"
)

var (
	claim = backup.Claim{Namespace: "apps", Name: "data"}
	then  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

func broken(fault mem.Fault) func(*testing.T) driver.Lister {
	return func(*testing.T) driver.Lister {
		l := mem.NewLister("mem", "repository")
		l.Add(claim, then)
		l.Add(claim, then.Add(time.Hour))
		l.FailAlways(&fault)
		return l
	}
}

func TestTheListerDoesWhatADriverMust(t *testing.T) {
	drivertest.ListerSuite{
		New: func(*testing.T) drivertest.Repository {
			l := mem.NewLister("mem", "repository")
			return drivertest.Repository{Lister: l, ID: "repository", Add: func(_ *testing.T, claim backup.Claim, at time.Time) string {
				return l.Add(claim, at).ID
			}}
		},
		Absent: func(*testing.T) driver.Lister {
			l := mem.NewLister("mem", "repository")
			l.SetAbsent(true)
			return l
		},
		Broken: map[string]func(*testing.T) driver.Lister{
			"it fails at once":          broken(mem.Fault{Err: backup.Errorf(backup.Credentials, "refused")}),
			"it fails halfway":          broken(mem.Fault{After: 1}),
			"it fails after everything": broken(mem.Fault{After: 9}),
		},
		Hangs: broken(mem.Fault{After: 1, Hang: true}),
	}.Run(t)
}

func TestItForgetsAsADriverMust(t *testing.T) {
	drivertest.PrunerSuite{New: func(*testing.T) drivertest.Forgetting {
		l := mem.NewLister("mem", "repository")
		return drivertest.Forgetting{
			Repository: drivertest.Repository{Lister: l, ID: "repository", Add: func(_ *testing.T, claim backup.Claim, at time.Time) string {
				return l.Add(claim, at).ID
			}},
			Pruner: l,
			AddForeign: func(_ *testing.T, claim backup.Claim, at time.Time) []string {
				return []string{l.AddForeign(claim, at).ID}
			},
			Settle: func(*testing.T) {},
		}
	}}.Run(t)
}

func TestTheFillerDoesWhatADriverMust(t *testing.T) {
	drivertest.FillerSuite{New: func(*testing.T) drivertest.Filling {
		f := mem.NewFiller()
		return drivertest.Filling{
			Filler: f,
			Finish: func(_ *testing.T, req driver.FillRequest, well bool) {
				state := driver.FillState{Phase: driver.FillFailed, Message: "it failed"}
				if well {
					state = driver.FillState{Phase: driver.FillDone}
				}
				f.Set(req.ClaimUID, req.Attempt, state)
			},
			Started: func(*testing.T) int { return f.Started() },
			Settle:  func(*testing.T) {},
		}
	}}.Run(t)
}

func TestFaultsComeInTheirOrderAndPass(t *testing.T) {
	l := mem.NewLister("mem", "a")
	first, second := l.Add(claim, then), l.Add(claim, then.Add(time.Hour))
	l.FailNext(mem.Fault{After: 1}, mem.Fault{Err: backup.Errorf(backup.Credentials, "refused")})

	var yielded []string
	list := func() (string, error) {
		yielded = nil
		return l.List(t.Context(), drivertest.Each(func(b backup.Backup) { yielded = append(yielded, b.ID) }))
	}
	_, err := list()
	require.Error(t, err)
	assert.Equal(t, []string{first.ID}, yielded, "half of it was yielded")
	_, err = list()
	assert.Equal(t, backup.Credentials, backup.KindOf(err))
	_, err = list()
	require.NoError(t, err)
	assert.Equal(t, []string{first.ID, second.ID}, yielded)

	l.Reverse()
	_, err = list()
	require.NoError(t, err)
	assert.Equal(t, []string{second.ID, first.ID}, yielded)

	l.Remove(first.ID)
	_, err = list()
	require.NoError(t, err)
	assert.Equal(t, []string{second.ID}, yielded)

	l.Swap("b")
	repository, err := list()
	require.NoError(t, err)
	assert.Equal(t, "b", repository)
	assert.Empty(t, yielded)
	assert.Equal(t, 6, l.Listings())
}

func TestAFillerDoesAsItIsTold(t *testing.T) {
	f := mem.NewFiller()
	f.Always(&driver.FillState{Phase: driver.FillRunning})
	state, err := f.Fill(t.Context(), drivertest.Request("data", 1))
	require.NoError(t, err)
	assert.Equal(t, driver.FillRunning, state.Phase)

	f.Fail(backup.Errorf(backup.Unavailable, "away"))
	_, err = f.Fill(t.Context(), drivertest.Request("data", 1))
	require.Error(t, err)
	_, err = f.Release(t.Context(), "uid-of-data")
	require.Error(t, err)
	f.Fail(nil)

	f.Linger("uid-of-data", true)
	gone, err := f.Release(t.Context(), "uid-of-data")
	require.NoError(t, err)
	assert.False(t, gone)
	assert.Len(t, f.Requests(), 2)
}
