package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// batchWidth is how many claims of a namespace are dealt with at once.
const batchWidth = 8

// outcome is what became of one claim: a value, or why there is none.
type outcome[T any] struct {
	value T
	err   error
}

// forEach does something for each item, a few at a time, and gives the outcomes in
// the order of the items. One that fails stops no other, and neither does one that
// panics: its claim gets an error that nobody foresaw, and the process goes on as
// it would after a panic in a request's own goroutine.
func forEach[I, T any](ctx context.Context, items []I, do func(context.Context, I) (T, error)) []outcome[T] {
	outcomes := make([]outcome[T], len(items))
	var group errgroup.Group
	group.SetLimit(batchWidth)
	for i, item := range items {
		group.Go(func() error {
			defer func() {
				if cause := recover(); cause != nil {
					outcomes[i].err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
				}
			}()
			outcomes[i].value, outcomes[i].err = do(ctx, item)
			return nil
		})
	}
	_ = group.Wait() // no function above returns an error
	return outcomes
}

// verdictOn sums outcomes up. The error is nil where all went well, of kind
// Partial where some did, and else the one that all share or, where they differ,
// one of kind DriverFailed.
func verdictOn[T any](outcomes []outcome[T]) (wire.Extent, error) {
	var failures []error
	for _, o := range outcomes {
		if o.err != nil {
			failures = append(failures, o.err)
		}
	}
	switch {
	case len(failures) == 0:
		return wire.ExtentAll, nil
	case len(failures) < len(outcomes):
		return wire.ExtentSome, backup.Errorf(backup.Partial, "%d of %d claims were refused", len(failures), len(outcomes))
	}
	last := failures[len(failures)-1]
	if slices.ContainsFunc(failures, func(err error) bool { return backup.KindOf(err) != backup.KindOf(last) }) {
		return wire.ExtentNone, backup.Errorf(backup.DriverFailed, "nothing was started, for several reasons; see results")
	}
	return wire.ExtentNone, &backup.Error{Kind: backup.KindOf(last), Reason: sharedReason(failures), Err: last,
		Message: "nothing was started, for reasons such as: " + backup.Message(last)}
}

// sharedReason is the reason that errors share; none where they differ.
func sharedReason(failures []error) backup.Reason {
	reason := backup.ReasonOf(failures[0])
	if slices.ContainsFunc(failures, func(err error) bool { return backup.ReasonOf(err) != reason }) {
		return ""
	}
	return reason
}

// severally is the answers about several claims, by [batchStatus].
func severally(body any) answers {
	return answers{http.StatusOK: body, http.StatusAccepted: body, http.StatusMultiStatus: body}
}

// batchStatus is the status of an answer about several claims, and the error that
// it carries where nothing was done.
func batchStatus(extent wire.Extent, dryRun bool, err error) (int, wire.Failure) {
	switch extent {
	case wire.ExtentAll:
		return started(dryRun), wire.Failure{}
	case wire.ExtentSome:
		return http.StatusMultiStatus, wire.Failure{}
	case wire.ExtentNone:
	}
	status, body := describe(err)
	return status, wire.Failure(body)
}

// resultOf puts what became of one claim in the API's words.
func resultOf(dryRun bool, err error) (wire.Result, wire.Failure) {
	switch {
	case err != nil:
		_, body := describe(err)
		return wire.ResultRefused, wire.Failure(body)
	case dryRun:
		return wire.ResultWouldStart, wire.Failure{}
	default:
		return wire.ResultStarted, wire.Failure{}
	}
}

// unforeseen writes errors to the log whose text is not shown.
func unforeseen[T any](s *Server, r *http.Request, outcomes []outcome[T]) {
	for _, o := range outcomes {
		if o.err != nil && backup.KindOf(o.err) == backup.Internal {
			s.services.Log.ErrorContext(r.Context(), "internal error", "method", r.Method, "path", r.URL.Path, "error", fmt.Sprint(o.err))
		}
	}
}
