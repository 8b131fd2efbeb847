package harness

import (
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	lookEvery = 250 * time.Millisecond
	// slow is a wait that is told of, so that the run shows where its time goes.
	slow = 5 * time.Second
)

// WaitFor looks until the condition holds or ctx ends; then the error tells what
// was waited for and what was seen last. An error of the condition itself is
// taken as passing and looked at again; one that comes with the end of ctx does not
// take the place of what was seen before.
func WaitFor(ctx context.Context, what string, condition func(context.Context) (done bool, seen string, err error)) error {
	began := time.Now()
	defer func() {
		if took := time.Since(began); took > slow {
			_, _ = fmt.Fprintf(os.Stderr, "waited %s for %s\n", took.Round(time.Second), what)
		}
	}()
	var last string
	err := wait.PollUntilContextCancel(ctx, lookEvery, true, func(ctx context.Context) (bool, error) {
		done, seen, err := condition(ctx)
		switch {
		case err == nil:
			last = seen
		case ctx.Err() == nil || last == "":
			last = err.Error()
		}
		return done && err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w; last seen: %s", what, err, last)
	}
	return nil
}
