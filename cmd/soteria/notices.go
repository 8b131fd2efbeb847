package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/expectation/keeper"
	"github.com/soteria-dr/soteria/internal/notice"
)

// The reasons of the events on Soteria's own pod.
const (
	noticeCopyNotWritten = "MemoryCopyNotWritten"
	noticeMemoryUnread   = "MemoryUnavailable"
	noticeClusterTwice   = "ClusterNameUsedTwice"
	noticeUnattributed   = "UnattributedBackupsAccepted"
	noticeClocks         = "ClocksDisagree"
)

// addNotices has the leader tell what is wrong and concerns no single claim. It does
// so on its own pod; where it runs in none, the log alone says it.
func addNotices(c config, mgr manager.Manager, known *catalog.Catalog, copies func() []keeper.Report, log *slog.Logger) error {
	if c.PodName == "" {
		return nil
	}
	teller := &notice.Teller{
		Notices: func() []notice.Notice {
			return append(append(noticesOfCopies(copies()), noticesOfListings(known.Overviews())...), noticesOfClocks(c.clocks.Doubt())...)
		},
		About: func(ctx context.Context) (runtime.Object, error) {
			var pod corev1.Pod
			err := mgr.GetAPIReader().Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: c.PodName}, &pod)
			return &pod, err
		},
		Events: mgr.GetEventRecorder(eventSource), Clock: clock.RealClock{}, Log: log,
	}
	if err := mgr.Add(teller); err != nil {
		return fmt.Errorf("adding what reports Soteria's own troubles: %w", err)
	}
	return nil
}

// noticesOfCopies are about the copies of the memory beside the backups.
func noticesOfCopies(reports []keeper.Report) (all []notice.Notice) {
	for _, r := range reports {
		if message := r.TroubleMessage(); message != "" {
			all = append(all, notice.Notice{Reason: noticeCopyNotWritten, Subject: r.Repository, Cause: r.Trouble, Message: message})
		}
		if message := r.RivalMessage(); message != "" {
			all = append(all, notice.Notice{Reason: noticeClusterTwice, Subject: r.Repository, Cause: r.Rival, Message: message})
		}
	}
	return all
}

// noticesOfListings are about what the last listings could not read, and about
// accepted backups of no known claim.
func noticesOfListings(overviews []catalog.Overview) (all []notice.Notice) {
	for _, o := range overviews {
		if why := o.Trouble(); why != nil {
			all = append(all, notice.Notice{
				Reason: noticeMemoryUnread, Subject: o.Driver, Cause: backup.KindOf(why).String(),
				Message: backup.Message(why) + "; until that works, claims without a backup wait and are not started empty",
			})
		}
		if why := o.AcceptedStrays(); why != nil {
			all = append(all, notice.Notice{
				Reason: noticeUnattributed, Subject: o.Driver, Cause: fmt.Sprint(o.Strays().Accepted), Repeat: 24 * time.Hour,
				Message: "this cluster has accepted these backups; a rebuilt one would hold claims because of them: " + backup.Message(why),
			})
		}
	}
	return all
}

func noticesOfClocks(doubt string) []notice.Notice {
	if doubt == "" {
		return nil
	}
	return []notice.Notice{{Reason: noticeClocks, Subject: "clocks", Message: doubt}}
}
