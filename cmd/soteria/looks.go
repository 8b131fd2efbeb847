package main

import (
	"log/slog"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/soteria-dr/soteria/internal/copies"
	"github.com/soteria-dr/soteria/internal/metrics"
)

// newLooks makes what keeps account of the copies that are made to look at a backup. Every
// replica shows and removes them, and knows which claims to spare; the leader lets them
// expire (see [addHTTP]).
func newLooks(c config, mgr manager.Manager, measured *metrics.Metrics, log *slog.Logger) (*copies.Keeper, *copies.Spared) {
	book := &copies.Book{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Namespace: c.Namespace}
	keeper := &copies.Keeper{
		Book: book, Client: mgr.GetClient(), Cache: mgr.GetClient(), Reader: mgr.GetAPIReader(), Events: mgr.GetEventRecorder(eventSource),
		Clock: clock.RealClock{}, ClockDoubt: c.clocks.Doubt, Observer: measured, Log: log,
	}
	return keeper, &copies.Spared{Book: book, Log: log}
}
