package intent_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/intent"
)

func isCopy(c *corev1.PersistentVolumeClaim) { c.UID = "copy" }

func TestAClaimThatIsNotNamedIsFoundWhereThatIsSettled(t *testing.T) {
	unlisted := func(w *world) { w.unlisted = backup.Errorf(backup.Unavailable, "not listed yet") }
	for name, test := range map[string]struct {
		living   []client.Object
		backedUp []backup.Claim
		choice   intent.Choice
		answer   func(*world)

		want  backup.Claim
		kind  backup.Kind
		field string
		says  string
	}{
		"by the namespace's only claim":  {living: []client.Object{bound(photos)}, backedUp: []backup.Claim{media("old")}, want: photos},
		"whatever copies there are":      {living: []client.Object{bound(photos), bound(media("look"), isCopy)}, want: photos},
		"by the only one that is left":   {backedUp: []backup.Claim{media("old")}, want: media("old")},
		"not where there are several":    {living: []client.Object{bound(photos), bound(media("films"))}, kind: backup.Invalid, field: "pvc", says: "films, photos"},
		"not where several are left":     {backedUp: []backup.Claim{media("a"), media("b")}, kind: backup.Invalid, field: "pvc", says: "a, b"},
		"not where there is none":        {kind: backup.NotFound, field: "namespace", says: "no bound claim"},
		"by a backup's id":               {living: []client.Object{bound(photos)}, choice: intent.Choice{Snapshot: oldest.ID}, want: photos},
		"not by an id that several have": {living: []client.Object{bound(photos), bound(media("films"))}, choice: intent.Choice{Snapshot: oldest.ID}, kind: backup.Invalid, field: "pvc", says: "films, photos"},
		"not by an id that none has":     {living: []client.Object{bound(photos)}, choice: intent.Choice{Snapshot: "9999999999"}, kind: backup.NotFound, field: "snapshot", says: "9999999999"},
		"not while it cannot be told who has it": {living: []client.Object{bound(photos)}, choice: intent.Choice{Snapshot: "9999999999"},
			answer: func(w *world) { w.answer = backup.UnknownBecause(backup.Errorf(backup.Unavailable, "no answer")) }, kind: backup.Unavailable, says: "no answer"},
		"by a backup's id while orphans cannot be told": {living: []client.Object{bound(photos)}, choice: intent.Choice{Snapshot: oldest.ID}, answer: unlisted, want: photos},
		"not by an id that none of those has that are known": {living: []client.Object{bound(photos)}, choice: intent.Choice{Snapshot: "9999999999"},
			answer: unlisted, kind: backup.Unavailable, says: "not listed yet"},
		"nor where several are known already": {living: []client.Object{bound(photos), bound(media("films"))}, answer: unlisted, kind: backup.Invalid, field: "pvc", says: "films, photos"},
		"nor where none or one is known":      {backedUp: []backup.Claim{media("old")}, answer: unlisted, kind: backup.Unavailable, says: "not listed yet"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(test.living...)
			w.backedUp, w.spared = test.backedUp, sets.New(types.UID("copy"))
			if test.answer != nil {
				test.answer(w)
			}
			got, err := w.requests().Source(t.Context(), "media", test.choice)
			if test.says == "" {
				require.NoError(t, err)
				assert.Equal(t, test.want, got)
				return
			}
			assert.Equal(t, test.kind, backup.KindOf(err), err)
			assert.Equal(t, test.field, backup.FieldOf(err))
			assert.ErrorContains(t, err, test.says)
		})
	}
}
