package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
)

// overdue is how many intervals after a scan its figures count as stale.
const overdue = 2

// Report is what is known of the bucket.
type Report struct {
	Store   Store
	Figures Figures
	// Growth is what the last scan of each day in UTC found, for a year and some
	// days, oldest first; Figures are those of the last.
	Growth []Point
	// MonthlyCost estimates what Figures.Bytes cost in a month, in Currency.
	MonthlyCost float64
	Currency    string
	// Failure says when and why the last scan failed, after the one that the
	// figures are of; "" where none did.
	Failure string
	// Stale is true when the figures are older than two intervals.
	Stale bool
}

// Reporter tells what the last scan found, on every replica. It never scans.
type Reporter struct {
	Keeper   *Keeper
	Interval time.Duration
	Price    Price
	Clock    clock.PassiveClock
}

// ErrNotScanned is in the chain of the error that [Reporter.Report] gives before
// the first scan has succeeded.
var ErrNotScanned = errors.New("the bucket is not scanned yet")

// Report gives what is known of the bucket. Before the first scan has succeeded
// it is an error of kind Unavailable that says what that waits for, as it is
// where what is known cannot be read.
func (r *Reporter) Report(ctx context.Context) (Report, error) {
	kept, unreadable, err := r.Keeper.load(ctx)
	if err != nil {
		return Report{}, err
	}
	if kept.Figures == nil {
		return Report{}, r.nothingYet(kept, unreadable)
	}
	report := Report{
		Store: kept.Store, Figures: *kept.Figures, Growth: kept.growth.until(kept.Figures.ScannedAt),
		MonthlyCost: r.Price.monthly(kept.Figures.Bytes), Currency: r.Price.currency,
		Stale: r.Clock.Since(kept.Figures.ScannedAt) > overdue*r.Interval,
	}
	if kept.Failure != nil {
		report.Failure = fmt.Sprintf("%s; the figures are those of %s", kept.Failure, stamp(kept.Figures.ScannedAt))
	}
	return report, nil
}

func (r *Reporter) nothingYet(kept record, unreadable error) error {
	message := fmt.Sprintf("the first scan of bucket %s is under way", kept.Store.Bucket)
	switch {
	case kept.Failure != nil:
		message = fmt.Sprintf("no scan of bucket %s has succeeded yet: %s", kept.Store.Bucket, kept.Failure)
	case unreadable != nil:
		message = fmt.Sprintf("what is kept in ConfigMap %s/%s cannot be understood (%s): the bucket is scanned anew", r.Keeper.Namespace, ConfigMap, unreadable)
	}
	return &backup.Error{Kind: backup.Unavailable, Message: message, Err: ErrNotScanned}
}

func (f *failure) String() string {
	return fmt.Sprintf("the scan that ended %s failed: %s", stamp(f.At), f.Message)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
