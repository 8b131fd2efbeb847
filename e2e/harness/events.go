package harness

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// AwaitEvent waits for an event of Soteria's on the app's claim whose message
// contains the text, and gives the message.
func (c *Cluster) AwaitEvent(ctx context.Context, a App, contains string) (message string, err error) {
	err = WaitFor(ctx, fmt.Sprintf("an event on claim %s that says %q", a.Key(), contains), func(ctx context.Context) (bool, string, error) {
		claim, err := c.Claim(ctx, a)
		if err != nil {
			return false, "", err
		}
		var events corev1.EventList
		if err := c.List(ctx, &events, client.InNamespace(a.Namespace)); err != nil {
			return false, "", fmt.Errorf("listing events: %w", err)
		}
		var seen []string
		for _, event := range events.Items {
			if event.InvolvedObject.UID != claim.UID || !fromSoteria(event) {
				continue
			}
			if strings.Contains(event.Message, contains) {
				message = event.Message
				return true, "", nil
			}
			seen = append(seen, event.Message)
		}
		return false, strings.Join(seen, " | "), nil
	})
	return message, err
}

func fromSoteria(event corev1.Event) bool {
	return event.Source.Component == soteriaName || strings.HasPrefix(event.ReportingController, soteriaName)
}
