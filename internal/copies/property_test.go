package copies_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/kube"
)

// model is what a world may do.
type model struct {
	*world
	// asked are the expiries that were asked for, by lock.
	expires map[string]time.Time
	// meant is the claim whose removal a person asked for just now.
	meant     backup.Claim
	whileUsed bool
}

var names = []backup.Claim{look, {Namespace: "media", Name: "second"}}

func anyName(t *rapid.T) backup.Claim { return rapid.SampledFrom(names).Draw(t, "claim") }

// mortal has Soteria killed after some of its next writes, or not.
func (m *model) mortal(t *rapid.T) {
	m.left = rapid.SampledFrom([]int{-1, -1, 0, 1, 2, 3}).Draw(t, "writes until it is killed")
	m.heard = rapid.Bool().Draw(t, "the last write is made")
}

func (m *model) survive() {
	if m.dead {
		m.restart()
	}
	m.left = -1
}

func (m *model) ask(t *rapid.T) {
	m.mortal(t)
	defer m.survive()
	after := rapid.SampledFrom([]time.Duration{0, time.Minute, 3 * time.Hour}).Draw(t, "expires")
	name := anyName(t)
	_, _ = m.world.ask(name, copies.Expiry{After: after})
	if claim := m.claim(t, name); claim != nil && after > 0 {
		if _, known := m.expires[claim.Spec.VolumeName]; !known && claim.CreationTimestamp.Time.Equal(m.clock.Now().Truncate(time.Second)) {
			m.expires[claim.Spec.VolumeName] = m.clock.Now().Add(after)
		}
	}
}

func (m *model) remove(t *rapid.T) {
	m.mortal(t)
	defer m.survive()
	m.meant, m.whileUsed = anyName(t), rapid.Bool().Draw(t, "while it is used")
	_, _ = m.keeper.Remove(context.Background(), m.meant, "", m.whileUsed)
	m.check(t)
	m.meant = backup.Claim{}
}

func (m *model) look(t *rapid.T) {
	m.mortal(t)
	defer m.survive()
	_ = m.keeper.Tend(context.Background())
}

// person changes a claim that exists.
func (m *model) person(do func(*rapid.T, backup.Claim)) func(*rapid.T) {
	return func(t *rapid.T) {
		if name := anyName(t); m.claim(t, name) != nil {
			do(t, name)
		}
	}
}

// own has a person make a claim that has the mark of a copy.
func (m *model) own(t *rapid.T) {
	name := anyName(t)
	if m.claim(t, name) != nil {
		return
	}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
	claim.Spec.VolumeName = kube.NewLock()
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	mark(claim)
	m.stamp(claim)
	require.NoError(t, m.people.Create(context.Background(), claim))
}

// check holds what Soteria deleted against what it may delete.
func (m *model) check(t *rapid.T) {
	for _, claim := range m.deleted {
		name := backup.Claim{Namespace: claim.Namespace, Name: claim.Name}
		require.True(t, m.answered[claim.UID], "claim %s was deleted, and Soteria was never answered that it made it", name)
		require.True(t, kube.IsTest(claim), "claim %s was deleted although a person kept it", name)
		if m.meant == name {
			require.True(t, m.whileUsed || !m.used(name), "claim %s was removed while a pod uses it", name)
			continue
		}
		at, expires := m.expires[claim.Spec.VolumeName]
		require.True(t, expires && !m.clock.Now().Before(at), "claim %s was deleted before its time", name)
		require.False(t, m.used(name), "claim %s expired while a pod uses it", name)
	}
	m.deleted = nil
}

func (m *model) used(name backup.Claim) bool {
	err := m.people.Get(context.Background(), client.ObjectKey{Namespace: name.Namespace, Name: "viewer-of-" + name.Name}, &corev1.Pod{})
	return err == nil
}

func TestOnlyClaimsThatAreProvedToBeCopiesAreDeleted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{world: newWorld(), expires: map[string]time.Time{}}
		t.Repeat(map[string]func(*rapid.T){
			"":                       m.check,
			"ask for a copy":         m.ask,
			"remove a copy":          m.remove,
			"look after copies":      m.look,
			"restart":                func(*rapid.T) { m.restart() },
			"a person makes a claim": m.own,
			"keep":                   m.person(func(t *rapid.T, name backup.Claim) { m.change(t, name, keep) }),
			"mark":                   m.person(func(t *rapid.T, name backup.Claim) { m.change(t, name, mark) }),
			"bind":                   m.person(func(t *rapid.T, name backup.Claim) { m.change(t, name, bind) }),
			"make again":             m.person(func(t *rapid.T, name backup.Claim) { m.again(t, name) }),
			"use":                    m.person(func(t *rapid.T, name backup.Claim) { m.use(t, name) }),
			"delete": m.person(func(t *rapid.T, name backup.Claim) {
				require.NoError(t, m.people.Delete(context.Background(), m.claim(t, name)))
			}),
			"end what uses it": func(t *rapid.T) { m.endUse(t, anyName(t)) },
			"time goes on": func(t *rapid.T) {
				m.clock.Step(rapid.SampledFrom([]time.Duration{30 * time.Second, 20 * time.Minute, 4 * time.Hour}).Draw(t, "for"))
				if rapid.Bool().Draw(t, "and copies are looked after") {
					m.look(t)
				}
			},
		})
		m.settle(t)
	})
}

func (m *model) endUse(t *rapid.T, name backup.Claim) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: "viewer-of-" + name.Name}}
	require.NoError(t, client.IgnoreNotFound(m.people.Delete(context.Background(), pod)))
}

// settle lets everything expire that may, and looks at what is left.
func (m *model) settle(t *rapid.T) {
	for _, name := range names {
		m.endUse(t, name)
	}
	m.clock.Step(24 * time.Hour)
	for range 4 {
		m.tend(t)
		m.check(t)
		m.clock.Step(10 * time.Minute)
	}
	left, err := m.keeper.List(context.Background())
	require.NoError(t, err)
	for _, c := range left.Copies {
		claim := m.claim(t, c.Claim)
		require.NotNil(t, claim, "the record of a claim that is gone stays")
		require.Equal(t, claim.Spec.VolumeName, claim.Annotations[v1alpha1.TestAnnotation], "the record of a claim that was kept stays")
		require.True(t, c.UID == "" || c.ExpiresAt.IsZero(), "a copy that is proved outlives its time")
		if c.UID == "" {
			require.Equal(t, copies.Unproved, c.State)
			require.False(t, c.Removable)
		}
	}
}
