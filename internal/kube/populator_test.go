package kube_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

const volsyncTemplate = "volsync.backube/ReplicationDestination/{pvc}-backup"

func TestPopulatorsAreNamedAfterTheClaim(t *testing.T) {
	populators, err := kube.ParsePopulators(volsyncTemplate)
	require.NoError(t, err)
	got, fits := populators.For(backup.Claim{Namespace: "ai", Name: "cache"})
	assert.True(t, fits)
	assert.Equal(t, decision.Populator{Group: "volsync.backube", Kind: "ReplicationDestination", Name: "cache-backup"}, got)

	_, fits = populators.For(backup.Claim{Namespace: "ai", Name: strings.Repeat("n", 253)})
	assert.False(t, fits, "a name that no object can have")

	populators, err = kube.ParsePopulators("example.com/Fill/{namespace}.{pvc}")
	require.NoError(t, err)
	got, _ = populators.For(backup.Claim{Namespace: "ai", Name: "cache"})
	assert.Equal(t, "ai.cache", got.Name)

	populators, err = kube.ParsePopulators("")
	require.NoError(t, err)
	_, fits = populators.For(backup.Claim{Namespace: "ai", Name: "cache"})
	assert.False(t, fits)
}

func TestPopulatorsThatMakeNoSense(t *testing.T) {
	for name, text := range map[string]string{
		"a name alone":            "{pvc}-backup",
		"no name":                 "volsync.backube/ReplicationDestination",
		"no kind":                 "volsync.backube//{pvc}",
		"no group":                "/PersistentVolumeClaim/{pvc}",
		"a kind of two words":     "volsync.backube/Replication Destination/{pvc}",
		"the same for all claims": "volsync.backube/ReplicationDestination/backup",
		"a name with a slash":     "volsync.backube/ReplicationDestination/{namespace}/{pvc}",
		"an unknown word":         "volsync.backube/ReplicationDestination/{pvc}-{uid}",
		"Soteria itself":          v1alpha1.Group + "/Restore/{pvc}",
	} {
		_, err := kube.ParsePopulators(text)
		assert.Equal(t, backup.Invalid, backup.KindOf(err), "%s: %v", name, err)
	}
}

func FuzzParsePopulators(f *testing.F) {
	for _, seed := range []string{volsyncTemplate, "", "//", "a/b/{pvc}", "a/b/{pvc}{namespace}", "a/b/c/{pvc}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		populators, err := kube.ParsePopulators(text)
		if err != nil || text == "" {
			assert.Zero(t, populators)
			return
		}
		one, fits := populators.For(backup.Claim{Namespace: "a", Name: "one"})
		require.True(t, fits)
		other, _ := populators.For(backup.Claim{Namespace: "a", Name: "two"})
		assert.NotEqual(t, one, other)
	})
}

func TestAClaimThatRefersToARestoreIsNotPointedElsewhere(t *testing.T) {
	with := policy
	with.LookedUp = []string{"s3"}
	with.Populators, _ = kube.ParsePopulators(volsyncTemplate)
	facts := kube.Facts(claim(), nil, nil, with)
	assert.Equal(t, "cache-backup", facts.Populator.Name)
	assert.Equal(t, []string{"s3"}, facts.LookedUp)
	assert.Zero(t, kube.Facts(claim(restoreRef("mine")), nil, nil, with).Populator)
}

func TestAReferredClaimIsWrittenAgainWithoutItsSource(t *testing.T) {
	verdict := decision.Verdict{
		Kind: decision.Refer, Reason: decision.ReasonReferred,
		Populator: decision.Populator{Group: "volsync.backube", Kind: "ReplicationDestination", Name: "cache-backup"},
	}
	c := claim()
	kube.Stamp(c, verdict, backup.Answer{}, true, "soteria-aaaaaaaaaaaaaaaa")
	assert.Equal(t, &corev1.TypedObjectReference{APIGroup: ptr.To("volsync.backube"), Kind: "ReplicationDestination", Name: "cache-backup"}, c.Spec.DataSourceRef)
	assert.Empty(t, c.Spec.VolumeName, "another populator gives it its volume")
	assert.True(t, kube.Facts(c, nil, nil, policy).ForeignSource)
	assert.Nil(t, kube.AsWritten(c).Spec.DataSourceRef)

	users := claim(restoreRef("mine"))
	kube.Stamp(users, verdict, backup.Answer{}, true, "soteria-aaaaaaaaaaaaaaaa")
	assert.Equal(t, "mine", users.Spec.DataSourceRef.Name, "what the user set is never overwritten")
}
