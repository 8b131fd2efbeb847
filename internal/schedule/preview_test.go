package schedule_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

func TestAPreviewTellsForWhichClaimsAPolicyWouldHold(t *testing.T) {
	l := newLab(t)
	require.NoError(t, l.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "media"}}))
	require.NoError(t, l.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "bare"}}))
	l.claim("media", "plain")
	l.claim("media", "declares", annotation(v1alpha1.BackupScheduleAnnotation, "0 3 * * *"))
	l.claim("media", "labelled", label(v1alpha1.BackupLabel, "daily"))
	l.claim("media", "own")
	l.claim("media", "pending", func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimPending })
	l.claim("web", "plain")
	own := l.policy(policy.Policy{Namespace: "media", PVC: "own", IntervalHours: 6, Enabled: true})

	type match struct {
		holds  bool
		source policy.Source
		reason policy.Reason
	}
	seen := func(p policy.Preview) map[string]match {
		all := map[string]match{}
		for _, m := range p.Matches {
			all[m.Claim.String()] = match{m.Holds, m.Holder.Source, m.Reason}
		}
		return all
	}
	general := policy.Policy{Namespace: "media", IntervalHours: 12, Enabled: true}
	preview, err := l.leader.Preview(t.Context(), general)
	require.NoError(t, err)
	assert.Equal(t, map[string]match{
		"media/plain":    {holds: true, source: policy.ForNamespace},
		"media/declares": {source: policy.FromAnnotation},
		"media/labelled": {source: policy.FromLabel},
		"media/own":      {source: policy.ForClaim},
		"media/pending":  {holds: true, source: policy.ForNamespace, reason: policy.Unbound},
	}, seen(preview))
	assert.Equal(t, 2, preview.Holding())
	assert.False(t, preview.Replaces)
	assert.Empty(t, preview.Warnings())
	book, err := l.store.Read(t.Context())
	require.NoError(t, err)
	assert.Len(t, book.Kept(), 1, "nothing is kept")

	own.IntervalHours = 1
	preview, err = l.leader.Preview(t.Context(), own)
	require.NoError(t, err)
	assert.True(t, preview.Replaces)
	assert.Equal(t, map[string]match{"media/own": {holds: true, source: policy.ForClaim}}, seen(preview))

	for name, test := range map[string]struct {
		policy policy.Policy
		warns  string
	}{
		"a namespace with a typo":       {policy.Policy{Namespace: "meida", IntervalHours: 6}, "namespace meida does not exist"},
		"a claim with a typo":           {policy.Policy{Namespace: "media", PVC: "plian", IntervalHours: 6}, "claim media/plian does not exist"},
		"a namespace without claims":    {policy.Policy{Namespace: "bare", IntervalHours: 6}, "namespace bare has no claims"},
		"a claim that declares its own": {policy.Policy{Namespace: "media", PVC: "declares", IntervalHours: 6}, "other policies hold"},
	} {
		t.Run(name, func(t *testing.T) {
			test.policy.Enabled = true
			preview, err := l.leader.Preview(t.Context(), test.policy)
			require.NoError(t, err)
			require.Len(t, preview.Warnings(), 1)
			assert.Contains(t, preview.Warnings()[0], test.warns)
			assert.Zero(t, preview.Holding())
		})
	}
	_, err = l.leader.Preview(t.Context(), policy.Policy{Namespace: "kube-system", IntervalHours: 6, Enabled: true})
	assert.Equal(t, backup.NamespaceExcluded, backup.ReasonOf(err))
}
