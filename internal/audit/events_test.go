package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/audit"
	"github.com/soteria-dr/soteria/internal/backup"
)

var photos = backup.Claim{Namespace: "media", Name: "photos"}

// recorder keeps what it is told.
type recorder struct {
	regarding                  []string
	kind, reason, action, note string
}

func (r *recorder) Eventf(regarding, _ runtime.Object, kind, reason, action, _ string, args ...any) {
	claim := regarding.(*corev1.PersistentVolumeClaim)
	r.regarding = append(r.regarding, claim.Namespace+"/"+claim.Name+" "+string(claim.UID))
	r.kind, r.reason, r.action, r.note = kind, reason, action, args[0].(string)
}

var _ events.EventRecorder = (*recorder)(nil)

func cluster() client.WithWatch {
	return fake.NewClientBuilder().WithObjects(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "photos", UID: "1234"},
	}).Build()
}

func TestWhatWasAskedForIsToldOnTheClaim(t *testing.T) {
	told := &recorder{}
	e := audit.Events{Reader: cluster(), Recorder: told}
	require.NoError(t, e.Record(t.Context(), photos, "backup by alice", "100 % of it, by alice", false))
	assert.Equal(t, []string{"media/photos 1234"}, told.regarding)
	assert.Equal(t, [4]string{"Normal", "Requested", "backup by alice", "100 % of it, by alice"}, [4]string{told.kind, told.reason, told.action, told.note})

	require.NoError(t, e.Record(t.Context(), photos, "backup by alice", "it failed", true))
	assert.Equal(t, [2]string{"Warning", "RequestFailed"}, [2]string{told.kind, told.reason})
}

func TestAnEventFitsWhatTheAPIServerTakes(t *testing.T) {
	told := &recorder{}
	e := audit.Events{Reader: cluster(), Recorder: told}
	require.NoError(t, e.Record(t.Context(), photos, strings.Repeat("ä", 100)+"x", "x"+strings.Repeat("ä", 1000), false))
	assert.LessOrEqual(t, len(told.action), 128)
	assert.LessOrEqual(t, len(told.note), 1024)
	assert.True(t, utf8.ValidString(told.note))
}

func TestAClaimThatIsGoneIsToldNothing(t *testing.T) {
	told := &recorder{}
	e := audit.Events{Reader: cluster(), Recorder: told}
	require.NoError(t, e.Record(t.Context(), backup.Claim{Namespace: "media", Name: "gone"}, "backup", "by alice", false))
	assert.Empty(t, told.regarding)
}

func TestAClaimThatCannotBeReadIsAnError(t *testing.T) {
	told := &recorder{}
	broken := interceptor.NewClient(cluster(), interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errors.New("the cache has not synced")
		},
	})
	err := audit.Events{Reader: broken, Recorder: told}.Record(t.Context(), photos, "backup", "by alice", false)
	assert.EqualError(t, err, "reading claim media/photos, to tell what was asked of it: the cache has not synced")
	assert.Empty(t, told.regarding)
}
