package claimevents

import (
	"cmp"
	"context"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// The kinds of the objects that events are about.
const (
	kindClaim   = "PersistentVolumeClaim"
	kindRestore = "Restore"
	kindJob     = "Job"
)

// The fields that the API server selects events by.
const (
	kindField = "involvedObject.kind"
	nameField = "involvedObject.name"
)

// page is how many events the API server is asked for at once.
const page = 500

// Event is something that happened once or several times.
type Event struct {
	// First and Last are when it happened, at first and lately.
	First, Last time.Time
	Count       int
	// Warning tells that it is not as it should be.
	Warning         bool
	Reason, Message string
	// Kind, Namespace and Name are of the object that it happened to.
	Kind, Namespace, Name string
	// Source is the program that tells it.
	Source string
}

// Reader reads events. It is safe for concurrent use.
type Reader struct {
	// Cache has the Restores and Soteria's Jobs.
	Cache client.Reader
	// API is the API server itself: events are not cached.
	API client.Reader
	// Namespace is Soteria's own, where the Jobs of restores and tests run.
	Namespace string
}

// Of gives the events about a claim, newest first. A claim that is gone, or never
// was, may have some or none; Kubernetes keeps events for an hour unless it is set
// up otherwise. Errors are of kind Unavailable.
func (r Reader) Of(ctx context.Context, claim backup.Claim) ([]Event, error) {
	found, err := r.read(ctx, claim.Namespace, client.MatchingFields{kindField: kindClaim, nameField: claim.Name})
	if err != nil {
		return nil, err
	}
	restores, err := r.restores(ctx, claim)
	if err != nil {
		return nil, err
	}
	more, err := r.about(ctx, claim.Namespace, kindRestore, restores)
	if err != nil {
		return nil, err
	}
	found = append(found, more...)
	for _, namespace := range slices.Compact([]string{claim.Namespace, r.Namespace}) {
		jobs, err := r.jobs(ctx, namespace, claim)
		if err != nil {
			return nil, err
		}
		more, err := r.about(ctx, namespace, kindJob, jobs)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return newestFirst(found), nil
}

// In gives the events about the claims of a namespace themselves, newest first.
// Errors are of kind Unavailable.
func (r Reader) In(ctx context.Context, namespace string) ([]Event, error) {
	found, err := r.read(ctx, namespace, client.MatchingFields{kindField: kindClaim})
	return newestFirst(found), err
}

func newestFirst(events []Event) []Event {
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Reason, b.Reason))
	})
	return events
}

// restores gives the names of the claim's Restores.
func (r Reader) restores(ctx context.Context, claim backup.Claim) (names []string, err error) {
	var all v1alpha1.RestoreList
	if err := r.Cache.List(ctx, &all, client.InNamespace(claim.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the Restores in %s: %w", claim.Namespace, err)
	}
	for i := range all.Items {
		restore := &all.Items[i]
		restored := restore.Status.Claim
		if restored != nil && restored.Name == claim.Name || restore.Annotations[v1alpha1.ClaimAnnotation] == claim.String() {
			names = append(names, restore.Name)
		}
	}
	return names, nil
}

// jobs gives the names of the claim's Jobs in a namespace.
func (r Reader) jobs(ctx context.Context, namespace string, claim backup.Claim) (names []string, err error) {
	var all batchv1.JobList
	ours := client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy}
	if err := r.Cache.List(ctx, &all, client.InNamespace(namespace), ours, client.UnsafeDisableDeepCopy); err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing the Jobs in %s: %w", namespace, err)
	}
	for i := range all.Items {
		if all.Items[i].Annotations[v1alpha1.ClaimAnnotation] == claim.String() {
			names = append(names, all.Items[i].Name)
		}
	}
	return names, nil
}

// about gives the events about objects of a kind with these names. They are read
// at once, and not at all where there are no names.
func (r Reader) about(ctx context.Context, namespace, kind string, names []string) ([]Event, error) {
	if len(names) == 0 {
		return nil, nil
	}
	all, err := r.read(ctx, namespace, client.MatchingFields{kindField: kind})
	return slices.DeleteFunc(all, func(e Event) bool { return !slices.Contains(names, e.Name) }), err
}

// read gives the events that the API server selects by fields.
func (r Reader) read(ctx context.Context, namespace string, fields client.MatchingFields) ([]Event, error) {
	var found []Event
	for token := ""; ; {
		var list corev1.EventList
		if err := r.API.List(ctx, &list, client.InNamespace(namespace), fields, client.Limit(page), client.Continue(token)); err != nil {
			return nil, backup.Errorf(backup.Unavailable, "listing the events in %s: %w", namespace, err)
		}
		for i := range list.Items {
			found = append(found, event(&list.Items[i]))
		}
		if token = list.Continue; token == "" {
			return found, nil
		}
	}
}

// event reads what both of Kubernetes' ways to write an event left.
func event(e *corev1.Event) Event {
	told := Event{
		First: cmp.Or(e.FirstTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time), Count: max(1, int(e.Count)),
		Warning: e.Type == corev1.EventTypeWarning, Reason: e.Reason, Message: e.Message,
		Kind: e.InvolvedObject.Kind, Namespace: e.InvolvedObject.Namespace, Name: e.InvolvedObject.Name,
		Source: cmp.Or(e.ReportingController, e.Source.Component),
	}
	told.Last = cmp.Or(e.LastTimestamp.Time, told.First)
	if e.Series != nil {
		told.Count, told.Last = max(told.Count, int(e.Series.Count)), e.Series.LastObservedTime.Time
	}
	return told
}
