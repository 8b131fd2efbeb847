//go:build e2e

package scenarios_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

var update = flag.Bool("update", false, "write testdata/permissions.txt anew")

// verbs are all that Kubernetes asks for, and all that RBAC may grant.
var verbs = []string{
	"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
	"bind", "escalate", "impersonate", "approve", "sign", "attest", "use",
}

// named are the names of single objects that Soteria may do more with than with
// others of their kind, and one that it may not.
var named = []string{"", "soteria", "soteria-webhook-certificate", "soteria-repositories", "soteria-unattributed", "soteria-gate", "soteria-expectations-restic-00", "soteria-unaccepted-restic-00", "soteria-batch-00", "soteria-copies", "soteria-restic-reading-00", "soteria-bucket", "soteria-policies", "soteria-restic", "lock.soteria.dev", "refuse.soteria.dev"}

// TestSoteriaMayDoOnlyWhatIsListed asks the API server, for everything that it
// knows, whether Soteria may. What it may belongs into testdata/permissions.txt,
// for someone to look at.
func TestSoteriaMayDoOnlyWhatIsListed(t *testing.T) {
	const elsewhere, everywhere = "default", "everywhere"
	t.Parallel()
	s := begin(t, 15*time.Minute)
	asked := names{rules: s.namedRules(harness.SoteriaNamespace, elsewhere)}

	var mu sync.Mutex
	allowed := map[string][]string{} // by what is allowed, where
	asking, ctx := errgroup.WithContext(s.ctx)
	asking.SetLimit(32)
	reviews := s.unlimited(rest.ImpersonationConfig{}).AuthorizationV1().SubjectAccessReviews()
	for resource, namespaced := range s.resources() {
		scopes := map[string]string{everywhere: ""}
		if namespaced {
			scopes["in its own namespace"], scopes["in other namespaces"] = harness.SoteriaNamespace, elsewhere
		}
		for scope, namespace := range scopes {
			for _, verb := range verbs {
				asking.Go(func() error {
					names, err := asked.allowed(ctx, reviews, namespace, verb, resource)
					mu.Lock()
					defer mu.Unlock()
					for _, name := range names {
						right := strings.TrimSpace(fmt.Sprintf("%-7s %s %s", verb, resource.String(), name))
						allowed[right] = append(allowed[right], scope)
					}
					return err
				})
			}
		}
	}
	require.NoError(s, asking.Wait())
	var lines []string
	for right, scopes := range allowed {
		if slices.Contains(scopes, everywhere) {
			scopes = []string{everywhere}
		}
		for _, scope := range scopes {
			lines = append(lines, fmt.Sprintf("%-20s  %s", scope, right))
		}
	}
	slices.Sort(lines)
	requireGolden(s, "permissions.txt", strings.Join(lines, "\n")+"\n")
}

// subject is Soteria, as the API server sees it.
var subject = rest.ImpersonationConfig{
	UserName: "system:serviceaccount:" + harness.SoteriaNamespace + ":soteria",
	Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + harness.SoteriaNamespace, "system:authenticated"},
}

// namedRules returns Soteria's rules for objects of some names in the namespaces, as
// the API server resolves them; those of the whole cluster are among them. Where
// these may not be all, it returns one that has every verb on everything.
func (s *scenario) namedRules(namespaces ...string) []authorizationv1.ResourceRule {
	s.Helper()
	var rules []authorizationv1.ResourceRule
	reviews := s.unlimited(subject).AuthorizationV1().SelfSubjectRulesReviews()
	for _, namespace := range namespaces {
		review, err := reviews.Create(s.ctx, &authorizationv1.SelfSubjectRulesReview{
			Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace},
		}, metav1.CreateOptions{})
		require.NoError(s, err)
		if review.Status.Incomplete || review.Status.EvaluationError != "" {
			return []authorizationv1.ResourceRule{{Verbs: []string{"*"}, Resources: []string{"*"}}}
		}
		rules = append(rules, review.Status.ResourceRules...)
	}
	return slices.DeleteFunc(rules, func(rule authorizationv1.ResourceRule) bool { return len(rule.ResourceNames) == 0 })
}

// names are asked for one by one, where a rule may be for some of them alone: asking
// for each of them everywhere is eighty thousand questions.
type names struct {
	rules []authorizationv1.ResourceRule
}

// of returns the names to ask for, of which "" is the first.
func (n names) of(verb string, resource schema.GroupResource) []string {
	for _, rule := range n.rules {
		holds := func(all []string, one string) bool {
			return slices.ContainsFunc(all, func(each string) bool { return each == one || strings.HasPrefix(each, "*") })
		}
		if holds(rule.Verbs, verb) && holds(rule.Resources, resource.Resource) {
			return named
		}
	}
	return named[:1]
}

// allowed returns which objects Soteria may do it with: "" for all, or else the names.
func (n names) allowed(ctx context.Context, reviews reviewer, namespace, verb string, of schema.GroupResource) ([]string, error) {
	resource, subresource, _ := strings.Cut(of.Resource, "/")
	var may []string
	for _, name := range n.of(verb, of) {
		review, err := reviews.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: subject.UserName, Groups: subject.Groups,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: verb, Group: of.Group, Resource: resource, Subresource: subresource, Name: name,
			},
		}}, metav1.CreateOptions{})
		if err != nil {
			return nil, fmt.Errorf("asking whether Soteria may %s %s: %w", verb, of, err)
		}
		if !review.Status.Allowed {
			continue
		}
		if may = append(may, name); name == "" {
			return may, nil // and so all others
		}
	}
	return may, nil
}

// reviewer answers whether somebody may do something.
type reviewer interface {
	Create(ctx context.Context, review *authorizationv1.SubjectAccessReview, opts metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error)
}

// resources gives all that the API server knows, and whether it is namespaced.
func (s *scenario) resources() map[schema.GroupResource]bool {
	s.Helper()
	_, lists, err := cluster.Kubernetes.Discovery().ServerGroupsAndResources()
	require.NoError(s, err)
	known := map[schema.GroupResource]bool{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		require.NoError(s, err)
		for _, resource := range list.APIResources {
			known[schema.GroupResource{Group: version.Group, Resource: resource.Name}] = resource.Namespaced
		}
	}
	return known
}

// unlimited is a client, of somebody else perhaps, that asks as fast as it can.
func (s *scenario) unlimited(as rest.ImpersonationConfig) *kubernetes.Clientset {
	s.Helper()
	config := rest.CopyConfig(cluster.Config)
	config.QPS, config.Impersonate = -1, as
	clientset, err := kubernetes.NewForConfig(config)
	require.NoError(s, err)
	return clientset
}

func requireGolden(s *scenario, name, got string) {
	s.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(s, os.MkdirAll("testdata", 0o755))
		require.NoError(s, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(s, err)
	require.Equal(s, string(want), got, "look at what changed; -update writes it anew")
}

// TestAUserReachesNoBackupOfAnotherNamespace gives a user all that a tenant may
// have in one namespace, and to write Restores beside, and has him try.
func TestAUserReachesNoBackupOfAnotherNamespace(t *testing.T) {
	const own, others = "e2e-tenant", "e2e-tenant-others"
	t.Parallel()
	s := begin(t, 8*time.Minute, own, others)
	s.seed(harness.App{Namespace: others, Name: "ledger", Size: "64Mi", Labels: harness.Unprotected}, "not yours")
	s.apply(tenant(own))
	user := []string{"--as", "system:serviceaccount:" + own + ":user"}
	as := func(args ...string) []string { return append(slices.Clone(user), args...) }
	for _, kind := range []string{"persistentvolumeclaims", "deployments.apps", "restores.soteria.dev"} {
		s.await("the user to be allowed to make "+kind, func(ctx context.Context) (bool, string, error) {
			_, err := cluster.Kubectl(ctx, "", as("auth", "can-i", "create", kind, "-n", own)...)
			return true, "", err // it fails where the answer is no
		})
	}

	s.run("by an annotation", func(s *scenario) {
		thief := harness.App{Namespace: own, Name: "by-annotation", Annotations: from(others + "/ledger"), ClaimOnly: true}
		_, err := cluster.Submit(s.ctx, thief.Workload(), as("apply")...)
		require.ErrorContains(s, err, "backups may cross namespaces only where SOTERIA_CROSS_NAMESPACE=true")
	})
	s.run("by an annotation that is added later", func(s *scenario) {
		thief := harness.App{Namespace: own, Name: "by-later-annotation", Labels: label("required")}
		_, err := cluster.Submit(s.ctx, thief.Workload(), as("apply")...)
		require.NoError(s, err)
		_, err = cluster.Kubectl(s.ctx, "", as("annotate", "-n", own, "pvc/"+thief.Name, v1alpha1.RestoreFromAnnotation+"="+others+"/ledger")...)
		require.NoError(s, err)
		s.awaitEvent(thief, "backups may cross namespaces only where SOTERIA_CROSS_NAMESPACE=true")
		s.requireWaiting(thief)
	})
	s.run("by a Restore that is there before the claim", func(s *scenario) {
		_, err := cluster.Submit(s.ctx, theft(own, "early", others), as("apply")...)
		require.NoError(s, err)
		thief := harness.App{Namespace: own, Name: "by-early-restore", ClaimOnly: true, Spec: refersTo("early")}
		s.await("admission to know the Restore", func(ctx context.Context) (bool, string, error) {
			_, err := cluster.Submit(ctx, thief.Workload(), as("apply", "--dry-run=server")...)
			return err != nil && strings.Contains(err.Error(), "backups may cross namespaces"), fmt.Sprint(err), nil
		})
		_, err = cluster.Submit(s.ctx, thief.Workload(), as("apply")...)
		require.ErrorContains(s, err, "backups may cross namespaces only where SOTERIA_CROSS_NAMESPACE=true")
	})
	s.run("by a Restore that is made after the claim", func(s *scenario) {
		thief := harness.App{Namespace: own, Name: "by-late-restore", Spec: refersTo("late")}
		_, err := cluster.Submit(s.ctx, thief.Workload(), as("apply")...)
		require.NoError(s, err)
		_, err = cluster.Submit(s.ctx, theft(own, "late", others), as("apply")...)
		require.NoError(s, err)
		s.awaitEvent(thief, "backups may cross namespaces only where SOTERIA_CROSS_NAMESPACE=true")
		s.requireWaiting(thief)
	})
	s.run("by Soteria's credentials", func(s *scenario) {
		client := s.unlimited(rest.ImpersonationConfig{UserName: "system:serviceaccount:" + own + ":user"})
		_, err := client.CoreV1().Secrets(harness.SoteriaNamespace).Get(s.ctx, "soteria-restic", metav1.GetOptions{})
		require.True(s, apierrors.IsForbidden(err), "the credentials: %v", err)
		_, err = client.CoreV1().Secrets(harness.SoteriaNamespace).List(s.ctx, metav1.ListOptions{})
		require.True(s, apierrors.IsForbidden(err), "all Secrets there: %v", err)
		_, err = client.CoreV1().Secrets(others).List(s.ctx, metav1.ListOptions{})
		require.True(s, apierrors.IsForbidden(err), "the credentials of another namespace's backup: %v", err)
	})
}

// tenant is a namespace with a user who may edit everything in it and write
// Restores.
func tenant(namespace string) string {
	return strings.ReplaceAll(`apiVersion: v1
kind: Namespace
metadata: {name: NAMESPACE}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: user, namespace: NAMESPACE}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: user-edits, namespace: NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: user, namespace: NAMESPACE}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: restores, namespace: NAMESPACE}
rules: [{apiGroups: [soteria.dev], resources: [restores], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: user-restores, namespace: NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: restores}
subjects: [{kind: ServiceAccount, name: user, namespace: NAMESPACE}]
`, "NAMESPACE", namespace)
}

// theft is a Restore of another namespace's claim.
func theft(namespace, name, from string) string {
	return fmt.Sprintf("apiVersion: soteria.dev/v1alpha1\nkind: Restore\nmetadata: {name: %s, namespace: %s}\nspec: {source: {namespace: %s, name: ledger}}\n", name, namespace, from)
}

func refersTo(restore string) []string {
	return []string{"dataSourceRef: {apiGroup: soteria.dev, kind: Restore, name: " + restore + "}"}
}

// TestNoSecretIsTold looks at whatever Soteria has said until now, in this
// scenario and in those before.
func TestNoSecretIsTold(t *testing.T) {
	const namespace = "e2e-secrets"
	s := begin(t, 5*time.Minute, namespace)
	app := harness.App{Namespace: namespace, Name: "told", Size: "64Mi"}
	s.seed(app, "nothing secret")
	keys, err := cluster.StoreKeys(s.ctx)
	require.NoError(s, err)

	said := map[string]string{}
	for what, question := range map[string][]string{
		"events":                      {"get", "events", "-A", "-o", "json"},
		"jobs":                        {"get", "jobs", "-A", "-o", "json"},
		"pods":                        {"get", "pods", "-A", "-o", "json"},
		"restores":                    {"get", "restores", "-A", "-o", "json"},
		"claims":                      {"get", "pvc", "-A", "-o", "json"},
		"volumes":                     {"get", "pv", "-o", "json"},
		"ConfigMaps of Soteria":       {"get", "configmaps", "-n", harness.SoteriaNamespace, "-o", "json"},
		"the log of the backup's pod": {"logs", "-n", namespace, "-l", v1alpha1.RoleLabel + "=" + v1alpha1.RoleBackup, "--all-containers", "--tail", "-1"},
	} {
		said[what], err = cluster.Kubectl(s.ctx, "", question...)
		require.NoError(s, err)
		require.NotEmpty(s, said[what], what)
	}
	var pods corev1.PodList
	require.NoError(s, cluster.List(s.ctx, &pods))
	for _, pod := range pods.Items {
		if pod.Namespace == harness.SoteriaNamespace {
			said["the log of "+pod.Name], err = cluster.Kubectl(s.ctx, "", "logs", "-n", pod.Namespace, pod.Name, "--all-containers", "--tail", "-1")
			require.NoError(s, err)
		}
	}
	for key, secret := range keys {
		for what, text := range said {
			assert.False(s, strings.Contains(text, secret), "%s is told in %s", key, what)
		}
	}
}
