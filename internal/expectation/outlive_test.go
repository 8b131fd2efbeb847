package expectation_test

import (
	"testing"
	"time"

	"github.com/soteria-dr/soteria/internal/expectation"
)

func TestWhatWasTakenAfterAnAcceptanceIsExpectedAllTheSame(t *testing.T) {
	accepted := expectation.Record{}.Accept(nil, epoch)
	later := expectation.Record{}.Observe(taken(epoch.Add(time.Minute)), epoch.Add(time.Hour))
	if joined := later.Outlive(accepted); !joined.Missing(nil) || joined.Epoch != accepted.Epoch {
		t.Errorf("a later backup is not expected any more: %+v", joined)
	}
	before := expectation.Record{}.Observe(taken(epoch.Add(-time.Minute)), epoch)
	if got := before.Outlive(accepted); got != before {
		t.Errorf("what was accepted as gone is expected again: %+v", got)
	}
}
