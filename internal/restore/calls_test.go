package restore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/restore"
)

// begins applies one claim and goes on until its mover runs.
func (s *storm) begins(t *testing.T) {
	t.Helper()
	s.boot()
	s.apply(stormClaim(0))
	s.until(func() bool { return s.running == 1 }, "began")
}

func TestAMoverThatWorksForLongIsLookedAtForItsProgressAlone(t *testing.T) {
	s := newStorm(t, aClass(true, corev1.PersistentVolumeReclaimDelete))
	s.moves = func(*batchv1.Job) time.Duration { return 90 * time.Second }
	s.begins(t)
	before := s.total()
	s.lasts(80 * time.Second)
	t.Logf("80 s of work took %d calls:%s", s.total()-before, s.table(1))
	assert.LessOrEqual(t, s.total()-before, 20)
	assert.Equal(t, s.total()-before, s.calls["get pods/log"]+1, "the log, and once that it runs")
}

func TestAPodThatFindsNoNodeIsLookedAtLessAndLessOften(t *testing.T) {
	s := newStorm(t, aClass(true, corev1.PersistentVolumeReclaimDelete))
	found := false
	s.starts = func(*batchv1.Job) bool { return found }
	s.boot()
	s.apply(stormClaim(0))
	s.lasts(5 * time.Second)
	before, passes := s.total(), s.passes
	s.lasts(100 * time.Second)
	t.Logf("100 s without a node took %d calls in %d passes:%s", s.total()-before, s.passes-passes, s.table(1))
	assert.LessOrEqual(t, s.total()-before, 30)
	assert.LessOrEqual(t, s.passes-passes, 12)
	found = true
	s.until(s.completed(1), "completed once a node was there")
}

func TestAMoverThatEndedWellIsBelievedBeforeItsJobIsSettled(t *testing.T) {
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
	s.unsettled = true
	s.boot()
	s.apply(stormClaim(0))
	s.until(s.completed(1), "completed")
	took := s.boundAt["uid-0"].Sub(noon)
	t.Logf("bound %s after the claim was made, of which the cluster itself took %s", took,
		provisionTakes+podTakes+startTakes+moveTakes+collectTakes+removeTakes+2*bindTakes)
	assert.Less(t, took, provisionTakes+podTakes+startTakes+moveTakes+settleTakes, "nothing waited for the Job, nor for a timer")
}

func TestACrashWhileAMoverWorksLosesNothing(t *testing.T) {
	s := newStorm(t, aClass(true, corev1.PersistentVolumeReclaimDelete))
	s.begins(t)
	s.boot() // a new leader, which knows nothing
	s.enqueue(types.NamespacedName{Namespace: claimKey.Namespace, Name: "db-0"}, 0)
	s.until(s.completed(1), "completed")
	assert.Equal(t, 1, s.calls["create jobs"])
}

func TestFillsWaitForTheirTurnAndTheMostWantedAreFirst(t *testing.T) {
	const claims = 5
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
	s.configure = func(c *restore.Config) { c.Fills = 1 }
	s.boot()
	for i := range claims {
		s.apply(stormClaim(i))
	}
	require.NoError(t, s.api.Create(t.Context(), consumer("app", "db-4")))
	s.until(func() bool { return s.running == 1 }, "began")
	waits := s.record(3)
	assert.Equal(t, v1alpha1.PhasePreparing, waits.Status.Phase)
	assert.Contains(t, waits.Status.Message, "as many restores run as SOTERIA_RESTORE_CONCURRENCY allows (1)")
	s.until(s.completed(claims), "completed")
	assert.Equal(t, 1, s.most)
	assert.Equal(t, []string{"shop/db-0", "shop/db-4", "shop/db-1", "shop/db-2", "shop/db-3"}, s.began, "the second is the one that a pod waits for, then the oldest")
	assert.Zero(t, s.conflicts())
}

func TestAFillThatHasEndedWaitsForNoTurn(t *testing.T) {
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
	s.configure = func(c *restore.Config) { c.Fills = 1 }
	s.begins(t)
	s.apply(stormClaim(1))
	s.until(func() bool {
		return s.record(1) != nil && strings.Contains(s.record(1).Status.Message, "as many restores run")
	}, "waited")
	s.until(func() bool { return s.running == 0 }, "ended")
	s.pass(types.NamespacedName{Namespace: claimKey.Namespace, Name: "db-1"}) // takes the turn
	s.pass(types.NamespacedName{Namespace: claimKey.Namespace, Name: "db-0"})
	assert.Equal(t, v1alpha1.PhaseHandingOver, s.record(0).Status.Phase)
	s.until(s.completed(2), "completed")
	assert.Equal(t, 2, s.calls["create jobs"])
}

func TestAnAttemptThatIsBegunAnewKeepsItsTurn(t *testing.T) {
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
	s.configure = func(c *restore.Config) { c.Fills = 1 }
	s.hangs = func(job *batchv1.Job) bool { return job.Annotations[v1alpha1.AttemptAnnotation] == "1" }
	s.boot()
	s.apply(stormClaim(0))
	s.until(s.completed(1), "completed")
	assert.Equal(t, int32(2), s.record(0).Status.Attempt)
	assert.Less(t, s.boundAt["uid-0"].Sub(noon), 15*time.Minute)
}

func TestFillsThatFailAgainAndAgainDoNotTakeTheTurnsOfOthers(t *testing.T) {
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
	s.configure = func(c *restore.Config) { c.Fills = 1 }
	s.hangs = func(job *batchv1.Job) bool { return job.Annotations[v1alpha1.ClaimAnnotation] != "shop/db-2" }
	s.boot()
	for i := range 3 {
		s.apply(stormClaim(i))
		s.clock.Step(time.Second)
	}
	s.until(func() bool { return !s.boundAt["uid-2"].IsZero() || s.clock.Since(noon) > 3*time.Hour }, "restored")
	require.NotZero(t, s.boundAt["uid-2"], "the youngest is the only one that can be filled")
	assert.Less(t, s.boundAt["uid-2"].Sub(noon), 45*time.Minute)
}

func TestAMoverThatHangsKeepsNoOtherWaiting(t *testing.T) {
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
	s.configure = func(c *restore.Config) { c.Fills = 1 }
	s.moves = func(job *batchv1.Job) time.Duration {
		if job.Annotations[v1alpha1.ClaimAnnotation] == "shop/db-0" {
			return 24 * time.Hour
		}
		return time.Second
	}
	s.begins(t)
	s.apply(stormClaim(1))
	s.until(func() bool { return !s.boundAt["uid-1"].IsZero() || s.clock.Since(noon) > 3*time.Hour }, "restored")
	require.NotZero(t, s.boundAt["uid-1"])
	assert.Greater(t, s.boundAt["uid-1"].Sub(noon), 10*time.Minute, "what has not moved for less may only be slow")
	assert.Less(t, s.boundAt["uid-1"].Sub(noon), 15*time.Minute)
}

// refusing is a filler that cannot make the Jobs of some claims.
type refusing struct {
	driver.Filler
	refuses func(backup.Claim) bool
}

func (f refusing) Fill(ctx context.Context, req driver.FillRequest) (driver.FillState, error) {
	if f.refuses(req.Claim) {
		return driver.FillState{}, backup.Errorf(backup.Credentials, "the Secret is missing")
	}
	return f.Filler.Fill(ctx, req)
}

func TestFillsThatCannotBeginGiveTheirTurnBack(t *testing.T) {
	const hopeless = 6
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
	s.configure = func(c *restore.Config) {
		c.Fills = 1
		for name, filler := range c.Fillers {
			c.Fillers[name] = refusing{filler, func(claim backup.Claim) bool { return claim.Name != fmt.Sprintf("db-%d", hopeless) }}
		}
	}
	s.boot()
	for i := range hopeless + 1 {
		s.apply(stormClaim(i))
		s.clock.Step(time.Second)
	}
	s.until(func() bool { return !s.boundAt["uid-6"].IsZero() || s.clock.Since(noon) > time.Hour }, "restored")
	require.NotZero(t, s.boundAt["uid-6"], "the youngest is the only one that can be filled")
	assert.Less(t, s.boundAt["uid-6"].Sub(noon), 2*time.Minute)
}

func TestAClaimThatWaitsForAPodTakesNoTurn(t *testing.T) {
	s := newStorm(t, aClass(true, corev1.PersistentVolumeReclaimDelete))
	s.configure = func(c *restore.Config) { c.Fills, c.ConsumerWait = 1, 2*time.Minute }
	s.boot()
	s.apply(stormClaim(0))
	s.lasts(time.Second)
	require.Contains(t, s.record(0).Status.Message, "waiting for a pod that uses the claim")
	require.NoError(t, s.api.Create(t.Context(), consumer("app", "db-1")))
	s.apply(stormClaim(1))
	s.until(func() bool { return !s.boundAt["uid-1"].IsZero() }, "restored")
	assert.Less(t, s.boundAt["uid-1"].Sub(noon), 10*time.Second)
	s.until(s.completed(2), "completed both")
}

func TestAClaimThatStartsEmptyWaitsForNoRestoreOfAnother(t *testing.T) {
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
	s.configure = func(c *restore.Config) { c.Fills = 1 }
	s.moves = func(job *batchv1.Job) time.Duration {
		if job.Annotations[v1alpha1.ClaimAnnotation] == "shop/db-0" {
			return 8 * time.Hour
		}
		return 0
	}
	s.begins(t)
	s.answer = none
	s.apply(stormClaim(1))
	s.lasts(time.Minute)
	assert.NotZero(t, s.boundAt["uid-1"], "nothing is moved for it")
}

func TestTheBoundOnFillsOutlivesTheProcess(t *testing.T) {
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
	s.configure = func(c *restore.Config) { c.Fills = 1 }
	s.begins(t)
	s.boot()
	s.apply(stormClaim(1))
	s.enqueue(types.NamespacedName{Namespace: claimKey.Namespace, Name: "db-0"}, 0)
	s.until(s.completed(2), "completed")
	assert.Equal(t, 1, s.most)
}

func TestAFillThatDoesNoWorkKeepsNoOtherWaiting(t *testing.T) {
	for name, hinder := range map[string]func(*storm){
		"its pod is on a node that is gone": func(s *storm) {
			s.node = func(job *batchv1.Job) string {
				if job.Annotations[v1alpha1.ClaimAnnotation] == "shop/db-0" {
					return "gone"
				}
				return "node-1"
			}
			s.moves = func(job *batchv1.Job) time.Duration {
				if job.Annotations[v1alpha1.ClaimAnnotation] == "shop/db-0" {
					return time.Hour
				}
				return time.Second
			}
		},
		"its pod finds no node": func(s *storm) {
			s.starts = func(job *batchv1.Job) bool { return job.Annotations[v1alpha1.ClaimAnnotation] != "shop/db-0" }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
			s.configure = func(c *restore.Config) { c.Fills = 1 }
			hinder(s)
			s.boot()
			s.apply(stormClaim(0))
			s.until(func() bool { return len(s.began) == 1 }, "began")
			s.apply(stormClaim(1))
			s.until(func() bool { return !s.boundAt["uid-1"].IsZero() }, "restored the other")
			assert.Less(t, s.boundAt["uid-1"].Sub(noon), 7*time.Minute)
			assert.Zero(t, s.boundAt["uid-0"])
		})
	}
}

func TestAClaimIsHandedANewVolumeUnseenOnTheWordOfTheOperatorAlone(t *testing.T) {
	for name, test := range map[string]struct {
		listed string
		late   bool
		jobs   int
	}{
		"its provisioner makes empty volumes":       {listed: provider},
		"another one does":                          {listed: "other.example.com", jobs: 1},
		"no one says so":                            {jobs: 1},
		"its volume is made for the first consumer": {listed: provider, late: true, jobs: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStorm(t, aClass(test.late, corev1.PersistentVolumeReclaimDelete))
			s.answer = none
			s.configure = func(c *restore.Config) { c.EmptyProvisioners = []string{test.listed} }
			s.boot()
			s.apply(stormClaim(0))
			s.until(s.completed(1), "completed")
			assert.Equal(t, test.jobs, s.calls["create jobs"])
			assert.True(t, s.record(0).Status.Empty)
		})
	}
}

func TestAVolumeThatIsOlderThanItsPrimeIsLookedAtWhateverTheOperatorSays(t *testing.T) {
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimRetain))
	s.answer = none
	s.configure = func(c *restore.Config) { c.EmptyProvisioners = []string{provider} }
	s.spare = aVolume("pvc-of-another-claim", "handle-with-its-data", "fast")
	s.spare.CreationTimestamp = metav1.NewTime(noon.Add(-24 * time.Hour))
	s.boot()
	s.apply(stormClaim(0))
	s.until(func() bool { return s.calls["create jobs"] == 1 || s.completed(1)() }, "looked at the volume")
	assert.Equal(t, 1, s.calls["create jobs"], "the provisioner made it for another claim, whose data is on it")
}

func TestABackupIsRestoredByAJobWhateverItsProvisionerMakes(t *testing.T) {
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimDelete))
	s.configure = func(c *restore.Config) { c.EmptyProvisioners = []string{provider} }
	s.boot()
	s.apply(stormClaim(0))
	s.until(s.completed(1), "completed")
	assert.Equal(t, 1, s.calls["create jobs"])
}

func TestAVolumeThatNobodyLookedAtKeepsThePolicyOfItsClass(t *testing.T) {
	s := newStorm(t, aClass(false, corev1.PersistentVolumeReclaimRetain))
	s.answer = none
	s.configure = func(c *restore.Config) { c.EmptyProvisioners = []string{provider} }
	s.boot()
	claim := stormClaim(0)
	s.apply(claim)
	s.until(func() bool { return s.calls["create persistentvolumeclaims"] == 1 }, "made a prime")
	s.until(func() bool {
		prime := &corev1.PersistentVolumeClaim{}
		err := s.api.Get(t.Context(), types.NamespacedName{Namespace: own, Name: restore.PrimeName("uid-0")}, prime)
		return err == nil && prime.Status.Phase == corev1.ClaimBound
	}, "made its volume")
	require.NoError(t, s.api.Delete(t.Context(), claim))
	s.lasts(time.Minute)
	volume := &corev1.PersistentVolume{}
	require.NoError(t, s.api.Get(t.Context(), types.NamespacedName{Name: "pv-of-prime-uid-0"}, volume), "what it holds is not known")
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, volume.Spec.PersistentVolumeReclaimPolicy)
}
