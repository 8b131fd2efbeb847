package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Replicas gives Soteria's own pods, not those of its Jobs.
func (c *Cluster) Replicas(ctx context.Context) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(SoteriaNamespace), client.MatchingLabels{"app.kubernetes.io/component": "controller"}); err != nil {
		return nil, fmt.Errorf("listing Soteria's pods: %w", err)
	}
	return pods.Items, nil
}

// service begins a request to Soteria's HTTP API, through the API server and
// whichever replica the Service picks.
func (c *Cluster) service(verb, path string) *rest.Request {
	return c.Kubernetes.CoreV1().RESTClient().Verb(verb).
		Namespace(SoteriaNamespace).Resource("services").Name(soteriaName + ":http").SubResource("proxy").Suffix(path)
}

// replica begins a GET to one replica.
func (c *Cluster) replica(pod, path string) *rest.Request {
	return c.Kubernetes.CoreV1().RESTClient().Get().
		Namespace(SoteriaNamespace).Resource("pods").Name(pod + ":8080").SubResource("proxy").Suffix(path)
}

// send gives the answer to a request and its status, whatever the status. An
// error means that there was no answer.
func send(ctx context.Context, request *rest.Request) (status int, body []byte, err error) {
	result := request.Do(ctx)
	result.StatusCode(&status)
	body, err = result.Raw()
	if len(body) == 0 && err != nil {
		return status, nil, fmt.Errorf("asking Soteria: %w", err)
	}
	return status, body, nil
}

// Ask sends a GET to Soteria's HTTP API and decodes the JSON answer, whatever
// its status.
func (c *Cluster) Ask(ctx context.Context, path string, answer any) (status int, err error) {
	return ask(ctx, c.service(http.MethodGet, path), answer)
}

// AskAt sends a GET to the HTTP port of some other service, through the API
// server, and decodes the JSON answer, whatever its status.
func (c *Cluster) AskAt(ctx context.Context, namespace, service, path string, answer any) (status int, err error) {
	return ask(ctx, c.Kubernetes.CoreV1().RESTClient().Get().
		Namespace(namespace).Resource("services").Name(service).SubResource("proxy").Suffix(path), answer)
}

func ask(ctx context.Context, request *rest.Request, answer any) (status int, err error) {
	status, body, err := send(ctx, request)
	if err != nil {
		return status, err
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return status, fmt.Errorf("reading Soteria's answer: %w: %s", err, body)
	}
	return status, nil
}

// Send sends a request to Soteria's HTTP API, with a JSON body unless that is "",
// and decodes the JSON answer, whatever its status.
func (c *Cluster) Send(ctx context.Context, method, path, body string, header http.Header, answer any) (status int, err error) {
	path, query, _ := strings.Cut(path, "?")
	request := c.service(method, path)
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0, fmt.Errorf("reading the query %q: %w", query, err)
	}
	for name := range values {
		request = request.Param(name, values.Get(name))
	}
	if body != "" {
		request = request.SetHeader("Content-Type", "application/json").Body([]byte(body))
	}
	for name, values := range header {
		request = request.SetHeader(name, values...)
	}
	return ask(ctx, request, answer)
}

// Exists asks whether a claim has a backup.
func (c *Cluster) Exists(ctx context.Context, namespace, claim string) (status int, answer wire.Existence, err error) {
	status, err = c.Ask(ctx, "exists/"+namespace+"/"+claim, &answer)
	return status, answer, err
}

// AwaitUnknown waits until every replica has noticed that the repository cannot
// be listed: until all say so of a claim that nobody ever had, for this cause.
func (c *Cluster) AwaitUnknown(ctx context.Context, cause string) error {
	return c.awaitAnswers(ctx, fmt.Sprintf("every replica to know nothing because of %q", cause), nobodys, func(status int, answer wire.Existence) bool {
		return status == http.StatusServiceUnavailable && answer.Decision == wire.DecisionUnknown && strings.Contains(answer.Error, cause)
	})
}

// AwaitKnown waits until every replica can list the repositories again.
func (c *Cluster) AwaitKnown(ctx context.Context) error {
	return c.awaitAnswers(ctx, "every replica to know which backups there are", nobodys, func(_ int, answer wire.Existence) bool { return answer.Authoritative })
}

// AwaitRestorable waits until every replica knows of backups of all these claims.
func (c *Cluster) AwaitRestorable(ctx context.Context, namespace string, claims ...string) error {
	of := make([]backup.Claim, 0, len(claims))
	for _, claim := range claims {
		of = append(of, backup.Claim{Namespace: namespace, Name: claim})
	}
	return c.awaitAnswers(ctx, "every replica to know backups of the claims in "+namespace, of, func(_ int, answer wire.Existence) bool {
		return answer.Decision == wire.DecisionRestore
	})
}

// nobodys is a claim that nobody ever had.
var nobodys = []backup.Claim{{Namespace: "nobody", Name: "nothing"}}

// awaitAnswers waits until every replica answers as wanted when asked for each of
// the claims.
func (c *Cluster) awaitAnswers(ctx context.Context, what string, claims []backup.Claim, wanted func(status int, answer wire.Existence) bool) error {
	return WaitFor(ctx, what, func(ctx context.Context) (bool, string, error) {
		replicas, err := c.Replicas(ctx)
		if err != nil {
			return false, "", err
		}
		for _, pod := range replicas {
			for _, claim := range claims {
				var answer wire.Existence
				status, err := ask(ctx, c.replica(pod.Name, "exists/"+claim.String()), &answer)
				if err != nil {
					return false, "", err
				}
				if !wanted(status, answer) {
					return false, fmt.Sprintf("%s answers of %s %d, %q: %s", pod.Name, claim, status, answer.Decision, answer.Error), nil
				}
			}
		}
		return len(replicas) > 0, "no replica", nil
	})
}

// StartBackup asks Soteria for a backup of a claim. It gives the status, and the
// Job's name if one was started.
func (c *Cluster) StartBackup(ctx context.Context, namespace, claim string) (status int, job string, err error) {
	status, started, _, err := c.RequestBackup(ctx, wire.BackupRequest{Namespace: namespace, PVC: claim})
	return status, started.JobName, err
}

// RequestBackup sends a request for a backup. It gives the status, what was
// started if anything was, and the answer's text.
func (c *Cluster) RequestBackup(ctx context.Context, request wire.BackupRequest) (status int, started wire.BackupStarted, text string, err error) {
	of := request.Namespace + "/" + request.PVC
	body, err := json.Marshal(request)
	if err != nil {
		return 0, started, "", fmt.Errorf("encoding the request: %w", err)
	}
	status, raw, err := send(ctx, c.service(http.MethodPost, "v1/backup").SetHeader("Content-Type", "application/json").Body(body))
	if err != nil {
		return status, started, "", fmt.Errorf("asking for a backup of %s: %w", of, err)
	}
	if status != http.StatusAccepted {
		return status, started, string(raw), nil
	}
	if err := json.Unmarshal(raw, &started); err != nil {
		return status, started, "", fmt.Errorf("reading the answer to a backup of %s: %w: %s", of, err, raw)
	}
	return status, started, string(raw), nil
}

// BackUpWithLonghorn asks Soteria for a Longhorn backup of a claim and waits
// until Soteria tells that it is complete. It gives the backup's id. Soteria is
// not asked whether it knows of it: each such question has it list all backups.
func (c *Cluster) BackUpWithLonghorn(ctx context.Context, namespace, claim string) (id string, err error) {
	of := App{Namespace: namespace, Name: claim}
	before, err := c.toldOf(ctx, of)
	if err != nil {
		return "", err
	}
	status, _, text, err := c.RequestBackup(ctx, wire.BackupRequest{Namespace: namespace, PVC: claim, Driver: "longhorn"})
	if err != nil {
		return "", err
	}
	if status != http.StatusAccepted {
		return "", fmt.Errorf("a Longhorn backup of %s/%s was answered with status %d: %s", namespace, claim, status, text)
	}
	const complete = " is complete"
	told, err := c.awaitNewEvent(ctx, of, complete, before)
	if err != nil {
		return "", err
	}
	id, _, _ = strings.Cut(strings.TrimPrefix(told, "backup "), complete)
	return id, awaitNextSecond(ctx)
}

// BackUp asks Soteria for a backup of a claim and waits until its Job is done.
// It gives the Job's name.
func (c *Cluster) BackUp(ctx context.Context, namespace, claim string) (job string, err error) {
	status, job, err := c.StartBackup(ctx, namespace, claim)
	if err != nil {
		return "", err
	}
	if status != http.StatusAccepted {
		return "", fmt.Errorf("a backup of %s/%s was answered with status %d", namespace, claim, status)
	}
	return job, c.AwaitJob(ctx, namespace, job)
}

// Backups lists a claim's backups, newest first.
func (c *Cluster) Backups(ctx context.Context, namespace, claim string) ([]wire.Backup, error) {
	var list wire.Backups
	raw, err := c.service(http.MethodGet, "v1/backups").Param("namespace", namespace).Param("pvc", claim).Do(ctx).Raw()
	if err != nil {
		return nil, fmt.Errorf("listing the backups of %s/%s: %w: %s", namespace, claim, err, raw)
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("reading the backups of %s/%s: %w", namespace, claim, err)
	}
	return list.Backups, nil
}

// Metric sums the series of a metric over all replicas, as Prometheus would, whose
// labels hold all of these, such as `driver="restic"`.
func (c *Cluster) Metric(ctx context.Context, name string, labels ...string) (float64, error) {
	text, err := c.Scrape(ctx)
	return Sum(text, name, labels...), err
}

// Scrape gives what Prometheus would read of all replicas.
func (c *Cluster) Scrape(ctx context.Context) (string, error) {
	replicas, err := c.Replicas(ctx)
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, pod := range replicas {
		raw, err := c.replica(pod.Name, "metrics").Do(ctx).Raw()
		if err != nil {
			return "", fmt.Errorf("scraping %s: %w", pod.Name, err)
		}
		all.Write(raw)
	}
	return all.String(), nil
}

// Sum adds up the samples of a metric in a scrape whose labels hold all of these, such
// as `code="409"`.
func Sum(scrape, name string, labels ...string) float64 {
	var sum float64
	for line := range strings.Lines(scrape) {
		sample, found := strings.CutPrefix(line, name)
		if !found || !strings.HasPrefix(sample, "{") && !strings.HasPrefix(sample, " ") {
			continue
		}
		if slices.ContainsFunc(labels, func(label string) bool { return !strings.Contains(sample, label) }) {
			continue
		}
		fields := strings.Fields(sample)
		var value float64
		if _, err := fmt.Sscanf(fields[len(fields)-1], "%g", &value); err == nil {
			sum += value
		}
	}
	return sum
}
