package schedule_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/schedule"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

func TestFourLeasesThatHangDoNotStopTheBackupsOfOthers(t *testing.T) {
	for name, stuck := range map[string]string{"they hang": "its replica is gone", "they run": ""} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.cfg.Concurrency = 4
			l.cfg.Activities[1] = schedule.Leases{
				Of: lease, Reader: l.client, Namespace: own,
				Running: func(*coordinationv1.Lease) bool { return true }, Stuck: func(*coordinationv1.Lease) string { return stuck },
			}
			l.restart()
			for i := range 4 {
				require.NoError(t, l.client.Create(t.Context(), &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
					Namespace: own, Name: fmt.Sprintf("hangs-%d", i), CreationTimestamp: metav1.NewTime(noon),
					Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup, v1alpha1.ClaimUIDLabel: fmt.Sprintf("other-%d", i)},
				}}))
			}
			photos := l.claim("media", "photos")
			l.policy(policy.Policy{Namespace: "media", IntervalHours: 6, Driver: lease})
			l.leader.Evaluate(t.Context())
			assert.Equal(t, stuck != "", len(l.startsOf(photos)) > 0)
		})
	}
}
