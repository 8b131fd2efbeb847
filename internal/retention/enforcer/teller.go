package enforcer

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
)

// sparedAfter is how often it is told what stays beyond the policy, which may be so
// for good.
const sparedAfter = 24 * time.Hour

// repeatAfter is how often a refusal that still holds is told again: Kubernetes
// forgets events after an hour.
const repeatAfter = time.Hour

// The reasons of events.
const (
	eventRemoved = "OldBackupsRemoved"
	eventWaiting = "RetentionWaits"
	eventSpared  = "OldBackupsSpared"
)

// teller tells the people of a claim what retention does: what was removed, always;
// what keeps it from removing, when that changes, and again each hour.
type teller struct {
	reader client.Reader
	events events.EventRecorder
	log    *slog.Logger
	clock  clock.PassiveClock

	mu   sync.Mutex
	last map[subject]telling
	// sparedAt is when it was told last what stays beyond the policy.
	sparedAt map[subject]time.Time
}

// telling is a refusal that was told.
type telling struct {
	reason retention.Reason
	at     time.Time
}

func (t *teller) refused(ctx context.Context, of subject, reason retention.Reason, why error) {
	if !t.isNews(of, reason) {
		return
	}
	t.log.Warn("old backups are kept", "claim", of.claim.String(), "driver", of.driver, "reason", string(reason), "error", why)
	t.say(ctx, of, corev1.EventTypeWarning, eventWaiting, "Keep "+string(reason), "No old backup is removed: "+backup.Message(why))
}

func (t *teller) removed(ctx context.Context, of subject, gone []backup.Backup, kept, beyond int) {
	t.forget(of)
	for _, b := range gone {
		t.log.Info("old backup removed", "claim", of.claim.String(), "driver", of.driver, "backup", b.ID, "taken", b.TakenAt.UTC().Format(time.RFC3339))
	}
	newest, oldest := gone[0], gone[len(gone)-1]
	text := fmt.Sprintf("%d old %s backups were removed as the policy says, taken %s to %s; %d are kept", len(gone), of.driver,
		oldest.TakenAt.UTC().Format(time.RFC3339), newest.TakenAt.UTC().Format(time.RFC3339), kept)
	if beyond > 0 {
		text += fmt.Sprintf(", %d of them beyond the policy, since no newer one is known to hold as much", beyond)
	}
	t.say(ctx, of, corev1.EventTypeNormal, eventRemoved, "Forget", text)
}

// spared reports backups that stay although the policy does not keep them.
func (t *teller) spared(ctx context.Context, of subject, beyond []backup.Backup) {
	if len(beyond) == 0 || !t.isTimeToTellOfSpared(of) {
		return
	}
	oldest := beyond[len(beyond)-1]
	text := fmt.Sprintf("%d old %s backups stay although the policy does not keep them, since no newer one that counts is known to hold as much; "+
		"the oldest is %s of %s. Look whether data was lost; those that nobody needs have to be removed by hand, in %s", len(beyond), of.driver,
		backup.ShortID(oldest.ID), oldest.TakenAt.UTC().Format(time.RFC3339), of.driver)
	t.say(ctx, of, corev1.EventTypeNormal, eventSpared, "Keep", text)
}

func (t *teller) isTimeToTellOfSpared(of subject) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	if last, told := t.sparedAt[of]; told && now.Sub(last) < sparedAfter {
		return false
	}
	t.sparedAt[of] = now
	return true
}

// say makes an event on the claim. A claim that is gone has nobody to be told.
func (t *teller) say(ctx context.Context, of subject, kind, reason, action, text string) {
	claim := &corev1.PersistentVolumeClaim{}
	if err := t.reader.Get(ctx, types.NamespacedName{Namespace: of.claim.Namespace, Name: of.claim.Name}, claim); err != nil {
		if client.IgnoreNotFound(err) != nil {
			t.log.Warn("a claim is not told of its retention", "claim", of.claim.String(), "error", err)
		}
		return
	}
	t.events.Eventf(claim, nil, kind, reason, action, "%s", backup.Clip(text, backup.MaxNote))
}

// isNews reports whether a refusal is to be told, and takes it that it is.
func (t *teller) isNews(of subject, reason retention.Reason) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	if last, told := t.last[of]; told && last.reason == reason && now.Sub(last.at) < repeatAfter {
		return false
	}
	t.last[of] = telling{reason: reason, at: now}
	return true
}

// forget drops what was told, once nothing is refused any more.
func (t *teller) forget(of subject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, of)
}
