package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/schedule"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
	"github.com/soteria-dr/soteria/internal/schedule/store"
)

func TestAnIntervalKeepsEachBackupYoungerThanItself(t *testing.T) {
	for _, name := range []string{restic, lease} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			photos := l.claim("media", "photos")
			l.policy(policy.Policy{Namespace: "media", IntervalHours: 6, Driver: name})
			l.run(36 * time.Hour)

			at := l.startsOf(photos)
			require.NotEmpty(t, at)
			assert.Equal(t, noon, at[0], "a claim without any backup is due at once")
			for _, gap := range gaps(at) {
				assert.GreaterOrEqual(t, gap, 5*time.Hour+24*time.Minute)
				assert.LessOrEqual(t, gap, 6*time.Hour)
			}
			assert.GreaterOrEqual(t, len(at), 6)
		})
	}
}

func TestATimeTableIsKeptWithinItsSpread(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos", annotation(v1alpha1.BackupScheduleAnnotation, "0 */6 * * *"))
	l.backups[restic][photos] = []backup.Backup{{TakenAt: noon.Add(-time.Minute)}}
	l.run(24 * time.Hour)

	at := l.startsOf(photos)
	require.Len(t, at, 4)
	for i, start := range at {
		slot := noon.Add(time.Duration(i) * 6 * time.Hour)
		assert.False(t, start.Before(slot), start)
		assert.LessOrEqual(t, start.Sub(slot), 3*time.Minute+every, start)
	}
}

func TestBackupsOfOnePolicyAreSpread(t *testing.T) {
	l := newLab(t)
	const claims = 100
	for i := range claims {
		c := l.claim("media", fmt.Sprintf("claim-%03d", i))
		l.backups[restic][c] = []backup.Backup{{TakenAt: noon}}
	}
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 24})
	l.run(24 * time.Hour)

	perEvaluation := map[time.Time]int{}
	for _, s := range l.starts {
		perEvaluation[s.at]++
	}
	assert.Len(t, l.starts, claims)
	assert.Len(t, perEvaluation, 6, "half an hour is six evaluations")
	for at, starts := range perEvaluation {
		assert.Less(t, starts, claims/3, at)
	}
}

func TestARestartOrANewLeaderStartsNothingAgainAndForgetsNothing(t *testing.T) {
	for _, name := range []string{restic, lease} {
		t.Run(name, func(t *testing.T) {
			steady, restless := newLab(t), newLab(t)
			for _, l := range []*lab{steady, restless} {
				for i := range 5 {
					l.claim("media", fmt.Sprintf("claim-%d", i))
				}
				l.policy(policy.Policy{Namespace: "media", IntervalHours: 6, Driver: name})
			}
			steady.run(24 * time.Hour)
			for range 24 * 4 {
				restless.run(15 * time.Minute)
				restless.restart()
			}
			require.Equal(t, len(steady.starts), len(restless.starts))
			for i := range 5 {
				claim := backup.Claim{Namespace: "media", Name: fmt.Sprintf("claim-%d", i)}
				assert.Equal(t, steady.startsOf(claim), restless.startsOf(claim))
			}
		})
	}
}

func TestABackupThatRunsIsNotStartedAgainByANewLeader(t *testing.T) {
	for _, name := range []string{restic, lease} {
		l := newLab(t)
		photos := l.claim("media", "photos")
		l.policy(policy.Policy{Namespace: "media", Schedule: "@hourly", Driver: name})
		l.takes = 5 * time.Hour
		l.run(10 * time.Minute)
		l.restart()
		l.run(2 * time.Hour)
		assert.Len(t, l.startsOf(photos), 1)
		assert.Len(t, l.attempts, 1)
		assert.Equal(t, policy.Running, l.standing(photos).State)
	}
}

func TestManyTimesThatWereMissedAreMadeUpForOnce(t *testing.T) {
	for schedule, within := range map[string]time.Duration{"0 * * * *": time.Hour, "@every 1h": 58 * time.Minute} {
		t.Run(schedule, func(t *testing.T) {
			l := newLab(t)
			photos := l.claim("media", "photos")
			l.policy(policy.Policy{Namespace: "media", PVC: "photos", Schedule: schedule})
			l.run(30 * time.Minute)
			before := len(l.starts)
			l.clock.Step(72 * time.Hour) // nobody led
			l.restart()
			l.run(30 * time.Minute)
			assert.Len(t, l.startsOf(photos), before+1)
			l.run(within)
			assert.Len(t, l.startsOf(photos), before+2, "and then as ever")
		})
	}
}

func TestNoMoreThanAllowedRunAtOnceByEachDriver(t *testing.T) {
	l := newLab(t)
	l.cfg.Concurrency = 4
	l.restart()
	for i := range 20 {
		l.claim("media", fmt.Sprintf("claim-%02d", i))
	}
	l.claim("web", "data")
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 24})
	l.policy(policy.Policy{Namespace: "web", IntervalHours: 24, Driver: lease})
	_, err := backuper{l, restic}.Backup(t.Context(), asked("web", "data"))
	require.NoError(t, err)

	l.run(time.Second)
	assert.Len(t, l.starts, 1+3+1, "what somebody else asked for counts, and each driver has its own limit")
	l.run(20 * time.Minute)
	assert.Len(t, l.starts, 1+20+1, "the next ones wait for no evaluation but for the others to end")
	assert.LessOrEqual(t, l.mostRun, 4+1)
}

func TestClaimsThatCannotBeBackedUpAreSkippedAndSaySo(t *testing.T) {
	locked := func(c *corev1.PersistentVolumeClaim) {
		c.Status.Phase, c.Spec.VolumeName = corev1.ClaimPending, "soteria-abc"
		c.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: "soteria-abc"}
	}
	cases := map[string]struct {
		namespace string
		change    func(*corev1.PersistentVolumeClaim)
		restore   v1alpha1.Phase
		reason    policy.Reason
	}{
		"unbound":              {change: func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimPending }, reason: policy.Unbound},
		"lost":                 {change: func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimLost }, reason: policy.Unbound},
		"locked":               {change: locked, reason: policy.Held},
		"held":                 {change: locked, restore: v1alpha1.PhaseSelecting, reason: policy.Held},
		"restoring":            {change: locked, restore: v1alpha1.PhaseTransferring, reason: policy.Restoring},
		"bound, not yet ready": {change: func(*corev1.PersistentVolumeClaim) {}, restore: v1alpha1.PhaseHandingOver, reason: policy.Restoring},
		"restored":             {change: func(*corev1.PersistentVolumeClaim) {}, restore: v1alpha1.PhaseCompleted},
		"going": {change: func(c *corev1.PersistentVolumeClaim) {
			c.DeletionTimestamp, c.Finalizers = ptr.To(metav1.NewTime(noon)), []string{"kubernetes.io/pvc-protection"}
		}, reason: policy.Deleting},
		"a copy": {namespace: "media", change: func(c *corev1.PersistentVolumeClaim) {
			c.UID, c.Spec.VolumeName = "uid-of-a-copy", "soteria-aaaaaaaaaaaaaaaa"
			metav1.SetMetaDataAnnotation(&c.ObjectMeta, v1alpha1.TestAnnotation, c.Spec.VolumeName)
		}, reason: policy.Excluded},
		"marked as a copy by a tenant": {namespace: "media", change: func(c *corev1.PersistentVolumeClaim) {
			c.Spec.VolumeName = "soteria-aaaaaaaaaaaaaaaa"
			metav1.SetMetaDataAnnotation(&c.ObjectMeta, v1alpha1.TestAnnotation, c.Spec.VolumeName)
		}},
		"of the cluster's own": {namespace: "kube-system", change: func(*corev1.PersistentVolumeClaim) {}, reason: policy.Excluded},
		"of Soteria's own":     {namespace: own, change: func(*corev1.PersistentVolumeClaim) {}, reason: policy.Excluded},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			if test.namespace == "" {
				test.namespace = "media"
			}
			going := false
			claim := l.claim(test.namespace, "photos", label("backup", "daily"), test.change, func(c *corev1.PersistentVolumeClaim) {
				going, c.DeletionTimestamp = c.DeletionTimestamp != nil, nil
			})
			if going {
				require.NoError(t, l.client.Delete(t.Context(), &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, Name: claim.Name}}))
			}
			if test.restore != "" {
				require.NoError(t, l.client.Create(t.Context(), &v1alpha1.Restore{
					ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, Name: "soteria-abc"},
					Status: v1alpha1.RestoreStatus{
						Phase: test.restore, Claim: &v1alpha1.ClaimReference{Name: claim.Name, UID: "uid-media-photos", Lock: "soteria-abc"},
					},
				}))
			}
			standing := l.standing(claim)
			l.run(time.Second)
			if test.reason == "" {
				assert.Len(t, l.starts, 1)
				return
			}
			assert.Empty(t, l.attempts)
			assert.Equal(t, policy.Skipped, standing.State)
			assert.Equal(t, test.reason, standing.Reason)
			assert.NotEmpty(t, standing.Message)
		})
	}
}

func TestABackupIsAskedForInThePolicysName(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos")
	p := l.policy(policy.Policy{Namespace: "media", IntervalHours: 6})
	l.run(time.Second)
	require.Len(t, l.starts, 1)
	assert.Equal(t, photos, l.starts[0].claim)
	assert.Equal(t, "policy "+p.ID(), l.starts[0].req.RequestedBy)
	assert.Equal(t, []string{"policy=" + p.ID()}, l.starts[0].req.Tags)
	assert.Equal(t, 1, l.counted["ok"])
}

func TestWhatFailsIsTriedAgainLaterAndLaterAndStopsNobodyElse(t *testing.T) {
	for name, fail := range map[string]func(*lab, backup.Claim){
		"a backup that cannot be started": func(l *lab, c backup.Claim) { l.refuses[c] = backup.Errorf(backup.Conflict, "volume is faulted") },
		"a Job that fails":                func(l *lab, c backup.Claim) { l.fails[c] = true },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.cfg.Concurrency = 1
			l.restart()
			broken, sound := l.claim("media", "broken"), l.claim("media", "sound")
			fail(l, broken)
			l.policy(policy.Policy{Namespace: "media", IntervalHours: 24})
			l.run(24 * time.Hour)

			assert.NotEmpty(t, l.startsOf(sound))
			between := gaps(l.attemptsOf(broken))
			require.GreaterOrEqual(t, len(between), 6)
			for i := range len(between) - 1 {
				assert.GreaterOrEqual(t, between[i+1]+2*every, between[i])
			}
			assert.GreaterOrEqual(t, between[0], 10*time.Minute)
			assert.LessOrEqual(t, between[len(between)-1], 7*time.Hour+30*time.Minute)
			standing := l.standing(broken)
			assert.Equal(t, policy.Failing, standing.State)
			assert.NotEmpty(t, standing.Message)
			assert.True(t, standing.NextRun.After(l.now()))

			delete(l.refuses, broken)
			delete(l.fails, broken)
			l.run(8 * time.Hour)
			assert.Equal(t, policy.Scheduled, l.standing(broken).State, "once mended it is as ever")
		})
	}
}

func TestARunThatEndsWithoutABackupHasFailed(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos")
	l.fails[photos] = true // its Lease goes, and nothing else tells
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 6, Driver: lease})
	l.run(12 * time.Minute)
	assert.Len(t, l.attempts, 1)
	standing := l.standing(photos)
	assert.Equal(t, policy.Failing, standing.State)
	assert.Contains(t, standing.Message, "no backup came of it")
}

func TestAFailedJobIsRememberedAcrossLeaders(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos")
	l.fails[photos] = true
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 6})
	l.run(3 * time.Hour)
	before := len(l.attempts)
	l.restart()
	l.run(time.Second)
	assert.Len(t, l.attempts, before)
	assert.Equal(t, policy.Failing, l.standing(photos).State)
}

func TestAJobOfAnEarlierClaimOfTheSameNameDoesNotCount(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos", func(c *corev1.PersistentVolumeClaim) { c.UID = "another" })
	_, err := backuper{l, restic}.Backup(t.Context(), asked("media", "photos"))
	require.NoError(t, err)
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 6})
	assert.Equal(t, policy.Due, l.standing(photos).State)
}

func TestABackupFromTheFutureDoesNotCount(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos")
	l.backups[restic][photos] = []backup.Backup{{TakenAt: noon.AddDate(1, 0, 0)}, {TakenAt: noon.Add(-time.Hour)}}
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 6})
	standing := l.standing(photos)
	assert.Equal(t, noon.Add(-time.Hour), standing.LastBackup)
	assert.Equal(t, policy.Scheduled, standing.State)
}

func TestWhileTheBackupsAreNotKnown(t *testing.T) {
	never := func(failure error) func(*schedule.Repository) {
		return func(r *schedule.Repository) {
			r.ListedAt, r.Failure, r.Of = time.Time{}, failure, func(backup.Claim) []backup.Backup { return nil }
		}
	}
	down := backup.Errorf(backup.Unavailable, "no route to host")
	cases := map[string]struct {
		repository    func(*schedule.Repository)
		first, inADay int
	}{
		"nothing is started before the first listing":               {never(nil), 0, 0},
		"nothing is started for a while if it fails, and then once": {never(down), 0, 1},
		"a driver that nobody lists for is used once":               {func(r *schedule.Repository) { *r = schedule.Repository{} }, 0, 1},
		"a repository that does not exist may be made by a backup":  {never(backup.Errorf(backup.RepositoryAbsent, "no repository")), 1, 1},
		"nothing is put into another repository":                    {never(backup.Errorf(backup.RepositoryChanged, "another one")), 0, 0},
		"nothing is tried with refused credentials":                 {never(backup.Errorf(backup.Credentials, "wrong password")), 0, 0},
		"an old listing and what ran since are gone by": {func(r *schedule.Repository) {
			r.ListedAt, r.Failure, r.Of = noon.Add(-time.Hour), down, func(backup.Claim) []backup.Backup { return nil }
		}, 1, 1},
	}
	for name, test := range cases {
		for _, system := range []string{restic, lease} {
			t.Run(name+", "+system, func(t *testing.T) {
				l := newLab(t)
				photos := l.claim("media", "photos")
				l.policy(policy.Policy{Namespace: "media", IntervalHours: 24, Driver: system})
				l.repository = test.repository
				if standing := l.standing(photos); test.first == 0 {
					assert.Equal(t, policy.BackupsUnknown, standing.Reason)
					assert.NotEmpty(t, standing.Message)
				}
				l.run(10 * time.Minute)
				assert.Len(t, l.attempts, test.first)
				l.run(22 * time.Hour)
				assert.Len(t, l.attempts, test.inADay, "starting is safe, but it must not be repeated")
			})
		}
	}
}

func TestTheFirstListingIsNotWaitedForUntilTheNextEvaluation(t *testing.T) {
	l := newLab(t)
	l.claim("media", "photos", label("backup", "daily"))
	l.repository = func(r *schedule.Repository) { r.ListedAt = time.Time{} }
	assert.Less(t, l.leader.Evaluate(t.Context()), time.Minute)
	l.repository = nil
	assert.Equal(t, every, l.leader.Evaluate(t.Context()))
	assert.Len(t, l.starts, 1)
}

func TestADriverOfWhichItCannotBeToldWhatRunsStartsNothing(t *testing.T) {
	l := newLab(t)
	l.cfg.Activities[1] = schedule.Leases{Of: lease, Namespace: own, Reader: interceptor.NewClient(l.client, interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("down")
		},
	})}
	l.restart()
	photos, data := l.claim("media", "photos"), l.claim("web", "data")
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 6, Driver: lease})
	l.policy(policy.Policy{Namespace: "web", IntervalHours: 6})
	l.run(time.Hour)
	assert.Empty(t, l.attemptsOf(photos))
	assert.NotEmpty(t, l.startsOf(data), "the other driver goes on")
	assert.Equal(t, policy.BackupsUnknown, l.standing(photos).Reason)
}

func TestASpoiltSecretStopsNoBackups(t *testing.T) {
	l := newLab(t)
	photos, data := l.claim("media", "photos"), l.claim("web", "data", label("backup", "hourly"))
	l.policy(policy.Policy{Namespace: "media", Schedule: "@every 1h"})
	l.run(time.Minute)
	var secret corev1.Secret
	require.NoError(t, l.client.Get(t.Context(), secretKey, &secret))
	secret.Data[store.Key] = []byte("oops")
	require.NoError(t, l.client.Update(t.Context(), &secret))

	l.run(2 * time.Hour)
	assert.Len(t, l.startsOf(photos), 3, "those that were read before hold")
	_, err := l.leader.Report(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "and it is told")
	assert.Contains(t, l.log.String(), "cannot be understood")

	l.restart()
	before := len(l.startsOf(data))
	l.run(2 * time.Hour)
	assert.Len(t, l.startsOf(photos), 3)
	assert.Len(t, l.startsOf(data), before+2, "what claims declare holds always")
}

func TestClaimsThatCannotBeListedAreNotNone(t *testing.T) {
	l := newLab(t)
	l.cfg.Reader = interceptor.NewClient(l.client, interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("down")
		},
	})
	l.restart()
	assert.Equal(t, every, l.leader.Evaluate(t.Context()))
	_, err := l.leader.Report(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.Contains(t, l.log.String(), "down")
}

func TestADeclarationThatCannotBeUnderstoodIsToldOnce(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos", annotation(v1alpha1.BackupScheduleAnnotation, "nightly"))
	other := l.claim("media", "music", label("backup", "velero"))
	l.run(time.Hour)
	assert.Empty(t, l.attempts)
	require.Len(t, l.events, 1, "a label may be another tool's")
	assert.Contains(t, l.events[0], "media/photos BackupScheduleInvalid: annotation soteria.dev/backup-schedule: schedule \"nightly\"")
	for _, claim := range []backup.Claim{photos, other} {
		assert.Equal(t, policy.Misdeclared, l.standing(claim).Reason)
	}
	report, err := l.leader.Report(t.Context())
	require.NoError(t, err)
	assert.Len(t, report.Warnings, 2)

	l.policy(policy.Policy{Namespace: "media", IntervalHours: 6})
	l.run(time.Second)
	assert.Len(t, l.starts, 2, "the namespace's policy holds meanwhile")
}

func TestAPolicyThatIsOffStartsNothing(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos")
	l.policy(policy.Policy{Namespace: "media", IntervalHours: 6})
	_, _, err := l.leader.Put(t.Context(), policy.Policy{Namespace: "media", PVC: "photos", IntervalHours: 6})
	require.NoError(t, err)
	l.run(24 * time.Hour)
	assert.Empty(t, l.attempts)
	standing := l.standing(photos)
	assert.Equal(t, policy.Off, standing.State)
	assert.Zero(t, standing.NextRun)
}

func TestPoliciesThatCannotHoldAreRefused(t *testing.T) {
	l := newLab(t)
	for field, p := range map[string]policy.Policy{
		"driver":         {Namespace: "media", IntervalHours: 6, Driver: "tape"},
		"namespace":      {Namespace: "kube-system", IntervalHours: 6},
		"interval_hours": {Namespace: "media"},
	} {
		_, _, err := l.leader.Put(t.Context(), p)
		assert.Equal(t, backup.Invalid, backup.KindOf(err))
		assert.Equal(t, field, backup.FieldOf(err))
	}
}

func TestAPolicyWhoseDriverIsGoneSaysSo(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos")
	_, err := l.store.Put(t.Context(), policy.Policy{Namespace: "media", IntervalHours: 6, Driver: "tape", Enabled: true})
	require.NoError(t, err)
	l.run(time.Second)
	assert.Empty(t, l.attempts)
	assert.Equal(t, policy.NoDriver, l.standing(photos).Reason)
}

func TestWhatAClaimDeclaresIsNotDeletedByTheAPI(t *testing.T) {
	l := newLab(t)
	l.claim("media", "photos", label("backup", "daily"))
	kept := l.policy(policy.Policy{Namespace: "media", PVC: "photos", IntervalHours: 6})
	report, err := l.leader.Report(t.Context())
	require.NoError(t, err)
	require.Len(t, report.Policies, 2)
	declared := report.Policies[1]
	assert.Equal(t, policy.FromLabel, declared.Source)

	_, err = l.leader.Delete(t.Context(), declared.ID())
	assert.Equal(t, backup.Conflict, backup.KindOf(err))
	assert.ErrorContains(t, err, "declared on claim media/photos by its label backup")
	deleted, err := l.leader.Delete(t.Context(), kept.ID())
	require.NoError(t, err)
	assert.Equal(t, "photos", deleted.PVC)
	_, err = l.leader.Delete(t.Context(), kept.ID())
	assert.Equal(t, backup.NotFound, backup.KindOf(err))
}

func TestAReportStartsNothing(t *testing.T) {
	l := newLab(t)
	photos := l.claim("media", "photos", label("backup", "daily"))
	follower := schedule.New(l.cfg)
	report, err := follower.Report(t.Context())
	require.NoError(t, err)
	standing, found := report.Of(photos)
	require.True(t, found)
	assert.Equal(t, policy.Due, standing.State)
	assert.Zero(t, report.EvaluatedAt)
	assert.Empty(t, l.attempts)
	_, found = report.Of(backup.Claim{Namespace: "media", Name: "none"})
	assert.False(t, found)
}

func TestTheLeadersLoopEvaluatesUntilItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		evaluations := 0
		l.cfg.Clock = clock.RealClock{}
		l.cfg.Repositories = func() []schedule.Repository {
			evaluations++
			return nil
		}
		s := schedule.New(l.cfg)
		assert.True(t, s.NeedLeaderElection())
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour+time.Second)
		defer cancel()
		require.NoError(t, s.Start(ctx))
		assert.Equal(t, 13, evaluations)
	})
}
