package restore

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// What tests look at from outside.
var (
	SelectDelay   = selectDelay
	RetryDelay    = retryDelay
	WatchDelay    = watchDelay
	Mismatch      = mismatch
	FateOf        = fateOf
	VolumeFor     = volumeFor
	LockProblem   = lockProblem
	PlacementOf   = placementOf
	RoomFor       = roomFor
	BoundToGone   = boundToGone
	Both          = both
	Twin          = twin
	DefaultClass  = defaultClass
	ProgressOf    = progressOf
	FateSpare     = fateSpare
	FateForget    = fateForget
	FateDestroy   = fateDestroy
	FateKeep      = fateKeep
	FateLeave     = fateLeave
	FillRequestOf = unpin
	StampsOf      = stampsOf
	PromiseOf     = promise
)

// RepeatEvents is how often an event that still holds is told again.
const RepeatEvents = repeatEvents

// MapsOf gives how objects of each kind are mapped to the claims to look at.
func MapsOf(r *Reconciler) map[string]handler.MapFunc {
	return map[string]handler.MapFunc{
		"claim": claimsOfClaim, "served": claimServed, "fill": claimOfFill,
		"restore": r.claimsOfRestore, "attachment": r.claimsOfAttachment, "unsettled": r.claimsUnsettled,
	}
}

// TurnsOf returns the claims that are looked at since a turn has ended.
func TurnsOf(r *Reconciler) []reconcile.Request {
	select {
	case <-r.turn:
		return r.claimsNext(context.Background(), nil)
	default:
		return nil
	}
}

// Watch is what starts passes when it changes.
type Watch struct {
	Object  client.Object
	Claims  handler.MapFunc
	Matters predicate.Predicate
}

// WatchesOf returns all that starts passes.
func WatchesOf(r *Reconciler) []Watch {
	var all []Watch
	for _, w := range r.watches(context.Background()) {
		all = append(all, Watch{w.object, w.claims, w.matters})
	}
	return all
}
