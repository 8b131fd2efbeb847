package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// AwaitEvent waits for an event of Soteria's on the app's claim whose message
// contains the text, and gives the message.
func (c *Cluster) AwaitEvent(ctx context.Context, a App, contains string) (message string, err error) {
	return c.awaitNewEvent(ctx, a, contains, nil)
}

// awaitNewEvent does the same, but for these messages.
func (c *Cluster) awaitNewEvent(ctx context.Context, a App, contains string, but []string) (message string, err error) {
	err = WaitFor(ctx, fmt.Sprintf("an event on claim %s that says %q", a.Key(), contains), func(ctx context.Context) (bool, string, error) {
		seen, err := c.toldOf(ctx, a)
		i := slices.IndexFunc(seen, func(told string) bool { return strings.Contains(told, contains) && !slices.Contains(but, told) })
		if i < 0 {
			return false, strings.Join(seen, " | "), err
		}
		message = seen[i]
		return true, "", nil
	})
	return message, err
}

// toldOf gives the messages of Soteria's events on the app's claim.
func (c *Cluster) toldOf(ctx context.Context, a App) (messages []string, err error) {
	claim, err := c.Claim(ctx, a)
	if err != nil {
		return nil, err
	}
	var events corev1.EventList
	if err := c.List(ctx, &events, client.InNamespace(a.Namespace)); err != nil {
		return nil, fmt.Errorf("listing events: %w", err)
	}
	for _, event := range events.Items {
		if event.InvolvedObject.UID == claim.UID && fromSoteria(event) {
			messages = append(messages, event.Message)
		}
	}
	return messages, nil
}

func fromSoteria(event corev1.Event) bool {
	return event.Source.Component == soteriaName || strings.HasPrefix(event.ReportingController, soteriaName)
}
