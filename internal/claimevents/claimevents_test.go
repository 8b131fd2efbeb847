package claimevents_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/claimevents"
)

const own = "soteria-system"

var (
	photos = backup.Claim{Namespace: "media", Name: "photos"}
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func cluster(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&corev1.Event{}, "involvedObject.kind", func(o client.Object) []string { return []string{o.(*corev1.Event).InvolvedObject.Kind} }).
		WithIndex(&corev1.Event{}, "involvedObject.name", func(o client.Object) []string { return []string{o.(*corev1.Event).InvolvedObject.Name} }).
		Build()
}

func reader(c client.Reader) claimevents.Reader {
	return claimevents.Reader{Cache: c, API: c, Namespace: own}
}

// about makes an event that happened so many minutes after noon.
func about(kind, namespace, name, reason string, minutes int) *corev1.Event {
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: namespace, Name: kind + "." + name + "." + reason},
		InvolvedObject: corev1.ObjectReference{Kind: kind, Namespace: namespace, Name: name},
		Type:           corev1.EventTypeNormal, Reason: reason, Message: "it is " + reason,
		EventTime: metav1.NewMicroTime(noon.Add(time.Duration(minutes) * time.Minute)), ReportingController: "soteria",
	}
}

func job(namespace, name string, claim backup.Claim) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name,
		Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy},
		Annotations: map[string]string{v1alpha1.ClaimAnnotation: claim.String()},
	}}
}

func reasons(events []claimevents.Event) []string {
	var all []string
	for _, e := range events {
		all = append(all, e.Reason)
	}
	return all
}

func TestTheEventsOfAClaimAreThoseOnItItsRestoresAndItsJobsNewestFirst(t *testing.T) {
	other := backup.Claim{Namespace: "media", Name: "music"}
	written := &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "by-hand"}}
	written.Status.Claim = &v1alpha1.ClaimReference{Name: "photos"}
	made := &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "soteria-1", Annotations: map[string]string{v1alpha1.ClaimAnnotation: "media/photos"}}}
	foreign := job("media", "cleanup", photos)
	foreign.Labels = nil
	c := cluster(t, written, made, foreign,
		&v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Namespace: "media", Name: "soteria-2"}},
		job("media", "backup-photos-1", photos), job("media", "backup-music-1", other), job(own, "fill-photos-1", photos),
		about("PersistentVolumeClaim", "media", "photos", "Requested", 1),
		about("Job", own, "fill-photos-1", "Filled", 2),
		about("Job", "media", "backup-photos-1", "Completed", 3),
		about("Restore", "media", "by-hand", "Restored", 4),
		about("Restore", "media", "soteria-1", "Selected", 5),
		about("PersistentVolumeClaim", "media", "music", "NotOfThisClaim", 6),
		about("PersistentVolumeClaim", "games", "photos", "NotOfThisNamespace", 6),
		about("Pod", "media", "photos", "NotOfThisKind", 6),
		about("Restore", "media", "soteria-2", "NotOfItsRestore", 6),
		about("Job", "media", "backup-music-1", "NotOfItsJob", 6),
		about("Job", "media", "cleanup", "NotOfSoterias", 6),
	)
	events, err := reader(c).Of(t.Context(), photos)
	require.NoError(t, err)
	assert.Equal(t, []string{"Selected", "Restored", "Completed", "Filled", "Requested"}, reasons(events))
	at := noon.Add(time.Minute)
	events[4].First, events[4].Last = events[4].First.UTC(), events[4].Last.UTC()
	assert.Equal(t, claimevents.Event{
		First: at, Last: at, Count: 1, Reason: "Requested", Message: "it is Requested",
		Kind: "PersistentVolumeClaim", Namespace: "media", Name: "photos", Source: "soteria",
	}, events[4])
}

func TestAnEventThatHappenedOftenTellsHowOftenAndWhenLately(t *testing.T) {
	tests := map[string]func(*corev1.Event){
		"as it is written now": func(e *corev1.Event) {
			e.Series = &corev1.EventSeries{Count: 7, LastObservedTime: metav1.NewMicroTime(noon.Add(time.Hour))}
		},
		"as it was written once": func(e *corev1.Event) {
			e.EventTime, e.ReportingController = metav1.MicroTime{}, ""
			e.FirstTimestamp, e.LastTimestamp, e.Count = metav1.NewTime(noon), metav1.NewTime(noon.Add(time.Hour)), 7
			e.Source.Component = "soteria"
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			often := about("PersistentVolumeClaim", "media", "photos", "RetentionWaits", 0)
			often.Type = corev1.EventTypeWarning
			change(often)
			events, err := reader(cluster(t, often)).Of(t.Context(), photos)
			require.NoError(t, err)
			require.Len(t, events, 1)
			assert.Equal(t, 7, events[0].Count)
			assert.True(t, events[0].First.Equal(noon))
			assert.True(t, events[0].Last.Equal(noon.Add(time.Hour)))
			assert.True(t, events[0].Warning)
			assert.Equal(t, "soteria", events[0].Source)
		})
	}
}

func TestEventsOfAClaimThatNobodyKnowsAreNone(t *testing.T) {
	events, err := reader(cluster(t)).Of(t.Context(), photos)
	require.NoError(t, err)
	assert.Empty(t, events)
}

func TestEventsOfAClaimInSoteriasOwnNamespaceAreToldOnce(t *testing.T) {
	claim := backup.Claim{Namespace: own, Name: "prime"}
	events, err := reader(cluster(t, job(own, "fill-1", claim), about("Job", own, "fill-1", "Filled", 0))).Of(t.Context(), claim)
	require.NoError(t, err)
	assert.Equal(t, []string{"Filled"}, reasons(events))
}

func TestTheEventsOfANamespaceAreThoseOnItsClaims(t *testing.T) {
	c := cluster(t, job("media", "backup-photos-1", photos),
		about("PersistentVolumeClaim", "media", "photos", "BackupFailed", 1),
		about("PersistentVolumeClaim", "media", "music", "BackupCompleted", 2),
		about("Job", "media", "backup-photos-1", "NotOfAClaim", 3),
		about("PersistentVolumeClaim", "games", "saves", "NotOfThisNamespace", 3),
	)
	events, err := reader(c).In(t.Context(), "media")
	require.NoError(t, err)
	assert.Equal(t, []string{"BackupCompleted", "BackupFailed"}, reasons(events))
}

func TestAllPagesAreRead(t *testing.T) {
	c := interceptor.NewClient(cluster(t), interceptor.Funcs{
		List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			events, ok := list.(*corev1.EventList)
			if !ok {
				return nil
			}
			asked := (&client.ListOptions{}).ApplyOptions(options)
			events.Items = []corev1.Event{*about("PersistentVolumeClaim", "media", "photos", "Second", 1)}
			if asked.Continue == "" {
				events.Items = []corev1.Event{*about("PersistentVolumeClaim", "media", "photos", "First", 0)}
				events.Continue = "more"
			}
			return nil
		},
	})
	events, err := reader(c).Of(t.Context(), photos)
	require.NoError(t, err)
	assert.Equal(t, []string{"Second", "First"}, reasons(events))
}

func TestWhatCannotBeReadIsNoEmptyList(t *testing.T) {
	for _, kind := range []client.ObjectList{&corev1.EventList{}, &v1alpha1.RestoreList{}, &batchv1.JobList{}} {
		c := interceptor.NewClient(cluster(t), interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
				if assert.ObjectsAreEqual(kind, list) {
					return errors.New("the API server is away")
				}
				return c.List(ctx, list, options...)
			},
		})
		_, err := reader(c).Of(t.Context(), photos)
		assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%T", kind)
		assert.ErrorContains(t, err, "the API server is away")
		if _, events := kind.(*corev1.EventList); events {
			_, err := reader(c).In(t.Context(), "media")
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
		}
	}
}
