package backupjob

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

type counted chan string

func (c counted) BackupFinished(driver, result string) { c <- driver + " " + result }

// forbidding is an API server that has one backup Job, which failed, and lets no pods of
// the whole cluster be listed or watched.
func forbidding(t *testing.T) *httptest.Server {
	job := batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "soteria-backup-db", UID: "1", ResourceVersion: "5",
			Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleBackup},
			Annotations: map[string]string{v1alpha1.ClaimAnnotation: "shop/db"},
		},
		Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Message: "evicted"}}},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var body any
		switch {
		case r.URL.Path == "/api/v1/pods":
			w.WriteHeader(http.StatusForbidden)
			body = refusal(metav1.StatusReasonForbidden, http.StatusForbidden)
		case r.URL.Query().Has("sendInitialEvents"): // which has clients list first
			w.WriteHeader(http.StatusUnprocessableEntity)
			body = refusal(metav1.StatusReasonInvalid, http.StatusUnprocessableEntity)
		case r.URL.Query().Get("watch") != "":
			w.(http.Flusher).Flush() //nolint:forcetypeassert // as net/http promises
			<-r.Context().Done()
			return
		case strings.HasSuffix(r.URL.Path, "/pods"):
			body = corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}}
		case strings.HasSuffix(r.URL.Path, "/jobs"):
			body = batchv1.JobList{TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "JobList"}, ListMeta: metav1.ListMeta{ResourceVersion: "5"}, Items: []batchv1.Job{job}}
		default:
			body = job
		}
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Log(err)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server
}

func refusal(reason metav1.StatusReason, code int32) metav1.Status {
	return metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: reason, Code: code}
}

func TestBackupsAreToldOfWherePodsMayNotBeWatched(t *testing.T) {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion, batchv1.SchemeGroupVersion})
	mapper.Add(batchv1.SchemeGroupVersion.WithKind("Job"), meta.RESTScopeNamespace)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Pod"), meta.RESTScopeNamespace)
	mgr, err := manager.New(&rest.Config{Host: forbidding(t).URL}, manager.Options{
		Scheme:         clientgoscheme.Scheme,
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return mapper, nil },
		Metrics:        metricsserver.Options{BindAddress: "0"},
	})
	require.NoError(t, err)
	told := make(counted, 1)
	noClaims := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).Build()
	outcomes := &Outcomes{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Announcer: Announcer{Reader: noClaims, Observer: told}, Driver: "restic"}
	require.NoError(t, outcomes.SetupWithManager(mgr))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	select {
	case what := <-told:
		require.Equal(t, "restic failed", what)
	case err := <-ended:
		t.Fatalf("the manager ended: %v", err)
	case <-ctx.Done():
		t.Fatal("the Job was not told of")
	}
	cancel()
	require.NoError(t, <-ended)
}
